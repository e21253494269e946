package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Files reads single files of a tree, for file() and for files in formats of
// their own. It reads regular files inside the tree and nothing else, and opening
// never blocks. It returns LF for every CR LF, as checkouts differ in line ends
// and the same tree has to give the same bytes on every machine.
type Files struct {
	fsys  fs.FS
	open  func(name string) (fs.File, error)
	limit int64
}

// RootFiles returns the files below root.
func RootFiles(root *os.Root, limits Limits) *Files {
	open := func(name string) (fs.File, error) { return root.OpenFile(name, os.O_RDONLY|nonblock, 0) }
	return &Files{fsys: root.FS(), open: open, limit: limits.OrDefaults().FileBytes}
}

// FSFiles returns the files of a tree that is not a folder.
func FSFiles(fsys fs.FS, limits Limits) *Files {
	return &Files{fsys: fsys, open: fsys.Open, limit: limits.OrDefaults().FileBytes}
}

// The reasons why a file of the tree is not read.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("larger than the limit of one file")
	ErrOutside    = errors.New("not inside the configuration's folder")
	ErrPointer    = errors.New("a pointer of Git LFS, not the file that it stands for")
	ErrGit        = errors.New("it lies in .git, which is not part of the tree")
)

// ReadFile returns the content of one file. Its name is relative to the root
// of the tree, with forward slashes. The error is ErrNotRegular, ErrTooLarge,
// ErrOutside, ErrPointer, ErrGit or the system's.
func (f *Files) ReadFile(name string) ([]byte, error) {
	name = path.Clean(name)
	if !fs.ValidPath(name) {
		return nil, ErrOutside
	}
	if InGit(f.fsys, name) {
		return nil, ErrGit
	}
	info, err := f.stat(name)
	if err != nil {
		return nil, err
	}
	return f.read(name, info.Size())
}

// stat follows links inside the tree. It refuses what is not a regular file
// before that is opened: opening a device can have an effect, and opening a FIFO
// can block.
func (f *Files) stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(f.fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s", ErrNotRegular, describeMode(info.Mode()))
	}
	return info, nil
}

// read checks the opened file again, as the name may have come to mean another
// file since stat. The content can still grow while it is read, hence readAtMost.
func (f *Files) read(name string, size int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s", ErrNotRegular, describeMode(info.Mode()))
	}
	if size = max(size, info.Size()); size > f.limit {
		return nil, ErrTooLarge
	}
	b, err := readAtMost(file, size, f.limit)
	if err == nil && IsPointer(b) {
		err = ErrPointer
	}
	return UnixLines(b), err
}

// UnixLines returns b with LF for every CR LF, or b itself if it has none.
func UnixLines(b []byte) []byte {
	if !bytes.Contains(b, []byte("\r\n")) {
		return b
	}
	return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
}

// IsPointer reports whether b is a pointer file, which Git LFS commits in place
// of the content (https://git-lfs.github.com/spec/v1).
func IsPointer(b []byte) bool {
	return bytes.HasPrefix(b, []byte("version https://git-lfs.github.com/spec/"))
}

// maxLinks is how many links a name is followed through. The kernel gives up
// after 40 too (ELOOP).
const maxLinks = 40

// InGit reports whether a name leads into a folder ".git", by itself or through a
// link. The content of .git belongs to no commit: it differs between checkouts of
// one commit, and the checkout of a CI job keeps its access token there.
func InGit(fsys fs.FS, name string) bool {
	at, rest := ".", name
	for links := 0; rest != "" && links <= maxLinks; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, part)
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") { // its short name on Windows
			return true
		}
		target, err := fs.ReadLink(fsys, next)
		if err != nil { // no link
			at = next
			continue
		}
		links++
		rest = filepath.ToSlash(target) + "/" + rest
	}
	return false
}

// readAtMost reads to the end and returns ErrTooLarge after more than limit
// bytes. size is the expected length, for one allocation.
func readAtMost(r io.Reader, size, limit int64) ([]byte, error) {
	b := make([]byte, 0, size+1)
	for int64(len(b)) <= limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if int64(len(b)) > limit {
		return nil, ErrTooLarge
	}
	return b, nil
}

// describeMode says what a file is that is not regular, for the author's eyes.
func describeMode(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "it is a folder"
	case m&fs.ModeNamedPipe != 0:
		return "it is a named pipe"
	case m&fs.ModeSocket != 0:
		return "it is a socket"
	case m&fs.ModeDevice != 0:
		return "it is a device"
	}
	return "it is something else"
}
