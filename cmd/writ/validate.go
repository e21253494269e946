package main

import (
	"context"
	"fmt"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// validateCommand is "writ validate": every rule, no network, nothing written. It exits
// with 0 or 1; with --strict a warning that no block accepts counts as an error. What it
// does not know is what is in force: a change that the lockfile allows and a plan refuses
// passes here.
func validateCommand() cli.Command {
	var strict, locked, all bool
	flags := new(cli.ConfigFlags)
	return cli.Command{
		Name: "validate", Group: cli.GroupWrite, Args: "[DIR]", MaxArgs: 1, Config: flags, Formats: true,
		Summary: "check the configuration against every rule",
		About: `
Every problem is reported in one run, each with its place. Nothing is written.
Of warnings with one code the first is shown, and the number of the others.

accept = ["CODE"] in a block acknowledges a warning there, and in the issuer
everywhere: it is no longer shown, and --strict takes it. Errors cannot be
accepted. "writ explain CODE" says what a code means.`,
		Example: `$ writ validate
Error: Unknown scope [unknown-scope]

  on billing.hcl line 23, in authorization "billing-reads-orders":
  23:   scopes = ["read:order"]
...`,
		Flags: []cli.Flag{
			{Name: "strict", Usage: "take warnings for errors", Value: &strict},
			{Name: "locked", Usage: "refuse a lockfile that would change", Value: &locked},
			{Name: "all", Usage: "show every warning, those that are accepted too", Value: &all},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error {
			env.AllWarnings = all
			return runValidate(env, args, flags, strict, locked)
		},
	}
}

// runValidate compiles the folder and compares it with the lockfile. The lockfile comes
// second: of a configuration with errors the identifiers are not known, so that comparing
// them would report the same mistakes again in other words.
func runValidate(env *cli.Env, args []string, flags *cli.ConfigFlags, strict, locked bool) error {
	w, err := flags.Load(env, args)
	if err != nil {
		return err
	}
	t, err := env.Compile(w)
	if err == nil {
		_, err = w.CheckLock(t, compiler.LockOptions{Locked: locked})
	}
	if err != nil {
		return strictError(err, strict)
	}
	if strict && len(t.Warnings.Unaccepted()) > 0 {
		return t.Problems(warningsAsErrors(t.Warnings))
	}
	if env.JSON {
		env.ShowReport(env.Out, t.Problems(t.Warnings))
		return nil
	}
	env.Warn(t.Warnings, t.Sources)
	fmt.Fprintf(env.Text(), "The configuration is valid: %s.%s\n", cli.Counts(t.Model.Document), warningCounts(t.Warnings))
	return nil
}

// warningCounts is a sentence about how many warnings there are, "" for none.
func warningCounts(list diag.List) string {
	_, warnings, accepted := list.Count()
	switch {
	case warnings > 0 && accepted > 0:
		return fmt.Sprintf(" %s, %d accepted.", schema.Plural(warnings, "warning"), accepted)
	case warnings > 0:
		return " " + schema.Plural(warnings, "warning") + "."
	case accepted > 0:
		return " " + schema.Plural(accepted, "accepted warning") + "."
	}
	return ""
}

// strictError is the error of a configuration with its warnings made errors too, where
// --strict is given, so that one run shows everything that --strict refuses.
func strictError(err error, strict bool) error {
	if problems, ok := err.(*diag.Problems); ok && strict {
		return &diag.Problems{List: warningsAsErrors(problems.List), Sources: problems.Sources, Policies: problems.Policies}
	}
	return err
}

// warningsAsErrors is the list with each warning that is not accepted as an error. It
// returns a copy: the tree keeps its warnings for whoever prints them later.
func warningsAsErrors(list diag.List) diag.List {
	promoted := make(diag.List, len(list))
	for i, d := range list {
		if !d.Accepted {
			d.Severity = diag.Error
		}
		promoted[i] = d
	}
	return promoted
}
