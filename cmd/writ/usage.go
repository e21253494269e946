package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// "writ usage": folding logs and asking what is unused. Reading and counting are package
// usage's. What a plan says of use is in usage_notes.go, the diff that takes out what is
// unused in usage_suggest.go.

// usageFlags say what to do beside folding.
type usageFlags struct {
	out     string
	unused  string
	suggest bool
}

// usageCommand is "writ usage". Folding and asking are one command, so that CI can do both
// with one line; each also works alone. It writes the folded file and nothing else, and
// exits with 2 when --unused lists something.
func usageCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(usageFlags)
	return cli.Command{
		Name: "usage", Group: cli.GroupAsk, Args: "[LOG...]", MaxArgs: -1, Config: flags,
		Summary: "fold writd's audit lines into writ.usage.json; show what nobody uses",
		About: fmt.Sprintf(`
LOG is a file of writd's log, compressed with gzip or not; "-" is standard input.
What a container's log puts before a line is skipped, and so is every line that
is no decision of the token endpoint; both are counted. writ.usage.json stands in
the root. Folding again adds to it.

The same lines count once: a log that was read before, or has grown since, is
known by its digest; a line by its jti, or by its time and what it says. Of lines
the last %s of one run are remembered, and from one run to the next the
newest %s; of logs the last %s. Lines beyond that which come again in a log
of other content count twice, so fold whole logs and not parts that overlap.

--unused lists the authorizations, scopes and credentials that were not used for
so long. It knows the tokens that were issued and not what was called with them,
and nothing of times without a log. Scopes are judged where every request names
the ones that it wants. What is new, or was renamed, has had no time to be used.

--suggest prints the configuration without what is not used, as a diff for
"git apply" or "patch -p1" in the root; that configuration is valid. The list is
then on standard error.`, usage.Thousands(usage.MaxRun), usage.Thousands(usage.MaxRecent), usage.Thousands(usage.MaxLogs)),
		Example: `$ kubectl logs -l app=writd --tail=-1 --prefix | writ usage -
Folded 1 log into writ.usage.json: 120,411 decisions, 0 repeated, 14 other lines.
It now holds 2,048,102 from 2026-08-01T00:00:02Z to 2026-11-28T23:59:58Z.
$ writ usage --unused 90d
authorization.billing_orders, scope "write:orders"  never  billing.hcl:23
...
$ writ usage --unused 90d --suggest | git apply`,
		Flags: []cli.Flag{
			{Name: "out", Usage: "the folded `FILE`, writ.usage.json in the root by default", Value: &o.out},
			{Name: "unused", Usage: "list what was not used for this `DURATION`, such as 90d; exit with 2 when there is something", Value: &o.unused},
			{Name: "suggest", Usage: "with --unused, print a diff that takes it out", Value: &o.suggest},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return runUsage(env, args, flags, o) },
	}
}

// runUsage folds the logs that are named and answers what --unused asks. It exits with 2
// when something is unused.
func runUsage(env *cli.Env, logs []string, flags *cli.ConfigFlags, o *usageFlags) error {
	if len(logs) == 0 && o.unused == "" {
		return diag.Usagef("name the logs to fold, or ask with --unused what nobody uses")
	}
	if o.suggest && o.unused == "" {
		return diag.Usagef("--suggest takes out what --unused lists: give it a duration, such as --unused 90d")
	}
	period := int64(0)
	if o.unused != "" {
		var err error
		if period, err = schema.ParseDuration(o.unused); err == nil && period <= 0 {
			err = fmt.Errorf("%q is no time at all", o.unused)
		}
		if err != nil {
			return diag.Usagef("--unused: %w", err)
		}
	}
	// The folded file belongs to a configuration and is committed beside it, so that a pull
	// request can be reviewed with nothing but the repository.
	place := filepath.Join(env.Root(env.Folder(nil)), usage.FileName)
	if o.out != "" {
		place = env.Path(o.out)
	}
	// What is there is read before anything else: a file that writ did not write is never
	// written over, and a fold adds to what earlier ones counted.
	f, err := readUsage(place)
	if errors.Is(err, fs.ErrNotExist) && len(logs) > 0 {
		f, err = usage.New(), nil
	}
	if err != nil {
		return err
	}
	if len(logs) > 0 {
		if err := foldLogs(env, f, place, logs, o.unused != ""); err != nil {
			return err
		}
	}
	if o.unused == "" {
		return nil
	}
	return showUnused(env, f, flags, o, period)
}

