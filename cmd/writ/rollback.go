package main

import (
	"context"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/build"
)

// rollbackFlags are what rollback writes and how.
type rollbackFlags struct {
	writeFlags
	snapshot string
	lockfile string
}

func rollbackCommand() cli.Command {
	o := new(rollbackFlags)
	return cli.Command{
		Name: "rollback", Args: "SNAPSHOT", MaxArgs: 1,
		Summary: "put an older snapshot in force again",
		About: `
The old content gets a new serial, so that servers take it. The plan says what
that widens and narrows. The lockfile stays: identifiers recorded since remain
recorded.`,
		Example: "$ writ rollback backups/2026-11-20.snapshot\n...\nApplied serial 8, sha256:19c0...: wrote writ.snapshot.",
		Flags: append(o.writeFlags.flags(),
			cli.Flag{Name: "snapshot", Usage: snapshotUsage, Value: &o.snapshot},
			cli.Flag{Name: "lockfile", Usage: "the lockfile, writ.lock.hcl in the root by default: `FILE`", Value: &o.lockfile}),
		Run: func(ctx context.Context, env *cli.Env, args []string) error { return runRollback(ctx, env, args, o) },
	}
}

func runRollback(ctx context.Context, env *cli.Env, args []string, o *rollbackFlags) error {
	if len(args) == 0 {
		return diag.Usagef("name the snapshot to return to")
	}
	key, err := signingKey(env, o.sign)
	if err != nil {
		return err
	}
	old, err := workspace.ReadSnapshot(env.Path(args[0]))
	if err != nil {
		return err
	}
	w, err := (&cli.ConfigFlags{Lockfile: o.lockfile}).Load(env, nil, o.snapshot)
	if err != nil {
		return err
	}
	r, err := w.Rollback(old, workspace.ReleaseOptions{Version: build.Read().Version, Key: key})
	if err != nil {
		return err
	}
	return publish(ctx, env, r, o.approve)
}
