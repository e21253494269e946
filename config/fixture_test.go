package config_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// TestInvalid loads each case of testdata/invalid, a file or a folder. The
// diagnostics that it must give stand in comments on the lines that cause them,
// and it must give no others.
func TestInvalid(t *testing.T) {
	for name, tree := range fixtures(t, "testdata/invalid") {
		t.Run(name, func(t *testing.T) {
			_, got := config.LoadFS(tree, config.Options{})
			checkDiagnostics(t, tree, got)
		})
	}
}

// TestValid loads each case of testdata/valid, which must give no diagnostic.
func TestValid(t *testing.T) {
	for name, tree := range fixtures(t, "testdata/valid") {
		t.Run(name, func(t *testing.T) {
			c, got := config.LoadFS(tree, config.Options{})
			var b strings.Builder
			if err := diag.WriteText(&b, got, c.Sources, 0, false); err != nil {
				t.Fatal(err)
			}
			if len(got) != 0 {
				t.Errorf("got diagnostics:\n%s", b.String())
			}
		})
	}
}

// fixtures returns the trees below a folder by name: each folder is a tree, and
// each file a tree of its own.
func fixtures(t *testing.T, dir string) map[string]fs.FS {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]fs.FS{}
	for _, e := range entries {
		if e.IsDir() {
			out[e.Name()] = os.DirFS(path.Join(dir, e.Name()))
			continue
		}
		src, err := os.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = files(e.Name(), string(src))
	}
	if len(out) == 0 {
		t.Fatalf("no fixtures in %s", dir)
	}
	return out
}

var wanted = regexp.MustCompile(`(ERROR|WARNING) ([a-z-]+)`)

func checkDiagnostics(t *testing.T, tree fs.FS, list diag.List) {
	t.Helper()
	var want, got []string
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".hcl") {
			return err
		}
		src, err := fs.ReadFile(tree, name)
		for i, line := range strings.Split(string(src), "\n") {
			_, comment, _ := strings.Cut(line, "# ")
			for _, m := range wanted.FindAllStringSubmatch(comment, -1) {
				want = append(want, fmt.Sprintf("%s:%d: %s %s", name, i+1, strings.ToLower(m[1]), m[2]))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		got = append(got, fmt.Sprintf("%s:%d: %s %s", d.Range.Filename, d.Range.Start.Line, d.Severity, d.Code))
		checkWording(t, d)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
		for _, d := range list {
			t.Logf("%s:%d [%s] %s: %s", d.Range.Filename, d.Range.Start.Line, d.Code, d.Summary, d.Detail)
		}
	}
}

// checkWording holds every diagnostic to the house style: a summary of three
// or four words, a detail of full sentences.
func checkWording(t *testing.T, d diag.Diagnostic) {
	t.Helper()
	if n := len(strings.Fields(d.Summary)); n < 2 || n > 5 || strings.HasSuffix(d.Summary, ".") {
		t.Errorf("summary %q of %s", d.Summary, d.Code)
	}
	_, example, _ := strings.Cut(d.Detail, ": ")
	if d.Detail == "" || !strings.ContainsAny(d.Detail[len(d.Detail)-1:], ".?") && example == "" || strings.Contains(d.Detail, "%!") {
		t.Errorf("detail %q of %s", d.Detail, d.Code)
	}
	for _, r := range d.Related {
		if r.Message == "" || r.Range.Filename == "" {
			t.Errorf("related %+v of %s", r, d.Code)
		}
	}
}
