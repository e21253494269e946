package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// showCommand is "writ show": it prints what is in force, and reads no configuration. It
// exits with 0, or with 1 when there is no such snapshot or object.
func showCommand() cli.Command {
	return cli.Command{
		Name: "show", Args: "[LOCATION] [ADDRESS]", MaxArgs: 2, Group: cli.GroupAsk,
		Summary: "print a snapshot, one object of it, or a saved plan",
		About: `
LOCATION is a snapshot's file or address, or what "writ plan --out" wrote; without
it, writ.snapshot in the root. ADDRESS is an object in the snapshot, such as
api.orders or issuer: it is printed whole, with what it inherits.`,
		Example:  "$ writ show api.orders\n# orders.hcl:3\napi \"orders\" {\n  name           = \"Orders\"\n  identifier     = \"https://api.example.com/orders\"\n...\n}",
		Complete: completeAddresses(),
		Run:      func(ctx context.Context, env *cli.Env, args []string) error { return runShow(ctx, env, args) },
	}
}

// runShow prints a snapshot, one object of it, or a saved plan. What the file is, its
// content says: a saved plan is JSON, and a snapshot is not.
func runShow(ctx context.Context, env *cli.Env, args []string) error {
	place, address, err := showArguments(env, args)
	if err != nil {
		return err
	}
	snap, saved, err := readShown(ctx, env, place)
	switch {
	case err != nil:
		return err
	case saved != nil && address != "":
		return diag.Usagef("%q is a saved plan, and an address names an object of a snapshot", filepath.ToSlash(place))
	case saved != nil:
		return view.PlanOf(env, true).Render(env.Out, &view.Review{Plan: saved.Plan})
	case address == "":
		return view.SnapshotOf(env).Render(env.Out, snap)
	}
	// An object is found by its address as plans print it. The known ones are for the hint.
	var known []string
	for at, object := range compiler.Objects(snapshot.Decode(snap)) {
		if at == address {
			return view.SnapshotOf(env).Object(env.Out, snap, address, object)
		}
		known = append(known, at)
	}
	hint := cmp.Or(schema.DidYouMean(address, known), "\"writ show\" lists what there is.")
	return diag.Failf("unknown-label", hint, "the snapshot has no %s", address)
}

// showArguments tells LOCATION and ADDRESS apart. One argument alone is an address if it
// has the form of one and no file has that name. place is "" for the snapshot in the root.
func showArguments(env *cli.Env, args []string) (place, address string, err error) {
	switch len(args) {
	case 1:
		_, missing := os.Stat(env.Path(args[0]))
		if _, _, isAddress := compiler.ParseAddress(args[0]); isAddress && missing != nil {
			return "", args[0], nil
		}
		return args[0], "", nil
	case 2:
		if _, _, isAddress := compiler.ParseAddress(args[1]); !isAddress {
			return "", "", diag.Usagef("%q is no address of an object, such as api.orders", args[1])
		}
		return args[0], args[1], nil
	}
	return "", "", nil
}

// readShown reads a snapshot or a saved plan: one of the two results is nil. No signature
// is checked: the command only prints, and an operator may have to look at a file that
// nobody trusts.
func readShown(ctx context.Context, env *cli.Env, place string) (*snapshot.Snapshot, *compiler.SavedPlan, error) {
	// A location holds snapshots alone; what is in a file its first character says.
	if workspace.IsAddress(place) {
		snap, err := workspace.ReadSnapshot(ctx, place, env.LocationOptions())
		return snap, nil, err
	}
	path := env.Path(place)
	if place == "" {
		path = filepath.Join(env.Root(env.Path(".")), workspace.SnapshotName)
	}
	content, err := workspace.ReadFile(path)
	if failed, ok := errors.AsType[*diag.Failure](err); ok && errors.Is(err, fs.ErrNotExist) {
		switch {
		case place == "":
			failed.Hint = "\"writ apply\" makes it; until then \"writ plan\" shows what would be in it."
		case !strings.ContainsAny(place, `./\`): // a label
			failed.Hint = fmt.Sprintf("Name an object with its kind, such as %q; \"writ show\" lists what there is.", "api."+place)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		saved, err := decodePlan(content, path)
		return nil, saved, err
	}
	snap, err := workspace.OpenSnapshot(content, filepath.ToSlash(path))
	return snap, nil, err
}
