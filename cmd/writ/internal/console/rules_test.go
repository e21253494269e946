package console_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The console knows neither the compiler nor a server, and what a
// browser loads of it is small.
func TestItStaysSmall(t *testing.T) {
	allowed := []string{"schema", "schema/jose", "schema/snapshot", "server/quickstart", "cmd/writ/internal/console/graph", "cmd/writ/internal/keyfile", "cmd/writ/internal/usage"}
	for _, pattern := range []string{"*.go", "graph/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) < 2 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				own, ours := strings.CutPrefix(path, "github.com/writ-auth/writ/")
				if ours && !slices.Contains(allowed, own) || !ours && strings.Contains(strings.Split(path, "/")[0], ".") {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
	names, err := filepath.Glob("assets/*")
	if err != nil || len(names) < 3 {
		t.Fatalf("%v, %v", names, err)
	}
	all := int64(0)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		all += info.Size()
	}
	if all > 60_000 {
		t.Errorf("the assets have %d bytes, more than 60,000", all)
	}
}

// Assets are kept by browsers until they change.
func TestAssets(t *testing.T) {
	s := newSite(t, document(), false)
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, name := range []string{"console.css", "console.js", "graph.js", "palette.js", "icon.svg"} {
		kind := kinds[filepath.Ext(name)]
		w := s.get("/console/assets/" + name)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s: %d %s", name, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "http://") && name != "icon.svg" || strings.Contains(w.Body.String(), "@import") || strings.Contains(w.Body.String(), "url(") {
			t.Errorf("%s loads from elsewhere", name)
		}
	}
}
