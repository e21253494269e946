package workspace

import (
	"context"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// checkStage refuses a release for a share of the fleet where the place cannot hold two
// snapshots, and every release while such a share is out: it would take the place of a
// snapshot that some serve already.
func (w *Workspace) checkStage(prior *Baseline, percent int) error {
	if s := prior.head.Staged; s != nil {
		return diag.Failf("stage-open", "Give it to all with writ promote, or give it up with writ abort.",
			"serial %d at %q is staged for %d %% of the fleet, so nothing was written", s.Head.Serial, w.Snapshot, s.Percent)
	}
	if percent == 0 {
		return nil
	}
	if _, isFile := w.Snapshot.File(); isFile {
		return diag.Usagef("--stage needs a location that can hold two snapshots, oci:// or nats://: %q is a file", w.Snapshot)
	}
	if prior.Snapshot == nil {
		return diag.Usagef("--stage puts a snapshot beside the one in force, and there is none at %q: the first is for all", w.Snapshot)
	}
	return nil
}

// Staged is the snapshot that stands beside the one in force, nil when there is none.
func (b *Baseline) Staged() *location.Stage { return b.head.Staged }

// both reads the snapshot in force and the one beside it, as a file too.
func (w *Workspace) both(ctx context.Context) (inForce *Baseline, staged *snapshot.Snapshot, file []byte, err error) {
	if inForce, err = w.Snapshot.baseline(ctx); err != nil {
		return nil, nil, nil, err
	}
	if inForce.head.Staged == nil {
		return nil, nil, nil, diag.Failf("stage-missing", "See writ history.", "no snapshot is staged at %q", w.Snapshot)
	}
	l, err := w.Snapshot.Location()
	if err != nil {
		return nil, nil, nil, err
	}
	defer l.Close()
	if file, err = l.Fetch(ctx, inForce.head.Staged.Head); err != nil {
		return nil, nil, nil, LocationError(err)
	}
	// Whether it may be taken is for Promote to say: what nobody trusts can still be given up.
	if staged, err = OpenSnapshot(file, w.Snapshot.String()); err != nil {
		return nil, nil, nil, err
	}
	inForce.LockDigest, err = w.lockDigest()
	return inForce, staged, file, err
}

// Promote makes a release of the snapshot that is staged: for a larger share, or for all
// when percent is 0. Nothing is signed: it must be trusted as it is.
func (w *Workspace) Promote(ctx context.Context, percent int) (*Release, error) {
	inForce, staged, file, err := w.both(ctx)
	if err != nil {
		return nil, err
	}
	if was := inForce.head.Staged.Percent; percent > 0 && percent <= was {
		return nil, diag.Usagef("--stage %d%%: it is staged for %d %% already, and whoever has it keeps it", percent, was)
	}
	if err := w.Snapshot.trust.check(staged, w.Snapshot); err != nil {
		return nil, err
	}
	return &Release{
		Plan:     compiler.PlanBetween(inForce.Prior, snapshot.Decode(staged), staged.Digest(), w.now()),
		Envelope: staged.Envelope(), Prior: inForce, Lockfile: w.Lockfile.Path, Snapshot: w.Snapshot, Percent: percent,
		replaced: condition{head: inForce.head}, root: w.Dir, file: file, forced: true, rand: w.rand,
	}, nil
}

// Abort makes a release that gives up what is staged: the body in force under the serial
// after that of the stage, so that nobody is asked to go back.
func (w *Workspace) Abort(ctx context.Context, o ReleaseOptions) (*Release, error) {
	inForce, staged, _, err := w.both(ctx)
	if err != nil {
		return nil, err
	}
	prior := newBaseline(staged)
	prior.LockDigest = inForce.LockDigest
	r := w.again(inForce.Snapshot, prior, condition{head: inForce.head}, o)
	r.forced = true
	return r, nil
}
