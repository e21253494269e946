package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/durable"
)

// planFlags are what plan shows and where.
type planFlags struct {
	proposalOptions
	against  string
	out      string
	detailed bool
	markdown bool
}

const snapshotUsage = "the snapshot in force, writ.snapshot in the root by default: `FILE`"

// proposalOptions are the flags that plan and apply have in common.
type proposalOptions struct {
	snapshot string
	locked   bool
	replace  []string
}

func (o *proposalOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "snapshot", Usage: snapshotUsage, Destination: &o.snapshot},
		&cli.BoolFlag{Name: "locked", Usage: "refuse a lockfile that would change", Destination: &o.locked},
		&cli.StringSliceFlag{Name: "replace", Usage: "let `ADDR`, such as api.orders, change its identifier; repeatable", Destination: &o.replace},
	}
}

func (a *app) planCommand() command {
	flags, o := new(configFlags), new(planFlags)
	return command{
		name: "plan", args: "[DIR]", maxArgs: 1, config: flags,
		summary: "show what an apply would change, what widens access first",
		about: `
Compares with the snapshot in force, or with what --against names: a snapshot
file or URL, or git:REV, which compiles the configuration as it stood at that
commit. Nothing is written but --out.

At git:REV, variable files and the lockfile are read as they stood there, if
they lie in the repository; --var counts for both sides, for the older one as
far as it declares the variable. A policy or an expectation that is gone or
changed, and an identifier that the lockfile no longer keeps, are changes too.
A REV that more than one branch or tag has is refused; a whole name, such as
git:refs/remotes/origin/main, is never ambiguous. In a submodule REV is a full hash.

The signature of a snapshot that is compared with is not verified: a URL is as
good as its host, and redirects lead to https only.`,
		example: "$ writ plan --against git:origin/main --detailed-exitcode\n...\nPlan: 1 to add, 0 to change, 0 to destroy. 1 change widens access.\n$ echo $?\n2",
		flags: append(o.flags(),
			&cli.StringFlag{Name: "against", Usage: "compare with `REF`: a snapshot file or URL, or git:REV", Destination: &o.against},
			&cli.StringFlag{Name: "out", Usage: "save the plan for \"writ apply\" to `FILE`", Destination: &o.out},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 2 when there are changes", Destination: &o.detailed},
			&cli.BoolFlag{Name: "markdown", Usage: "print a comment for a pull request", Destination: &o.markdown},
		),
		run: func(ctx context.Context, args []string) error { return a.plan(ctx, args, flags, o) },
	}
}

func (a *app) plan(ctx context.Context, args []string, flags *configFlags, o *planFlags) error {
	if o.out != "" && o.against != "" {
		return diag.Usagef("--out saves a plan to apply, and --against compares with something else than what an apply replaces: leave one out")
	}
	if o.against != "" && o.snapshot != "" {
		return diag.Usagef("--against and --snapshot both say what to compare with: leave one out")
	}
	if o.markdown && a.json {
		return diag.Usagef("--markdown and --json both say how to print: leave one out")
	}
	w, err := a.workspace(args, flags, o.snapshot)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := a.checkPlanFile(w, o.out); err != nil {
			return err
		}
	}
	p, err := a.propose(ctx, w, o.proposalOptions, workspace.PlanOptions{Against: a.reference(o.against)})
	if err != nil {
		return err
	}
	note := ""
	if p.Missing != "" {
		note = p.Missing + " This plan compares with nothing: whatever is in force already counts as new."
		a.warn(diag.List{workspace.SnapshotMissing(diag.Warning, note)}, nil)
	}
	a.remind(p.Tree)
	view := a.planView()
	if o.markdown {
		view = planMarkdown{command: planCommandLine(w, o), note: note}
	}
	if err := view.render(a.out, p.Plan); err != nil {
		return err
	}
	if o.out != "" {
		if err := a.savePlan(o.out, p.Saved(o.replace, w.Flags())); err != nil {
			return err
		}
		a.sayApply(w, o.out)
	}
	if o.detailed && !p.Plan.Empty() {
		return exitStatus(exitChanges)
	}
	return nil
}

// propose compiles the configuration and plans.
func (a *app) propose(ctx context.Context, w *workspace.Workspace, flags proposalOptions, o workspace.PlanOptions) (*workspace.Proposal, error) {
	t, err := a.compile(w)
	if err != nil {
		return nil, err
	}
	o.Locked, o.Replace = flags.locked, flags.replace
	return w.Plan(ctx, t, o)
}

// reference is an --against with its path, if it is one, from the working folder.
func (a *app) reference(against string) string {
	if against == "" || strings.HasPrefix(against, "git:") || strings.HasPrefix(against, "https://") || strings.HasPrefix(against, "http://") {
		return against
	}
	return a.path(against)
}

// planView is how a plan is shown, for people or machines.
func (a *app) planView() planView {
	if a.json {
		return planJSON{}
	}
	return planText{color: a.outColor}
}

// writ begins a command line that runs in the configuration's folder.
func writ(w *workspace.Workspace, command string) []string {
	words := []string{programName, command}
	if dir := filepath.ToSlash(w.Dir); dir != "." {
		words = append(words, "-C", dir)
	}
	return words
}

// planCommandLine prints what a comment has no room for.
func planCommandLine(w *workspace.Workspace, o *planFlags) string {
	words := writ(w, "plan")
	if o.against != "" {
		words = append(words, "--against", o.against)
	}
	words = append(words, w.Flags()...)
	for _, address := range o.replace {
		words = append(words, "--replace", address)
	}
	return shellLine(words)
}

// shellLine is a command line that a shell reads as these words.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = diag.ShellQuote(word)
	}
	return strings.Join(quoted, " ")
}

// sayApply prints the command that applies the plan in the file, from where this
// one was run: apply runs in the configuration's folder, with the same inputs.
func (a *app) sayApply(w *workspace.Workspace, file string) {
	if a.json {
		return
	}
	words := append(append(writ(w, "apply"), w.FromRoot(a.path(file))), w.Flags()...)
	fmt.Fprintf(a.err, "\nSaved. To apply exactly this:\n\n  %s\n", shellLine(words))
}

func (a *app) savePlan(name string, saved *compiler.SavedPlan) error {
	content, err := saved.Encode()
	if err != nil {
		return err
	}
	if err := durable.Replace(a.path(name), content, 0o644); err != nil {
		return diag.Failf("write-failed", "Name a file in a folder that is there and may be written.", "save the plan %q: %w", name, osCause(err))
	}
	return nil
}

// checkPlanFile lets a plan be saved as a new file, or over a plan that was saved
// before. Anything else that has the name may be what is in force or a source. An
// empty file, as mktemp makes it, has nothing to lose.
func (a *app) checkPlanFile(w *workspace.Workspace, name string) error {
	path := filepath.Clean(a.path(name))
	if path == w.Lockfile.Path || path == filepath.Clean(w.Snapshot) {
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
	content, err := workspace.ReadFile(path)
	if err != nil {
		return err
	}
	if len(content) > 0 && !compiler.IsSavedPlan(content) {
		return refused("it is there already and is not a saved plan")
	}
	return nil
}

// osCause is an error of the file system without the name of the file.
func osCause(err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return cause.Err
	}
	return err
}
