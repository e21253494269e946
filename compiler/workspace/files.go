package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// maxInput bounds every single file that a command reads whole, in bytes. A snapshot of
// a million authorizations has 64 MB, a sixteenth of that.
const maxInput = 1 << 30

// Unreadable turns an error of reading into a *diag.Failure with a hint; nil stays nil.
func Unreadable(err error) error {
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
	return diag.Failf("unreadable-file", hint, "%w", Plainly(err, "read"))
}

// Plainly words an error of the file system for people: "read "orders.hcl": no
// such file or directory" instead of the name of the system call.
func Plainly(err error, opening string) error {
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

// Unwritable is Unreadable for an error of writing.
func Unwritable(err error) error {
	failed, ok := errors.AsType[*diag.Failure](Unreadable(err))
	if !ok {
		return err
	}
	failed.Code, failed.Err = "write-failed", Plainly(err, "write")
	if errors.Is(err, syscall.ENOSPC) {
		failed.Hint = "Make room and run this again."
	}
	return failed
}

// ReadFile reads a file whole. A device or a pipe is refused: reading it
// might never end.
func ReadFile(path string) ([]byte, error) { return readFrom(path, os.Stat, os.Open) }

// readFrom is ReadFile through stat and open, which are those of package os or of an os.Root.
// The size is asked for first, so that one allocation does; it is checked again while
// reading, because the file may grow.
func readFrom(path string, stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error)) ([]byte, error) {
	info, err := stat(path)
	if err != nil {
		return nil, Unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, diag.Failf("unreadable-file", "Name a file.", "read %q: not a regular file", filepath.ToSlash(path))
	}
	tooLarge := fmt.Errorf("read %q: larger than %d bytes", filepath.ToSlash(path), maxInput)
	if info.Size() > maxInput {
		return nil, Unreadable(tooLarge)
	}
	f, err := open(path)
	if err != nil {
		return nil, Unreadable(err)
	}
	defer f.Close()
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead) // without it the last steps of growing hold it three times
	_, err = content.ReadFrom(io.LimitReader(f, maxInput+1))
	if err == nil && content.Len() > maxInput {
		err = tooLarge
	}
	return content.Bytes(), Unreadable(err)
}

// An inputFile is a file that a flag names: variables, or the lockfile. If it lies in the
// tree, then whoever proposes a change controls it, and can make it a link to a secret of
// the CI machine. It is then read without leaving the tree, and for a revision of git as it
// was at that commit.
type inputFile struct {
	name   string // as messages show it
	path   string // on disk
	top    string // of the tree, where the file lies in it; else ""
	inside string // the path below top
}

// input finds out whether a file lies in the tree. Its name decides and not the target of a
// link, since the target is what an attacker would choose.
func (w *Workspace) input(file File) inputFile {
	f := inputFile{name: filepath.ToSlash(file.Name), path: file.Path}
	top := w.treeTop()
	info, err := os.Stat(top)
	if err != nil {
		return f
	}
	absolute, err := filepath.Abs(file.Path)
	if err != nil {
		return f
	}
	// The outermost folder of the path that is the tree's: those on the way to it
	// are the machine's, and may be links.
	for at := filepath.Dir(absolute); ; at = filepath.Dir(at) {
		if other, err := os.Stat(at); err == nil && os.SameFile(info, other) {
			f.top = at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if f.top != "" {
		f.inside, err = filepath.Rel(f.top, absolute)
		if err != nil {
			f.top = ""
		}
	}
	return f
}

// treeTop returns the folder whose content a change under review can change: the checkout
// around the configuration, or the configuration's own folder if there is no checkout.
func (w *Workspace) treeTop() string {
	top, _ := repositoryTop(realPath(w.Dir))
	return top
}

// read returns the file's content on disk. A pointer of Git LFS is an error.
func (f inputFile) read() ([]byte, error) {
	content, err := f.content()
	if err != nil {
		return nil, err
	}
	return content, f.checkNotPointer(content)
}

// content reads the file. In the tree it goes through an os.Root, which no link leads out of.
// Outside of the tree only the user of this machine can have chosen the file.
func (f inputFile) content() ([]byte, error) {
	if f.top == "" {
		return ReadFile(f.path)
	}
	root, err := os.OpenRoot(f.top)
	if err != nil {
		return nil, Unreadable(err)
	}
	defer root.Close()
	if source.InGit(root.FS(), filepath.ToSlash(f.inside)) {
		return nil, diag.Failf("unreadable-file", "Name a file of the tree.", "read %q: %w", f.name, source.ErrGit)
	}
	content, err := readFrom(f.inside, root.Stat, root.Open)
	if err != nil && strings.Contains(err.Error(), "escapes") { // os.Root has no error to compare with
		return nil, f.linkOutError()
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		cause.Path = f.path
	}
	return content, err
}

// atCommit returns the file's content at a commit. The error has fs.ErrNotExist in its chain
// if the commit does not have it.
func (f inputFile) atCommit(ctx context.Context, repository git, commit string) ([]byte, error) {
	content, err := repository.file(ctx, commit, filepath.ToSlash(f.inside))
	if errors.Is(err, errLinkOut) {
		return nil, f.linkOutError()
	}
	if err != nil {
		return nil, err
	}
	return content, f.checkNotPointer(content)
}

// linkOutError is the error about a file of the tree that is a link to something outside: on
// a CI machine that could be a secret, which a comment on the change would then show.
func (f inputFile) linkOutError() error {
	return diag.Failf("unreadable-file", "Put a copy there instead: a file of the tree must not depend on the machine.",
		"read %q: the link leads out of %q", f.name, filepath.ToSlash(f.top))
}

// checkNotPointer refuses content that is a pointer of Git LFS in place of the file.
func (f inputFile) checkNotPointer(content []byte) error {
	if source.IsPointer(content) {
		return diag.Failf("unreadable-file", source.PointerHint, "read %q: %w", f.name, source.ErrPointer)
	}
	return nil
}
