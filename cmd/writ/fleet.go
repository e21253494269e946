package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/server"
)

// "writ fleet", and the wait of "writ apply": what a look at all instances finds, which
// snapshot is the newest, and when they agree. How instances are found and asked is in
// fleetsources.go.

// The limits of a look at a fleet.
const (
	fleetTimeout   = 5 * time.Second // of one answer
	fleetAtOnce    = 64              // targets asked at the same time
	maxTargets     = 20_000
	maxFleetAnswer = 1 << 20     // of a target, in bytes
	maxPrometheus  = 64 << 20    // of Prometheus, in bytes
	maxFleetWait   = 24 * 3600   // of --wait, in seconds
	fleetPause     = time.Second // between two looks of --wait
)

// fleetFlags say where the instances are found, and how NATS is logged in to.
type fleetFlags struct {
	snapshot, ca, creds, cert, key string
	store                          string
	targets                        []string
	prometheus                     string
	wait                           string
}

// fleetCommand is "writ fleet". It only reads, and its exit code says whether a deployment
// may go on: 0 when all instances agree, 2 when one is wrong, 1 when that is not known.
func fleetCommand() cli.Command {
	o := new(fleetFlags)
	return cli.Command{
		Name: "fleet", Group: cli.GroupShip,
		Summary: "show what every running writd serves, and whether they agree",
		About: `
Instances are found by the records that they keep beside their snapshot in NATS or,
where that is elsewhere, beside the store that they share; by the addresses of their
admin listeners; or in Prometheus. NATS is logged in to with $NATS_CREDS, $NATS_CA,
$NATS_CERT and $NATS_KEY, or the flags.

It ends with 0 when all of them are ready and serve the same newest snapshot, or
what is staged for them at --snapshot; with 2 when one serves another, rejects
the last one, is not ready, or follows a location that has been silent for too
long; with 1 when it could not look, when there is none, or when one did not
answer and none is wrong.`,
		Example: "$ writ fleet --targets http://10.0.0.4:8081,http://10.0.0.5:8081\n" +
			"INSTANCE       VERSION  SERIAL  DIGEST        SINCE                 STATE\n" +
			"web-1-5d0c1f2a v1.0.0   12      0c5f9a8e7b61  2026-11-29T08:00:00Z  ok\n" +
			"web-2-91ab34cd v1.0.0   11      77d2c4b1a0e9  2026-11-28T16:20:11Z  behind\n\n" +
			"Of 2 instances, 1 wrong. The newest is serial 12.",
		Flags: []cli.Flag{
			{Name: "snapshot", Usage: "instances that follow this `LOCATION`, nats://HOST[:PORT],.../BUCKET/NAME; beside another source any location, whose snapshot is the newest", Value: &o.snapshot},
			{Name: "snapshot-ca", Usage: "PEM `FILE` of the only CAs for those servers of NATS", Value: &o.ca},
			{Name: "snapshot-creds", Usage: "NATS credentials `FILE` for them", Value: &o.creds},
			{Name: "snapshot-cert", Usage: "PEM certificate chain `FILE` of this client of theirs", Value: &o.cert},
			{Name: "snapshot-key", Usage: "PEM private key `FILE` of this client of theirs", Value: &o.key},
			storeFlag(&o.store, "instances that share the store at"),
			{Name: "targets", Usage: "admin listeners: `FILE|URL,...`, as http://HOST:PORT or unix:/PATH; a file has one a line; repeatable", Value: &o.targets},
			{Name: "prometheus", Usage: "what the Prometheus server at `URL` has scraped", Value: &o.prometheus},
			{Name: "wait", Usage: "wait until all agree, for at most `DURATION`", Value: &o.wait},
		},
		Run: func(ctx context.Context, env *cli.Env, _ []string) error { return runFleet(ctx, env, o) },
	}
}

// A fleet is what was found at one look, as --json prints it.
type fleet struct {
	Format    string     `json:"format_version"`
	Newest    newest     `json:"newest"`
	Staged    *staged    `json:"staged,omitempty"`
	Agreed    bool       `json:"agreed"` // all answered, are ready and serve the newest
	Instances []instance `json:"instances"`

	head location.Head // of the location, if one was asked
}

// A newest is one snapshot, by serial and digest. Two of one serial and different digests
// are a fork: a server refuses the one that it sees second, so a fleet that is split in
// this way stays split.
type newest struct {
	Serial uint64 `json:"serial"`
	Digest string `json:"digest"`
}

// A staged is the snapshot beside the newest one, and for how much of the fleet it is.
type staged struct {
	newest
	Percent int `json:"percent"`
}

