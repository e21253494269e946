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
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/schema/location"
)

// "writ apply", and publish, through which promote, abort and rollback write too. What is
// written, in which order and under which lock, is package workspace's (Release, Apply);
// this file asks, prints, and says what is in force when something fails half way.

// writeFlags are the flags of the commands that write a snapshot: apply, promote, abort,
// rollback.
type writeFlags struct {
	approve bool
	sign    string
}

// flags declares the flags; --trust and --store-allow-unsafe are values of config, which
// finds the place.
func (o *writeFlags) flags(config *cli.ConfigFlags) []cli.Flag {
	return []cli.Flag{
		{Name: "auto-approve", Usage: "do not ask", Value: &o.approve},
		{Name: "sign", Usage: "sign the snapshot with the Ed25519 key in `FILE`, or in the environment variable NAME by env:NAME", Value: &o.sign},
		trustFlag(&config.Trust),
		{Name: "store-allow-unsafe", Usage: "write to a bucket of NATS that can forget what it acknowledged", Value: &config.AllowUnsafe},
	}
}

// applyFlags are the flags of apply: which plan is made, who signs, with which serial it
// begins, and which instances are waited for.
type applyFlags struct {
	proposalOptions
	writeFlags
	origin
	revision string
	stage    string // share of the fleet
	wait     string
	targets  []string
	store    string // that the fleet shares
}

// load reads the key that signs and then the workspace. It refuses a place that cannot be
// written (https) before anything is planned, so that nobody approves a change in vain.
func (o *writeFlags) load(env *cli.Env, config *cli.ConfigFlags) (w *workspace.Workspace, err error) {
	if config.Key, err = signingKey(env, o.sign); err != nil {
		return nil, err
	}
	if w, err = config.Load(env, nil); err != nil {
		return nil, err
	}
	return w, w.Snapshot.CheckWritable()
}

// applyCommand is "writ apply", the one command that puts a configuration in force. It
// exits with 0, with 1 for an error and with 3 when what it planned against has moved:
// repeating it is then the way out, and nothing was written. With --wait the exit code may
// be that of "writ fleet".
func applyCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(applyFlags)
	return cli.Command{
		Name: "apply", Group: cli.GroupShip, Args: "[PLAN]", MaxArgs: 1, Config: flags,
		Summary: "plan, ask, then write lockfile and snapshot",
		About: `
With a PLAN saved by "writ plan --out" exactly that plan is applied, without a
question; when the configuration, the lockfile or the snapshot has changed since,
nothing is written and the exit code is 3. Repeat the --var, --var-file,
--lockfile and --snapshot of the plan: the file cannot choose them for you.

The snapshot records the git commit when the configuration's folder is clean.

Where --snapshot is the address of a location, oci://REGISTRY/REPOSITORY:TAG or
nats://HOST/BUCKET/NAME, the snapshot there is what is compared with and what is
replaced, if it is still the newest then: otherwise nothing is written, the
lockfile neither, and the exit code is 3. Run it again. A registry is logged in
to as Docker does, NATS with $NATS_CREDS, $NATS_CA, $NATS_CERT and $NATS_KEY.
What is at https://HOST/PATH is read with --prior, and written to a FILE.

With --sign, what is at a location must be signed by that key, or by one that
--trust names, as where the key has just been replaced. An unsigned one is taken
with --trust and its digest, once: compare it with what servers tell at /status.

With --stage a share of the fleet gets it first, while the snapshot in force stays
for everybody else: "writ promote" gives it to more or to all, "writ abort" takes it
back, and until then nothing else is applied.

With --wait it ends when every running writd serves what was applied, or with the
exit code of "writ fleet" when they do not by then. What was applied stays.

Each snapshot has the serial after that of the one in force, and servers refuse
an older one. So the snapshot in force has to be at hand: where it is not and
the lockfile has records, nothing is written. --first says that nothing was
applied before. Where the snapshot is lost, --after-serial takes the highest
serial that servers tell: curl -s http://127.0.0.1:8081/status`,
		Example: "$ writ apply --auto-approve\n...\nApplied serial 1, sha256:4be1...: wrote writ.lock.hcl and writ.snapshot.",
		Flags: append(slices.Concat(o.proposalOptions.flags(flags), o.writeFlags.flags(flags), o.origin.flags()),
			stageFlag(&o.stage),
			cli.Flag{Name: "wait", Usage: "wait until every writd serves it, for at most `DURATION`", Value: &o.wait},
			cli.Flag{Name: "targets", Usage: "with --wait, their admin listeners: `FILE|URL,...`, as of \"writ fleet\"; repeatable. In NATS they are found by themselves", Value: &o.targets},
			storeFlag(&o.store, "with --wait, instances that share the store at"),
			cli.Flag{Name: "revision", Usage: "the revision to record when git does not tell: `TEXT`", Value: &o.revision}),
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runApply(ctx, env, args, flags, o)
		},
	}
}

