package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplaceKeepsModeAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	err := os.WriteFile(path, []byte("old"), 0o600)
	if err == nil {
		err = os.Chmod(path, 0o640) // whatever the umask is
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Replace(filepath.Join(path, "below"), []byte("x"), 0o600); err == nil {
		t.Error("written below a file")
	}
	if err := Replace(dir, []byte("x"), 0o600); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	if err := Create(path, []byte("x"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

// A link stays a link, to a file that has the new content.
func TestReplaceFollowsALink(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(at("below"), 0o700), os.WriteFile(at("below/f"), []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("below/f", at("link")); err != nil {
		t.Skip(err)
	}
	if err := Replace(at("link"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(at("link"))
	content, readErr := os.ReadFile(at("below/f"))
	if err != nil || info.Mode()&fs.ModeSymlink == 0 || readErr != nil || string(content) != "new" {
		t.Errorf("%v %v, %q %v", info, err, content, readErr)
	}
}

// A new file that cannot be put in place is an error that names it, and leaves
// nothing beside it.
func TestReplaceErrorNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "f")
	err := Replace(path, []byte("x"), 0o600)
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok || failed.Path != path || strings.Contains(err.Error(), stagingSuffix) {
		t.Errorf("error %v", err)
	}
}
