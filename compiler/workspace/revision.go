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
	"io/fs"
	"os"
	"path/filepath"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/snapshot"
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

// pastInputs reads the files that flags name as they were at a commit, so that both sides of
// a comparison are made with their own.
type pastInputs struct {
	*Workspace
	repository git
	commit     string
	revision   string // as it was given
}

// options returns the workspace's options with the variable files of the commit. A value
// for a variable that the commit does not declare is ignored and not an error: the change
// under review may be the one that declares it.
func (p *pastInputs) options(ctx context.Context) (config.Options, error) {
	options := p.config
	options.OnlyDeclared, options.VarFiles = true, nil
	options.Cache = nil // it is for the files as they are now
	for i, file := range p.varFiles {
		now := p.config.VarFiles[i]
		if file.top == "" {
			p.note(fmt.Sprintf("%q lies outside of the repository: it is used for both sides as it is now.", file.name))
			options.VarFiles = append(options.VarFiles, now)
			continue
		}
		content, err := file.atCommit(ctx, p.repository, p.commit)
		if errors.Is(err, fs.ErrNotExist) {
			p.note(fmt.Sprintf("%q is not in git at %s: it is left out there.", file.name, p.revision))
			continue
		}
		if err != nil {
			return config.Options{}, err
		}
		options.VarFiles = append(options.VarFiles, config.VarFile{Name: now.Name, Bytes: content})
	}
	return options, nil
}

// lock returns the lockfile at the commit, nil if there was none.
func (p *pastInputs) lock(ctx context.Context) (*lockfile.File, error) {
	file := p.input(p.Lockfile)
	if file.top == "" {
		p.note(fmt.Sprintf("The lockfile %q lies outside of the repository: what was released in it is not compared.", file.name))
		return nil, nil
	}
	content, err := file.atCommit(ctx, p.repository, p.commit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Its layout is no matter here: it may be that of another version of writ.
	lock, list := lockfile.ParseWithoutCanonicalCheck(file.name, source.UnixLines(content))
	if list.HasErrors() {
		return nil, &RevisionError{
			Failure:  diag.Failf("git-failed", "Compare with a revision where it can be.", "the lockfile at %q cannot be read", p.revision),
			Problems: &diag.Problems{List: list.Errors(), Sources: map[string][]byte{file.name: content}},
			Commit:   p.commit,
		}
	}
	return lock, nil
}

// A RevisionError says that a revision of git cannot be compared with, because its files do
// not compile.
type RevisionError struct {
	*diag.Failure
	Problems *diag.Problems
	Commit   string // the hash of the revision
}

// Unwrap returns the Failure alone. errors.As must not find the Problems: their ranges are in
// the files of the revision and not in those on disk, which would be shown for them.
func (e *RevisionError) Unwrap() error { return e.Failure }

// atRevision compiles the configuration as it stood at a git revision.
func (w *Workspace) atRevision(ctx context.Context, revision string) (*Baseline, error) {
	repository, err := openGit(ctx, w.Dir)
	if err != nil {
		return nil, err
	}
	commit, err := repository.reviewed(ctx, revision)
	if err != nil {
		return nil, err
	}
	files, err := openGitFS(ctx, repository, commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if !files.hasConfiguration() {
		w.note(fmt.Sprintf("There was no configuration here at %s: everything is new.", revision))
		return &Baseline{}, nil
	}
	past := &pastInputs{Workspace: w, repository: repository, commit: commit, revision: revision}
	options, err := past.options(ctx)
	if err != nil {
		return nil, err
	}
	t, err := w.compile(config.LoadFS(files, options))
	if absent := files.absent.Load(); absent != nil {
		return nil, *absent
	}
	if problems, ok := errors.AsType[*diag.Problems](err); ok {
		return nil, &RevisionError{
			Failure:  diag.Failf("git-failed", "Compare with a revision that does.", "the configuration at %q does not compile", revision),
			Problems: &diag.Problems{List: problems.List.Errors(), Sources: problems.Sources},
			Commit:   commit,
		}
	}
	if err != nil {
		return nil, err
	}
	for _, name := range t.Model.Config.LeftOut {
		w.note(fmt.Sprintf("var.%s is not declared at %s: its value is left out there.", name, revision))
	}
	body, err := snapshot.Encode(t.Model.Document)
	if err != nil {
		return nil, err
	}
	b := &Baseline{commit: commit}
	b.Document, b.Digest, b.Model = t.Model.Document, snapshot.Digest(body), t.Model
	b.Records, err = past.lock(ctx)
	return b, err
}
