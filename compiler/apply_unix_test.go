//go:build unix

package compiler

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestApplyRefusesPipe: it would wait for a reader for ever.
func TestApplyRefusesPipe(t *testing.T) {
	w := newWorld(t)
	req := w.request()
	if err := os.Remove(w.path("writ.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(w.path("writ.lock.hcl"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), req); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}

// TestApplyRefusesLockThatIsNoFile: a checkout may bring a link or a pipe under the
// name of the advisory lock. Nothing is made where the link points, and nobody waits.
func TestApplyRefusesLockThatIsNoFile(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for name, make := range map[string]func(path string) error{
		"link to nothing":    func(path string) error { return os.Symlink(elsewhere, path) },
		"link to the folder": func(path string) error { return os.Symlink(".", path) },
		"pipe":               func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"folder":             func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := make(w.path(rootLockName)); err != nil {
				t.Fatal(err)
			}
			err := Apply(t.Context(), w.request())
			if err == nil || !strings.Contains(err.Error(), `".writ.lock" is not a regular file: remove it`) {
				t.Errorf("error %v", err)
			}
			if _, err := os.Lstat(elsewhere); err == nil {
				t.Error("a file was made where the link points")
			}
			if w.state() != "old old" {
				t.Errorf("state %s", w.state())
			}
		})
	}
}

// TestLockOpensNoLink: the flags alone hold, against a link that appears after the
// look.
func TestLockOpensNoLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), rootLockName)
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|rootLockFlags(), 0o644)
	if err == nil {
		f.Close()
		t.Error("the link was followed")
	}
}
