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
		return usagef("--out saves a plan to apply, and --against compares with something else than what an apply replaces: leave one out")
	}
	if o.against != "" && o.snapshot != "" {
		return usagef("--against and --snapshot both say what to compare with: leave one out")
	}
	if o.markdown && a.json {
		return usagef("--markdown and --json both say how to print: leave one out")
	}
	w, err := a.workspace(args, flags)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := w.checkPlanFile(o.out, a.snapshotPath(w.dir, o.snapshot)); err != nil {
			return err
		}
	}
	p, err := w.propose(ctx, o.proposalOptions, o.against)
	if err != nil {
		return err
	}
	note := ""
	if o.against == "" && p.fromNothing() {
		note = p.missing(w, filepath.ToSlash(a.snapshotPath(w.dir, o.snapshot))) +
			" This plan compares with nothing: whatever is in force already counts as new."
		a.warn(diag.List{snapshotMissing(diag.Warning, note)}, nil)
	}
	a.remind(p.tree)
	view := a.planView()
	if o.markdown {
		view = planMarkdown{command: w.planCommand(o, w.inputFlags(flags, o.snapshot)), note: note}
	}
	if err := view.render(a.out, p.plan); err != nil {
		return err
	}
	if o.out != "" {
		inputs := w.inputFlags(flags, o.snapshot)
		if err := a.savePlan(o.out, p.saved(o.replace, inputs)); err != nil {
			return err
		}
		a.sayApply(w, o.out, inputs)
	}
	if o.detailed && !p.plan.Empty() {
		return exitStatus(exitChanges)
	}
	return nil
}

// planView is how a plan is shown, for people or machines.
func (a *app) planView() planView {
	if a.json {
		return planJSON{}
	}
	return planText{color: a.outColor}
}

// planCommand prints what a comment has no room for.
func (w *workspace) planCommand(o *planFlags, inputs []string) string {
	words := []string{"writ", "plan"}
	if dir := filepath.ToSlash(w.dir); dir != "." {
		words = append(words, "-C", dir)
	}
	if o.against != "" {
		words = append(words, "--against", o.against)
	}
	words = append(words, inputs...)
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
func (a *app) sayApply(w *workspace, file string, inputs []string) {
	if a.json {
		return
	}
	words := []string{"writ", "apply"}
	if dir := filepath.ToSlash(w.dir); dir != "." {
		words = append(words, "-C", dir)
	}
	words = append(append(words, w.fromRoot(a.path(file))), inputs...)
	fmt.Fprintf(a.err, "\nSaved. To apply exactly this:\n\n  %s\n", shellLine(words))
}

func (a *app) savePlan(name string, saved *compiler.SavedPlan) error {
	content, err := saved.Encode()
	if err != nil {
		return err
	}
	if err := durable.Replace(a.path(name), content, 0o644); err != nil {
		return failf("write-failed", "Name a file in a folder that is there and may be written.", "save the plan %q: %w", name, osCause(err))
	}
	return nil
}

// checkPlanFile lets a plan be saved as a new file, or over a plan that was saved
// before. Anything else that has the name may be what is in force or a source. An
// empty file, as mktemp makes it, has nothing to lose.
func (w *workspace) checkPlanFile(name, snapshotPath string) error {
	path := filepath.Clean(w.app.path(name))
	if path == w.lockfile || path == filepath.Clean(snapshotPath) {
		return usagef("--out %q is where apply writes: name another file for the plan", name)
	}
	refused := func(format string, args ...any) error {
		return failf("file-exists", "Name a new file, or a plan that was saved before.", "save the plan %q: "+format, append([]any{filepath.ToSlash(name)}, args...)...)
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
	content, err := readRegular(path)
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
