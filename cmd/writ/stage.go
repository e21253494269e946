package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/schema/location"
)

// "writ promote" and "writ abort", and the share of the fleet that --stage names. Which
// instances are in a stage is decided by each of them, in package location.

// stageFlag is --stage: for which share of the fleet a snapshot is.
func stageFlag(share *string) cli.Flag {
	return cli.Flag{Name: "stage", Usage: "only for `PERCENT` of the fleet, such as 10%", Value: share}
}

// percentOf reads the value of --stage, with or without the percent sign: a whole number from
// location.MinPercent to location.MaxPercent. 0 stands for no flag, which is the whole fleet.
func percentOf(share string) (int, error) {
	if share == "" {
		return 0, nil
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(share, "%"))
	if err != nil || percent < location.MinPercent || percent > location.MaxPercent {
		return 0, diag.Usagef("--stage takes a share of the fleet, from %d%% to %d%%, not %q", location.MinPercent, location.MaxPercent, share)
	}
	return percent, nil
}

// promoteCommand is "writ promote", which puts a staged snapshot in the place of the one in
// force, or widens its share. It reads no configuration: what was reviewed at the apply is
// what is promoted, whatever the files say now.
func promoteCommand() cli.Command {
	flags, o, share := new(cli.ConfigFlags), new(writeFlags), new(string)
	return cli.Command{
		Name: "promote", Group: cli.GroupShip, Args: "LOCATION", MaxArgs: 1,
		Summary: "give what is staged to a larger share of the fleet, or to all",
		About: `
What "writ apply --stage 10%" has put beside the snapshot in force is put in its
place, or with --stage given to a larger share. The plan says what that widens and
narrows for whoever does not have it yet. It keeps its serial and signatures; with
--sign or --trust it must be signed by that key already.`,
		Example: "$ writ promote oci://ghcr.io/acme/writ:prod\n...\nApplied serial 13, sha256:77ac...: wrote oci://ghcr.io/acme/writ:prod.",
		Flags:   append(o.flags(flags), stageFlag(share)),
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			percent, err := percentOf(*share)
			if err != nil {
				return err
			}
			return runStaged(ctx, env, args, flags, o, func(w *workspace.Workspace, _ workspace.ReleaseOptions) (*workspace.Release, error) {
				return w.Promote(ctx, percent)
			})
		},
	}
}

// abortCommand is "writ abort". No server goes back to a lower serial, so giving up a stage
// is a new snapshot: the content in force under a serial that is higher than the staged
// one.
func abortCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), new(writeFlags)
	return cli.Command{
		Name: "abort", Group: cli.GroupShip, Args: "LOCATION", MaxArgs: 1,
		Summary: "give up what is staged",
		About: `
The content in force gets a new serial, after that of what "writ apply --stage 10%"
has put beside it, so that whoever serves that already takes it. The plan says what
that widens and narrows for them. With --sign, what is in force must be signed by
that key or by one that --trust names; what is given up need not be. The
configuration's files still ask for what is given up: the next apply brings it
back, unless the commit is reverted.`,
		Example: "$ writ abort oci://ghcr.io/acme/writ:prod --sign release.pem\n...\nApplied serial 14, sha256:4be1...: wrote oci://ghcr.io/acme/writ:prod.",
		Flags:   o.flags(flags),
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runStaged(ctx, env, args, flags, o, func(w *workspace.Workspace, release workspace.ReleaseOptions) (*workspace.Release, error) {
				return w.Abort(ctx, release)
			})
		},
	}
}

// runStaged is the body of promote and abort: next makes the release out of what is at the
// location, and publish shows it, asks and writes it, as apply does.
func runStaged(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *writeFlags,
	next func(*workspace.Workspace, workspace.ReleaseOptions) (*workspace.Release, error)) error {
	if len(args) == 0 {
		return diag.Usagef("name the location, such as oci://ghcr.io/acme/writ:prod")
	}
	flags.Snapshot = args[0]
	w, err := o.load(env, flags)
	if err != nil {
		return err
	}
	r, err := next(w, workspace.ReleaseOptions{Version: build.Read().Version})
	if err != nil {
		return err
	}
	// Checks, policies and expectations were asked at the apply. The plan alone is shown.
	return publish(ctx, env, r, &view.Review{Plan: r.Plan}, o.approve)
}

// noteStage notes that a part of the fleet serves another snapshot than the result is about;
// s is nil when no stage is out. Whoever compares a sidecar with the result would otherwise
// take the staged one for a mistake.
func noteStage(env *cli.Env, s *location.Stage) {
	if s != nil {
		env.Note(fmt.Sprintf("Serial %d is staged for %d %% of the fleet: writ promote or writ abort comes before the next apply.", s.Head.Serial, s.Percent))
	}
}
