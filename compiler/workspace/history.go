package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Past is one snapshot of a place's history.
type Past struct {
	Envelope snapshot.Envelope
	Compared bool     // its predecessor was there to compare with, so that Widened is known
	Widened  []string // addresses of the changes that widened access

	Staged *location.Stage // of the newest snapshot only; nil if nothing is staged
}

// History reads the newest snapshots of the place, newest first: at most limit, or all if
// that is 0. more says that the place keeps older ones. Each file is fetched whole, and one
// more than limit, because what a snapshot widened is found by comparing it with the one
// before.
func (p Place) History(ctx context.Context, limit int) (all []Past, more bool, err error) {
	l, err := p.Location()
	if err != nil {
		return nil, false, err
	}
	defer l.Close()
	var after *snapshot.Snapshot
	for head, err := range l.History(ctx) {
		if err != nil {
			return nil, false, LocationError(err)
		}
		beyond := limit > 0 && len(all) == limit // asked for only to compare with
		snap, err := p.fetch(ctx, l, head)
		if beyond && (errors.Is(err, snapshot.ErrUnsigned) || errors.Is(err, snapshot.ErrUntrusted)) {
			return all, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		if after != nil {
			all[len(all)-1].compare(newBaseline(snap).Prior, after)
		}
		if beyond {
			return all, true, nil
		}
		past := Past{Envelope: snap.Envelope()}
		if after == nil {
			past.Staged = head.Staged
		}
		if past.Envelope.Previous == "" {
			past.compare(compiler.Prior{}, snap)
		}
		all, after = append(all, past), snap
	}
	return all, false, nil
}

// compare finds out what the snapshot widened against the one before it.
func (e *Past) compare(prior compiler.Prior, snap *snapshot.Snapshot) {
	plan := compiler.PlanBetween(prior, snapshot.Decode(snap), snap.Digest(), e.Envelope.Created)
	e.Compared = true
	for _, change := range plan.Changes {
		if change.Effect == compiler.EffectWiden {
			e.Widened = append(e.Widened, change.Address)
		}
	}
}

// fetch fetches a snapshot of the place, and opens it if it may be trusted.
func (p Place) fetch(ctx context.Context, l location.Location, head location.Head) (*snapshot.Snapshot, error) {
	file, err := l.Fetch(ctx, head)
	if err != nil {
		return nil, LocationError(err)
	}
	return p.open(file)
}

// RollbackTo is Rollback to the snapshot that a text names: "git:REV" is compiled, a serial
// is looked up in the history of the place, and "" is the one before the newest. In the last
// case the error is compiler.ErrStale if another snapshot was put meanwhile: "the one before"
// would then be another one than the operator saw.
func (w *Workspace) RollbackTo(ctx context.Context, to string, o ReleaseOptions) (*Release, error) {
	old, err := w.earlier(ctx, to)
	if err != nil {
		return nil, err
	}
	r, err := w.Rollback(ctx, old, o)
	if err == nil && to == "" && r.Prior.Snapshot.Envelope().Previous != old.Digest() {
		err = ApplyError(fmt.Errorf("%w: another snapshot came to %q meanwhile", compiler.ErrStale, w.Snapshot))
	}
	return r, err
}

// earlier returns the snapshot that RollbackTo goes back to.
func (w *Workspace) earlier(ctx context.Context, to string) (*snapshot.Snapshot, error) {
	if revision, ok := strings.CutPrefix(to, "git:"); ok {
		return w.compiledAt(ctx, revision)
	}
	serial, err := strconv.ParseUint(to, 10, 64)
	if to != "" && (err != nil || serial == 0) {
		return nil, diag.Usagef("--to takes a serial, which is a number, or git:REV, not %q", to)
	}
	l, err := w.Snapshot.Location()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	first := true
	for head, err := range l.History(ctx) {
		switch {
		case err != nil:
			return nil, LocationError(err)
		case head.Serial == serial, serial == 0 && !first:
			return w.Snapshot.fetch(ctx, l, head)
		}
		first = false
	}
	which := "no earlier snapshot"
	if serial > 0 {
		which = "no snapshot with serial " + to
	}
	return nil, diag.Failf("unreadable-file", "Return to git:REV, or to a file: writ rollback FILE --snapshot "+schema.ShellQuote(w.Snapshot.String())+".",
		"%s is kept at %q", which, w.Snapshot)
}

// compiledAt compiles a revision of git to a snapshot. The revision may never have been
// applied, so every identifier in it must be in the lockfile: otherwise the rollback would
// serve identifiers that nothing guards.
func (w *Workspace) compiledAt(ctx context.Context, revision string) (*snapshot.Snapshot, error) {
	then, err := w.atRevision(ctx, revision)
	if err != nil {
		return nil, err
	}
	if then.Model == nil {
		return nil, diag.Failf("git-failed", "Name a revision that has one.", "there was no configuration here at %q", revision)
	}
	lock := new(LockCheck)
	if err := w.readLock(&Tree{Sources: map[string][]byte{}}, lock, lockfile.Parse); err != nil {
		return nil, err
	}
	if address := unrecorded(then.Document, lock.Before); address != "" {
		return nil, diag.Failf("lock-out-of-date", "Return to a revision that was applied.",
			"%s as it was at %q is not recorded in %s", address, revision, w.Lockfile.Name)
	}
	file, err := Snapshot(then.Document, then.Model, snapshot.Envelope{Serial: 1, Revision: then.commit, Created: w.now()})
	if err != nil {
		return nil, err
	}
	return snapshot.Open(file)
}

// unrecorded returns the address of an API or client whose identifier the lockfile records
// neither as in use nor as retired, "" if there is none.
func unrecorded(doc *schema.Document, lock *lockfile.File) string {
	if lock == nil {
		lock = new(lockfile.File)
	}
	known := map[string]bool{}
	for _, e := range slices.Concat(lock.APIs, lock.RetiredAPIs) {
		known["api "+e.Value] = true
	}
	for _, e := range slices.Concat(lock.Clients, lock.RetiredClients) {
		known["client "+e.Value] = true
	}
	for i := range doc.APIs {
		if !known["api "+doc.APIs[i].Identifier] {
			return compiler.Address(compiler.KindAPI, doc.APIs[i].Label)
		}
	}
	for i := range doc.Clients {
		if !known["client "+doc.Clients[i].ClientID] {
			return compiler.Address(compiler.KindClient, doc.Clients[i].Label)
		}
	}
	return ""
}
