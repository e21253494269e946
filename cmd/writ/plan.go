package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
)

// "writ plan" from its flags to its exit code. What a plan means is package compiler's to
// say and package view's to word; what it is held to is in guards.go, and what a comment on
// a pull request says beside it in comment.go. apply uses the same flags and the same
// proposal, so that what was reviewed is what is applied.

// planFlags are the flags of plan alone: what the new configuration is compared with, what
// must hold, and how the result is printed.
type planFlags struct {
	proposalOptions
	against  string // a snapshot or git:REV; "" for the snapshot in force
	out      string // file for the saved plan; "" for none
	detailed bool   // exit with 2 when there are changes
	markdown bool
	checks   []string
	limit    string // most characters of the comment, as it was typed
	full     bool   // print all objects
	usage    string // a folded writ.usage.json; "" for none
}

// snapshotFlag is --snapshot of the commands that read or replace the snapshot in force.
func snapshotFlag(flags *cli.ConfigFlags) cli.Flag {
	return cli.Flag{Name: "snapshot", Usage: "the snapshot in force, a FILE or the address of a `LOCATION`; writ.snapshot in the root by default", Value: &flags.Snapshot}
}

// trustFlag is --trust: whose snapshots are taken for what was in force. writd has a flag
// of the same name, and an operator gives both the same keys.
func trustFlag(names *[]string) cli.Flag {
	return cli.Flag{Name: "trust", Usage: "refuse a snapshot that none of these Ed25519 public keys has signed: `KEY`, a PEM file or base64, or the digest of one that is taken unsigned; repeatable", Value: names}
}

// proposalOptions are the flags that plan and apply have in common: they decide which plan
// is made, and so a saved plan is only applied with the same values.
type proposalOptions struct {
	locked bool
	// replace holds the addresses of APIs and clients whose identifier may change. Of all
	// others it may not: verifiers that are deployed would refuse the tokens of the new
	// one.
	replace []string
}

// flags declares the flags; --snapshot and --prior are values of config, which finds the place.
func (o *proposalOptions) flags(config *cli.ConfigFlags) []cli.Flag {
	return []cli.Flag{
		snapshotFlag(config),
		{Name: "prior", Usage: "read the snapshot in force at `LOCATION`, where apply writes elsewhere", Value: &config.Prior},
		{Name: "locked", Usage: "refuse a lockfile that would change", Value: &o.locked},
		{Name: "replace", Usage: "let `ADDR`, such as api.orders, change its identifier; repeatable", Value: &o.replace, Complete: completeAddresses(compiler.KindAPI, compiler.KindClient)},
	}
}