// readUsage reads a folded file. A file that is not there is told apart from one that is
// something else, because the way out differs. fs.ErrNotExist stays in the chain of the error.
func readUsage(path string) (*usage.File, error) {
	f, err := usage.Read(path)
	name := filepath.ToSlash(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.Failf("unreadable-file", "Fold writd's logs into it first: writ usage LOG...", "read %q: %w", name, osCause(err))
	case errors.Is(err, usage.ErrFormat):
		return nil, diag.Failf("unreadable-file", "Name another file, or fold the logs into a new one.", "%w", err)
	case err != nil:
		return nil, workspace.Unreadable(err)
	}
	return f, nil
}

// foldLogs adds logs to a folded file and writes it. With a log that cannot be read
// nothing is written: a pipeline that ignores the exit code would take part of the logs
// for all. A log that ends early is another matter: the end of one that a crash cut off
// never comes, and what stands before it is true.
func foldLogs(env *cli.Env, f *usage.File, place string, logs []string, quiet bool) error {
	// The buffers are used again and again, and only names make garbage. So the collector
	// may run often: memory stays near what is in use, as logs may be folded beside writd.
	before := debug.SetGCPercent(25)
	defer debug.SetGCPercent(before)
	done := env.Progress("Folding")
	folding := usage.NewFolding(f, env.Now())
	var sum usage.Count
	for _, name := range logs {
		count, err := foldLog(env, folding, name)
		if err != nil {
			done()
			return err
		}
		if count.Ends != nil {
			env.Note(fmt.Sprintf("%q ends early, and what came before counts: %v.", name, count.Ends))
		}
		sum.Lines, sum.Repeated, sum.Skipped, sum.Known = sum.Lines+count.Lines, sum.Repeated+count.Repeated, sum.Skipped+count.Skipped, sum.Known+count.Known
	}
	folding.Finish()
	done()
	if err := f.Write(place); err != nil {
		return workspace.Unwritable(err)
	}
	if quiet {
		return nil
	}
	if env.JSON {
		return env.PrintJSON(f)
	}
	fmt.Fprintf(env.Text(), "Folded %s into %s: %s, %s repeated, %s.\n", schema.Plural(len(logs), "log"), diag.OneLine(filepath.ToSlash(place)),
		usage.Counted(sum.Lines, "decision"), usage.Thousands(sum.Repeated), usage.Counted(sum.Skipped, "other line"))
	if sum.Known > 0 {
		fmt.Fprintf(env.Text(), "%s had been read before.\n", usage.Counted(sum.Known, "byte"))
	}
	if f.Lines > 0 {
		fmt.Fprintf(env.Text(), "It now holds %s from %s to %s.\n", usage.Thousands(f.Lines), f.From, f.To)
	}
	return nil
}

// foldLog adds one log. Errors name the log as it was given, since of "-" there is no path.
func foldLog(env *cli.Env, folding *usage.Folding, name string) (usage.Count, error) {
	var log io.Reader = env.In
	if name != "-" {
		file, err := os.Open(env.Path(name))
		if err == nil {
			defer file.Close()
			var info fs.FileInfo
			if info, err = file.Stat(); err == nil && info.IsDir() {
				return usage.Count{}, diag.Failf("unreadable-file", "Name the logs in it.", "read %q: it is a folder", filepath.ToSlash(name))
			}
		}
		if err != nil {
			return usage.Count{}, workspace.Unreadable(err)
		}
		log = file
	}
	// The error of a log that cannot be folded has a way out where there is a usual one.
	count, err := folding.Read(log)
	hint := ""
	switch {
	case err == nil:
		return count, nil
	case errors.Is(err, usage.ErrZstandard):
		hint = "Decompress it on the way: zstd -dc LOG | writ usage -"
	case errors.Is(err, usage.ErrExpands):
		hint = "No log does. Where it is one all the same: gzip -dc LOG | writ usage -"
	}
	return count, diag.Failf("unreadable-file", hint, "read %q: %w", filepath.ToSlash(name), err)
}

