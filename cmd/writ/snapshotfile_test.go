package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
)

// TestPlanAgainstURL compares with a snapshot that a web server holds.
func TestPlanAgainstURL(t *testing.T) {
	dir := t.TempDir()
	writ := func(args ...string) (int, string, string) {
		streams, out, complaints := testStdio()
		code := run(context.Background(), append([]string{"-C", dir}, args...), streams)
		return code, out.String(), complaints.String()
	}
	if code, _, complaints := writ("init"); code != cli.ExitOK {
		t.Fatal(complaints)
	}
	if code, _, complaints := writ("apply", "--auto-approve"); code != cli.ExitOK {
		t.Fatal(complaints)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	code, out, complaints := writ("plan", "--against", web.URL+"/"+workspace.SnapshotName, "--detailed-exitcode")
	if code != cli.ExitOK || !strings.Contains(out, "No changes") {
		t.Errorf("exit code %d: %s%s", code, out, complaints)
	}
	for ref, want := range map[string]int{
		web.URL + "/nothing":             cli.ExitError,
		web.URL + "/orders.hcl":          cli.ExitError,
		"http://192.0.2.1/writ.snapshot": cli.ExitUsage,
		"http://127.0.0.1:1/":            cli.ExitError,
		filepath.Join(dir, "nothing"):    cli.ExitError,
	} {
		if code, _, complaints := writ("plan", "--against", ref); code != want || complaints == "" {
			t.Errorf("%s: exit code %d, want %d: %s", ref, code, want, complaints)
		}
	}
}
