package compiler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A world is a folder with the pair of files, or without.
type world struct {
	t    *testing.T
	root string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t, t.TempDir()}
	w.write("writ.lock.hcl", "old lock")
	w.write("writ.snapshot", "old snapshot")
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.root, name) }

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// read returns a file's content, nil when there is none.
func (w *world) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return b
}

// request is an apply of new content over what is there now.
func (w *world) request() ApplyRequest {
	return ApplyRequest{
		Root: w.root, Lockfile: w.path("writ.lock.hcl"), Snapshot: w.path("writ.snapshot"),
		NextLock: []byte("new lock"), NextSnapshot: []byte("new snapshot"),
		LockDigest: FileDigest(w.read("writ.lock.hcl")), SnapshotDigest: FileDigest(w.read("writ.snapshot")),
	}
}

// state names what is in the two files: "old new" and the like.
func (w *world) state() string {
	w.t.Helper()
	name := func(what string) string {
		switch content := w.read("writ." + what); string(content) {
		case "":
			return "none"
		case "old " + strings.TrimSuffix(what, ".hcl"):
			return "old"
		case "new " + strings.TrimSuffix(what, ".hcl"):
			return "new"
		default:
			return fmt.Sprintf("torn %q", content)
		}
	}
	return name("lock.hcl") + " " + name("snapshot")
}

// leftOver lists everything in the folder that should not be there for good.
func (w *world) leftOver() []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		switch e.Name() {
		case "writ.lock.hcl", "writ.snapshot", rootLockName:
		default:
			names = append(names, e.Name())
		}
	}
	return names
}

func TestApply(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(w *world, req *ApplyRequest)
		want string
	}{
		{"both", func(*world, *ApplyRequest) {}, "new new"},
		{"lockfile only", func(_ *world, req *ApplyRequest) { req.Snapshot, req.NextSnapshot = "", nil }, "new old"},
		{"snapshot only", func(_ *world, req *ApplyRequest) { req.NextLock = nil }, "old new"},
		{"first", func(w *world, req *ApplyRequest) {
			os.Remove(w.path("writ.lock.hcl"))
			os.Remove(w.path("writ.snapshot"))
			req.LockDigest, req.SnapshotDigest = "", ""
		}, "new new"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			req := w.request()
			test.edit(w, &req)
			if err := Apply(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if got := w.state(); got != test.want || len(w.leftOver()) > 0 {
				t.Errorf("state %s, want %s; left over %v", got, test.want, w.leftOver())
			}
		})
	}
}

func TestApplyStale(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(w *world, req *ApplyRequest)
	}{
		{"lockfile changed", func(w *world, _ *ApplyRequest) { w.write("writ.lock.hcl", "somebody's") }},
		{"snapshot changed", func(w *world, _ *ApplyRequest) { w.write("writ.snapshot", "somebody's") }},
		{"lockfile gone", func(w *world, _ *ApplyRequest) { os.Remove(w.path("writ.lock.hcl")) }},
		{"snapshot gone", func(w *world, _ *ApplyRequest) { os.Remove(w.path("writ.snapshot")) }},
		{"lockfile appeared", func(_ *world, req *ApplyRequest) { req.LockDigest = "" }},
		{"snapshot appeared", func(_ *world, req *ApplyRequest) { req.SnapshotDigest = "" }},
		{"lockfile left alone, but changed", func(w *world, req *ApplyRequest) {
			req.NextLock = nil
			w.write("writ.lock.hcl", "somebody's")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			req := w.request()
			test.edit(w, &req)
			before := w.state()
			if err := Apply(t.Context(), req); !errors.Is(err, ErrStale) {
				t.Errorf("error %v, want ErrStale", err)
			}
			if got := w.state(); got != before || len(w.leftOver()) > 0 {
				t.Errorf("state %s, was %s; left over %v", got, before, w.leftOver())
			}
		})
	}
}

