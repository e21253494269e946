package compiler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/writ-auth/writ/schema/durable"
)

// A fileSystem is every operation with which Apply touches a disk, so that a
// test can fail or stop at each of them.
type fileSystem interface {
	durable.System
	Lock(ctx context.Context, path string) (unlock func() error, err error)
	ReadFile(path string) ([]byte, error)
	Names(folder string) ([]string, error)
}

// osFiles is the fileSystem of the machine.
type osFiles struct{ durable.OS }

// Lock takes the advisory lock, see lockFile.
func (osFiles) Lock(ctx context.Context, path string) (func() error, error) {
	return lockFile(ctx, path)
}

func (osFiles) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// Names lists a folder in no order.
func (osFiles) Names(path string) ([]string, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Readdirnames(-1)
}

// A target is one file to be replaced.
type target struct {
	what   string // "lockfile", "snapshot"
	path   string // of the file itself, links resolved
	was    string // the digest that was planned against
	next   []byte // nil leaves the file alone
	mode   fs.FileMode
	exists bool

	staged string // path of the staging file; "" when there is none
}

// newTarget inspects a file before anything is written. A file that exists keeps its
// permissions; a new one gets 0644 less the umask.
func newTarget(files fileSystem, what, path, was string, next []byte) (*target, error) {
	t := &target{what: what, path: path, was: was, next: next, mode: 0o644}
	at, info, err := durable.Resolve(files, path)
	switch {
	case errors.Is(err, durable.ErrNotRegular):
		return nil, fmt.Errorf("%s %q is not a regular file", what, path)
	case err != nil:
		return nil, t.failed("find", err)
	case info != nil:
		t.path, t.exists, t.mode = at, true, info.Mode().Perm()
	}
	return t, nil
}

// failed adds the operation and the file to an error, once.
func (t *target) failed(operation string, err error) error {
	return fmt.Errorf("%s %s %q: %w", operation, t.what, t.path, unwrapLink(unwrapPath(err)))
}

// unwrapLink is unwrapPath for the errors of a rename.
func unwrapLink(err error) error {
	if linkError, ok := errors.AsType[*os.LinkError](err); ok {
		return linkError.Err
	}
	return err
}

// check compares the file with what was planned against.
func (t *target) check(files fileSystem) error {
	var now []byte
	if t.exists {
		var err error
		if now, err = files.ReadFile(t.path); err != nil {
			return t.failed("read", err)
		}
	}
	if FileDigest(now) != t.was {
		return fmt.Errorf("%w: %s %q has changed since", ErrStale, t.what, t.path)
	}
	return nil
}

// removeLeftOver removes the staging files of runs that died. The advisory lock is held, so
// no living run has a staging file for this target.
func (t *target) removeLeftOver(files fileSystem) error {
	folder := filepath.Dir(t.path)
	names, err := files.Names(folder)
	if err != nil {
		return t.failed("look for staging files of", err)
	}
	for _, name := range names {
		if !durable.IsStagingName(t.path, name) {
			continue
		}
		if err := files.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove left-over staging file %q: %w", filepath.Join(folder, name), unwrapPath(err))
		}
	}
	return nil
}

// stage writes the new content beside the file and makes sure that it is on the
// disk.
func (t *target) stage(files fileSystem, random io.Reader) error {
	if t.next == nil {
		return nil
	}
	staged, err := durable.StagingName(t.path, random)
	if err != nil {
		return t.failed("stage", err)
	}
	if err := durable.Stage(files, staged, t.next, t.mode, t.exists); err != nil {
		operation := "stage"
		if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Op != "open" {
			operation = failed.Op + " the staged"
		}
		return t.failed(operation, err)
	}
	t.staged = staged
	return nil
}

// commit puts the staged content in place, for good. It reports whether the
// content is in place; after an error it may not be there for good.
func (t *target) commit(files fileSystem) (renamed bool, err error) {
	staged := t.staged
	t.staged = ""
	switch renamed, err = durable.Commit(files, staged, t.path); {
	case err == nil:
		return true, nil
	case renamed:
		return true, t.failed("sync the folder of", err)
	}
	return false, t.failed("replace", err)
}

// discard removes a staging file that was not used. If that fails, the next run removes
// it.
func (t *target) discard(files fileSystem) {
	if t.staged != "" {
		_ = files.Remove(t.staged)
	}
}
