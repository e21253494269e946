package quickstart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/server/quickstart"
)

// The languages of which no program is run here are at least read by their own
// parsers, odd words included.
func TestSyntaxOfWhatIsNotRun(t *testing.T) {
	parsers := map[string][]string{"php": {"php", "-l"}, "python": {"python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"}}
	for language, parser := range parsers {
		if _, err := exec.LookPath(parser[0]); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(parser[0] + " is not installed")
			}
			t.Logf("not read: %s is not installed", parser[0])
			delete(parsers, language)
		}
	}
	if len(parsers) == 0 {
		t.Skip("neither php nor python3 is installed")
	}
	everyPair(t, func(t *testing.T, target quickstart.Target, api quickstart.API) {
		if !target.NotExecuted {
			return
		}
		api.Name, api.Identifier = "O'\"rders\u2028 ?> \\", `urn:odd:'a"b;c%d&e|f(g)?h,${i}`
		api.Scopes = []string{`read:'a;b$c{d}#{e}?>`}
		if target.Supports(api) != nil {
			api.Identifier = "https://api.example.com/odd"
		}
		dir := t.TempDir()
		for _, f := range files(t, target, api) {
			parser := parsers[f.Language]
			if parser == nil {
				continue
			}
			path := filepath.Join(dir, filepath.Base(f.Name))
			if err := os.WriteFile(path, []byte(f.Content), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), parser[0], append(parser[1:], path)...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, f.Content)
			}
		}
	})
}
