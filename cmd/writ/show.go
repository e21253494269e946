package main

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/writ-auth/writ/cmd/writ/internal/view"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

func showCommand() cli.Command {
	return cli.Command{
		Name: "show", Args: "[LOCATION]", MaxArgs: 1,
		Summary: "print a snapshot or a saved plan",
		About:   "LOCATION is a snapshot's file or address, or what \"writ plan --out\" wrote; writ.snapshot without.",
		Example: "$ writ show --json | jq -r '.authorizations[] | .client + \" \" + .api'\nbilling orders",
		Run:     func(ctx context.Context, env *cli.Env, args []string) error { return runShow(ctx, env, args) },
	}
}

func runShow(ctx context.Context, env *cli.Env, args []string) error {
	path := env.Path(workspace.SnapshotName)
	if len(args) > 0 {
		path = env.Place(args[0])
	}
	if workspace.IsAddress(path) {
		snap, err := workspace.ReadSnapshot(ctx, path, env.LocationOptions())
		if err != nil {
			return err
		}
		return view.SnapshotOf(env).Render(env.Out, snap)
	}
	content, err := workspace.ReadFile(path)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		saved, err := compiler.DecodeSavedPlan(content)
		if err != nil {
			return diag.Failf("plan-invalid", "Make it anew: writ plan --out FILE.", "read plan %q: %w", filepath.ToSlash(path), err)
		}
		return view.PlanOf(env, true).Render(env.Out, &view.Review{Plan: saved.Plan})
	}
	snap, err := workspace.OpenSnapshot(content, filepath.ToSlash(path))
	if err != nil {
		return err
	}
	return view.SnapshotOf(env).Render(env.Out, snap)
}
