package compiler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// rootLockName is the file on which the advisory lock is taken. Its name begins
// with a dot, so it is never configuration; it is empty and stays.
const rootLockName = ".writ.lock"

// lockPoll is the time after which a held lock is tried again: flock cannot wait and
// watch a context.
const lockPoll = 20 * time.Millisecond

// lockFile takes the advisory lock. The kernel releases it when the process dies.
//
// The file may come with a checkout and is therefore inspected first: opening a
// link would create a file at its target, and opening a pipe would wait for a
// writer. The flags of the open call protect against a file that is exchanged in
// between.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	info, err := os.Lstat(path)
	if err == nil {
		err = regularLock(path, info)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	lock := flock.New(path, flock.SetPermissions(0o644), flock.SetFlag(os.O_CREATE|rootLockFlags()))
	_, err = lock.TryLockContext(ctx, lockPoll)
	if err == nil {
		if info, err = lock.Stat(); err == nil {
			err = regularLock(path, info)
		}
	}
	if err != nil {
		_ = lock.Close() // nothing was done under it
		return nil, err
	}
	return lock.Close, nil
}

// regularLock refuses a lock that is no regular file.
func regularLock(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%q is not a regular file: remove it, and it is made anew", filepath.Base(path))
}