// planCommand is "writ plan". It only reads, so that it can be run on a pull request by
// whoever may read the repository. It exits with 0, or with 1 when there is no plan or a
// policy or expectation refuses it; 2 is an answer, to --detailed-exitcode and --check.
func planCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(planFlags)
	return cli.Command{
		Name: "plan", Group: cli.GroupReview, Args: "[DIR]", MaxArgs: 1, Config: flags, Formats: true,
		Summary: "show what an apply would change, what widens access first",
		About: `
Compares with the snapshot in force, or with what --against names: a snapshot,
or git:REV, which compiles the configuration as it stood at that commit. Nothing
is written but --out.

Before the merge, git:refs/remotes/origin/main shows what a pull request changes,
and needs nothing but git. After it, --snapshot with the location that servers
follow shows what an apply will change there.

At git:REV, variable files and the lockfile are read as they stood there, if
they lie in the repository; --var counts for both sides, for the older one as
far as it declares the variable. A policy or an expectation that is gone or
changed, and an identifier that the lockfile no longer keeps, are changes too.
A policy or an expectation that does not hold fails the plan, which is printed
whole all the same, in each format.

With --markdown the first line is <!-- writ:ENVIRONMENT -->, by which the next run
finds the comment, and an error is a comment too. Lines are linked where
$GITHUB_REPOSITORY or $CI_PROJECT_URL says where, and the files are committed.

With --format github or sarif each consequence stands at the line that causes it: a
check that does not hold as an error; access gained or lost, verifiers that must
change and a guard that is loosened as warnings; what lasts longer and another
credential as notices. "writ explain CODE" says more of each.

With --json, "changes" are the objects by address, with action, effect, attributes,
"before" and "after"; "access" says who gains and loses which scopes; "summary"
counts; "checks" answers --check; "guards" says how policies and expectations came
out. Where these refuse the plan, "valid" is false and "diagnostics" says why.

A REV that more than one branch or tag has is refused; a whole name, such as
git:refs/remotes/origin/main, is never ambiguous. In a submodule REV is a full hash.

Without --trust the signature of a snapshot that is compared with is not verified: a
location is then as good as its host, and redirects lead to https only.`,
		Example: "$ writ plan --against git:origin/main --detailed-exitcode\n...\nPlan: 1 to add, 0 to change, 0 to destroy. 1 change widens access.\n$ echo $?\n2",
		Flags: append(o.flags(flags), trustFlag(&flags.Trust),
			cli.Flag{Name: "against", Usage: "compare with `REF`: a snapshot's file or location, or git:REV", Value: &o.against, Complete: completeRevisions},
			cli.Flag{Name: "out", Usage: "save the plan for \"writ apply\" to `FILE`", Value: &o.out},
			cli.Flag{Name: "detailed-exitcode", Usage: "exit with 2 when there are changes", Value: &o.detailed},
			cli.Flag{Name: "check", Usage: "exit with 2 unless the plan passes `CHECK`: no-new-access[=KEY:VALUE,...] or no-access=KEY:VALUE,..., with the keys client, api, scope and subject_type; repeatable", Value: &o.checks},
			cli.Flag{Name: "full", Usage: "print all objects, and not the first 1,000", Value: &o.full},
			cli.Flag{Name: "markdown", Usage: "print a comment for a pull request, also of a plan that fails", Value: &o.markdown},
			cli.Flag{Name: "markdown-limit", Usage: "the most `CHARACTERS` of a comment; 65536 by default, as GitHub takes", Value: &o.limit},
			cli.Flag{Name: "usage", Usage: "say when what changes was last used, by the `FILE` of writ usage", Value: &o.usage},
		),
		Run: func(ctx context.Context, env *cli.Env, args []string) error { return runPlan(ctx, env, args, flags, o) },
	}
}

// runPlan refuses what makes no sense together before it reads anything, then reviews the
// change and prints it. A plan that is refused is printed all the same, and not saved.
func runPlan(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *planFlags) error {
	if o.out != "" && o.against != "" {
		return diag.Usagef("--out saves a plan to apply, and --against compares with something else than what an apply replaces: leave one out")
	}
	if o.against != "" && (flags.Snapshot != "" || flags.Prior != "") {
		return diag.Usagef("--against says what to compare with, and so do --snapshot and --prior: leave one out")
	}
	if o.markdown && (env.JSON || env.Format != "") {
		return diag.Usagef("--markdown and --json or --format both say how to print: leave one out")
	}
	checks, err := parseChecks(o.checks)
	if err != nil { // a mistake on the command line, which is no comment on a pull request
		return err
	}
	limit, err := o.commentLimit()
	if err != nil {
		return err
	}
	w, err := flags.Load(env, args)
	if err != nil {
		return failedComment(ctx, env, nil, o, limit, err)
	}
	if err := checkPlanFile(env, w, o.out); err != nil {
		return err
	}
	p, review, err := o.review(ctx, env, w, checks)
	if err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	noteStage(env, p.Prior.Staged())
	// The plan is printed before the command fails for a guard: whoever reads why it failed
	// has to see what the change would do.
	if err := o.print(env, w, review, limit); err != nil {
		return err
	}
	if review.Guards.Refusal != nil {
		if env.JSON { // the plan holds the diagnostics
			return cli.Status(cli.ExitError)
		}
		return review.Guards.Refusal
	}
	return endPlan(env, w, o, p, review)
}

