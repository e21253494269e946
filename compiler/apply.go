package compiler

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
)

// ErrInForce is in the chain of every error of Apply that came after all files
// had been replaced: what was asked for is done, and a second Apply would find
// nothing to do.
var ErrInForce = errors.New("the change is in force")

// ErrPublished is in the chain of every error of Apply that came after Publish had
// done its work and before the lockfile was replaced.
var ErrPublished = errors.New("the snapshot is in force and the lockfile is not written")

// An ApplyRequest is the pair of files to write and what must still stand.
type ApplyRequest struct {
	Root     string // the configuration's folder; the advisory lock is taken in it
	Lockfile string // path
	Snapshot string // path; "" for one that is no file

	NextLock     []byte // nil leaves the lockfile alone
	NextSnapshot []byte // nil leaves the snapshot alone

	LockDigest     string // FileDigest of the lockfile that was planned against, "" when there was none
	SnapshotDigest string // FileDigest of the whole snapshot file that was planned against, "" when there was none

	// Publish puts a snapshot where it is no file. It is called once everything is
	// staged, and after an error of it nothing is replaced. Nil for none.
	Publish func() error

	Rand io.Reader // for the names of staging files; crypto/rand when nil
}

// Apply writes the lockfile and the snapshot so that at every moment, and after
// a crash at any moment, each is wholly old or wholly new, and the snapshot is
// never new before the lockfile: an identifier may be locked and not yet served,
// never served and not locked. After an error or a crash a second Apply finishes.
//
// Where a path is a symbolic link, the link stays and the file that it names is
// replaced. A file that exists keeps its permissions; a new one gets 0644 less
// the umask.
//
// Apply waits for the advisory lock until ctx ends, and from the first rename on
// does not look at ctx any more. An error with ErrStale in its chain says that a
// file changed since the plan and that nothing was written, one with ErrInForce that
// everything was, one with ErrPublished that the lockfile was not.
func Apply(ctx context.Context, req ApplyRequest) error { return applyOn(ctx, osFiles{}, req) }

// applyOn is Apply on a file system that a test may replace.
func applyOn(ctx context.Context, files fileSystem, req ApplyRequest) (err error) {
	unlock, err := files.Lock(ctx, filepath.Join(req.Root, rootLockName))
	if err != nil {
		return fmt.Errorf("lock folder %q: %w", req.Root, unwrapPath(err))
	}
	defer func() {
		if unlockErr := unlock(); err == nil && unlockErr != nil {
			err = fmt.Errorf("%w, but unlock folder %q: %w", ErrInForce, req.Root, unwrapPath(unlockErr))
		}
	}()
	targets, err := req.targets(files)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if err := t.check(files); err != nil {
			return err
		}
	}
	for _, t := range targets {
		if err := t.removeLeftOver(files); err != nil {
			return err
		}
	}
	return req.replaceAll(ctx, files, targets)
}

// replaceAll stages everything, and only then publishes and replaces one file after
// the other.
func (req *ApplyRequest) replaceAll(ctx context.Context, files fileSystem, targets []*target) (err error) {
	defer func() {
		for _, t := range targets {
			t.discard(files)
		}
	}()
	for _, t := range targets {
		if err := t.stage(files, req.random()); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if req.Publish != nil {
		if err := req.Publish(); err != nil {
			return err
		}
	}
	targets = slices.DeleteFunc(targets, func(t *target) bool { return t.staged == "" })
	for i, t := range targets {
		renamed, err := t.commit(files)
		switch last := i == len(targets)-1; {
		case err == nil:
		case renamed && last:
			return fmt.Errorf("%w, but %w", ErrInForce, err)
		case renamed || i > 0:
			return fmt.Errorf("the lockfile is written, the snapshot is not: %w", err)
		case req.Publish != nil:
			return fmt.Errorf("%w: %w", ErrPublished, err)
		default:
			return err
		}
	}
	return nil
}

// random is where the names of staging files come from.
func (req *ApplyRequest) random() io.Reader {
	if req.Rand == nil {
		return rand.Reader
	}
	return req.Rand
}

// targets lists the files in the order in which they are replaced. A file that
// is left alone is listed as well: it must still be what was planned against.
func (req *ApplyRequest) targets(files fileSystem) ([]*target, error) {
	lock, err := newTarget(files, "lockfile", req.Lockfile, req.LockDigest, req.NextLock)
	if err != nil {
		return nil, err
	}
	if req.Snapshot == "" {
		return []*target{lock}, nil
	}
	snapshot, err := newTarget(files, "snapshot", req.Snapshot, req.SnapshotDigest, req.NextSnapshot)
	if err != nil {
		return nil, err
	}
	if lock.path == snapshot.path {
		return nil, fmt.Errorf("lockfile and snapshot are the same file, %q", lock.path)
	}
	return []*target{lock, snapshot}, nil
}

// FileDigest is "sha256:<hex>" of a file's bytes, and "" for nil: no file.
func FileDigest(b []byte) string {
	if b == nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// unwrapPath drops the operation and the path of an error: the caller's message names
// both already.
func unwrapPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
