package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/snapshot"
)

// writeFlags are the flags of the commands that write a snapshot.
type writeFlags struct {
	approve bool
	sign    string
}

func (o *writeFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "auto-approve", Usage: "do not ask", Destination: &o.approve},
		&cli.StringFlag{Name: "sign", Usage: "sign the snapshot with the Ed25519 key in `FILE`", Destination: &o.sign},
	}
}

// applyFlags are what apply writes and how.
type applyFlags struct {
	proposalOptions
	writeFlags
	origin
	revision string
}

func (a *app) applyCommand() command {
	flags, o := new(configFlags), new(applyFlags)
	return command{
		name: "apply", args: "[PLAN]", maxArgs: 1, config: flags,
		summary: "plan, ask, then write lockfile and snapshot",
		about: `
With a PLAN saved by "writ plan --out" exactly that plan is applied, without a
question; when the configuration, the lockfile or the snapshot has changed since,
nothing is written and the exit code is 3. Repeat the --var, --var-file,
--lockfile and --snapshot of the plan: the file cannot choose them for you.

The snapshot records the git commit when the configuration's folder is clean.

Each snapshot has the serial after that of the one in force, and servers refuse
an older one. So the snapshot in force has to be at hand: where it is not and
the lockfile has records, nothing is written. --first says that nothing was
applied before. Where the snapshot is lost, --after-serial takes the highest
serial that servers tell: curl -s http://127.0.0.1:8081/status`,
		example: "$ writ apply --auto-approve\n...\nApplied serial 1, sha256:4be1...: wrote writ.lock.hcl and writ.snapshot.",
		flags: append(slices.Concat(o.proposalOptions.flags(), o.writeFlags.flags(), o.origin.flags()),
			&cli.StringFlag{Name: "revision", Usage: "the revision to record when git does not tell: `TEXT`", Destination: &o.revision}),
		run: func(ctx context.Context, args []string) error { return a.apply(ctx, args, flags, o) },
	}
}

func (a *app) apply(ctx context.Context, args []string, flags *configFlags, o *applyFlags) error {
	if err := o.origin.check(); err != nil {
		return err
	}
	key, err := a.signingKey(o.sign)
	if err != nil {
		return err
	}
	saved, err := a.savedPlan(args)
	if err != nil {
		return err
	}
	if saved != nil {
		if len(o.replace) > 0 {
			return usagef("the saved plan says what is replaced: leave --replace out")
		}
		o.replace, o.at = saved.Replace, saved.Made()
		if err := a.notAhead(o.at); err != nil {
			return err
		}
	}
	w, err := a.workspace(nil, flags)
	if err != nil {
		return err
	}
	inputs := w.inputFlags(flags, o.snapshot)
	p, err := w.propose(ctx, o.proposalOptions, "")
	if err == nil && saved != nil {
		err = a.applied(saved.Check(p.saved(saved.Replace, inputs)))
	}
	if err != nil {
		if saved != nil {
			err = a.sinceSaved(saved, inputs, args[0], err)
		}
		return err
	}
	a.remind(p.tree)
	next, err := w.release(ctx, p, o)
	if err != nil {
		return err
	}
	next.key = key
	return a.publish(ctx, next, o.approve || saved != nil)
}

// sinceSaved makes a stale plan of a refusal: what a plan was saved of had none,
// so something moved, or other flags were given. It says what.
func (a *app) sinceSaved(saved *compiler.SavedPlan, flags []string, name string, err error) error {
	problems, refused := errors.AsType[*diagnosed](err)
	if !refused && !errors.Is(err, compiler.ErrStale) {
		return err
	}
	if !slices.Equal(saved.Flags, flags) {
		return a.otherFlags(saved, name)
	}
	if !refused {
		return err
	}
	stale := a.applied(fmt.Errorf("%w: since it was saved, the configuration, its variables or the lockfile became invalid", compiler.ErrStale))
	return &diagnosed{list: append(diag.List{withoutPlace(stale)}, problems.list...), sources: problems.sources, exit: exitStale}
}

