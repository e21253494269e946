package location

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A fileLocation is a file of this machine. A link is followed, and stays when the
// file that it leads to is replaced. What is no regular file is refused: reading a
// pipe might never end.
//
// Put holds an advisory lock in a file beside it, so that the second of two concurrent Puts
// finds the location moved. A program that replaces the file without the lock is noticed,
// unless it does so between the comparison and the rename. The lock file stays: removing it
// would let two processes hold locks on two files of the same name.
type fileLocation struct{ path string }

func (l *fileLocation) String() string { return Address{path: l.path}.String() }

// pace has no back-off: looking at a file burdens nobody.
func (l *fileLocation) pace() pace {
	return pace{poll: 5 * time.Second, retry: 5 * time.Second, most: 5 * time.Second}
}

// open opens the file for reading. The error is ErrAbsent when there is none.
func (l *fileLocation) open() (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(l.path) // before opening: opening a pipe waits for its writer
	if err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("read %s: %w", l, durable.ErrNotRegular)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(l.path)
	}
	if err == nil {
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
			err = durable.ErrNotRegular
		}
	}
	if err == nil {
		return f, info, nil
	}
	if f != nil {
		f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read %s: %w", l, ErrAbsent)
	}
	return nil, nil, l.failed("read", err)
}

// failed wraps an error with the operation and the location. It drops the operation and the
// path of a *fs.PathError, which would say the same again.
func (l *fileLocation) failed(operation string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return fmt.Errorf("%s %s: %w", operation, l, err)
}

func (l *fileLocation) Head(ctx context.Context, _ Head) (Head, error) {
	if err := ctx.Err(); err != nil {
		return Head{}, err
	}
	f, info, err := l.open()
	if err != nil {
		return Head{}, err
	}
	defer f.Close()
	header, err := snapshot.ReadHeader(f)
	if err == nil {
		err = checkSize(header, info.Size())
	}
	if err != nil {
		return Head{}, l.failed("read", err)
	}
	return headBySum(header), nil
}

// headBySum returns the Head of a file in a place that has no identifier of its own for
// content: the checksum of the whole file, from its header, is the Version.
func headBySum(h snapshot.Header) Head {
	head := headOf(h)
	head.Version = h.Sum
	return head
}

func (l *fileLocation) Fetch(ctx context.Context, head Head) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, info, err := l.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, header, err := receive(f, info.Size())
	if err != nil {
		return nil, l.failed("read", err)
	}
	if now := headBySum(header); !now.Same(head) {
		return nil, &MovedError{Location: l.String(), Expected: head, Now: now}
	}
	return file, nil
}

// lockPoll is the time between two attempts to lock. An advisory lock cannot be waited for
// with a context, so Put polls.
const lockPoll = 20 * time.Millisecond

func (l *fileLocation) Put(ctx context.Context, file []byte, prior Head) (Head, error) {
	at, _, err := durable.Resolve(durable.OS{}, l.path)
	if err != nil {
		return Head{}, l.failed("write", err)
	}
	lockPath := filepath.Join(filepath.Dir(at), "."+filepath.Base(at)+".writ-lock")
	if info, err := os.Lstat(lockPath); err == nil && !info.Mode().IsRegular() {
		return Head{}, fmt.Errorf("write %s: lock %q is %w: remove it, and it is made anew", l, filepath.Base(lockPath), durable.ErrNotRegular)
	}
	lock := flock.New(lockPath, flock.SetPermissions(0o644))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		lock.Close() // nothing was done under it
		return Head{}, l.failed("lock", err)
	}
	defer lock.Close()
	now, err := l.Head(ctx, Head{})
	if err != nil && !errors.Is(err, ErrAbsent) {
		return Head{}, err
	}
	if _, err := checkPut(l, file, now, prior); errors.Is(err, ErrMoved) {
		return Head{}, err
	} else if err != nil {
		return Head{}, l.failed("write", err)
	}
	if err := durable.Replace(at, file, 0o644); err != nil {
		return Head{}, l.failed("write", err)
	}
	return l.Head(ctx, Head{})
}

func (l *fileLocation) History(ctx context.Context) iter.Seq2[Head, error] { return onlyNewest(ctx, l) }

func (l *fileLocation) Close() error { return nil }