// An instance is one writd, as it describes itself. Of one that did not answer only Address
// is known.
type instance struct {
	Instance     string            `json:"instance"`
	Version      string            `json:"version"`
	Serial       uint64            `json:"serial"`
	Digest       string            `json:"digest"`
	Since        time.Time         `json:"since,omitzero"`
	Ready        bool              `json:"ready"`
	LastRejected *server.Rejection `json:"last_rejected"`
	Problems     []server.Problem  `json:"problems"`
	Address      string            `json:"address"` // where it was asked, or what it was found in
	Answered     bool              `json:"answered"`

	silent string // why it did not answer
	stale  bool   // its location has been silent for too long
}

// A fleetSource finds instances, and what their location holds where it knows that; the
// zero Head where it does not. An error says that it could not look, which is another thing
// than finding nobody.
type fleetSource func(ctx context.Context) ([]instance, location.Head, error)

// runFleet looks, waits if it is asked to, and prints what it found last.
func runFleet(ctx context.Context, env *cli.Env, o *fleetFlags) error {
	wait, err := parseWait(o.wait)
	if err != nil {
		return err
	}
	sources, closing, err := o.sources(env)
	if err != nil {
		return err
	}
	defer closing()
	f, err := awaitFleet(ctx, env, sources, wait)
	if err != nil {
		return err
	}
	if env.JSON {
		err = env.PrintJSON(f)
	} else {
		err = f.print(env)
	}
	return cmp.Or(err, f.verdict())
}

// verdict is nil for a fleet that agrees, else the exit code as an error.
func (f *fleet) verdict() error {
	if code := f.exitCode(); code != cli.ExitOK {
		return cli.Status(code)
	}
	return nil
}

// awaitFleet looks, and looks again every fleetPause while the instances do not agree and
// wait is not over. Interrupted, it returns what it found last, so that there is a table to
// read.
func awaitFleet(ctx context.Context, env *cli.Env, sources []fleetSource, wait time.Duration) (*fleet, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := env.Progress("Waiting for the fleet")
	defer done()
	f, err := lookAtFleet(ctx, sources)
	for end := time.After(wait); wait > 0 && (err != nil || !f.Agreed); {
		select {
		case <-time.After(fleetPause):
			f, err = lookAtFleet(ctx, sources)
		case <-end:
			wait = 0
		case <-ctx.Done():
			wait = 0
		}
	}
	return f, err
}

// parseWait reads the value of --wait, at most 24 hours; 0 for none.
func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	seconds, err := schema.ParseDuration(text)
	if err != nil || seconds > maxFleetWait {
		return 0, diag.Usagef("--wait %q is not a duration of at most 24h, as in 5m", text)
	}
	return time.Duration(seconds) * time.Second, nil
}

// sources opens what the flags name; closing ends its connections. --snapshot alone is a
// source of instances only in NATS, where they keep records; beside another source it says
// which snapshot is the newest. With an error, what was opened is closed.
func (o *fleetFlags) sources(env *cli.Env) (sources []fleetSource, closing func(), err error) {
	var open []func()
	end := func() {
		for _, end := range open {
			end()
		}
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	elsewhere := o.store != "" || len(o.targets) > 0 || o.prometheus != ""
	if o.snapshot == "" && !elsewhere {
		return nil, nil, diag.Usagef("say where the instances are: --snapshot nats://..., --store, --targets or --prometheus")
	}
	// A flag wins over the variable of the same meaning.
	login := env.LocationOptions()
	for flag, option := range map[*string]*string{&o.creds: &login.NATSCredentials, &o.ca: &login.NATSRoots, &o.cert: &login.NATSCertificate, &o.key: &login.NATSKey} {
		*option = cmp.Or(*flag, *option)
	}
	if o.store != "" {
		source, end, err := storeSource(o.store, login)
		if err != nil {
			return nil, nil, err
		}
		sources, open = append(sources, source), append(open, end)
	}
	if len(o.targets) > 0 {
		source, err := targetSource(env, o.targets)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, source)
	}
	if o.prometheus != "" {
		base, err := fleetURL("--prometheus", o.prometheus)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, func(ctx context.Context) ([]instance, location.Head, error) {
			found, err := askPrometheus(ctx, base)
			return found, location.Head{}, err
		})
	}
	if o.snapshot != "" {
		a, err := location.Parse(o.snapshot)
		if err != nil {
			return nil, nil, diag.Usagef("--snapshot: %w", err)
		}
		if !elsewhere && a.Scheme() != "nats" && a.Scheme() != "tls" {
			return nil, nil, diag.Usagef("instances keep records only where --snapshot begins with nats://: name the --store that they share, their admin listeners with --targets, or --prometheus")
		}
		l, err := location.Open(a, login)
		if err != nil {
			return nil, nil, diag.Failf("unreachable", "", "%w", err)
		}
		sources, open = append(sources, locationSource(l)), append(open, func() { _ = l.Close() })
	}
	return sources, end, nil
}

