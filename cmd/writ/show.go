package main

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

func (a *app) showCommand() command {
	return command{
		name: "show", args: "[FILE]", maxArgs: 1,
		summary: "print a snapshot or a saved plan",
		about:   "FILE is a snapshot or what \"writ plan --out\" wrote; writ.snapshot without.",
		example: "$ writ show --json | jq -r '.authorizations[] | .client + \" \" + .api'\nbilling orders",
		run:     func(_ context.Context, args []string) error { return a.show(args) },
	}
}

func (a *app) show(args []string) error {
	path := a.path(workspace.SnapshotName)
	if len(args) > 0 {
		path = a.path(args[0])
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
		return a.planView().render(a.out, saved.Plan)
	}
	snap, err := workspace.OpenSnapshot(content, filepath.ToSlash(path))
	if err != nil {
		return err
	}
	return a.snapshotView().render(a.out, snap)
}
