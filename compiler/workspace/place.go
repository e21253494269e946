package workspace

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Place is where a snapshot is: a file, or another location. A file is read here, and
// written by compiler.Apply together with the lockfile; for everything else package location
// does both.
type Place struct {
	path    string // of a file; "" for another location
	address location.Address
	options location.Options
	trust   Trust // of what is read there
}

// IsAddress reports whether a text names a location that is no file. OpenPlace says whether
// the address is well-formed.
func IsAddress(text string) bool { return strings.Contains(text, "://") }

// OpenPlace returns the place that a text names: a path or an address. It asks
// nothing of it yet.
func OpenPlace(text string, o location.Options) (Place, error) {
	if !IsAddress(text) {
		return Place{path: text}, nil
	}
	a, err := location.Parse(text)
	if err != nil {
		return Place{}, diag.Usagef("%w", err)
	}
	return Place{address: a, options: o}, nil
}

// Trusting returns the place with the rule for snapshots that are read from it.
func (p Place) Trusting(t Trust) Place {
	p.trust = t
	return p
}

// File returns the path of a file. ok is false for every other location.
func (p Place) File() (path string, ok bool) { return p.path, p.path != "" }

// String returns the place as messages show it, without credentials.
func (p Place) String() string {
	if path, ok := p.File(); ok {
		return filepath.ToSlash(path)
	}
	return p.address.String()
}

// Location opens the place as a location.Location, for following it or its history. The
// caller closes it.
func (p Place) Location() (location.Location, error) {
	address := p.address
	if path, ok := p.File(); ok {
		var err error
		if address, err = location.Parse(path); err != nil {
			return nil, diag.Usagef("%w", err)
		}
	}
	l, err := location.Open(address, p.options)
	if err != nil {
		return nil, diag.Failf("unreadable-file", "", "%w", err)
	}
	return l, nil
}

// LocationError adds what to do about it to an error of reading a location; nil stays nil.
func LocationError(err error) error {
	switch _, version := errors.AsType[*snapshot.VersionError](err); {
	case err == nil:
		return nil
	case version:
		return diag.Failf("snapshot-version", "", "%w", err)
	case errors.Is(err, location.ErrAbsent):
		return diag.Failf("unreachable", "Check the address: the place answers.", "%w", err)
	}
	return diag.Failf("unreachable", "Check the address, the network and the credentials.", "%w", err)
}

// read returns the newest snapshot's file, unchecked. The Head is the zero one for a file: its
// content is compared by digest when it is replaced.
func (p Place) read(ctx context.Context) ([]byte, location.Head, error) {
	if path, ok := p.File(); ok {
		file, err := ReadFile(path)
		return file, location.Head{}, err
	}
	l, err := p.Location()
	if err != nil {
		return nil, location.Head{}, err
	}
	defer l.Close()
	file, head, err := location.Read(ctx, l)
	return file, head, LocationError(err)
}

// Snapshot reads the newest snapshot of the place.
func (p Place) Snapshot(ctx context.Context) (*snapshot.Snapshot, error) {
	file, _, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	return p.open(file)
}

// open opens a snapshot of the place, if the place's trust allows it.
func (p Place) open(file []byte) (*snapshot.Snapshot, error) {
	snap, err := OpenSnapshot(file, p.String())
	if err == nil {
		err = p.trust.check(snap, p)
	}
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// ReadSnapshot reads the newest snapshot of the place that a text names.
func ReadSnapshot(ctx context.Context, text string, o location.Options) (*snapshot.Snapshot, error) {
	p, err := OpenPlace(text, o)
	if err != nil {
		return nil, err
	}
	return p.Snapshot(ctx)
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

// A Baseline is what a plan compares with.
type Baseline struct {
	compiler.Prior
	Snapshot   *snapshot.Snapshot // nil when there is none
	FileDigest string             // of the snapshot file, "" when there is none

	head   location.Head // of a location that is no file
	commit string        // of git, where that is what is compared with
}

// Commit returns the full hash of the commit that is compared with, "" for a snapshot.
func (b *Baseline) Commit() string { return b.commit }

// baseline reads the newest snapshot of the place, to compare with it.
func (p Place) baseline(ctx context.Context) (*Baseline, error) {
	file, head, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	snap, err := p.open(file)
	if err != nil {
		return nil, err
	}
	b := newBaseline(snap)
	b.FileDigest, b.head = compiler.FileDigest(file), head
	return b, nil
}

// newBaseline returns the baseline of a snapshot. The records that a lockfile would have are
// derived from the snapshot itself.
func newBaseline(snap *snapshot.Snapshot) *Baseline {
	b := &Baseline{Snapshot: snap}
	b.Document = snapshot.Decode(snap)
	b.Records = compiler.LockFromDocument(b.Document)
	b.Digest = snap.Digest()
	b.Serial = snap.Envelope().Serial
	b.PastLifetimes = snap.Envelope().PastLifetimes
	return b
}

// InForce reads the snapshot in force, and returns the zero Baseline if there is none.
func (w *Workspace) InForce(ctx context.Context) (*Baseline, error) {
	b, err := w.prior.baseline(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, location.ErrAbsent) {
		return &Baseline{}, nil
	}
	return b, err
}

// put makes a file the newest snapshot of a location that is no file, or stages it for a
// share of the fleet, if the newest is still prior. An error says whether something was
// written, as far as that is known.
func (p Place) put(ctx context.Context, file []byte, prior location.Head, percent int) error {
	l, err := p.Location()
	if err != nil {
		return err
	}
	defer l.Close()
	if stager, ok := l.(location.Stager); ok && percent > 0 {
		_, err = stager.Stage(ctx, file, prior, percent)
	} else {
		_, err = l.Put(ctx, file, prior)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, location.ErrMoved):
		return diag.Failf("plan-stale", "Nothing was written. Run this again, with a new plan if you had saved one: it goes on from what is there now.",
			"%w: %w", compiler.ErrStale, err)
	}
	if errors.Is(err, location.ErrRefused) {
		return diag.Failf("write-failed", "Nothing was written.", "%w", err)
	}
	return diag.Failf("unreachable", "The lockfile is as it was. Whether the snapshot is there is not known: run this again, and it goes on from what is there then.", "%w", err)
}

// CheckWritable refuses a place that nobody can write to.
func (p Place) CheckWritable() error {
	if _, ok := p.File(); ok || p.address.Writable() {
		return nil
	}
	return diag.Failf(diag.CodeUsage, "Read it with --prior, and write with --snapshot to a FILE.", "%s: %w", p, location.ErrReadOnly)
}