// runApply plans, asks and writes. A saved plan is made again from the files and compared:
// the file alone could be stale or edited, and what it says is believed for the flags that
// it repeats and for nothing else. Everything that can be refused is refused before the
// question.
func runApply(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *applyFlags) error {
	if err := o.origin.check(); err != nil {
		return err
	}
	percent, err := percentOf(o.stage)
	if err != nil {
		return err
	}
	saved, err := savedPlan(env, args)
	if err != nil {
		return err
	}
	// The saved plan says as of when it is made again and what may be replaced; its --var and
	// --var-file are compared with those that apply was given.
	var at time.Time
	if saved != nil {
		if len(o.replace) > 0 {
			return diag.Usagef("the saved plan says what is replaced: leave --replace out")
		}
		o.replace, at = saved.Replace, saved.Made()
		if err := checkMadeInPast(env, at); err != nil {
			return err
		}
	}
	w, err := o.load(env, flags)
	if err != nil {
		return err
	}
	// The instances are looked for before the write, so that a wait for nobody is refused while
	// nothing has changed.
	fleet, err := newFleetWait(env, w.Snapshot, o)
	if err != nil {
		return err
	}
	if fleet != nil {
		defer fleet.close()
	}
	inputs := w.Flags() // --var, --var-file and the like, which a saved plan must have been given too
	review, p, err := o.review(ctx, env, w, at)
	if err == nil && saved != nil {
		err = workspace.ApplyError(saved.Check(p.Saved(saved.Replace, inputs)))
	}
	if err != nil {
		if saved != nil {
			err = staleError(env, saved, inputs, args[0], err)
		}
		return err
	}
	env.Remind(p.Tree)
	next, err := w.Release(ctx, p, workspace.ReleaseOptions{
		First: o.first, AfterSerial: o.after, Revision: o.revision, Version: build.Read().Version, Percent: percent,
	})
	if err != nil {
		return err
	}
	if err := publish(ctx, env, next, review, o.approve || saved != nil); err != nil || fleet == nil {
		return err
	}
	if !next.Needed() { // then the fleet must serve what is in force already
		return fleet.wait(ctx, env, location.Head{Serial: next.Prior.Serial, Digest: next.Prior.Digest})
	}
	return fleet.wait(ctx, env, location.Head{Serial: next.Envelope.Serial, Digest: next.Plan.Digest})
}

