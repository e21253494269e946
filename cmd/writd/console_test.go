package main

import (
	"io"
	"net/http"
	"path/filepath"
	"testing"
)

// The console is served when a flag or the environment says so, and by the
// admin listener only.
func TestConsole(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want bool
	}{
		{nil, "", false}, {[]string{"--console"}, "", true}, {nil, "1", true}, {nil, "true", true}, {[]string{"--console=false"}, "true", false},
	} {
		set, err := parseFlags(append([]string{"--snapshot", "x"}, c.args...), func(name string) string {
			return map[string]string{"WRITD_CONSOLE": c.env}[name]
		}, io.Discard)
		if err != nil || set.console != c.want {
			t.Errorf("%v, WRITD_CONSOLE=%q: %v, %v", c.args, c.env, set.console, err)
		}
	}
	begin := func(args ...string) *program {
		dir := t.TempDir()
		writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
		return start(t, dir, args...)
	}
	on, off := begin("--console"), begin()
	for path, want := range map[string]int{
		"/": 200, "/console/": 200, "/console/keys": 200, "/console/clients": 200, "/console/assets/console.js": 200, "/console/nowhere": 404, "/status": 200,
	} {
		if err := status(on.admin, path, want); err != nil {
			t.Error(err)
		}
		if err := status(on.client, path, http.StatusNotFound); err != nil {
			t.Error(err)
		}
		if path != "/status" {
			want = http.StatusNotFound
		}
		if err := status(off.admin, path, want); err != nil {
			t.Error(err)
		}
	}
}