// An unusedReport is what writ usage --unused says, as it stands to machines and in
// sentences to people. What is not known is part of it: an answer that leaves it out would
// be read as "everything else is used".
type unusedReport struct {
	FormatVersion string           `json:"format_version"` // "1"
	Since         usage.Time       `json:"since"`          // what was asked
	From          usage.Time       `json:"from"`           // what the logs cover of it
	To            usage.Time       `json:"to"`
	Short         bool             `json:"short"`                // they cover less, by a day or more
	DaysWithout   int              `json:"days_without_lines"`   // of those that they cover
	Unused        []unusedItem     `json:"unused"`               // authorizations, scopes, credentials
	Undecided     []undecidedItem  `json:"undecided"`            // authorizations whose client names no scopes
	Suggestion    string           `json:"suggestion,omitempty"` // a diff
	NotSuggested  []unusedLeftOver `json:"not_suggested,omitempty"`
}

// An unusedItem is an authorization, one of its scopes, or a credential of a client.
type unusedItem struct {
	Kind    usage.Kind        `json:"kind"`
	Address string            `json:"address"`         // of the authorization or client
	Block   string            `json:"block,omitempty"` // of a credential
	Label   string            `json:"label,omitempty"` // of a scope or credential
	Last    *usage.Time       `json:"last"`            // null for never
	Count   int64             `json:"count"`
	Range   *diag.ReportRange `json:"range,omitempty"`
}

// An undecidedItem is an authorization of which nobody can tell what scopes are needed,
// since requests named none and were granted all.
type undecidedItem struct {
	Address string     `json:"address"`
	Last    usage.Time `json:"last"` // the last request that named no scope
	Count   int64      `json:"count"`
}

// showUnused compares the configuration with the folded file. The exit code is that of a
// question with an answer, so that a pipeline can open an issue or a pull request of it.
func showUnused(env *cli.Env, f *usage.File, flags *cli.ConfigFlags, o *usageFlags, period int64) error {
	w, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	env.Remind(t)
	// Without any line of the period "not used" would be true of everything, and mean nothing.
	now := env.Now().Unix()
	answer, ok := f.Unused(t.Model.Document, now-period, now)
	if !ok {
		return diag.Failf("no-usage", "Fold the logs of that time: writ usage LOG...", "no line of the last %s was folded", schema.FormatDuration(period))
	}
	report := unusedReport{
		FormatVersion: "1", Since: answer.Since, From: answer.From, To: answer.To, Short: answer.IsShort(), DaysWithout: answer.Silent,
		Unused: []unusedItem{}, Undecided: []undecidedItem{},
	}
	for _, u := range answer.Unused {
		report.Unused = append(report.Unused, itemOf(t.Model, u))
	}
	for _, q := range answer.Questions {
		report.Undecided = append(report.Undecided, undecidedItem{compiler.Address(compiler.KindAuthorization, q.Authorization), q.Unscoped.Last, q.Unscoped.Count})
	}
	if o.suggest {
		if report.Suggestion, report.NotSuggested, err = suggest(env, w, t, answer); err != nil {
			return err
		}
	}
	switch {
	case env.JSON:
		err = env.PrintJSON(report)
	case o.suggest: // the diff goes into a pipe, the list to who looks on
		report.write(env.Err, o.unused)
		if len(report.Unused) > 0 {
			fmt.Fprintln(env.Err)
		}
		_, err = io.WriteString(env.Out, report.Suggestion)
	default:
		report.write(env.Text(), o.unused)
	}
	if err == nil && len(report.Unused) > 0 {
		err = cli.Status(cli.ExitChanges)
	}
	return err
}