// review compiles and plans, and holds the plan to its checks, policies and expectations. A
// plan that these refuse is no error here: it is part of the review, so that it is printed
// with the reasons. An error means that there is no plan to print.
func (o *planFlags) review(ctx context.Context, env *cli.Env, w *workspace.Workspace, checks []compiler.AccessCheck) (*workspace.Proposal, *view.Review, error) {
	p, refused, err := o.propose(ctx, env, w, workspace.PlanOptions{Against: reference(env, o.against)})
	if err != nil {
		return nil, nil, err
	}
	// A comment can show a plan that policies refuse, with their messages. What the lock rules
	// refuse has no plan that could be merged, and the comment says that alone.
	if o.markdown && refused != nil && !onlyPolicies(refused) {
		return nil, nil, refused
	}
	comments := o.markdown || env.Summarizes(false)
	var c *commits
	if comments { // only a comment says which commits it compares, and has links
		if c, err = newCommits(ctx, env, w, p.Model.Config.Sources, p.Prior.Commit()); err != nil {
			return nil, nil, err
		}
	}
	review, err := guardedReview(env, p, refused, c)
	if err != nil {
		return nil, nil, err
	}
	if o.usage != "" {
		if review.Notes, err = usageNotes(env, o.usage, p.Plan, p.Prior.Document, p.Model.Document); err != nil {
			return nil, nil, err
		}
	}
	if review.Checks, err = runChecks(env, p, checks); err != nil {
		return nil, nil, err
	}
	if review.Warning != "" {
		env.Warn(p.Model.Accept(diag.List{w.SnapshotMissing(diag.Warning, review.Warning)}), nil)
	} else if comments && p.Prior.Document == nil {
		review.Warning = "There is nothing to compare with: everything counts as new."
	}
	if review.Guards.Refusal == nil { // whose problems hold the warnings
		env.Remind(p.Tree)
	}
	return p, review, nil
}

// print prints the review in the format that is asked for. With --format github, and with
// --markdown, it also goes to the page of the CI step that runs the command
// ($GITHUB_STEP_SUMMARY).
func (o *planFlags) print(env *cli.Env, w *workspace.Workspace, review *view.Review, limit int) error {
	comment := view.PlanMarkdown{Command: planCommandLine(w, o, view.Capped(review.Plan)), Limit: limit}
	if o.markdown {
		return printComment(env, func(out io.Writer) error { return comment.Render(out, review) })
	}
	if err := view.PlanOf(env, o.full).Render(env.Out, review); err != nil {
		return err
	}
	if env.ForHosts() {
		env.FindChanges(view.Findings(review))
	}
	if env.Summarizes(false) {
		return env.Summarize(func(page io.Writer) error { return comment.Render(page, review) })
	}
	return nil
}

// commentLimit is the value of --markdown-limit in characters, the limit of GitHub without
// one. A smaller comment than view.MinMarkdownLimit could not hold the line which says that
// it is not complete.
func (o *planFlags) commentLimit() (int, error) {
	if o.limit == "" {
		return view.MarkdownLimit, nil
	}
	if !o.markdown {
		return 0, diag.Usagef("--markdown-limit is about a comment: add --markdown")
	}
	limit, err := strconv.Atoi(o.limit)
	if err != nil || limit < view.MinMarkdownLimit {
		return 0, diag.Usagef("--markdown-limit takes a number of characters, %d or more, not %q", view.MinMarkdownLimit, o.limit)
	}
	return limit, nil
}

// endPlan saves the plan for --out and chooses the exit code: 2 when a --check does not
// hold, or with --detailed-exitcode when there are changes, else 0. The plan is saved
// before that: 2 is an answer, and whoever asked for the file gets it.
func endPlan(env *cli.Env, w *workspace.Workspace, o *planFlags, p *workspace.Proposal, review *view.Review) error {
	if o.out != "" {
		if err := savePlan(env, o.out, p.Saved(o.replace, w.Flags())); err != nil {
			return err
		}
		printApplyCommand(env, w, o.out)
	}
	if anyFails(review.Checks) || o.detailed && !p.Plan.Empty() {
		return cli.Status(cli.ExitChanges)
	}
	return nil
}

