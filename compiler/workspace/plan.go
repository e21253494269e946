package workspace

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// PlanOptions are what a plan compares with and what it allows.
type PlanOptions struct {
	Against string    // "git:REV", or a path or address of a snapshot; "" is the snapshot in force
	Locked  bool      // refuse a lockfile that would change
	Replace []string  // addresses whose identifier may change
	At      time.Time // of the saved plan that is made again; the zero time is now
	Prior   *Baseline // what Against names, where it was read before; nil reads it
}

// A Proposal is a configuration beside what stands: everything that a plan shows
// and an apply writes.
type Proposal struct {
	*Tree
	Lock  *LockCheck
	Prior *Baseline
	Body  []byte // of the snapshot to be
	Plan  *compiler.Plan

	// Missing says what is known where a plan that compares with the snapshot in
	// force found none, although the lockfile tells of something that was applied.
	// It is "" otherwise.
	Missing string
}

// Plan compares the tree with the snapshot in force, or with what the options
// name. Where the error is a *diag.Problems about a plan that may not be applied, such as
// the violation of a policy for each change, the proposal is there too, to be shown.
func (w *Workspace) Plan(ctx context.Context, t *Tree, opts PlanOptions) (*Proposal, error) {
	p := &Proposal{Tree: t}
	lockOptions := compiler.LockOptions{Replace: opts.Replace, Locked: opts.Locked}
	var err error
	if opts.Prior != nil {
		prior := *opts.Prior // the plan adds the lockfile of now
		p.Prior = &prior
	} else if p.Prior, err = w.Baseline(ctx, opts.Against); err != nil {
		return nil, err
	}
	if opts.Against == "" {
		lockOptions.Prior = p.Prior.Document
	}
	if p.Lock, err = w.CheckLock(t, lockOptions); err != nil {
		return nil, err
	}
	p.Prior.Lock, p.Prior.LockDigest = p.Lock.Before, compiler.FileDigest(p.Lock.bytes)
	if n := records(p.Lock.Before); n > 0 && opts.Against == "" && p.Prior.Snapshot == nil {
		p.Missing = fmt.Sprintf("There is no snapshot in force at %q, but %s has %s, so something was applied before.",
			w.prior, w.Lockfile.Name, schema.Plural(n, "record"))
	}
	if p.Body, err = snapshot.Encode(t.Model.Document); err != nil {
		return nil, err
	}
	plan, list := compiler.NewPlan(p.Prior.Prior, t.Model, compiler.PlanOptions{
		Digest: snapshot.Digest(p.Body), Renames: p.Lock.Renames, Now: w.now(), At: opts.At, Lock: p.Lock.Next,
		LockChanged: opts.Against == "" && p.Lock.Changed(), // a comparison writes nothing
	})
	p.Plan = plan
	return p, t.take(list)
}

func records(lock *lockfile.File) int {
	if lock == nil {
		return 0
	}
	return len(lock.APIs) + len(lock.Clients) + len(lock.RetiredAPIs) + len(lock.RetiredClients)
}

// Saved binds the plan to its inputs.
func (p *Proposal) Saved(replace, flags []string) *compiler.SavedPlan {
	digest := p.Model.Config.Digest
	return &compiler.SavedPlan{
		ConfigDigest: "sha256:" + hex.EncodeToString(digest[:]),
		LockDigest:   p.Prior.LockDigest,
		Replace:      replace,
		Flags:        flags,
		Plan:         p.Plan,
	}
}

// gitScheme begins a reference to a revision of git.
const gitScheme = "git:"

// Baseline reads what a plan compares with: "git:REV", the path or address of a snapshot, or
// with "" the snapshot in force.
func (w *Workspace) Baseline(ctx context.Context, against string) (*Baseline, error) {
	if against == "" {
		return w.InForce(ctx)
	}
	return w.against(ctx, against)
}

// locationRest is how long a location counts as unchanged for BaselineID.
const locationRest = 30 * time.Second

// BaselineID identifies what Baseline would read, without reading it: the commit that a
// revision names, the size and time of a snapshot's file. It is "" where there is no such
// file. Another location is not asked, and its id is another one every half a minute.
func (w *Workspace) BaselineID(ctx context.Context, against string) (string, error) {
	if revision, ok := strings.CutPrefix(against, gitScheme); ok {
		repository, err := openGit(ctx, w.Dir)
		if err != nil {
			return "", err
		}
		return repository.reviewed(ctx, revision)
	}
	place := w.prior
	if against != "" {
		var err error
		if place, err = OpenPlace(against, w.location); err != nil {
			return "", err
		}
	}
	path, ok := place.File()
	if !ok {
		return w.now().Truncate(locationRest).String(), nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", Unreadable(err)
	}
	return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime()), nil
}

// against is what a reference names: git:REV, or the place of a snapshot.
func (w *Workspace) against(ctx context.Context, ref string) (*Baseline, error) {
	if revision, ok := strings.CutPrefix(ref, gitScheme); ok {
		return w.atRevision(ctx, revision)
	}
	place, err := w.place(ref)
	if err != nil {
		return nil, err
	}
	return place.baseline(ctx)
}

// A RevisionError is that a revision of git cannot be compared with, for what
// stands in its files.
type RevisionError struct {
	*diag.Failure
	Problems *diag.Problems
	Commit   string // the hash of the revision
}

// Unwrap gives errors.As the Failure alone: the problems are of another tree than
// the one that was compiled.
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
