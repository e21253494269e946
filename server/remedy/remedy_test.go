package remedy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/remedy"
)

// What was attached is found behind other errors, changes no text and hides no cause.
func TestWith(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", remedy.With(cause, "do this"))
	if err.Error() != "outer: cause" || !errors.Is(err, cause) || remedy.For(err, "else") != "do this" {
		t.Errorf("%v, %q", err, remedy.For(err, "else"))
	}
	if got := remedy.For(remedy.With(err, "do that"), "else"); got != "do that" {
		t.Errorf("the outermost is not taken: %q", got)
	}
	if remedy.With(nil, "x") != nil || remedy.Folder(nil, "x") != nil {
		t.Error("nil becomes an error")
	}
	if got := remedy.For(cause, "else"); got != "else" {
		t.Errorf("%q", got)
	}
}

func TestForFiles(t *testing.T) {
	uid := fmt.Sprint(os.Getuid())
	for cause, want := range map[error]string{fs.ErrPermission: "chown " + uid + " /etc/x", fs.ErrNotExist: "at /etc/x, readable by user " + uid} {
		err := fmt.Errorf("read: %w", &fs.PathError{Op: "open", Path: "/etc/x", Err: cause})
		if got := remedy.For(err, ""); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// The commands do what they say when they are pasted, whatever the folder is called.
func TestFolderCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's $HOME; keys")
	_, err := os.ReadDir(dir)
	command := remedy.For(remedy.Folder(err, dir), "")
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	err = &fs.PathError{Op: "open", Path: dir, Err: fs.ErrPermission}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	command = remedy.For(remedy.Folder(err, dir), "")
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}
