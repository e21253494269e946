// Package remedy says what an operator can do about an error.
//
// A message that ends with the cause leaves the reader with the work, at three in the
// morning most of all. Whoever finds an error knows best what mends it, and attaches
// that; whoever writes the log line has it stand under "action", beside the reason.
//
// It owns the attachment and the sentences about files, which are wrong in the same few
// ways everywhere. It refuses to know where an error is shown.
package remedy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/writ-auth/writ/schema"
)

// Runbooks is where the longer answers are; a heading's anchor follows.
const Runbooks = "https://github.com/writ-auth/writ/blob/main/docs/runbooks.md#"

// An advisedError is an error with what to do about it.
type advisedError struct {
	error
	action string
}

// Unwrap makes the error behind it visible to errors.Is.
func (a advisedError) Unwrap() error { return a.error }

// With returns the error with what to do about it: a sentence, or a command that can be
// pasted. The text of the error stays the same. nil stays nil.
func With(err error, action string) error {
	if err == nil {
		return nil
	}
	return advisedError{err, action}
}

// For returns what to do about an error: what was attached to it, the outermost first;
// otherwise what mends the file that it is about; otherwise the answer that is given.
func For(err error, otherwise string) string {
	if a, ok := errors.AsType[advisedError](err); ok {
		return a.action
	}
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return otherwise
	}
	at := absolute(failed.Path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let user %d read it: chown %d %s", os.Getuid(), os.Getuid(), at)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("put the file at %s, readable by user %d", at, os.Getuid())
	case errors.Is(err, syscall.ENOSPC):
		return "make room on the file system of " + at
	case errors.Is(err, syscall.EROFS):
		return "mount the file system of " + at + " writable"
	}
	return otherwise
}

// Folder attaches to an error about a private folder the commands that make the folder
// usable for the user that this process runs as, and for nobody else.
func Folder(err error, dir string) error {
	at, uid := absolute(dir), os.Getuid()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return With(err, fmt.Sprintf("mkdir -m 700 %s && chown %d %s", at, uid, at))
	case errors.Is(err, fs.ErrPermission):
		return With(err, fmt.Sprintf("chown -R %d %s && chmod 700 %s", uid, at, at))
	case errors.Is(err, syscall.EROFS):
		return With(err, at+" is read-only: give writd a folder that it can write; in one of keys, a signing_key may name a file instead")
	case errors.Is(err, syscall.ENOSPC):
		return With(err, "make room on the file system of "+at)
	}
	return err
}

// absolute returns a path for the reader of a log, who does not know the working folder, as a
// word that can be pasted into a shell.
func absolute(path string) string {
	if from, err := filepath.Abs(path); err == nil {
		path = from
	}
	return schema.ShellQuote(path)
}