// maxClockSkew is how far ahead the clock may have been that a plan was made by.
const maxClockSkew = 5 * time.Minute

// notAhead refuses a plan of the future. A saved plan is made again as of its own
// time, so that it does not go stale by waiting, and shows what anybody gains from
// then on: of a time that has not come it would hide what is gained before.
func (a *app) notAhead(made time.Time) error {
	if made.After(a.now().Add(maxClockSkew)) {
		return failf("plan-invalid", "Set the clock, or make the plan anew with writ plan --out FILE.",
			"the saved plan was made at %s, which is in the future by the clock of this machine", made.Format(time.RFC3339))
	}
	return nil
}

// release makes of a proposal what is to be written.
func (w *workspace) release(ctx context.Context, p *proposal, o *applyFlags) (*release, error) {
	path := w.app.snapshotPath(w.dir, o.snapshot)
	serial, err := o.serial(w, p, path)
	if err != nil {
		return nil, err
	}
	revision, err := w.revision(ctx, p.tree, o.revision)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(p.body, p.model)
	if err != nil {
		return nil, err
	}
	lock, now := p.lock.next.Bytes(), w.app.now()
	r := &release{plan: p.plan, body: p.body, sources: sources, prior: p.prior}
	r.envelope = snapshot.Envelope{
		Serial: serial, Previous: p.prior.Digest, Revision: revision,
		Created: now.UTC().Truncate(time.Second), Environment: p.model.Document.Issuer.Environment,
		LockDigest: compiler.FileDigest(lock), WritVersion: readBuild().Version,
		PastLifetimes: compiler.NextPastLifetimes(p.prior.Prior, p.model.Document, now),
	}
	r.request = compiler.ApplyRequest{Root: w.dir, Lockfile: w.lockfile, Snapshot: path}
	if p.lock.changed() {
		r.request.NextLock = lock
	}
	return r, nil
}

// savedPlan reads the PLAN argument; nil when there is none.
func (a *app) savedPlan(args []string) (*compiler.SavedPlan, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if info, err := os.Stat(a.path(args[0])); err == nil && info.IsDir() {
		return nil, &usageError{message: fmt.Sprintf("%q is a folder, not a saved plan", args[0]),
			hint: "Name the configuration's folder with --chdir: writ apply -C " + diag.ShellQuote(args[0])}
	}
	content, err := readRegular(a.path(args[0]))
	if err != nil {
		return nil, err
	}
	saved, err := compiler.DecodeSavedPlan(content)
	if err != nil {
		return nil, failf("plan-invalid", "Make it anew: writ plan --out FILE.", "read plan %q: %w", filepath.ToSlash(args[0]), err)
	}
	return saved, nil
}

func (a *app) signingKey(name string) (ed25519.PrivateKey, error) {
	if name == "" {
		return nil, nil
	}
	return readSigningKey(a.path(name))
}

// A release is a snapshot about to be written, with the plan that explains it.
type release struct {
	plan     *compiler.Plan
	envelope snapshot.Envelope
	body     []byte
	sources  *snapshot.Sources
	key      ed25519.PrivateKey // nil for an unsigned snapshot
	prior    *standing
	request  compiler.ApplyRequest
}

// releaseResult is what was written, for machines.
type releaseResult struct {
	Applied  bool           `json:"applied"`
	Digest   string         `json:"digest"`
	Serial   uint64         `json:"serial"`
	Revision string         `json:"revision"`
	Snapshot string         `json:"snapshot"`
	Lockfile string         `json:"lockfile,omitempty"` // when it was written
	Plan     *compiler.Plan `json:"plan"`
}

