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

// A Proposal is a configuration and the baseline that it is compared with: everything that
// a plan shows and an apply writes.
type Proposal struct {
	*Tree
	Lock  *LockCheck
	Prior *Baseline
	Body  []byte // of the snapshot that an apply would write
	Plan  *compiler.Plan

	// Missing is a sentence for the case that there is no snapshot in force although
	// the lockfile has records, so that something was applied before: the snapshot may
	// be lost, or its path be wrong. It is "" otherwise.
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
	return p, t.addDiagnostics(list)
}

// records counts what a lockfile records; 0 for none.
func records(lock *lockfile.File) int {
	if lock == nil {
		return 0
	}
	return len(lock.APIs) + len(lock.Clients) + len(lock.RetiredAPIs) + len(lock.RetiredClients)
}

// Saved returns the plan with the digests of its inputs. Apply refuses it once they differ.
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

// locationRest is how long a location counts as unchanged for BaselineID. A page that is open
// asks for the ID every few seconds, and must not ask a registry as often.
const locationRest = 30 * time.Second

// BaselineID identifies what Baseline would read, without reading it, so that a caller can
// keep what it read: the commit that a revision names, or the size and time of a snapshot's
// file, "" if there is no such file. Another location is not asked; its ID changes every
// half a minute.
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

// against reads what a reference names: git:REV, or the place of a snapshot.
func (w *Workspace) against(ctx context.Context, ref string) (*Baseline, error) {
	if revision, ok := strings.CutPrefix(ref, gitScheme); ok {
		return w.atRevision(ctx, revision)
	}
	place, err := w.place(ref)
	if err != nil {
		return nil, err
	}
	baseline, err := place.baseline(ctx)
	if failed, ok := errors.AsType[*diag.Failure](err); ok && errors.Is(err, fs.ErrNotExist) && w.isRevision(ctx, ref) {
		failed.Hint = fmt.Sprintf("Did you mean %q?", gitScheme+ref)
	}
	return baseline, err
}

// isRevision reports whether git knows a commit by this name.
func (w *Workspace) isRevision(ctx context.Context, name string) bool {
	repository, err := openGit(ctx, w.Dir)
	if err == nil {
		_, err = repository.reviewed(ctx, name)
	}
	return err == nil
}
