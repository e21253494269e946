package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
)

func (a *app) validateCommand() command {
	var strict, locked bool
	flags := new(configFlags)
	return command{
		name: "validate", args: "[DIR]", maxArgs: 1, config: flags,
		summary: "check the configuration against every rule",
		about:   "Every problem is reported in one run, each with its place. Nothing is written.",
		example: `$ writ validate
Error: Unknown scope [unknown-scope]

  on billing.hcl line 23, in authorization "billing-reads-orders":
  23:   scopes = ["read:order"]
...`,
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "take warnings for errors", Destination: &strict},
			&cli.BoolFlag{Name: "locked", Usage: "refuse a lockfile that would change", Destination: &locked},
		},
		run: func(_ context.Context, args []string) error { return a.validate(args, flags, strict, locked) },
	}
}

func (a *app) validate(args []string, flags *configFlags, strict, locked bool) error {
	w, err := a.workspace(args, flags, "")
	if err != nil {
		return err
	}
	t, err := a.compile(w)
	if err == nil {
		_, err = w.CheckLock(t, compiler.LockOptions{Locked: locked})
	}
	if err != nil {
		return strictly(err, strict)
	}
	if strict && len(t.Warnings) > 0 {
		return &diag.Problems{List: promote(t.Warnings), Sources: t.Sources}
	}
	if a.json {
		a.showReport(a.out, &diag.Problems{List: t.Warnings, Sources: t.Sources})
		return nil
	}
	a.warn(t.Warnings, t.Sources)
	fmt.Fprintf(a.out, "The configuration is valid: %s.\n", counts(t.Model.Document))
	return nil
}

// strictly promotes the warnings beside errors too.
func strictly(err error, strict bool) error {
	if problems, ok := err.(*diag.Problems); ok && strict {
		return &diag.Problems{List: promote(problems.List), Sources: problems.Sources}
	}
	return err
}

// promote makes errors of warnings.
func promote(list diag.List) diag.List {
	promoted := make(diag.List, len(list))
	for i, d := range list {
		d.Severity = diag.Error
		promoted[i] = d
	}
	return promoted
}
