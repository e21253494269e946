package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// lockCommand is "writ lock". It writes the lockfile alone, so that the identifiers that a
// pull request adds are part of its diff and reviewed with it; apply would write them after
// the merge.
func lockCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	return cli.Command{
		Name: "lock", Group: cli.GroupWrite, Args: "[DIR]", MaxArgs: 1, Config: flags,
		Summary: "record new identifiers in the lockfile, nothing else",
		About: `
Run it before a review, so that the change of writ.lock.hcl is reviewed with the
change that causes it. It also puts a lockfile back in canonical order that a
merge left in disorder, and makes one that was lost out of the snapshot in force.
What was retired is in no snapshot: take a lost lockfile from git where you can.`,
		Example: "$ writ lock\nWrote writ.lock.hcl: 1 API, 1 client.",
		Flags:   []cli.Flag{snapshotFlag(flags), trustFlag(&flags.Trust)},
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runLock(ctx, env, args, flags)
		},
	}
}

// lockResult is what lock did: counts are those of the lockfile after it, whether it
// changed or not.
type lockResult struct {
	Lockfile string `json:"lockfile"`
	Changed  bool   `json:"changed"`
	APIs     int    `json:"apis"`
	Clients  int    `json:"clients"`
}

// runLock brings the lockfile up to date with the configuration. A file in the wrong order is
// mended, since a merge leaves one; a lost file is made again out of the snapshot in force,
// with a warning about what no snapshot remembers. An identifier that changed is an error
// here as everywhere: only plan and apply can let it go, with --replace.
func runLock(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags) error {
	w, err := flags.Load(env, args)
	if err != nil {
		return err
	}
	t, err := env.Compile(w)
	if err != nil {
		return err
	}
	// MendLock reads the snapshot in force only for a lockfile that is lost.
	next, err := w.MendLock(ctx, t)
	if err != nil {
		return err
	}
	env.Remind(t)
	result := lockResult{Lockfile: w.Lockfile.Name, Changed: next.Changed(), APIs: len(next.Next.APIs), Clients: len(next.Next.Clients)}
	if result.Changed {
		if err := w.WriteLock(ctx, next); err != nil {
			return err
		}
		env.Done = result.Lockfile + " is written" // stands even if the output is lost
		if next.Rebuilt {
			env.Warn(t.Model.Accept(diag.List{retiredUnknown(w.Lockfile.Name, w.Snapshot.String())}), nil)
		}
	}
	return showLock(env, result)
}

// retiredUnknown is the warning about a lockfile that was made out of a snapshot. A
// snapshot holds what is served, so the identifiers that were retired before are not in it:
// another object could take one, and whoever still trusts that identifier would trust the
// new object.
func retiredUnknown(lockName, snapshotPlace string) diag.Diagnostic {
	return diag.Newf("lock-rebuilt", hcl.Range{},
		"%s is made from %q, which holds what is in use. Identifiers and client ids that were retired before are not in it, "+
			"so another object could take one, and whoever still trusts it would trust that object. The records are in git: git log -p -- %s shows them. "+
			"Restore the last version and run writ lock, or add its retired_api and retired_client lines to this one and run writ lock.",
		lockName, snapshotPlace, schema.ShellQuote(lockName))
}

// showLock prints the result, one object with --json.
func showLock(env *cli.Env, result lockResult) error {
	if env.JSON {
		return env.PrintJSON(result)
	}
	if !result.Changed {
		fmt.Fprintf(env.Out, "%s is up to date.\n", result.Lockfile)
		return nil
	}
	fmt.Fprintf(env.Out, "Wrote %s: %s, %s.\n", result.Lockfile, schema.Plural(result.APIs, "API"), schema.Plural(result.Clients, "client"))
	return nil
}
