package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanAgainstURL compares with a snapshot that a web server holds.
func TestPlanAgainstURL(t *testing.T) {
	dir := t.TempDir()
	writ := func(args ...string) (int, string, string) {
		streams, out, complaints := testStdio()
		code := run(context.Background(), append([]string{"-C", dir}, args...), streams)
		return code, out.String(), complaints.String()
	}
	if code, _, complaints := writ("init"); code != exitOK {
		t.Fatal(complaints)
	}
	if code, _, complaints := writ("apply", "--auto-approve"); code != exitOK {
		t.Fatal(complaints)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	code, out, complaints := writ("plan", "--against", web.URL+"/"+snapshotName, "--detailed-exitcode")
	if code != exitOK || !strings.Contains(out, "No changes") {
		t.Errorf("exit code %d: %s%s", code, out, complaints)
	}
	for ref, want := range map[string]int{
		web.URL + "/nothing":             exitError,
		web.URL + "/orders.hcl":          exitError,
		"http://192.0.2.1/writ.snapshot": exitUsage,
		"http://127.0.0.1:1/":            exitError,
		filepath.Join(dir, "nothing"):    exitError,
	} {
		if code, _, complaints := writ("plan", "--against", ref); code != want || complaints == "" {
			t.Errorf("%s: exit code %d, want %d: %s", ref, code, want, complaints)
		}
	}
}

func TestReplaceFileKeepsModeAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := replaceFile(filepath.Join(path, "below"), []byte("x")); err == nil {
		t.Error("written below a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}
