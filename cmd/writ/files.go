package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxInput bounds every single file that a command reads whole: a snapshot of
// a million authorizations has 64 MB.
const maxInput = 1 << 30

// unreadable is an error of the file system as the user sees it.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "Check the path, and --chdir if it is set."
	case errors.Is(err, fs.ErrPermission):
		hint = "Check who owns the file and its mode."
	}
	return failf("unreadable-file", hint, "%w", plainly(err, "read"))
}

// plainly words an error of the file system for people: "read "orders.hcl": no
// such file or directory" instead of the name of the system call.
func plainly(err error, opening string) error {
	cause, ok := err.(*fs.PathError)
	if !ok { // one with words of its own around it stays
		return err
	}
	operation := cause.Op
	switch operation {
	case "stat", "lstat", "statat", "open", "openat":
		operation = opening
	case "mkdir":
		operation = "make folder"
	}
	return fmt.Errorf("%s %q: %w", operation, filepath.ToSlash(cause.Path), cause.Err)
}

// unwritable is unreadable for what writes.
func unwritable(err error) error {
	failed, ok := errors.AsType[*failure](unreadable(err))
	if !ok {
		return err
	}
	failed.code, failed.err = "write-failed", plainly(err, "write")
	if errors.Is(err, syscall.ENOSPC) {
		failed.hint = "Make room and run this again."
	}
	return failed
}

// readRegular reads a file whole. A device or a pipe is refused: reading it
// might never end.
func readRegular(path string) ([]byte, error) { return readFrom(path, os.Stat, os.Open) }

// readFrom is readRegular of what the two functions find under the name.
func readFrom(path string, stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error)) ([]byte, error) {
	info, err := stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, failf("unreadable-file", "Name a file.", "read %q: not a regular file", filepath.ToSlash(path))
	}
	tooLarge := fmt.Errorf("read %q: larger than %d bytes", filepath.ToSlash(path), maxInput)
	if info.Size() > maxInput {
		return nil, unreadable(tooLarge)
	}
	f, err := open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead) // without it the last steps of growing hold it three times
	_, err = content.ReadFrom(io.LimitReader(f, maxInput+1))
	if err == nil && content.Len() > maxInput {
		err = tooLarge
	}
	return content.Bytes(), unreadable(err)
}

// dir is the folder that a command works on: its DIR argument or where it was started.
func (a *app) dir(args []string) string {
	if len(args) > 0 {
		return a.path(args[0])
	}
	return a.path(".")
}
