package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// rollbackFlags are what rollback writes and how.
type rollbackFlags struct {
	writeFlags
	snapshot string
	lockfile string
}

func (a *app) rollbackCommand() command {
	o := new(rollbackFlags)
	return command{
		name: "rollback", args: "SNAPSHOT", maxArgs: 1,
		summary: "put an older snapshot in force again",
		about: `
The old content gets a new serial, so that servers take it. The plan says what
that widens and narrows. The lockfile stays: identifiers recorded since remain
recorded.`,
		example: "$ writ rollback backups/2026-11-20.snapshot\n...\nApplied serial 8, sha256:19c0...: wrote writ.snapshot.",
		flags: append(o.writeFlags.flags(),
			&cli.StringFlag{Name: "snapshot", Usage: snapshotUsage, Destination: &o.snapshot},
			&cli.StringFlag{Name: "lockfile", Usage: "the lockfile, writ.lock.hcl in the root by default: `FILE`", Destination: &o.lockfile}),
		run: func(ctx context.Context, args []string) error { return a.rollback(ctx, args, o) },
	}
}

func (a *app) rollback(ctx context.Context, args []string, o *rollbackFlags) error {
	if len(args) == 0 {
		return diag.Usagef("name the snapshot to return to")
	}
	key, err := a.signingKey(o.sign)
	if err != nil {
		return err
	}
	old, err := workspace.ReadSnapshot(a.path(args[0]))
	if err != nil {
		return err
	}
	w, err := a.workspace(nil, &configFlags{lockfile: o.lockfile}, o.snapshot)
	if err != nil {
		return err
	}
	r, err := w.Rollback(old, workspace.ReleaseOptions{Version: readBuild().Version, Key: key})
	if err != nil {
		return err
	}
	return a.publish(ctx, r, o.approve)
}
