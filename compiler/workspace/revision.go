package workspace

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
)

// A Commit says which commit and which folder of a repository the configuration is.
type Commit struct {
	Hash   string // in full; "" without git, or before the first commit
	Folder string // from the top of the repository: "" or "a/b/"
	Clean  bool   // the folder is exactly that of the commit
}

// Commit returns the HEAD commit of the checkout around the folder, the zero Commit if there
// is no git, no checkout or no commit yet. sources are the files of the configuration, by
// name: one that is not in the commit makes the folder unclean.
func (w *Workspace) Commit(ctx context.Context, sources map[string][]byte) (Commit, error) {
	repository, err := openGit(ctx, w.Dir)
	if errors.Is(err, errEmbedded) {
		return Commit{}, err
	}
	if err != nil {
		return Commit{}, nil // no git, or no checkout
	}
	var c Commit
	if c.Hash, err = repository.commit(ctx, "HEAD"); err != nil {
		return Commit{}, nil // no commit yet
	}
	if c.Folder, err = repository.prefix(ctx); err != nil {
		return Commit{}, err
	}
	entries, err := repository.list(ctx, c.Hash)
	if err != nil {
		return Commit{}, err
	}
	c.Clean = w.clean(entries, sources)
	return c, nil
}

// revision returns what the snapshot will say that it was made from: the git commit if the
// configuration's folder is exactly as in that commit, else the text that was given.
func (w *Workspace) revision(ctx context.Context, t *Tree, given string) (string, error) {
	c, err := w.Commit(ctx, t.Model.Config.Sources)
	if err != nil || !c.Clean {
		return given, err
	}
	return c.Hash, nil
}

// clean reports whether every file of the configuration is in the commit and
// every file of the commit is on disk as it is there. Comparing here, and not
// with "git status", runs none of the filters that a checkout may configure.
// The lockfile and the snapshot are what an apply writes, so they do not count.
func (w *Workspace) clean(entries []gitEntry, sources map[string][]byte) bool {
	committed := make(map[string]bool, len(entries))
	for _, entry := range entries {
		committed[entry.path] = true
		path := filepath.Join(w.Dir, filepath.FromSlash(entry.path))
		if path == w.Lockfile.Path || filepath.Base(path) == SnapshotName {
			continue
		}
		if !sameAsCommitted(entry, path) {
			return false
		}
	}
	for name := range sources {
		if !committed[name] {
			return false
		}
	}
	return true
}

// sameAsCommitted reports whether a file has the content of a commit's entry. Line
// endings that git converted on checkout do not make a difference.
func sameAsCommitted(entry gitEntry, path string) bool {
	var content []byte
	switch entry.mode {
	case "160000":
		return false // a submodule's state is not this commit's
	case "120000":
		target, err := os.Readlink(path)
		if err != nil {
			return false
		}
		content = []byte(filepath.ToSlash(target))
	default:
		var err error
		if content, err = ReadFile(path); err != nil {
			return false
		}
	}
	return blobID(content, len(entry.oid)) == entry.oid ||
		blobID(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), len(entry.oid)) == entry.oid
}

// blobID returns git's name for a file's content, in a repository whose names have that many
// hex digits: 40 are SHA-1, 64 are SHA-256.
func blobID(content []byte, digits int) string {
	var sum hash.Hash = sha1.New()
	if digits == hex.EncodedLen(sha256.Size) {
		sum = sha256.New()
	}
	fmt.Fprintf(sum, "blob %d\x00", len(content))
	sum.Write(content)
	return hex.EncodeToString(sum.Sum(nil))
}