// propose compiles the configuration and plans. err means that there is no plan, since
// something in the files is wrong. refused is why a plan that can be shown may not be
// applied: prevent_destroy or a locked identifier forbids it, or a policy about changes
// does. The policies about the tree itself are not in refused; guardsOf asks the tree for
// them.
func (o *proposalOptions) propose(ctx context.Context, env *cli.Env, w *workspace.Workspace, with workspace.PlanOptions) (p *workspace.Proposal, refused, err error) {
	t, err := env.CompileForReview(w)
	if err != nil {
		return nil, nil, err
	}
	with.Locked, with.Replace = o.locked, o.replace
	if p, err = w.Plan(ctx, t, with); p == nil {
		return nil, nil, err
	}
	return p, err, nil
}

// reference is the value of --against for the workspace: a path is taken from the working
// folder, git:REV and addresses stay as they are.
func reference(env *cli.Env, against string) string {
	if strings.HasPrefix(against, "git:") {
		return against
	}
	return env.Place(against)
}

// writ begins a command line for a person to copy. -C makes it work from the folder
// in which this command was started, wherever the configuration lies.
func writ(w *workspace.Workspace, command string) []string {
	words := []string{cli.ProgramName, command}
	if dir := filepath.ToSlash(w.Dir); dir != "." {
		words = append(words, "-C", dir)
	}
	return words
}

// planCommandLine prints what a comment has no room for; capped is whether a plan for people
// leaves objects out.
func planCommandLine(w *workspace.Workspace, o *planFlags, capped bool) string {
	words := writ(w, "plan")
	if o.against != "" {
		words = append(words, "--against", o.against)
	}
	words = append(words, w.Flags()...)
	for _, address := range o.replace {
		words = append(words, "--replace", address)
	}
	if o.usage != "" {
		words = append(words, "--usage", o.usage)
	}
	if capped {
		words = append(words, "--full")
	}
	return shellLine(words)
}

// shellLine is a command line that a shell reads as these words.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = schema.ShellQuote(word)
	}
	return strings.Join(quoted, " ")
}

// printApplyCommand prints how to apply the plan in the file. The command has every --var
// and --var-file of this one, since apply refuses a plan whose inputs differ. With --json
// nothing is printed: standard output holds one object.
func printApplyCommand(env *cli.Env, w *workspace.Workspace, file string) {
	if env.JSON {
		return
	}
	words := append(append(writ(w, "apply"), w.FromRoot(env.Path(file))), w.Flags()...)
	fmt.Fprintf(env.Err, "\nSaved. To apply exactly this:\n\n  %s\n", shellLine(words))
}

// savePlan writes the plan whole or not at all: durable.Replace stages the file and renames
// it, so that an apply in another process never reads half of it.
func savePlan(env *cli.Env, name string, saved *compiler.SavedPlan) error {
	content, err := saved.Encode()
	if err != nil {
		return err
	}
	if err := durable.Replace(env.Path(name), content, 0o644); err != nil {
		return diag.Failf("write-failed", "Name a file in a folder that is there and may be written.", "save the plan %q: %w", name, osCause(err))
	}
	return nil
}

// checkPlanFile refuses a --out that would destroy something. The plan may be a new file or
// replace a plan that was saved before; anything else of that name may be the lockfile, the
// snapshot in force or a source. An empty file has nothing to lose: mktemp makes one. "" is
// no --out.
func checkPlanFile(env *cli.Env, w *workspace.Workspace, name string) error {
	if name == "" {
		return nil
	}
	path := filepath.Clean(env.Path(name))
	snapshotPath, isFile := w.Snapshot.File()
	if path == w.Lockfile.Path || isFile && path == filepath.Clean(snapshotPath) {
		return diag.Usagef("--out %q is where apply writes: name another file for the plan", name)
	}
	refused := func(format string, args ...any) error {
		return diag.Failf("file-exists", "Name a new file, or a plan that was saved before.", "save the plan %q: "+format, append([]any{filepath.ToSlash(name)}, args...)...)
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return refused("%w", osCause(err))
	}
	if !info.Mode().IsRegular() {
		return refused("not a regular file")
	}
	// The content decides and not the name: people name plans as they like.
	content, err := workspace.ReadFile(path)
	if err != nil {
		return err
	}
	if len(content) > 0 && !compiler.IsSavedPlan(content) {
		return refused("it is there already and is not a saved plan")
	}
	return nil
}

// osCause is an error of the file system without operation and path, for messages that name the
// file themselves.
func osCause(err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return cause.Err
	}
	return err
}
