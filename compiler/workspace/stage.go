package workspace

import (
	"context"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
)

// checkStage refuses a release for a share of the fleet if the place cannot hold two
// snapshots. It refuses every release while a snapshot is staged, since that would be
// replaced although some instances serve it already. percent is 0 for a release for all.
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

// Staged returns the snapshot that is staged beside the one in force, nil if there is none.
func (b *Baseline) Staged() *location.Stage { return b.head.Staged }

// inForceAndStaged reads the snapshot in force and the staged one, and returns the file of the
// staged one too, which Promote puts byte for byte.
func (w *Workspace) inForceAndStaged(ctx context.Context) (inForce *Baseline, staged *snapshot.Snapshot, file []byte, err error) {
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
	// Promote checks the trust. Abort does not: an untrusted stage must be possible to give up.
	if staged, err = OpenSnapshot(file, w.Snapshot.String()); err != nil {
		return nil, nil, nil, err
	}
	inForce.LockDigest, err = w.lockDigest()
	return inForce, staged, file, err
}

// Promote makes a release of the staged snapshot for a larger share of the fleet, or for all
// if percent is 0. The file is put as it is, without a new signature, so it must be trusted.
func (w *Workspace) Promote(ctx context.Context, percent int) (*Release, error) {
	inForce, staged, file, err := w.inForceAndStaged(ctx)
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

// Abort makes a release that gives up the staged snapshot: the body in force, under the
// serial after the stage's. Instances that serve the stage refuse lower serials, so only a
// higher one takes them back.
func (w *Workspace) Abort(ctx context.Context, o ReleaseOptions) (*Release, error) {
	inForce, staged, _, err := w.inForceAndStaged(ctx)
	if err != nil {
		return nil, err
	}
	prior := newBaseline(staged)
	prior.LockDigest = inForce.LockDigest
	r := w.releaseAgain(inForce.Snapshot, prior, condition{head: inForce.head}, o)
	r.forced = true
	return r, nil
}
