package main

import (
	"context"
	"fmt"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/schema/snapshot"
)

// rollbackFlags are the flags of rollback.
type rollbackFlags struct {
	writeFlags
	to string
}

// rollbackCommand is "writ rollback". Servers refuse a lower serial, so the old content is
// put in force as a new snapshot with the next serial. Lockfile and files stay as they are.
func rollbackCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(rollbackFlags)
	return cli.Command{
		Name: "rollback", Group: cli.GroupShip, Args: "LOCATION|SNAPSHOT", MaxArgs: 1, Config: flags,
		Summary: "put an older snapshot in force again",
		About: `
The old content gets a new serial, so that servers take it. The plan says what
that widens and narrows. The lockfile stays: identifiers recorded since remain
recorded. The configuration's files stay too, and ask for what was rolled back:
the next apply brings it back, unless the commit is reverted.

LOCATION is the address at which the snapshot in force is. It returns to the one
before, to the SERIAL that --to names, or to what the files said at git:REV, which
is compiled. With --sign, what is in force and what it returns to must be signed by
that key or by one that --trust names.

SNAPSHOT is a file with the old content, or its address: then --snapshot says
where the one in force is, writ.snapshot without.`,
		Example: "$ writ rollback oci://ghcr.io/acme/writ:prod --sign release.pem\n...\nApplied serial 8, sha256:19c0...: wrote oci://ghcr.io/acme/writ:prod.\n\n$ writ rollback backups/2026-11-20.snapshot",
		Flags: append(o.writeFlags.flags(flags),
			cli.Flag{Name: "to", Usage: "return to `SERIAL|git:REV`, the one before by default", Value: &o.to, Complete: completeRevisions},
			snapshotFlag(flags)),
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runRollback(ctx, env, args, flags, o)
		},
	}
}

// runRollback rolls a location back in place, or puts the content of another snapshot in
// force. Which one is meant depends on the argument: an address without --snapshot, or any
// place with --to, is what is rolled back; everything else is the old content.
func runRollback(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *rollbackFlags) error {
	if len(args) == 0 {
		return diag.Usagef("name the snapshot to return to, or the location to roll back")
	}
	if o.to != "" && flags.Snapshot != "" {
		return diag.Usagef("with --to the argument is the location to roll back: leave --snapshot out")
	}
	inPlace := o.to != "" || flags.Snapshot == "" && workspace.IsAddress(args[0])
	if inPlace {
		flags.Snapshot = args[0]
	}
	w, err := o.load(env, flags)
	if err != nil {
		return err
	}
	release := workspace.ReleaseOptions{Version: build.Read().Version}
	var r *workspace.Release
	if inPlace {
		r, err = w.RollbackTo(ctx, o.to, release)
	} else {
		var old *snapshot.Snapshot
		if old, err = w.ReadSnapshot(ctx, env.Place(args[0])); err == nil {
			r, err = w.Rollback(ctx, old, release)
		}
	}
	if err != nil {
		return err
	}
	if err := publish(ctx, env, r, &view.Review{Plan: r.Plan}, o.approve); err != nil || !r.Needed() {
		return err
	}
	// A rollback mends what is served, and not what is in git: without the note the next
	// merge would bring the mistake back.
	env.Note(fmt.Sprintf("The files still ask for what was rolled back, serial %d%s: the next apply brings it back, unless the commit is reverted.",
		r.Prior.Serial, ofRevision(r.Prior.Snapshot.Envelope().Revision)))
	return nil
}

// ofRevision is the end of a phrase that names a revision, "" where the snapshot records none.
func ofRevision(revision string) string {
	if revision == "" {
		return ""
	}
	return " of revision " + revision
}