func TestApplyModes(t *testing.T) {
	w := newWorld(t)
	if err := os.Chmod(w.path("writ.lock.hcl"), 0o600); err != nil {
		t.Fatal(err)
	}
	req := w.request()
	if err := os.Remove(w.path("writ.snapshot")); err != nil {
		t.Fatal(err)
	}
	req.SnapshotDigest = ""
	if err := Apply(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	w.write("reference", "")
	reference, _ := os.Stat(w.path("reference"))
	for name, want := range map[string]fs.FileMode{"writ.lock.hcl": 0o600, "writ.snapshot": reference.Mode().Perm()} {
		info, err := os.Stat(w.path(name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

// TestApplyLinks: a link stays, and the file behind it is replaced in its own
// folder.
func TestApplyLinks(t *testing.T) {
	w := newWorld(t)
	other := t.TempDir()
	behind := filepath.Join(other, "current")
	if err := os.Rename(w.path("writ.snapshot"), behind); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(behind, w.path("writ.snapshot")); err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), w.request()); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(w.path("writ.snapshot")); err != nil || to != behind || w.state() != "new new" {
		t.Errorf("link to %q, %v; state %s", to, err, w.state())
	}
	if entries, _ := os.ReadDir(other); len(entries) != 1 {
		t.Errorf("left over in the other folder: %v", entries)
	}
}

func TestApplyRefusesTargets(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(w *world, req *ApplyRequest)
		want string
	}{
		{"link to nothing", func(w *world, _ *ApplyRequest) {
			os.Remove(w.path("writ.snapshot"))
			os.Symlink("nowhere", w.path("writ.snapshot"))
		}, "no such file"},
		{"link to itself", func(w *world, _ *ApplyRequest) {
			os.Remove(w.path("writ.snapshot"))
			os.Symlink("writ.snapshot", w.path("writ.snapshot"))
		}, "too many links"},
		{"folder", func(w *world, _ *ApplyRequest) {
			os.Remove(w.path("writ.snapshot"))
			os.Mkdir(w.path("writ.snapshot"), 0o755)
		}, "not a regular file"},
		{"no folder", func(w *world, req *ApplyRequest) {
			req.Snapshot, req.SnapshotDigest = w.path("missing/writ.snapshot"), ""
		}, "no such file"},
		{"one file for both", func(_ *world, req *ApplyRequest) { req.Snapshot, req.SnapshotDigest = req.Lockfile, req.LockDigest }, "same file"},
		{"root without folder", func(w *world, req *ApplyRequest) { req.Root = w.path("missing") }, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			req := w.request()
			test.edit(w, &req)
			err := Apply(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrStale) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if info, err := os.Lstat(w.path("writ.lock.hcl")); err == nil && info.Mode().IsRegular() && string(w.read("writ.lock.hcl")) != "old lock" {
				t.Error("the lockfile was written")
			}
		})
	}
}

func TestApplySweeps(t *testing.T) {
	w := newWorld(t)
	w.write(".writ.snapshot.0123456789abcdef.writ-staged", "of a dead run")
	w.write(".writ.lock.hcl.fedcba9876543210.writ-staged", "of a dead run")
	mine := ".writ.snapshot.backup.writ-staged"
	w.write(mine, "of nobody's run")
	if err := Apply(t.Context(), w.request()); err != nil {
		t.Fatal(err)
	}
	if left := w.leftOver(); len(left) != 1 || left[0] != mine {
		t.Errorf("left over %v, want only %s", left, mine)
	}
}

// TestApplyWaits for the lock as long as the context lasts.
func TestApplyWaits(t *testing.T) {
	w := newWorld(t)
	unlock, err := lockFile(t.Context(), w.path(rootLockName))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Apply(ctx, w.request()); !errors.Is(err, context.DeadlineExceeded) || w.state() != "old old" {
		t.Errorf("error %v, state %s", err, w.state())
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), w.request()); err != nil {
		t.Error(err)
	}
}

// TestApplyTogether starts sixteen applies of the same plan: one wins.
func TestApplyTogether(t *testing.T) {
	w := newWorld(t)
	req := w.request()
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		mine := req
		mine.NextLock, mine.NextSnapshot = fmt.Appendf(nil, "lock %d", i), fmt.Appendf(nil, "snapshot %d", i)
		group.Go(func() { errs[i] = Apply(t.Context(), mine) })
	}
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("both %d and %d won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, ErrStale):
			t.Errorf("apply %d: %v", i, err)
		}
	}
	lock, snapshot := w.read("writ.lock.hcl"), w.read("writ.snapshot")
	if string(lock) != fmt.Sprint("lock ", winner) || string(snapshot) != fmt.Sprint("snapshot ", winner) {
		t.Errorf("winner %d, yet %q and %q", winner, lock, snapshot)
	}
}