// A fleetWait is how apply waits for the fleet after it has written. It is made before, so
// that a mistake in its flags is found while nothing has changed.
type fleetWait struct {
	sources []fleetSource
	limit   time.Duration
	close   func()
}

// newFleetWait returns nil without --wait. The instances are found beside a snapshot in
// NATS, beside the store, and by the targets. A wait for instances that nobody could find
// is refused: only its time could end it.
func newFleetWait(env *cli.Env, place workspace.Place, o *applyFlags) (*fleetWait, error) {
	limit, err := parseWait(o.wait)
	switch {
	case err != nil:
		return nil, err
	case limit == 0 && (len(o.targets) > 0 || o.store != ""):
		return nil, diag.Usagef("--targets and --store go with --wait")
	case limit == 0:
		return nil, nil
	case o.stage != "":
		return nil, diag.Usagef("--wait is for all of the fleet, and --stage for a part of it: leave one out")
	}
	// The connection stays open until the wait ends; each return below with an error closes it.
	l, err := place.Location()
	if err != nil {
		return nil, err
	}
	w := &fleetWait{limit: limit, close: func() { _ = l.Close() }}
	if location.RosterOf(l) != nil {
		w.sources = append(w.sources, locationSource(l))
	}
	if o.store != "" {
		source, end, err := storeSource(o.store, env.LocationOptions())
		if err != nil {
			w.close()
			return nil, err
		}
		w.sources, w.close = append(w.sources, source), func() { _ = l.Close(); end() }
	}
	if len(o.targets) > 0 {
		source, err := targetSource(env, o.targets)
		if err != nil {
			w.close()
			return nil, err
		}
		w.sources = append(w.sources, source)
	}
	if len(w.sources) == 0 {
		w.close()
		return nil, diag.Usagef("--wait: instances keep records only beside a snapshot at nats:// or a --store: name that, or their admin listeners with --targets")
	}
	return w, nil
}

// wait waits until all instances serve what was applied, and shows them. What was applied
// counts as a source of its own, so that a fleet which agrees on the snapshot before does
// not pass.
func (w *fleetWait) wait(ctx context.Context, env *cli.Env, applied location.Head) error {
	sources := append(w.sources, func(context.Context) ([]instance, location.Head, error) { return nil, applied, nil })
	f, err := awaitFleet(ctx, env, sources, w.limit)
	if err != nil {
		return err
	}
	if !env.JSON { // else apply has printed its one object
		fmt.Fprintln(env.Out)
		err = f.print(env)
	}
	return cmp.Or(err, f.verdict())
}

// lookAtFleet asks all sources, one after the other. An instance that two of them find is
// listed once, as the first one found it. The order of the list does not depend on who
// answered first.
func lookAtFleet(ctx context.Context, sources []fleetSource) (*fleet, error) {
	f := &fleet{Format: "1", Instances: []instance{}}
	known := map[string]bool{}
	for _, source := range sources {
		found, held, err := source(ctx)
		if err != nil {
			return nil, diag.Failf("unreachable", "", "%w", err)
		}
		if held.Serial > f.head.Serial {
			f.head = held
		}
		for _, i := range found {
			if i.Problems == nil {
				i.Problems = []server.Problem{}
			}
			// One that did not answer has no name, and so two of those are two.
			if i.Instance == "" || !known[i.Instance] {
				known[i.Instance] = true
				f.Instances = append(f.Instances, i)
			}
		}
	}
	slices.SortFunc(f.Instances, func(a, b instance) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), strings.Compare(a.Address, b.Address))
	})
	f.findNewest()
	f.Agreed = f.exitCode() == cli.ExitOK
	return f, nil
}

// findNewest finds the newest snapshot: the one with the highest serial. Of two with that
// serial it is the one at the location, or else the one that more instances serve, or by
// digest, so that the answer is always the same. What is staged is not the newest, whatever
// its serial.
func (f *fleet) findNewest() {
	f.Newest = newest{f.head.Serial, f.head.Digest}
	if s := f.head.Staged; s != nil {
		f.Staged = &staged{newest{s.Head.Serial, s.Head.Digest}, s.Percent}
	}
	count := map[newest]int{f.Newest: len(f.Instances)}
	for _, i := range f.Instances {
		serves := newest{i.Serial, i.Digest}
		if i.Answered && i.Digest != "" && (f.Staged == nil || serves != f.Staged.newest) {
			count[serves]++
		}
	}
	for n, times := range count {
		if cmp.Or(cmp.Compare(n.Serial, f.Newest.Serial), cmp.Compare(times, count[f.Newest]), strings.Compare(f.Newest.Digest, n.Digest)) > 0 {
			f.Newest = n
		}
	}
}

