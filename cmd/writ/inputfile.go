package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-auth/writ/config/source"
)

// An inputFile is a file beside the configuration that a flag names: variables,
// the lockfile. Where it lies in the tree, whoever proposes a change writes it,
// and can make it a link: it is then read without leaving the tree, and at a
// revision as it stood there.
type inputFile struct {
	name   string // as messages show it
	path   string // on disk
	top    string // of the tree, where the file lies in it; else ""
	inside string // the path below top
}

// input finds out where a file lies. The name decides, not what it may lead to.
func (w *workspace) input(name, path string) inputFile {
	f := inputFile{name: filepath.ToSlash(name), path: path}
	top := w.treeTop()
	info, err := os.Stat(top)
	if err != nil {
		return f
	}
	absolute, err := filepath.Abs(path)
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

// treeTop is the folder that a change under review is a change of: the checkout
// around the configuration, or its own folder where there is none. No author of
// a commit can put a ".git" somewhere: git refuses to track one.
func (w *workspace) treeTop() string {
	folder := realPath(w.dir)
	for at := folder; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return folder
		}
	}
}

// read is the file as it is now.
func (f inputFile) read() ([]byte, error) {
	content, err := f.content()
	if err != nil {
		return nil, err
	}
	return content, f.notPointer(content)
}

func (f inputFile) content() ([]byte, error) {
	if f.top == "" {
		return readRegular(f.path)
	}
	root, err := os.OpenRoot(f.top)
	if err != nil {
		return nil, unreadable(err)
	}
	defer root.Close()
	if source.InGit(root.FS(), filepath.ToSlash(f.inside)) {
		return nil, failf("unreadable-file", "Name a file of the tree.", "read %q: %w", f.name, source.ErrGit)
	}
	content, err := readFrom(f.inside, root.Stat, root.Open)
	if err != nil && strings.Contains(err.Error(), "escapes") { // os.Root has no error to compare with
		return nil, f.leaves()
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		cause.Path = f.path
	}
	return content, err
}

// at is the file as it stood at a commit. The error has fs.ErrNotExist in its
// chain when it was not there.
func (f inputFile) at(ctx context.Context, repository git, commit string) ([]byte, error) {
	content, err := repository.file(ctx, commit, filepath.ToSlash(f.inside))
	if errors.Is(err, errLinkOut) {
		return nil, f.leaves()
	}
	if err != nil {
		return nil, err
	}
	return content, f.notPointer(content)
}

func (f inputFile) leaves() error {
	return failf("unreadable-file", "Put a copy there instead: a file of the tree must not depend on the machine.",
		"read %q: the link leads out of %q", f.name, filepath.ToSlash(f.top))
}

// notPointer refuses what Git LFS left in the file's place.
func (f inputFile) notPointer(content []byte) error {
	if source.IsPointer(content) {
		return failf("unreadable-file", source.PointerHint, "read %q: %w", f.name, source.ErrPointer)
	}
	return nil
}
