package location_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
)

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	locationtest.Run(t, func(t *testing.T) locationtest.Backend {
		path := filepath.Join(t.TempDir(), "writ.snapshot")
		return locationtest.Backend{Location: open(t, path, location.Options{}), Write: func(t testing.TB, content []byte) { writeFile(t, path, content) }}
	})
}

// A link is followed and stays; what is no file is refused at once.
func TestFileLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"data", "pipe"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	real, link := filepath.Join(dir, "data", "real"), filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join("data", "real"), link); err != nil {
		t.Fatal(err)
	}
	l := open(t, link, location.Options{})
	if _, err := l.Head(t.Context(), location.Head{}); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("a link to nothing: %v", err)
	}
	if _, err := l.Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{}); err == nil {
		t.Error("put through a link to nothing")
	}
	if _, err := open(t, real, location.Options{}).Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{}); err != nil {
		t.Fatal(err)
	}
	head, err := l.Head(t.Context(), location.Head{})
	if err == nil {
		_, err = l.Put(t.Context(), locationtest.File(t, head, 1), head)
	}
	if err != nil {
		t.Fatalf("through a link: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	for _, path := range []string{dir, os.DevNull, filepath.Join(dir, "fifo")} {
		if filepath.Base(path) == "fifo" {
			if err := exec.CommandContext(t.Context(), "mkfifo", path).Run(); err != nil {
				t.Logf("no pipe can be made: %v", err)
				continue
			}
		}
		l := open(t, path, location.Options{})
		_, headErr := l.Head(t.Context(), location.Head{})
		_, fetchErr := l.Fetch(t.Context(), head)
		_, putErr := l.Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{})
		for _, err := range []error{headErr, fetchErr, putErr} {
			if err == nil || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// limitVariable makes the test binary put a snapshot under a limit on the size of
// files, which fails a write as a full disk does.
const limitVariable = "LOCATION_TEST_LIMIT"

func runLimited() bool {
	path := os.Getenv(limitVariable)
	if path == "" {
		return false
	}
	if err := putFromStdin(path); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	return true
}

// putFromStdin puts what comes in after what is there.
func putFromStdin(path string) error {
	a, err := location.Parse(path)
	if err != nil {
		return err
	}
	l, err := location.Open(a, location.Options{})
	if err != nil {
		return err
	}
	file, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	head, err := l.Head(context.Background(), location.Head{})
	if err == nil {
		_, err = l.Put(context.Background(), file, head)
	}
	return err
}

// A write that fails half way leaves the snapshot in force, and nothing beside it.
func TestFileFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "writ.snapshot")
	l := open(t, path, location.Options{})
	head, err := l.Put(t.Context(), locationtest.File(t, location.Head{}, 1), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 64; trap "" XFSZ; exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), limitVariable+"="+path)
	cmd.Stdin = strings.NewReader(string(locationtest.File(t, head, 10_000)))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "too large") {
		t.Errorf("under the limit: %v: %s", err, out)
	}
	if now, err := l.Head(t.Context(), location.Head{}); err != nil || !now.Same(head) {
		t.Errorf("there is %+v, %v", now, err)
	}
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); name != "writ.snapshot" && name != ".writ.snapshot.writ-lock" {
			t.Errorf("left behind: %s", name)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestFileUnreadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "long")
	f, err := os.Create(path)
	if err == nil {
		_, err = io.WriteString(f, "WRITSNAP")
	}
	if err == nil {
		err = f.Truncate(2 << 30) // with holes
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	l := open(t, path, location.Options{})
	_, headErr := l.Head(t.Context(), location.Head{})
	_, fetchErr := l.Fetch(t.Context(), location.Head{})
	for _, err := range []error{headErr, fetchErr} {
		if err == nil {
			t.Error("two GiB are read")
		}
	}
}