// due is the snapshot that an instance is to serve: what is staged, if its share of the
// fleet has it, else the newest. The location decides it as the instance itself does, by
// its id and its serial.
func (f *fleet) due(i instance) newest {
	if f.Staged != nil {
		if head := f.head.For(i.Instance, i.Serial); head.Serial == f.Staged.Serial {
			return f.Staged.newest
		}
	}
	return f.Newest
}

// wrong lists what of an instance is not as it should be. It is empty for one that serves
// what it is to serve, and for one that did not answer, of which nothing is known.
func (f *fleet) wrong(i instance) (faults []string) {
	switch due := f.due(i); {
	case !i.Answered:
		return nil
	case i.Digest == "":
		faults = append(faults, "no snapshot")
	case i.Serial < due.Serial:
		faults = append(faults, "behind")
	case i.Digest != due.Digest:
		faults = append(faults, "another snapshot of the same serial")
	}
	if i.LastRejected != nil {
		faults = append(faults, "rejected: "+i.LastRejected.Reason)
	}
	if i.stale {
		faults = append(faults, "its location is silent")
	}
	if !i.Ready {
		faults = append(faults, "not ready")
	}
	return faults
}

// count is how many instances are wrong, and how many did not answer. None counts as both.
func (f *fleet) count() (wrong, silent int) {
	for _, i := range f.Instances {
		switch {
		case !i.Answered:
			silent++
		case len(f.wrong(i)) > 0:
			wrong++
		}
	}
	return wrong, silent
}

// exitCode is 2 when an instance is wrong, 1 when one did not answer or there is none, else
// 0. Wrong comes first: it is known, and the other may be the network.
func (f *fleet) exitCode() int {
	switch wrong, silent := f.count(); {
	case wrong > 0:
		return cli.ExitChanges
	case silent > 0 || len(f.Instances) == 0:
		return cli.ExitError
	}
	return cli.ExitOK
}

// shownReason is how many bytes of a reason are in the table. The log of the instance has
// all of it.
const shownReason = 200

// print writes the table and a line that sums it up. What instances say is shown on one
// line each.
func (f *fleet) print(env *cli.Env) error {
	var text bytes.Buffer
	if len(f.Instances) > 0 {
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "INSTANCE\tVERSION\tSERIAL\tDIGEST\tSINCE\tSTATE")
		for _, i := range f.Instances {
			state := strings.Join(f.wrong(i), "; ")
			switch {
			case !i.Answered:
				state = "no answer: " + i.silent
			case state == "" && f.Staged != nil && f.due(i) == f.Staged.newest:
				state = "ok, staged"
			case state == "":
				state = "ok"
			}
			if n := len(i.Problems); n > 0 {
				state += fmt.Sprintf("; %d not served", n)
			}
			serial, since := "-", "-"
			if i.Digest != "" {
				serial = strconv.FormatUint(i.Serial, 10)
			}
			if !i.Since.IsZero() {
				since = i.Since.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", tableCell(cmp.Or(i.Instance, i.Address)), tableCell(cmp.Or(i.Version, "-")), serial, tableCell(shortDigest(i.Digest)), since, tableCell(state))
		}
		table.Flush()
		fmt.Fprintln(&text)
	}
	total := schema.Plural(len(f.Instances), "instance")
	// The line repeats what the exit code says, in its order: see exitCode.
	wrong, silent := f.count()
	switch {
	case len(f.Instances) == 0:
		fmt.Fprintln(&text, env.Paint(cli.Red, "No instance is known."))
	case wrong > 0:
		fmt.Fprintln(&text, env.Paint(cli.Red, fmt.Sprintf("Of %s, %d wrong. The newest is serial %d.", total, wrong, f.Newest.Serial)))
	case silent > 0:
		fmt.Fprintln(&text, env.Paint(cli.Red, fmt.Sprintf("Of %s, %d silent.", total, silent)))
	case f.Staged != nil:
		fmt.Fprintf(&text, "Of %s, all serve what they are to: serial %d, and serial %d that is staged for %d %%.\n", total, f.Newest.Serial, f.Staged.Serial, f.Staged.Percent)
	default:
		fmt.Fprintf(&text, "Of %s, all serve serial %d, %s.\n", total, f.Newest.Serial, tableCell(f.Newest.Digest))
	}
	_, err := env.Out.Write(text.Bytes())
	return err
}

// tableCell is text from an instance, fit for a terminal and a table: at most shownReason
// bytes, no tabs and nothing that acts on a terminal.
func tableCell(text string) string {
	if len(text) > shownReason {
		text = strings.ToValidUTF8(text[:shownReason], "") + "..."
	}
	return diag.Visible(strings.ReplaceAll(text, "\t", " "), "")
}

// shortDigest is the first 12 characters of a digest, enough to tell two apart, "-" for none.
func shortDigest(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return cmp.Or(digest[:min(len(digest), 12)], "-")
}