// itemOf says where what is not used was declared, as exactly as the source allows: a
// scope where it stands in the list, a credential at its own block.
func itemOf(m *compiler.Model, u usage.Unused) unusedItem {
	kind := compiler.KindAuthorization
	if u.Kind == usage.KindCredential {
		kind = compiler.KindClient
	}
	item := unusedItem{Kind: u.Kind, Address: compiler.Address(kind, u.Owner), Block: u.Block, Label: u.Label, Count: u.Tally.Count}
	if u.Tally.Count > 0 {
		item.Last = &u.Tally.Last
	}
	// The block is the place until something more exact is found in it.
	decl := m.Decl(item.Address)
	at := decl.Range
	switch u.Kind {
	case usage.KindScope:
		at = decl.AttrRange("scopes")
		if _, a, ok := m.Authorization(u.Owner); ok {
			for i, name := range a.Scopes {
				if name == u.Label {
					at = a.ScopeRange(i)
				}
			}
		}
	case usage.KindCredential:
		at = decl.NestedRange(u.Block, u.Label, "")
	}
	if at != (hcl.Range{}) {
		rng := diag.ReportRangeOf(at)
		item.Range = &rng
	}
	return item
}

// what names the item as the list and the reasons of --suggest have it.
func (i *unusedItem) what() string {
	switch i.Kind {
	case usage.KindScope:
		return fmt.Sprintf("%s, scope %q", i.Address, i.Label)
	case usage.KindCredential:
		return fmt.Sprintf("%s, %s %q", i.Address, i.Block, i.Label)
	}
	return i.Address
}

// write says it to people: first for which period, since the rest is worth no more, and
// last that tokens were counted and not calls. asked is the period as it was typed.
func (r *unusedReport) write(w io.Writer, asked string) {
	if r.Short {
		fmt.Fprintf(w, "The logs cover less than the %s that were asked: %s to %s. Of the rest nothing is known.\n", asked, r.From, r.To)
	} else {
		fmt.Fprintf(w, "In the last %s, by logs from %s to %s:\n", asked, r.From, r.To)
	}
	if r.DaysWithout > 0 {
		fmt.Fprintf(w, "No line is of %s in between: nobody asked for a token, or a log is missing.\n", schema.Plural(r.DaysWithout, "day"))
	}
	fmt.Fprintln(w)
	for i := range r.Unused {
		item := &r.Unused[i]
		when, noun := "never", "token"
		if item.Kind == usage.KindCredential {
			noun = "request" // it may have got no token for them
		}
		if item.Last != nil {
			when = fmt.Sprintf("last %s, %s in all", item.Last.String()[:len(time.DateOnly)], usage.Counted(item.Count, noun))
		}
		where := ""
		if item.Range != nil {
			where = fmt.Sprintf("  %s:%d", item.Range.Filename, item.Range.Start.Line)
		}
		fmt.Fprintf(w, "%s  %s%s\n", diag.OneLine(item.what()), when, diag.OneLine(where))
	}
	for _, u := range r.Undecided {
		fmt.Fprintf(w, "%s  scopes not known: %s named none and got all, the last %s\n", diag.OneLine(u.Address), usage.Counted(u.Count, "request"), u.Last.String()[:len(time.DateOnly)])
	}
	if len(r.Unused)+len(r.Undecided) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d not used", len(r.Unused))
	if len(r.Undecided) > 0 {
		fmt.Fprintf(w, ", the scopes of %s not known", schema.Plural(len(r.Undecided), "authorization"))
	}
	fmt.Fprintln(w, ". This is what was issued, not what was called.")
	for _, n := range r.NotSuggested {
		fmt.Fprintf(w, "Not in the diff: %s: %s.\n", diag.OneLine(n.What), diag.OneLine(n.Reason))
	}
}
