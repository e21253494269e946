package workspace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A gitFS is a folder as it stood at a commit. Links are followed inside the
// tree and nowhere else, as os.Root does it on disk. It has the names of all files, and
// reads a content when it is asked for. It is safe for use by many goroutines.
type gitFS struct {
	nodes   map[string]*gitNode // by path; "." is the folder itself
	readers []*gitBlobs
	absent  atomic.Pointer[error] // why a submodule that was to be read is not there; nil while none was
}

// A gitNode is a file, a link or a folder of a gitFS.
type gitNode struct {
	name     string
	mode     fs.FileMode
	size     int64
	oid      string
	blobs    *gitBlobs
	children []fs.DirEntry // of a folder, sorted
	absent   error         // of a submodule: why its content is not there
}

// openGitFS reads the tree; the content of a file is read when it is opened.
func openGitFS(ctx context.Context, repository git, commit string) (*gitFS, error) {
	tree := &gitFS{nodes: map[string]*gitNode{".": {name: ".", mode: fs.ModeDir | 0o755}}}
	if err := tree.mount(ctx, repository, commit, ""); err != nil {
		return nil, errors.Join(err, tree.Close())
	}
	for _, node := range tree.nodes {
		slices.SortFunc(node.children, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return tree, nil
}

// mount adds the tree of a repository's folder below a path, its submodules with it.
func (t *gitFS) mount(ctx context.Context, repository git, commit, below string) error {
	entries, err := repository.list(ctx, commit)
	if err != nil {
		return err
	}
	blobs, err := repository.blobs(ctx)
	if err != nil {
		return err
	}
	t.readers = append(t.readers, blobs)
	for _, entry := range entries {
		name := path.Join(below, entry.path)
		switch entry.mode {
		case "160000":
			sub, err := repository.openSubmodule(ctx, commit, entry)
			t.add(name, &gitNode{mode: fs.ModeDir | 0o755, absent: err})
			if err != nil {
				continue // nobody may ask for it: what is in a hidden folder is no configuration
			}
			if err := t.mount(ctx, sub, entry.oid, name); err != nil {
				return err
			}
		case "120000":
			t.add(name, &gitNode{mode: fs.ModeSymlink | 0o777, size: entry.size, oid: entry.oid, blobs: blobs})
		default:
			t.add(name, &gitNode{mode: 0o644, size: entry.size, oid: entry.oid, blobs: blobs})
		}
	}
	return nil
}

// add puts a node in its place and makes the folders above it.
func (t *gitFS) add(name string, node *gitNode) {
	if t.nodes[name] != nil {
		return
	}
	node.name = path.Base(name)
	t.nodes[name] = node
	parent := path.Dir(name)
	t.add(parent, &gitNode{mode: fs.ModeDir | 0o755})
	t.nodes[parent].children = append(t.nodes[parent].children, fs.FileInfoToDirEntry(node))
}

// Close ends the processes that read objects.
func (t *gitFS) Close() error {
	var errs []error
	for _, reader := range t.readers {
		errs = append(errs, reader.Close())
	}
	return errors.Join(errs...)
}

// Open implements fs.FS. It follows links.
func (t *gitFS) Open(name string) (fs.File, error) {
	node, err := t.resolve("open", name)
	if err != nil {
		return nil, err
	}
	if node.IsDir() {
		return &gitDir{gitNode: node}, nil
	}
	content, err := node.content()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &gitFile{gitNode: node, Reader: bytes.NewReader(content)}, nil
}

// Lstat and ReadLink implement fs.ReadLinkFS.
func (t *gitFS) Lstat(name string) (fs.FileInfo, error) {
	node := t.nodes[name]
	if node == nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return node, nil
}

// ReadLink returns what a link leads to, as it is written. Git keeps that as the link's
// content.
func (t *gitFS) ReadLink(name string) (string, error) {
	node := t.nodes[name]
	if node == nil || node.mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := node.content()
	return string(target), err
}

// maxLinks is how many links a name may lead through; a cycle has no end. Linux follows 40
// too, so a tree that can be read on disk can be read here.
const maxLinks = 40

// Why a link is not followed. Both gitFS and git cat-file find such links.
var (
	errLinkCycle = errors.New("too many links")
	errLinkOut   = errors.New("the link leaves the tree")
)

// resolve finds the file or folder that a name leads to, part by part.
func (t *gitFS) resolve(op, name string) (*gitNode, error) {
	fail := func(err error) (*gitNode, error) { return nil, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at, rest, links := ".", name, 0
	for rest != "" && rest != "." {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, part)
		node := t.nodes[next]
		if node == nil {
			return fail(fs.ErrNotExist)
		}
		if node.absent != nil {
			t.absent.CompareAndSwap(nil, &node.absent)
			return fail(node.absent)
		}
		if node.mode.Type() != fs.ModeSymlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return fail(errLinkCycle)
		}
		target, err := node.content()
		if err != nil {
			return fail(err)
		}
		rest = path.Join(at, string(target), rest)
		if path.IsAbs(string(target)) || rest == ".." || strings.HasPrefix(rest, "../") {
			return fail(errLinkOut)
		}
		at = "."
	}
	return t.nodes[at], nil
}

// content is that of a file, or where a link leads; a folder has none.
func (n *gitNode) content() ([]byte, error) { return n.blobs.read(n.oid) }

// A gitNode is its own fs.FileInfo.
func (n *gitNode) Name() string               { return n.name }
func (n *gitNode) Size() int64                { return n.size }
func (n *gitNode) Mode() fs.FileMode          { return n.mode }
func (n *gitNode) ModTime() time.Time         { return time.Time{} }
func (n *gitNode) IsDir() bool                { return n.mode.IsDir() }
func (n *gitNode) Sys() any                   { return nil }
func (n *gitNode) Stat() (fs.FileInfo, error) { return n, nil }
func (n *gitNode) Close() error               { return nil }

// A gitFile is an open file.
type gitFile struct {
	*gitNode
	*bytes.Reader
}

// Size is of the file, not of what is left to read.
func (f *gitFile) Size() int64 { return f.gitNode.size }

// A gitDir is an open folder.
type gitDir struct {
	*gitNode
	read int // how many children ReadDir has returned
}

// Read fails, as it does for a folder on disk.
func (d *gitDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *gitDir) ReadDir(n int) ([]fs.DirEntry, error) {
	left := d.children[d.read:]
	if n > 0 {
		if len(left) == 0 {
			return nil, io.EOF
		}
		left = left[:min(n, len(left))]
	}
	d.read += len(left)
	return slices.Clone(left), nil
}

// hasConfiguration reports whether any file of the tree could belong to a
// configuration, or be in a submodule that is not there to be looked into.
func (t *gitFS) hasConfiguration() bool {
	for name, node := range t.nodes {
		if node.absent != nil || strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json") {
			return true
		}
	}
	return false
}
