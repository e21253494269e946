package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// "writ token" finds the newest "writ dev" that lives, of several it wants to be told which,
// and believes no file that others could have written.
func TestSessions(t *testing.T) {
	env, _, _ := testStdio()
	runtime := t.TempDir()
	env.Getenv = func(name string) string { return map[string]string{"XDG_RUNTIME_DIR": runtime}[name] }
	folder := sessionFolder(env)
	if want := filepath.Join(runtime, "writ"); folder != want {
		t.Fatalf("folder %q, want %q", folder, want)
	}
	leave := func(issuer, secret string, age time.Duration) (end func()) {
		t.Helper()
		end, err := (&devSession{Issuer: issuer, Folder: "/x/demo", Secret: secret, Started: env.Now().Add(-age)}).publish(folder)
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	find := func(server string) string {
		t.Helper()
		s, err := findSession(env, server)
		switch {
		case err != nil:
			return err.Error()
		case s == nil:
			return "none"
		}
		return s.Secret
	}
	wants := func(server, want string) {
		t.Helper()
		if got := find(server); !strings.HasPrefix(got, want) {
			t.Errorf("--server %q: %q, want %q", server, got, want)
		}
	}
	const one, two = "http://127.0.0.1:8080/", "http://127.0.0.1:9000/tenant/"

	wants("", "none")
	endOld := leave(one, "old", time.Hour)
	wants("", "old")
	endNew := leave(one, "new", 0)
	wants("", "new")
	wants("http://127.0.0.1:8080", "new")
	wants("http://127.0.0.1:8081", "none")
	endTwo := leave(two, "two", time.Minute)
	wants("", `2 "writ dev" are running: name one with --server: `+one+" (demo), "+two+" (demo)")
	wants(two, "two")

	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
	endNew()
	endOld()
	wants("", "two")
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%v %v", left, err)
	}
	if err := os.Chmod(left[0], 0o666); err != nil {
		t.Fatal(err)
	}
	wants("", "none")
	if err := os.Chmod(left[0], 0o600); err != nil {
		t.Fatal(err)
	}

	// Killed: the kernel has released the lock, and nobody has removed the file.
	content, err := os.ReadFile(left[0])
	if err != nil {
		t.Fatal(err)
	}
	endTwo()
	if err := os.WriteFile(left[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	wants("", "none")
	if _, err := os.Stat(left[0]); !os.IsNotExist(err) {
		t.Errorf("the stale file is still there: %v", err)
	}
}

// Without a place for the session "writ dev" serves all the same.
func TestNoPlaceForASession(t *testing.T) {
	env, _, _ := testStdio()
	if folder := sessionFolder(env); folder != "" {
		t.Fatalf("folder %q", folder)
	}
	if _, err := new(devSession).publish(""); err == nil {
		t.Error("left somewhere")
	}
	if s, err := findSession(env, ""); s != nil || err != nil {
		t.Errorf("%v %v", s, err)
	}
}
