package compiler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/writ-auth/writ/schema/durable"
)

// faulty is a fileSystem that fails, or dies, at one operation.
type faulty struct {
	fileSystem
	at   int   // the operation, counted from 1
	err  error // what it fails with; nil dies instead
	late bool  // it happens nevertheless

	count int
	hit   string // the operation's name
	dead  bool
}

var errDead = errors.New("the process is dead")

// step counts one operation and does it unless it is the one.
func (f *faulty) step(name string, do func() error) error {
	if f.dead {
		return errDead
	}
	f.count++
	if f.count != f.at {
		return do()
	}
	f.hit = name
	if f.late {
		if err := do(); err != nil {
			return err
		}
	}
	if f.err != nil {
		return &fs.PathError{Op: name, Path: "p", Err: f.err}
	}
	f.dead = true
	return errDead
}

func stepValue[T any](f *faulty, name string, do func() (T, error)) (T, error) {
	var value T
	err := f.step(name, func() (err error) {
		value, err = do()
		return err
	})
	return value, err
}

func (f *faulty) Lock(ctx context.Context, path string) (func() error, error) {
	unlock, err := stepValue(f, "lock", func() (func() error, error) { return f.fileSystem.Lock(ctx, path) })
	if err != nil {
		if unlock != nil {
			_ = unlock() // the kernel does it for the dead
		}
		return nil, err
	}
	return func() error {
		released := unlock()
		return f.step("unlock", func() error { return released })
	}, nil
}

func (f *faulty) EvalSymlinks(path string) (string, error) {
	return stepValue(f, "readlink", func() (string, error) { return f.fileSystem.EvalSymlinks(path) })
}

func (f *faulty) Lstat(path string) (fs.FileInfo, error) {
	return stepValue(f, "lstat", func() (fs.FileInfo, error) { return f.fileSystem.Lstat(path) })
}

func (f *faulty) ReadFile(path string) ([]byte, error) {
	return stepValue(f, "read", func() ([]byte, error) { return f.fileSystem.ReadFile(path) })
}

func (f *faulty) Names(folder string) ([]string, error) {
	return stepValue(f, "list", func() ([]string, error) { return f.fileSystem.Names(folder) })
}

func (f *faulty) Create(path string, mode fs.FileMode) (durable.File, error) {
	file, err := stepValue(f, "create", func() (durable.File, error) { return f.fileSystem.Create(path, mode) })
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}

func (f *faulty) Rename(from, to string) error {
	return f.step("rename", func() error { return f.fileSystem.Rename(from, to) })
}

func (f *faulty) Remove(path string) error {
	return f.step("remove", func() error { return f.fileSystem.Remove(path) })
}

func (f *faulty) SyncFolder(path string) error {
	return f.step("sync folder", func() error { return f.fileSystem.SyncFolder(path) })
}

type faultyFile struct {
	durable.File
	f *faulty
}

// Write tears: half of the bytes get through.
func (file *faultyFile) Write(b []byte) (n int, err error) {
	if file.f.count+1 == file.f.at && !file.f.dead && !file.f.late {
		_, _ = file.File.Write(b[:len(b)/2])
	}
	return stepValue(file.f, "write", func() (int, error) { return file.File.Write(b) })
}

func (file *faultyFile) Chmod(mode fs.FileMode) error {
	return file.f.step("chmod", func() error { return file.File.Chmod(mode) })
}

func (file *faultyFile) Sync() error { return file.f.step("sync", file.File.Sync) }

func (file *faultyFile) Close() error {
	closed := file.File.Close() // the kernel does it for the dead
	return file.f.step("close", func() error { return closed })
}

