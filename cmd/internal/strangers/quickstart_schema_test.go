//go:build linux

package strangers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/quickstart"
)

// TestQuickstartSchemas holds what "writ quickstart" prints for Envoy and Istio
// to their own schemas, for everything that they support. Neither is run.
func TestQuickstartSchemas(t *testing.T) {
	t.Parallel()
	s := &shop{listener: listener{issuer: oddIssuer}}
	s.stock()
	schemas := filepath.Join(t.TempDir(), "gateways")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", schemas, ".")
	build.Dir = filepath.Join(e2e, "gateways")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		need(t, "the module in .ci/e2e/gateways does not build: "+string(out))
	}
	for _, name := range []string{"envoy", "istio"} {
		t.Run(name, func(t *testing.T) {
			target, ok := quickstart.Find(name)
			if !ok || target.Test != t.Name() || !target.NotExecuted {
				t.Fatalf("%t %+v", ok, target)
			}
			dir := t.TempDir()
			var files []string
			for _, api := range s.apis {
				if target.Supports(api) == nil {
					files = append(files, layIn(t, filepath.Join(dir, api.Label), target, api))
				}
			}
			if least := len(target.Profiles)*len(target.Algs) + 1; len(files) < least {
				t.Errorf("%d files, want at least %d", len(files), least)
			}
			if out, err := exec.CommandContext(t.Context(), schemas, append([]string{name}, files...)...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			known := map[string]string{"envoy": "  clusters:", "istio": "  jwtRules:"}[name]
			edit(t, files[0], known, strings.Replace(known, "s:", "_s:", 1))
			if out, err := exec.CommandContext(t.Context(), schemas, name, files[0]).CombinedOutput(); err == nil || !strings.Contains(string(out), "unknown field") {
				t.Errorf("an unknown field passes: %v\n%s", err, out)
			}
		})
	}
}

// layIn writes the files of a target into a folder, and returns the path of the first.
func layIn(t *testing.T, dir string, target quickstart.Target, api quickstart.API) (path string) {
	t.Helper()
	files, err := target.Files(api)
	must(t, err)
	must(t, os.MkdirAll(dir, 0o700))
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		put(t, path, []byte(f.Content))
	}
	return filepath.Join(dir, files[0].Name)
}
