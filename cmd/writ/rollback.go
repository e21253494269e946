package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/schema/snapshot"
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
		return usagef("name the snapshot to return to")
	}
	key, err := a.signingKey(o.sign)
	if err != nil {
		return err
	}
	old, _, err := openSnapshot(a.path(args[0]))
	if err != nil {
		return err
	}
	root := a.path(".")
	prior, err := inForce(a.snapshotPath(root, o.snapshot))
	if err != nil {
		return err
	}
	if prior.snap == nil {
		return failf("unreadable-file", "Name it with --snapshot.", "there is no snapshot in force at %q",
			filepath.ToSlash(a.snapshotPath(root, o.snapshot)))
	}
	lockPath := filepath.Join(root, lockfile.DefaultName)
	if o.lockfile != "" {
		lockPath = a.path(o.lockfile)
	}
	lock, err := readRegular(lockPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	prior.LockDigest = compiler.FileDigest(lock)
	envelope := old.Envelope()
	now, document := a.now(), snapshot.Decode(old)
	envelope.Serial, envelope.Previous = prior.Serial+1, prior.Digest
	envelope.Created, envelope.LockDigest = now.UTC().Truncate(time.Second), prior.LockDigest
	envelope.WritVersion = readBuild().Version
	envelope.PastLifetimes = compiler.NextPastLifetimes(prior.Prior, document, now)
	return a.publish(ctx, &release{
		plan: compiler.RollbackPlan(prior.Prior, document, old.Digest(), now), envelope: envelope,
		body: old.Body(), sources: old.Sources(), key: key, prior: prior,
		request: compiler.ApplyRequest{Root: root, Lockfile: lockPath, Snapshot: a.snapshotPath(root, o.snapshot)},
	}, o.approve)
}