// publish shows the plan, asks, and writes.
func (a *app) publish(ctx context.Context, r *release, approved bool) error {
	if !a.json {
		if err := a.planView().render(a.out, r.plan); err != nil {
			return err
		}
	}
	if !r.needed() {
		return a.showRelease(r, false)
	}
	if err := r.checkSerial(); err != nil {
		return err
	}
	if r.dropsSignature() {
		a.warn(diag.List{unsignedNow()}, nil)
	}
	if !approved {
		if err := a.ask(); err != nil {
			return err
		}
	}
	r.envelope.Bind(r.body, r.sources)
	if r.key != nil {
		snapshot.Sign(&r.envelope, r.key)
	}
	file, err := snapshot.Marshal(r.envelope, r.body, r.sources)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	request := r.request
	request.NextSnapshot, request.Rand = file, a.rand
	request.LockDigest, request.SnapshotDigest = r.prior.LockDigest, r.prior.fileDigest
	ctx, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	err = compiler.Apply(ctx, request)
	if err != nil && !errors.Is(err, compiler.ErrInForce) {
		return a.applied(err)
	}
	a.done = fmt.Sprintf("Serial %d is in force", r.envelope.Serial)
	if err != nil && a.json { // one object: the error, which says that it is in force
		return a.applied(err)
	}
	if shown := a.showRelease(r, true); err == nil {
		return shown
	}
	return a.applied(err)
}

// needed reports whether there is anything to write: a change, the first
// snapshot, a serial that servers are ahead of, or a signature that the one in
// force lacks.
func (r *release) needed() bool {
	if !r.plan.Empty() || r.prior.snap == nil || r.envelope.Serial > r.prior.Serial+1 {
		return true
	}
	if r.key == nil {
		return false
	}
	public := r.key.Public().(ed25519.PublicKey)
	return r.prior.snap.VerifySignatures([]ed25519.PublicKey{public}) != nil
}

// dropsSignature reports whether an unsigned snapshot would replace a signed one.
func (r *release) dropsSignature() bool {
	return r.key == nil && r.prior.snap != nil && len(r.prior.snap.Envelope().Signatures) > 0
}

func unsignedNow() diag.Diagnostic {
	return diag.New("unsigned-snapshot", hcl.Range{},
		"The snapshot in force is signed, and this one is not: a server that was started with --trust refuses it. Give --sign.")
}

func (a *app) showRelease(r *release, applied bool) error {
	result := releaseResult{Applied: applied, Plan: r.plan, Digest: r.plan.Digest, Snapshot: filepath.ToSlash(r.request.Snapshot)}
	written := []string{filepath.ToSlash(r.request.Snapshot)}
	if applied {
		result.Serial, result.Revision = r.envelope.Serial, r.envelope.Revision
		if r.plan.LockChanged {
			result.Lockfile = filepath.ToSlash(r.request.Lockfile)
			written = []string{result.Lockfile, written[0]}
		}
	} else if r.prior.snap != nil {
		result.Serial, result.Revision = r.prior.Serial, r.prior.snap.Envelope().Revision
	}
	if a.json {
		return a.printJSON(result)
	}
	if applied {
		fmt.Fprintf(a.out, "\nApplied serial %d, %s: wrote %s.\n", result.Serial, result.Digest, strings.Join(written, " and "))
	}
	return nil
}

// ask waits for a yes.
func (a *app) ask() error {
	if terminal(a.in) == nil {
		return failf("not-approved", "Answer at a terminal, apply a saved plan, or pass --auto-approve.",
			"the change is not approved and there is nobody to ask")
	}
	fmt.Fprint(a.err, "\nApply this? Only \"yes\" is taken for a yes: ")
	answer, _ := bufio.NewReader(a.in).ReadString('\n')
	if strings.TrimSpace(answer) != "yes" {
		return failf("not-approved", "", "nothing was written")
	}
	return nil
}

// applied words the errors of writing.
func (a *app) applied(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, compiler.ErrStale):
		failed := failf("plan-stale", "Nothing was written: look at a new plan, then apply that.", "%w", err)
		failed.exit = exitStale
		return failed
	case errors.Is(err, compiler.ErrOtherPlan):
		return failf("plan-invalid", "Nothing was written: make it anew with writ plan --out FILE.", "%w", err)
	case errors.Is(err, compiler.ErrInForce):
		return failf("not-durable", "Everything is written and a second run has nothing to do. Check the disk: until it is sound, a power failure may bring the old files back.", "%w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return failf("busy", "Wait for it, then run this again.", "another writ is at work in this folder: %w", err)
	}
	return unwritable(err)
}
