package main

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema/snapshot"
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
	path := a.path(snapshotName)
	if len(args) > 0 {
		path = a.path(args[0])
	}
	content, err := readRegular(path)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		saved, err := compiler.DecodeSavedPlan(content)
		if err != nil {
			return failf("plan-invalid", "Make it anew: writ plan --out FILE.", "read plan %q: %w", filepath.ToSlash(path), err)
		}
		return a.planView().render(a.out, saved.Plan)
	}
	snap, err := snapshot.Open(content)
	if err != nil {
		return snapshotError(err, filepath.ToSlash(path))
	}
	return a.snapshotView().render(a.out, snap)
}
