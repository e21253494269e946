package compiler

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A fileSystem is every operation with which Apply touches a disk, so that a
// test can fail or stop at each of them.
type fileSystem interface {
	Lock(ctx context.Context, path string) (unlock func() error, err error)
	EvalSymlinks(path string) (string, error)
	Lstat(path string) (fs.FileInfo, error)
	ReadFile(path string) ([]byte, error)
	Names(folder string) ([]string, error)
	// Create makes a file that must not exist, with 0644 less the umask.
	Create(path string) (stagingFile, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncFolder(path string) error
}

// A stagingFile is a file that is being written.
type stagingFile interface {
	Write(b []byte) (int, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
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

func newTarget(files fileSystem, what, path, was string, next []byte) (*target, error) {
	t := &target{what: what, path: path, was: was, next: next}
	info, err := files.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if t.path, err = files.EvalSymlinks(path); err == nil {
			info, err = files.Lstat(t.path)
		}
	}
	if err != nil {
		return nil, t.failed("find", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %q is not a regular file", what, path)
	}
	t.exists, t.mode = true, info.Mode().Perm()
	return t, nil
}

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

// Staging files are named like ".writ.snapshot.0123456789abcdef.writ-staged".
const (
	stagedSuffix = ".writ-staged"
	stagedBytes  = 8 // of randomness, in hexadecimal
)

// sweep removes what runs that died left behind. The advisory lock is held, so
// no living run has a staging file for this target.
func (t *target) sweep(files fileSystem) error {
	folder := filepath.Dir(t.path)
	names, err := files.Names(folder)
	if err != nil {
		return t.failed("look for staging files of", err)
	}
	for _, name := range names {
		if !t.isStaged(name) {
			continue
		}
		if err := files.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove left-over staging file %q: %w", filepath.Join(folder, name), unwrapPath(err))
		}
	}
	return nil
}

// isStaged reports whether a name is one that stage gives.
func (t *target) isStaged(name string) bool {
	middle, ok := strings.CutPrefix(name, "."+filepath.Base(t.path)+".")
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, stagedSuffix)
	_, err := hex.DecodeString(middle)
	return ok && err == nil && len(middle) == 2*stagedBytes
}

// stage writes the new content beside the file and makes sure that it is on the
// disk. A descriptor whose sync failed is never synced again: the kernel may
// have dropped what it could not write.
func (t *target) stage(files fileSystem, random io.Reader) (err error) {
	if t.next == nil {
		return nil
	}
	var suffix [stagedBytes]byte
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return t.failed("name a staging file for", err)
	}
	folder, base := filepath.Split(t.path)
	path := folder + "." + base + "." + hex.EncodeToString(suffix[:]) + stagedSuffix
	f, err := files.Create(path)
	if err != nil {
		return t.failed("stage", err)
	}
	t.staged = path
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = t.failed("close the staged", closeErr)
		}
	}()
	if _, err := f.Write(t.next); err != nil {
		return t.failed("write the staged", err)
	}
	if t.exists {
		if err := f.Chmod(t.mode); err != nil {
			return t.failed("set the permissions of the staged", err)
		}
	}
	if err := f.Sync(); err != nil {
		return t.failed("sync the staged", err)
	}
	return nil
}

// commit puts the staged content in place, for good. It reports whether the
// content is in place; after an error it may not be there for good.
func (t *target) commit(files fileSystem) (renamed bool, err error) {
	if err := files.Rename(t.staged, t.path); err != nil {
		return false, t.failed("replace", err)
	}
	t.staged = ""
	if err := files.SyncFolder(filepath.Dir(t.path)); err != nil {
		return true, t.failed("sync the folder of", err)
	}
	return true, nil
}

// discard removes a staging file that was not used. If that fails, the next run
// sweeps it.
func (t *target) discard(files fileSystem) {
	if t.staged != "" {
		_ = files.Remove(t.staged)
	}
}
