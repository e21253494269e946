package workspace

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// ReleaseOptions are what the next snapshot says of itself. First and AfterSerial
// say where serials go on from when the snapshot in force is not at hand: without
// either, a lockfile that has records and no snapshot beside it is refused, since
// what is made from nothing gets serial 1, which servers that have a newer one
// never take.
type ReleaseOptions struct {
	First       bool               // nothing was applied before
	AfterSerial uint64             // the serial that servers have; 0 when it is not known
	Revision    string             // to record where git does not tell
	Version     string             // of the program
	Key         ed25519.PrivateKey // signs the snapshot; nil for none
}

// MaxAfterSerial bounds ReleaseOptions.AfterSerial: it leaves a serial for this
// apply and one to mend it.
const MaxAfterSerial = snapshot.MaxSerial - 2

// A Release is a snapshot about to be written, with the plan that explains it.
type Release struct {
	Plan     *compiler.Plan
	Envelope snapshot.Envelope
	Prior    *Baseline
	Lockfile string // path
	Snapshot string // path

	root     string
	body     []byte
	sources  *snapshot.Sources
	nextLock []byte             // nil leaves the lockfile alone
	key      ed25519.PrivateKey // nil for an unsigned snapshot
	rand     io.Reader
}

// Release makes of a proposal what is to be written.
func (w *Workspace) Release(ctx context.Context, p *Proposal, o ReleaseOptions) (*Release, error) {
	serial, err := w.serial(p, o)
	if err != nil {
		return nil, err
	}
	revision, err := w.revision(ctx, p.Tree, o.Revision)
	if err != nil {
		return nil, err
	}
	sources, err := Sources(p.Body, p.Model)
	if err != nil {
		return nil, err
	}
	lock, now := p.Lock.Next.Bytes(), w.now()
	r := &Release{
		Plan: p.Plan, Prior: p.Prior, Lockfile: w.Lockfile.Path, Snapshot: w.Snapshot,
		root: w.Dir, body: p.Body, sources: sources, key: o.Key, rand: w.rand,
	}
	r.Envelope = snapshot.Envelope{
		Serial: serial, Previous: p.Prior.Digest, Revision: revision,
		Created: now.UTC().Truncate(time.Second), Environment: p.Model.Document.Issuer.Environment,
		LockDigest: compiler.FileDigest(lock), WritVersion: o.Version,
		PastLifetimes: compiler.NextPastLifetimes(p.Prior.Prior, p.Model.Document, now),
	}
	if p.Lock.Changed() {
		r.nextLock = lock
	}
	return r, nil
}

// serial is the one that the next snapshot gets.
func (w *Workspace) serial(p *Proposal, o ReleaseOptions) (uint64, error) {
	name := filepath.ToSlash(w.Snapshot)
	switch {
	case o.First && p.Prior.Snapshot != nil:
		return 0, diag.Failf("snapshot-exists", "Leave --first out.",
			"--first says that nothing was applied before, but the snapshot in force at %q has serial %d", name, p.Prior.Serial)
	case o.AfterSerial > 0 && o.AfterSerial < p.Prior.Serial:
		return 0, diag.Failf("snapshot-exists", "Leave --after-serial out.",
			"--after-serial says that servers have serial %d, but the snapshot in force at %q has serial %d", o.AfterSerial, name, p.Prior.Serial)
	case p.Missing != "" && !o.First && o.AfterSerial == 0:
		return 0, &diag.Problems{List: diag.List{SnapshotMissing(diag.Error, p.Missing+
			" What is made from nothing gets serial 1, and servers that have a newer one refuse it.")}}
	}
	return max(p.Prior.Serial, o.AfterSerial) + 1, nil
}

// SnapshotMissing tells whoever has no snapshot how to get one, and how to go on without.
func SnapshotMissing(severity diag.Severity, text string) diag.Diagnostic {
	d := diag.New("snapshot-missing", hcl.Range{}, text+`

Fetch the snapshot in force to that path, or name it with --snapshot. Every writd has it: its --snapshot file or, where that is an address, last.snapshot in its --state folder.
If nothing was ever applied: writ apply --first.
If it is lost: writ apply --after-serial SERIAL, the highest serial that a writd tells at /status of its admin listener.`)
	return d.WithSeverity(severity)
}

