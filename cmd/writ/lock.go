package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

func (a *app) lockCommand() command {
	var inUse string
	flags := new(configFlags)
	return command{
		name: "lock", args: "[DIR]", maxArgs: 1, config: flags,
		summary: "record new identifiers in the lockfile, nothing else",
		about: `
Run it before a review, so that the change of writ.lock.hcl is reviewed with the
change that causes it. It also puts a lockfile back in canonical order that a
merge left in disorder, and makes one that was lost out of the snapshot in force.
What was retired is in no snapshot: take a lost lockfile from git where you can.`,
		example: "$ writ lock\nWrote writ.lock.hcl: 1 API, 1 client.",
		flags:   []cli.Flag{&cli.StringFlag{Name: "snapshot", Usage: snapshotUsage, Destination: &inUse}},
		run:     func(ctx context.Context, args []string) error { return a.lock(ctx, args, flags, inUse) },
	}
}

// lockResult is what lock did.
type lockResult struct {
	Lockfile string `json:"lockfile"`
	Changed  bool   `json:"changed"`
	APIs     int    `json:"apis"`
	Clients  int    `json:"clients"`
}

func (a *app) lock(ctx context.Context, args []string, flags *configFlags, inUse string) error {
	w, err := a.workspace(args, flags, inUse)
	if err != nil {
		return err
	}
	t, err := a.compile(w)
	if err != nil {
		return err
	}
	next, err := w.MendLock(t)
	if err != nil {
		return err
	}
	a.remind(t)
	result := lockResult{Lockfile: w.Lockfile.Name, Changed: next.Changed(), APIs: len(next.Next.APIs), Clients: len(next.Next.Clients)}
	if result.Changed {
		if err := w.WriteLock(ctx, next); err != nil {
			return err
		}
		a.done = result.Lockfile + " is written"
		if next.Rebuilt {
			a.warn(diag.List{retiredUnknown(w.Lockfile.Name, w.Snapshot)}, nil)
		}
	}
	return a.showLock(result)
}

// retiredUnknown says what a snapshot cannot tell: it holds what is served, so
// identifiers that were given up are free again.
func retiredUnknown(lockName, snapshotPath string) diag.Diagnostic {
	return diag.Newf("lock-rebuilt", hcl.Range{},
		"%s is made from %q, which holds what is in use. Identifiers and client ids that were retired before are not in it, "+
			"so another object could take one, and whoever still trusts it would trust that object. The records are in git: git log -p -- %s shows them. "+
			"Restore the last version and run writ lock, or add its retired_api and retired_client lines to this one and run writ lock.",
		lockName, filepath.ToSlash(snapshotPath), diag.ShellQuote(lockName))
}

func (a *app) showLock(result lockResult) error {
	if a.json {
		return a.printJSON(result)
	}
	if !result.Changed {
		fmt.Fprintf(a.out, "%s is up to date.\n", result.Lockfile)
		return nil
	}
	fmt.Fprintf(a.out, "Wrote %s: %s, %s.\n", result.Lockfile, schema.Plural(result.APIs, "API"), schema.Plural(result.Clients, "client"))
	return nil
}