// TestApplyFaults fails and stops an apply at every operation, before and after
// it takes effect. Whatever is left is old or new, never the snapshot before the
// lockfile, and a second apply makes it new.
func TestApplyFaults(t *testing.T) {
	var reached []string
	for _, fault := range []error{nil, syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
		for _, late := range []bool{false, true} {
			for at := 1; ; at++ {
				w := newWorld(t)
				w.write(".writ.snapshot.0123456789abcdef.writ-staged", "of a dead run")
				f := &faulty{fileSystem: osFiles{}, at: at, err: fault, late: late}
				err := applyOn(t.Context(), f, w.request())
				if f.hit == "" { // past the last operation
					break
				}
				if fault == nil && !late {
					reached = append(reached, f.hit)
				}
				name := fmt.Sprintf("%v at operation %d, %s (late %v)", fault, at, f.hit, late)
				checkFault(t, w, name, fault, err)
				w.root = "" // the folder is the test's to remove
			}
		}
	}
	all := strings.Join(reached, ", ")
	for _, operation := range []string{"lock", "lstat", "read", "list", "remove", "create", "write", "chmod", "sync", "close", "rename, sync folder, rename, sync folder", "unlock"} {
		if !strings.Contains(all, operation) {
			t.Errorf("%q was never reached: %s", operation, all)
		}
	}
}

func checkFault(t *testing.T, w *world, name string, fault, err error) {
	t.Helper()
	if err == nil || fault != nil && !errors.Is(err, fault) {
		t.Errorf("%s: error %v", name, err)
	}
	state := w.state()
	if state != "old old" && state != "new old" && state != "new new" {
		t.Errorf("%s: state %s", name, state)
	}
	// A rename that fails after it took effect, which no system does, is all that may go unsaid.
	if inForce := errors.Is(err, ErrInForce); fault != nil && inForce != (state == "new new") && !strings.Contains(err.Error(), "replace snapshot") {
		t.Errorf("%s: in state %s, error %v", name, state, err)
	}
	if half := strings.Contains(err.Error(), "the lockfile is written"); fault != nil && state == "new old" && !half && !strings.Contains(err.Error(), "replace lockfile") {
		t.Errorf("%s: in state %s, error %v", name, state, err)
	}
	if fault != nil && strings.Contains(err.Error(), "p: ") {
		t.Errorf("%s: the path stands twice: %v", name, err)
	}
	if err := Apply(t.Context(), w.request()); err != nil {
		t.Errorf("%s: a second apply: %v", name, err)
	}
	if state := w.state(); state != "new new" || len(w.leftOver()) > 0 {
		t.Errorf("%s: state %s after a second apply, left over %v", name, state, w.leftOver())
	}
}

// TestPublishFaults does the same to an apply that publishes: whatever fails before
// leaves all as it was, and whatever fails after says that the snapshot is in force.
func TestPublishFaults(t *testing.T) {
	reached := false
	for _, late := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			f := &faulty{fileSystem: osFiles{}, at: at, err: syscall.EIO, late: late}
			request, published := w.request(), false
			request.Snapshot, request.NextSnapshot = "", nil
			request.Publish = func() error {
				if state := w.state(); state != "old old" {
					t.Errorf("the state is %s before the snapshot is put", state)
				}
				return f.step("publish", func() error { published = true; return nil })
			}
			err := applyOn(t.Context(), f, request)
			if f.hit == "" {
				break
			}
			reached = reached || f.hit == "publish"
			state, name := w.state(), fmt.Sprintf("operation %d, %s (late %v): %v", at, f.hit, late, err)
			behind, inForce := errors.Is(err, ErrPublished), errors.Is(err, ErrInForce)
			switch {
			case !errors.Is(err, syscall.EIO):
				t.Error(name)
			case f.hit == "publish":
				if state != "old old" || behind || inForce {
					t.Errorf("%s: state %s", name, state)
				}
			case !published && (state != "old old" || behind || inForce):
				t.Errorf("%s: state %s", name, state)
			case published && state == "old old" && !behind:
				t.Errorf("%s: the lockfile is not written, and nobody says so", name)
			case published && state == "new old" && !inForce && !(behind && f.hit == "rename"): // see checkFault
				t.Errorf("%s: all is written, and nobody says so", name)
			}
			again := w.request()
			again.Snapshot, again.NextSnapshot = "", nil
			if err := Apply(t.Context(), again); err != nil || w.state() != "new old" || len(w.leftOver()) > 0 {
				t.Errorf("%s: a second apply: %v, state %s, left over %v", name, err, w.state(), w.leftOver())
			}
			w.root = ""
		}
	}
	if !reached {
		t.Error("nothing was published")
	}
}