// review makes the plan that is to be applied, as of the time at, or of now when at is
// zero. A plan that a lock rule, a policy or an expectation forbids is printed, and the
// error says what forbids it: nobody is asked. With --json the error alone is printed,
// since there is one object.
func (o *applyFlags) review(ctx context.Context, env *cli.Env, w *workspace.Workspace, at time.Time) (*view.Review, *workspace.Proposal, error) {
	p, refused, err := o.propose(ctx, env, w, workspace.PlanOptions{At: at})
	if err != nil {
		return nil, nil, err
	}
	review, err := guardedReview(env, p, refused, nil)
	if err != nil || review.Guards.Refusal == nil {
		return review, p, err
	}
	if !env.JSON { // else the error is the one object
		if err := view.PlanOf(env, false).Render(env.Out, review); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, review.Guards.Refusal
}

// staleError explains why a saved plan does not fit any more. When it was saved there was a
// plan, so a refusal now means that something moved or that other flags were given; it says
// which. Errors that have nothing to do with that, such as a location that does not answer,
// stay as they are.
func staleError(env *cli.Env, saved *compiler.SavedPlan, flags []string, name string, err error) error {
	problems, refused := errors.AsType[*diag.Problems](err)
	if !refused && !errors.Is(err, compiler.ErrStale) {
		return err
	}
	if !slices.Equal(saved.Flags, flags) {
		return otherFlags(env, saved, name)
	}
	if !refused {
		return err
	}
	stale := workspace.ApplyError(fmt.Errorf("%w: since it was saved, the configuration, its variables or the lockfile became invalid", compiler.ErrStale))
	return &diag.Problems{List: append(diag.List{diag.FromError(stale)}, problems.List...), Sources: problems.Sources}
}

// otherFlags is the error about a plan that was saved with other flags than apply was
// given. It prints the whole command to run: the file cannot choose variables for whoever
// applies it.
func otherFlags(env *cli.Env, saved *compiler.SavedPlan, name string) error {
	words := []string{cli.ProgramName, "apply"}
	if env.Chdir != "" {
		words = append(words, "--chdir", env.Chdir)
	}
	words = append(append(words, saved.Flags...), name)
	return diag.Failf("plan-stale", "Nothing was written. Repeat its flags:\n\n  "+shellLine(words), "the plan was saved with other flags than these")
}

// maxClockSkew is how far ahead the clock of the machine that saved a plan may be. A plan
// from further ahead is refused, see checkMadeInPast.
const maxClockSkew = 5 * time.Minute

// checkMadeInPast refuses a plan of the future. A saved plan is made again as of its own
// time, so that it does not go stale by waiting, and shows what anybody gains from
// then on: of a time that has not come it would hide what is gained before.
func checkMadeInPast(env *cli.Env, made time.Time) error {
	if made.After(env.Now().Add(maxClockSkew)) {
		return diag.Failf("plan-invalid", "Set the clock, or make the plan anew with writ plan --out FILE.",
			"the saved plan was made at %s, which is in the future by the clock of this machine", made.Format(time.RFC3339))
	}
	return nil
}

// savedPlan reads the PLAN argument; nil when there is none. A folder gets a message of its
// own: other commands take one as their argument, and apply takes it with -C.
func savedPlan(env *cli.Env, args []string) (*compiler.SavedPlan, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if info, err := os.Stat(env.Path(args[0])); err == nil && info.IsDir() {
		return nil, diag.Failf(diag.CodeUsage, "Name the configuration's folder with --chdir: writ apply -C "+schema.ShellQuote(args[0]), "%q is a folder, not a saved plan", args[0])
	}
	content, err := workspace.ReadFile(env.Path(args[0]))
	if err != nil {
		return nil, err
	}
	return decodePlan(content, args[0])
}

// decodePlan reads what "writ plan --out" wrote; path is the name of the file in an error.
func decodePlan(content []byte, path string) (*compiler.SavedPlan, error) {
	saved, err := compiler.DecodeSavedPlan(content)
	if err != nil {
		return nil, diag.Failf("plan-invalid", "Make it anew: writ plan --out FILE.", "read plan %q: %w", filepath.ToSlash(path), err)
	}
	return saved, nil
}

// signingKey reads the key of --sign, a file or env:NAME; nil without the flag. CI has the
// key in a variable, so that it lies in no file of the checkout. Errors never quote the
// content.
func signingKey(env *cli.Env, name string) (ed25519.PrivateKey, error) {
	if name == "" {
		return nil, nil
	}
	if variable, ok := strings.CutPrefix(name, "env:"); ok {
		text := env.Getenv(variable)
		if text == "" {
			return nil, diag.Failf("invalid-key", "Set it to what \"writ keys new --alg EdDSA -\" prints.", "sign with %q: the environment variable is not set", name)
		}
		return parseSigningKey([]byte(text), name)
	}
	content, err := workspace.ReadFile(env.Path(name))
	if err != nil {
		return nil, err
	}
	return parseSigningKey(content, filepath.ToSlash(env.Path(name)))
}

// releaseResult is what apply, promote, abort and rollback print with --json. Of a run that had
// nothing to write, serial and revision are those in force.
type releaseResult struct {
	Applied  bool           `json:"applied"`
	Digest   string         `json:"digest"`
	Serial   uint64         `json:"serial"`
	Revision string         `json:"revision"`
	Snapshot string         `json:"snapshot"`
	Lockfile string         `json:"lockfile,omitempty"` // when it was written
	Stage    int            `json:"stage,omitempty"`    // percent of the fleet that gets it
	Plan     *compiler.Plan `json:"plan"`
}

// publish shows the plan, asks unless approved is set, and writes. It is the one way to a
// new snapshot in force. The errors that come after the write are special: ErrPublished
// means that servers have the snapshot and the lockfile is not written, ErrInForce that
// both are and only cleaning up failed. In both cases the result is in force, and the
// output must say so.
func publish(ctx context.Context, env *cli.Env, r *workspace.Release, review *view.Review, approved bool) error {
	if !env.JSON {
		if err := view.PlanOf(env, false).Render(env.Out, review); err != nil {
			return err
		}
	}
	// Nobody is asked about nothing: a pipeline may run apply after every merge.
	if !r.Needed() {
		return showRelease(env, r, false)
	}
	if err := r.Check(); err != nil {
		return err
	}
	env.Warn(r.Warnings(), nil)
	// What widens is said again next to the question: a plan may be pages long.
	if !approved {
		if cli.Terminal(env.In) != nil {
			if err := view.Widening(cli.NewWrapper(env.Err, cli.Width(env.Err)), review, env.Color(env.Err)); err != nil {
				return err
			}
		}
		if err := ask(env); err != nil {
			return err
		}
	}
	// From here on the change may be in force although there is an error. Done says so at
	// the end, even if the output can no longer be written.
	err := r.Apply(ctx)
	published := errors.Is(err, compiler.ErrPublished)
	if err != nil && !published && !errors.Is(err, compiler.ErrInForce) {
		return err
	}
	if env.Done = fmt.Sprintf("Serial %d is in force", r.Envelope.Serial); r.Percent > 0 {
		env.Done = fmt.Sprintf("Serial %d is staged", r.Envelope.Serial)
	}
	if err != nil && (published || env.JSON) { // the error says what is in force; with --json there is one object
		return err
	}
	if shown := showRelease(env, r, true); err == nil {
		return shown
	}
	return err
}

// showRelease prints what was written and where, or with --json one object with the plan in
// it. For people the plan is printed before, by publish, and nothing follows it when
// nothing was written.
func showRelease(env *cli.Env, r *workspace.Release, applied bool) error {
	result := releaseResult{Applied: applied, Plan: r.Plan, Digest: r.Plan.Digest, Snapshot: r.Snapshot.String()}
	written := []string{result.Snapshot}
	if applied {
		result.Serial, result.Revision, result.Stage = r.Envelope.Serial, r.Envelope.Revision, r.Percent
		if r.Plan.LockChanged {
			result.Lockfile = filepath.ToSlash(r.Lockfile)
			written = []string{result.Lockfile, written[0]}
		}
	} else if r.Prior.Snapshot != nil {
		result.Serial, result.Revision = r.Prior.Serial, r.Prior.Snapshot.Envelope().Revision
	}
	if env.JSON {
		return env.PrintJSON(result)
	}
	if applied && r.Percent > 0 {
		fmt.Fprintf(env.Text(), "\nStaged serial %d, %s, for %d %% of the fleet: wrote %s.\n", result.Serial, result.Digest, r.Percent, strings.Join(written, " and "))
	} else if applied {
		fmt.Fprintf(env.Text(), "\nApplied serial %d, %s: wrote %s.\n", result.Serial, result.Digest, strings.Join(written, " and "))
	}
	return nil
}

// ask asks for approval and returns nil for "yes". Anything else is a no, the end of the
// input too. Without a terminal there is nobody to ask, and the change is refused: a
// pipeline that forgot --auto-approve must fail and not apply.
func ask(env *cli.Env) error {
	if cli.Terminal(env.In) == nil {
		return diag.Failf("not-approved", "Answer at a terminal, apply a saved plan, or pass --auto-approve.",
			"the change is not approved and there is nobody to ask")
	}
	fmt.Fprint(env.Err, "\nApply this? Only \"yes\" applies it: ")
	answer, _ := bufio.NewReader(env.In).ReadString('\n')
	if strings.TrimSpace(answer) != "yes" {
		return diag.Failf("not-approved", "", "nothing was written")
	}
	return nil
}

// An origin says where the serials of an apply go on from when the snapshot in
// force is not at hand. Without one a lockfile that has records and no snapshot
// beside it is refused: a snapshot made from nothing gets serial 1, which servers
// that have a newer one never take.
type origin struct {
	first       bool   // nothing was applied before
	afterSerial string // the serial that servers have; "" when it was not given
	after       uint64 // afterSerial; 0 when it was not given
}

// flags declares --first and --after-serial.
func (o *origin) flags() []cli.Flag {
	return []cli.Flag{
		{Name: "first", Usage: "nothing was applied before: begin with serial 1", Value: &o.first},
		{Name: "after-serial", Usage: "the snapshot in force is lost and servers have `SERIAL`: go on after it", Value: &o.afterSerial},
	}
}

// check reads the flags. Both at once, or a serial out of range, is refused. The range ends
// below the highest uint64, so that serials are left for what comes after.
func (o *origin) check() error {
	if o.afterSerial == "" {
		return nil
	}
	if o.first {
		return diag.Usagef("--first says that no server has a serial, and --after-serial which one: leave one out")
	}
	serial, err := strconv.ParseUint(o.afterSerial, 10, 64)
	if err != nil || serial == 0 || serial > workspace.MaxAfterSerial {
		return diag.Usagef("--after-serial takes a serial, a number from 1 to %d, not %q", uint64(workspace.MaxAfterSerial), o.afterSerial)
	}
	o.after = serial
	return nil
}
