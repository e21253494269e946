package workspace

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/watch"
)

// PlanOptions are what a plan compares with and what it allows.
type PlanOptions struct {
	Against string    // "git:REV", a URL or a file; "" is the snapshot in force
	Locked  bool      // refuse a lockfile that would change
	Replace []string  // addresses whose identifier may change
	At      time.Time // of the saved plan that is made again; the zero time is now
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
// name.
func (w *Workspace) Plan(ctx context.Context, t *Tree, opts PlanOptions) (*Proposal, error) {
	p := &Proposal{Tree: t}
	lockOptions := compiler.LockOptions{Replace: opts.Replace, Locked: opts.Locked}
	var err error
	if opts.Against != "" {
		p.Prior, err = w.against(ctx, opts.Against)
	} else if p.Prior, err = InForce(w.Snapshot); err == nil {
		lockOptions.Prior = p.Prior.Document
	}
	if err != nil {
		return nil, err
	}
	if p.Lock, err = w.CheckLock(t, lockOptions); err != nil {
		return nil, err
	}
	p.Prior.Lock, p.Prior.LockDigest = p.Lock.Before, compiler.FileDigest(p.Lock.bytes)
	if n := records(p.Lock.Before); n > 0 && opts.Against == "" && p.Prior.Snapshot == nil {
		p.Missing = fmt.Sprintf("There is no snapshot in force at %q, but %s has %s, so something was applied before.",
			filepath.ToSlash(w.Snapshot), w.Lockfile.Name, schema.Plural(n, "record"))
	}
	if p.Body, err = snapshot.Encode(t.Model.Document); err != nil {
		return nil, err
	}
	plan, list := compiler.NewPlan(p.Prior.Prior, t.Model, compiler.PlanOptions{
		Digest: snapshot.Digest(p.Body), Renames: p.Lock.Renames, Now: w.now(), At: opts.At, Lock: p.Lock.Next,
		LockChanged: opts.Against == "" && p.Lock.Changed(), // a comparison writes nothing
	})
	if err := t.take(list); err != nil {
		return nil, err
	}
	p.Plan = plan
	return p, nil
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

// A Baseline is what a plan compares with.
type Baseline struct {
	compiler.Prior
	Snapshot   *snapshot.Snapshot // nil when there is none
	FileDigest string             // of the snapshot file, "" when there is none
}

func newBaseline(snap *snapshot.Snapshot, fileDigest string) *Baseline {
	b := &Baseline{Snapshot: snap, FileDigest: fileDigest}
	b.Document = snapshot.Decode(snap)
	b.Records = compiler.LockFromDocument(b.Document)
	b.Digest = snap.Digest()
	b.Serial = snap.Envelope().Serial
	b.PastLifetimes = snap.Envelope().PastLifetimes
	return b
}

// InForce is the snapshot at a path, the zero Baseline when there is none.
func InForce(path string) (*Baseline, error) {
	b, err := fromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Baseline{}, nil
	}
	return b, err
}

func fromFile(path string) (*Baseline, error) {
	content, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	snap, err := OpenSnapshot(content, filepath.ToSlash(path))
	if err != nil {
		return nil, err
	}
	return newBaseline(snap, compiler.FileDigest(content)), nil
}

// ReadSnapshot reads a snapshot file.
func ReadSnapshot(path string) (*snapshot.Snapshot, error) {
	content, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return OpenSnapshot(content, filepath.ToSlash(path))
}

// OpenSnapshot is snapshot.Open with an error that says what to do about the file
// of that name.
func OpenSnapshot(content []byte, name string) (*snapshot.Snapshot, error) {
	snap, err := snapshot.Open(content)
	if err == nil {
		return snap, nil
	}
	if _, ok := errors.AsType[*snapshot.VersionError](err); ok {
		return nil, diag.Failf("snapshot-version", "", "read snapshot %q: %w", name, err)
	}
	return nil, diag.Failf("snapshot-invalid", "It is damaged or no snapshot. Fetch the one in force again; where that is lost, move this file away: \"writ apply\" says how to go on.",
		"read snapshot %q: %w", name, err)
}

// against is what a reference names: git:REV, a URL or a file.
func (w *Workspace) against(ctx context.Context, ref string) (*Baseline, error) {
	if revision, ok := strings.CutPrefix(ref, "git:"); ok {
		return w.atRevision(ctx, revision)
	}
	if !strings.HasPrefix(ref, "https://") && !strings.HasPrefix(ref, "http://") {
		return fromFile(ref)
	}
	content, err := fetchSnapshot(ctx, ref)
	if err != nil {
		return nil, err
	}
	snap, err := OpenSnapshot(content, ref)
	if err != nil {
		return nil, err
	}
	return newBaseline(snap, compiler.FileDigest(content)), nil
}

// A RevisionError is that a revision of git cannot be compared with, for what
// stands in its files.
type RevisionError struct {
	*diag.Failure
	Problems *diag.Problems
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
	b := &Baseline{}
	b.Document, b.Digest, b.Model = t.Model.Document, snapshot.Digest(body), t.Model
	b.Records, err = past.lock(ctx)
	return b, err
}

// FetchTimeout bounds every request that a command makes.
const FetchTimeout = 30 * time.Second

// fetchSnapshot gets a snapshot over HTTP. Plain http is for loopback only: a
// plan decides what a reviewer believes.
func fetchSnapshot(ctx context.Context, ref string) ([]byte, error) {
	target, err := url.Parse(ref)
	if err != nil {
		return nil, diag.Usagef("invalid URL %q", ref)
	}
	if target.Scheme == "http" && !schema.IsLoopback(target.Hostname()) {
		return nil, diag.Usagef("%q: plain http is for loopback addresses only", ref)
	}
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, ref, nil)
	if err != nil {
		return nil, diag.Usagef("invalid URL %q", ref)
	}
	client := &http.Client{CheckRedirect: watch.RedirectToHTTPS}
	response, err := client.Do(request)
	if err != nil {
		return nil, diag.Failf("unreachable", "", "fetch snapshot: %w", err) // net/http leaves the password out
	}
	defer response.Body.Close()
	ref = target.Redacted()
	if response.StatusCode != http.StatusOK {
		return nil, diag.Failf("unreachable", "", "fetch snapshot %q: %s", ref, response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxInput+1))
	if err == nil && len(content) > maxInput {
		err = fmt.Errorf("larger than %d bytes", maxInput)
	}
	if err != nil {
		return nil, diag.Failf("unreachable", "", "fetch snapshot %q: %w", ref, err)
	}
	return content, nil
}
