package workspace

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// ReleaseOptions are what the next snapshot says of itself. First and AfterSerial
// say where serials go on from when the snapshot in force is not at hand: without
// either, a lockfile that has records and no snapshot beside it is refused, since
// what is made from nothing gets serial 1, which servers that have a newer one
// never take.
type ReleaseOptions struct {
	First       bool   // nothing was applied before
	AfterSerial uint64 // the serial that servers have; 0 when it is not known
	Revision    string // to record where git does not tell
	Version     string // of the program
	Percent     int    // of the fleet that takes it first; 0 for all
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
	Snapshot Place
	Percent  int // of the fleet that takes it; 0 for all

	replaced condition
	root     string
	model    *compiler.Model // nil for a snapshot that was there before
	body     []byte
	sources  *snapshot.Sources
	file     []byte             // of a snapshot that was staged; nil makes one of body and sources
	forced   bool               // it is needed whatever the plan says
	nextLock []byte             // nil leaves the lockfile alone
	key      ed25519.PrivateKey // nil for an unsigned snapshot
	rand     io.Reader
}

// Release turns a proposal into what Apply writes: the next lockfile and the next snapshot
// with its envelope. Nothing is written or signed yet.
func (w *Workspace) Release(ctx context.Context, p *Proposal, o ReleaseOptions) (*Release, error) {
	if len(p.Unsatisfied) > 0 { // such a tree is for a review alone
		return nil, p.Refused()
	}
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
	replaced, err := w.replaced(ctx, p.Prior, o.Percent)
	if err != nil {
		return nil, err
	}
	lock, now := p.Lock.Next.Bytes(), w.now()
	r := &Release{
		Plan: p.Plan, Prior: p.Prior, Lockfile: w.Lockfile.Path, Snapshot: w.Snapshot, Percent: o.Percent,
		replaced: replaced, root: w.Dir, model: p.Model, body: p.Body, sources: sources, key: w.key, rand: w.rand,
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

// A condition is what must still be in the place that a release is written to.
type condition struct {
	fileDigest string        // of a file: compiler.FileDigest
	head       location.Head // of another location; zero for no snapshot
}

// replaced returns the condition for a release that goes on from the baseline: the place
// still holds it. If the baseline was read from another place (--prior), a location must
// hold the same snapshot. A file may then hold any snapshot, because it is only a copy to be
// uploaded; a file that is no snapshot is still not overwritten.
func (w *Workspace) replaced(ctx context.Context, prior *Baseline, percent int) (condition, error) {
	if err := w.checkStage(prior, percent); err != nil {
		return condition{}, err
	}
	if !w.priorNamed {
		return condition{prior.FileDigest, prior.head}, nil
	}
	if _, ok := w.Snapshot.File(); !ok {
		return condition{head: location.Head{Serial: prior.Serial, Digest: prior.Digest}}, nil
	}
	there, err := w.Snapshot.baseline(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return condition{}, nil
	}
	if err != nil {
		return condition{}, err
	}
	return condition{fileDigest: there.FileDigest}, nil
}

// serial returns the serial of the next snapshot: one more than the highest that is known.
// Serials never go back, since every writd refuses a lower one than it has served.
func (w *Workspace) serial(p *Proposal, o ReleaseOptions) (uint64, error) {
	name := w.prior.String()
	switch {
	case o.First && p.Prior.Snapshot != nil:
		return 0, diag.Failf("snapshot-exists", "Leave --first out.",
			"--first says that nothing was applied before, but the snapshot in force at %q has serial %d", name, p.Prior.Serial)
	case o.AfterSerial > 0 && o.AfterSerial < p.Prior.Serial:
		return 0, diag.Failf("snapshot-exists", "Leave --after-serial out.",
			"--after-serial says that servers have serial %d, but the snapshot in force at %q has serial %d", o.AfterSerial, name, p.Prior.Serial)
	case p.Missing != "" && !o.First && o.AfterSerial == 0:
		return 0, &diag.Problems{List: diag.List{w.SnapshotMissing(diag.Error, p.Missing+
			" What is made from nothing gets serial 1, and servers that have a newer one refuse it.")}}
	}
	return max(p.Prior.Serial, o.AfterSerial) + 1, nil
}

// SnapshotMissing returns the diagnostic about a missing snapshot. It says how to get it back,
// and how to go on if there was none or it is lost.
func (w *Workspace) SnapshotMissing(severity diag.Severity, text string) diag.Diagnostic {
	fetch := "Fetch the snapshot in force to that path, or name it with --snapshot. Every writd has it: its --snapshot file or, where that is an address, last.snapshot in its --state folder."
	if _, ok := w.prior.File(); !ok {
		fetch = "Correct the address, if servers follow another. Where the snapshot was deleted, name a copy with --prior: every writd has one, last.snapshot in its --state folder."
	}
	d := diag.New("snapshot-missing", hcl.Range{}, text+"\n\n"+fetch+`
If nothing was ever applied: writ apply --first.
If it is lost: writ apply --after-serial SERIAL, the highest serial that a writd tells at /status of its admin listener.`)
	return d.WithSeverity(severity)
}

// Rollback makes a release of an older snapshot: the old body under the serial
// after that of the one in force. The lockfile stays. Of the options only Version
// counts.
func (w *Workspace) Rollback(ctx context.Context, old *snapshot.Snapshot, o ReleaseOptions) (*Release, error) {
	prior, err := w.InForce(ctx)
	if err != nil {
		return nil, err
	}
	if prior.Snapshot == nil {
		return nil, diag.Failf("unreadable-file", "Name it with --snapshot.", "there is no snapshot in force at %q", w.prior)
	}
	replaced, err := w.replaced(ctx, prior, 0)
	if err != nil {
		return nil, err
	}
	if prior.LockDigest, err = w.lockDigest(); err != nil {
		return nil, err
	}
	return w.releaseAgain(old, prior, replaced, o), nil
}

// lockDigest returns the digest of the lockfile, "" if there is none.
func (w *Workspace) lockDigest() (string, error) {
	lock, err := ReadFile(w.Lockfile.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return compiler.FileDigest(lock), nil
}

// releaseAgain returns a release of an older snapshot's body as the successor of prior. Its
// revision stays that of the old snapshot, which is where the body comes from.
func (w *Workspace) releaseAgain(old *snapshot.Snapshot, prior *Baseline, replaced condition, o ReleaseOptions) *Release {
	envelope := old.Envelope()
	now, document := w.now(), snapshot.Decode(old)
	envelope.Serial, envelope.Previous = prior.Serial+1, prior.Digest
	envelope.Created, envelope.LockDigest = now.UTC().Truncate(time.Second), prior.LockDigest
	envelope.WritVersion = o.Version
	envelope.PastLifetimes = compiler.NextPastLifetimes(prior.Prior, document, now)
	return &Release{
		Plan: compiler.PlanBetween(prior.Prior, document, old.Digest(), now), Envelope: envelope, Prior: prior,
		Lockfile: w.Lockfile.Path, Snapshot: w.Snapshot,
		replaced: replaced, root: w.Dir, body: old.Body(), sources: old.Sources(), key: w.key, rand: w.rand,
	}
}

// Needed reports whether there is anything to write: a change, the first
// snapshot, a serial that servers are ahead of, or a signature that the one in
// force lacks.
func (r *Release) Needed() bool {
	if r.forced || !r.Plan.Empty() || r.Prior.Snapshot == nil || r.Envelope.Serial > r.Prior.Serial+1 {
		return true
	}
	if r.key == nil {
		return false
	}
	public := r.key.Public().(ed25519.PublicKey)
	return r.Prior.Snapshot.VerifySignatures([]ed25519.PublicKey{public}) != nil
}

// Check refuses a release with a serial beyond the highest one.
func (r *Release) Check() error {
	if r.Envelope.Serial <= snapshot.MaxSerial {
		return nil
	}
	return diag.Failf("serials-used-up",
		"To begin anew, move that snapshot away, run writ apply --first, and start each writd without the served.json of its --state folder.",
		"the snapshot in force at %q has serial %d, the highest there is, so nothing was written", r.Snapshot, r.Prior.Serial)
}

// Warnings are about what will be written beside the plan: an unsigned snapshot that replaces
// a signed one. They stand in no block, so the issuer's accept acknowledges them, where the
// release is made of a configuration.
func (r *Release) Warnings() diag.List {
	signed := r.key != nil || r.file != nil && len(r.Envelope.Signatures) > 0
	if signed || r.Prior.Snapshot == nil || len(r.Prior.Snapshot.Envelope().Signatures) == 0 {
		return nil
	}
	list := diag.List{diag.New("unsigned-snapshot", hcl.Range{},
		"The snapshot in force is signed, and this one is not: a server that was started with --trust refuses it. Give --sign.")}
	if r.model == nil {
		return list
	}
	return r.model.Accept(list)
}

// Apply signs the snapshot and writes it, the lockfile first where both are files, as
// compiler.Apply does. Into another location the snapshot is put once the lockfile is
// staged, and before it takes its place: whether the location still holds what was
// planned against only the put can tell. A crash between the two leaves a lockfile
// that lacks records, which the next apply makes again out of configuration and
// snapshot.
//
// Nothing is written when something has changed since the plan; an error with
// compiler.ErrInForce in its chain says that everything is, one with
// compiler.ErrPublished that the snapshot is and the lockfile is not.
func (r *Release) Apply(ctx context.Context) error {
	file := r.file
	if file == nil {
		var err error
		if file, err = r.marshal(); err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
	}
	request := compiler.ApplyRequest{Root: r.root, Lockfile: r.Lockfile, NextLock: r.nextLock, LockDigest: r.Prior.LockDigest, Rand: r.rand}
	if path, ok := r.Snapshot.File(); ok {
		request.Snapshot, request.NextSnapshot, request.SnapshotDigest = path, file, r.replaced.fileDigest
	} else {
		request.Publish = func() error { return r.Snapshot.put(ctx, file, r.replaced.head, r.Percent) }
	}
	return apply(ctx, request)
}

// marshal encodes the snapshot file, and signs it if there is a key.
func (r *Release) marshal() ([]byte, error) {
	r.Envelope.Bind(r.body, r.sources)
	if r.key != nil {
		snapshot.Sign(&r.Envelope, r.key)
	}
	return snapshot.Marshal(r.Envelope, r.body, r.sources)
}

// WriteLock writes the lockfile alone, if it is still as it was when it was checked.
func (w *Workspace) WriteLock(ctx context.Context, c *LockCheck) error {
	return apply(ctx, compiler.ApplyRequest{
		Root: w.Dir, Lockfile: w.Lockfile.Path, NextLock: c.Next.Bytes(),
		LockDigest: compiler.FileDigest(c.bytes), Rand: w.rand,
	})
}

// maxLockWait bounds the wait for another program at work in the same folder.
const maxLockWait = 10 * time.Second

// apply calls compiler.Apply with a bounded wait, and words its error.
func apply(ctx context.Context, request compiler.ApplyRequest) error {
	ctx, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	return ApplyError(compiler.Apply(ctx, request))
}

// ApplyError adds what to do about it to an error of compiler.Apply, or of a saved plan that
// does not fit. It says above all whether anything was written.
func ApplyError(err error) error {
	_, worded := errors.AsType[*diag.Failure](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, compiler.ErrPublished):
		return diag.Failf("write-failed", "Mend that, then run writ lock and commit what it writes.", "%w", err)
	case worded:
		return err
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

// Snapshot encodes a document as a snapshot file in memory, with the places where the model
// declares each object. The caller sets the envelope's other members.
func Snapshot(doc *schema.Document, model *compiler.Model, envelope snapshot.Envelope) ([]byte, error) {
	body, err := snapshot.Encode(doc)
	if err != nil {
		return nil, err
	}
	sources, err := Sources(body, model)
	if err != nil {
		return nil, err
	}
	envelope.Environment = doc.Issuer.Environment
	envelope.Bind(body, sources)
	return snapshot.Marshal(envelope, body, sources)
}

// Sources returns where each object of a snapshot's body was declared, for its sources part.
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