// Rollback makes a release of an older snapshot: the old body under the serial
// after that of the one in force. The lockfile stays. Of the options only Version
// and Key count.
func (w *Workspace) Rollback(old *snapshot.Snapshot, o ReleaseOptions) (*Release, error) {
	prior, err := InForce(w.Snapshot)
	if err != nil {
		return nil, err
	}
	if prior.Snapshot == nil {
		return nil, diag.Failf("unreadable-file", "Name it with --snapshot.", "there is no snapshot in force at %q", filepath.ToSlash(w.Snapshot))
	}
	lock, err := ReadFile(w.Lockfile.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	prior.LockDigest = compiler.FileDigest(lock)
	envelope := old.Envelope()
	now, document := w.now(), snapshot.Decode(old)
	envelope.Serial, envelope.Previous = prior.Serial+1, prior.Digest
	envelope.Created, envelope.LockDigest = now.UTC().Truncate(time.Second), prior.LockDigest
	envelope.WritVersion = o.Version
	envelope.PastLifetimes = compiler.NextPastLifetimes(prior.Prior, document, now)
	return &Release{
		Plan: compiler.RollbackPlan(prior.Prior, document, old.Digest(), now), Envelope: envelope, Prior: prior,
		Lockfile: w.Lockfile.Path, Snapshot: w.Snapshot,
		root: w.Dir, body: old.Body(), sources: old.Sources(), key: o.Key, rand: w.rand,
	}, nil
}

// Needed reports whether there is anything to write: a change, the first
// snapshot, a serial that servers are ahead of, or a signature that the one in
// force lacks.
func (r *Release) Needed() bool {
	if !r.Plan.Empty() || r.Prior.Snapshot == nil || r.Envelope.Serial > r.Prior.Serial+1 {
		return true
	}
	if r.key == nil {
		return false
	}
	public := r.key.Public().(ed25519.PublicKey)
	return r.Prior.Snapshot.VerifySignatures([]ed25519.PublicKey{public}) != nil
}

// Check refuses what would come after the highest serial.
func (r *Release) Check() error {
	if r.Envelope.Serial <= snapshot.MaxSerial {
		return nil
	}
	return diag.Failf("serials-used-up",
		"To begin anew, move that snapshot away, run writ apply --first, and start each writd without the served.json of its --state folder.",
		"the snapshot in force at %q has serial %d, the highest there is, so nothing was written", filepath.ToSlash(r.Snapshot), r.Prior.Serial)
}

// DropsSignature reports whether an unsigned snapshot would replace a signed one.
func (r *Release) DropsSignature() bool {
	return r.key == nil && r.Prior.Snapshot != nil && len(r.Prior.Snapshot.Envelope().Signatures) > 0
}

// Apply signs the snapshot and writes it, the lockfile first, as compiler.Apply
// does. Nothing is written when a file has changed since the plan; an error with
// compiler.ErrInForce in its chain says that everything is.
func (r *Release) Apply(ctx context.Context) error {
	r.Envelope.Bind(r.body, r.sources)
	if r.key != nil {
		snapshot.Sign(&r.Envelope, r.key)
	}
	file, err := snapshot.Marshal(r.Envelope, r.body, r.sources)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return apply(ctx, compiler.ApplyRequest{
		Root: r.root, Lockfile: r.Lockfile, Snapshot: r.Snapshot, NextLock: r.nextLock, NextSnapshot: file,
		LockDigest: r.Prior.LockDigest, SnapshotDigest: r.Prior.FileDigest, Rand: r.rand,
	})
}

// WriteLock writes the lockfile alone.
func (w *Workspace) WriteLock(ctx context.Context, c *LockCheck) error {
	return apply(ctx, compiler.ApplyRequest{
		Root: w.Dir, Lockfile: w.Lockfile.Path, NextLock: c.Next.Bytes(),
		LockDigest: compiler.FileDigest(c.bytes), Rand: w.rand,
	})
}

// maxLockWait bounds the wait for another program at work in the same folder.
const maxLockWait = 10 * time.Second

func apply(ctx context.Context, request compiler.ApplyRequest) error {
	ctx, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	return ApplyError(compiler.Apply(ctx, request))
}

// ApplyError is an error of compiler.Apply, or of a saved plan that does not fit,
// with what to do about it.
func ApplyError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, compiler.ErrStale):
		return diag.Failf("plan-stale", "Nothing was written: look at a new plan, then apply that.", "%w", err)
	case errors.Is(err, compiler.ErrOtherPlan):
		return diag.Failf("plan-invalid", "Nothing was written: make it anew with writ plan --out FILE.", "%w", err)
	case errors.Is(err, compiler.ErrInForce):
		return diag.Failf("not-durable", "Everything is written and a second run has nothing to do. Check the disk: until it is sound, a power failure may bring the old files back.", "%w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return diag.Failf("busy", "Wait for it, then run this again.", "another writ is at work in this folder: %w", err)
	}
	return Unwritable(err)
}

// Snapshot makes a snapshot file of a document that no file holds, with the places
// where the model declares each object.
func Snapshot(doc *schema.Document, model *compiler.Model, serial uint64, created time.Time) ([]byte, error) {
	body, err := snapshot.Encode(doc)
	if err != nil {
		return nil, err
	}
	sources, err := Sources(body, model)
	if err != nil {
		return nil, err
	}
	envelope := snapshot.Envelope{Serial: serial, Created: created.UTC().Truncate(time.Second), Environment: doc.Issuer.Environment}
	envelope.Bind(body, sources)
	return snapshot.Marshal(envelope, body, sources)
}

// Sources says where each object of a snapshot's body was declared.
func Sources(body []byte, model *compiler.Model) (*snapshot.Sources, error) {
	type object struct {
		kind  snapshot.Kind
		label string
	}
	places := map[object]compiler.Source{}
	for _, source := range model.Sources() {
		places[object{snapshot.Kind(source.Kind), source.Label}] = source
	}
	sources, err := snapshot.NewSources(body, func(kind snapshot.Kind, label string) (string, int, bool) {
		source, ok := places[object{kind, label}]
		return source.File, source.Line, ok
	})
	if err != nil {
		return nil, fmt.Errorf("record sources: %w", err)
	}
	return sources, nil
}
