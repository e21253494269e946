package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
)

// maxLockWait bounds the wait for another writ at work in the same folder.
const maxLockWait = 10 * time.Second

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
	w, t, err := a.compiled(args, flags)
	if err != nil {
		return err
	}
	before, content, err := w.readLock(t, lockfile.ParseWithoutCanonicalCheck) // this command mends it
	if err != nil {
		return err
	}
	standing, err := inForce(a.snapshotPath(w.dir, inUse))
	if err != nil {
		return err
	}
	guarding, rebuilt := before, false
	if guarding == nil && standing.Document != nil { // one that was lost must not begin anew with whatever the tree says now
		guarding, rebuilt = compiler.LockFromDocument(standing.Document), true
	}
	next, _, list := compiler.CheckLock(t.model, guarding, compiler.LockOptions{Name: w.lockName, Prior: standing.Document})
	if list.HasErrors() {
		return t.refuse(list)
	}
	t.warnings = append(t.warnings, list...)
	a.remind(t)
	result := lockResult{Lockfile: w.lockName, APIs: len(next.APIs), Clients: len(next.Clients)}
	result.Changed = before == nil || string(next.Bytes()) != string(content)
	if result.Changed {
		if err := w.writeLock(ctx, next, content); err != nil {
			return err
		}
		a.done = result.Lockfile + " is written"
		if rebuilt {
			a.warn(diag.List{retiredUnknown(w.lockName, a.snapshotPath(w.dir, inUse))}, nil)
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
	fmt.Fprintf(a.out, "Wrote %s: %s, %s.\n", result.Lockfile, plural(result.APIs, "API"), plural(result.Clients, "client"))
	return nil
}

// writeLock writes the lockfile alone.
func (w *workspace) writeLock(ctx context.Context, next *lockfile.File, before []byte) error {
	ctx, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	return w.app.applied(compiler.Apply(ctx, compiler.ApplyRequest{
		Root: w.dir, Lockfile: w.lockfile, NextLock: next.Bytes(),
		LockDigest: compiler.FileDigest(before), Rand: w.app.rand,
	}))
}
