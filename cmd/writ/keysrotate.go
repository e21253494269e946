package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

// "writ keys rotate": the next key of a declared one, and the edit that declares it. The
// times follow the rule unsafe-key-schedule of package compiler, which checks them again.

// rotateFlags are the flags of keys rotate; in is how long the change has until the next
// key signs.
type rotateFlags struct {
	folder  string
	label   string
	in      string
	approve bool
}

// defaultRotateIn leaves a day for the review of the change and a day in which verifiers
// learn of the key, which is token.DefaultAnnounce.
const defaultRotateIn = "2d"

// keysRotateCommand is "writ keys rotate", for keys that are declared. The schedule that it
// writes satisfies the rule unsafe-key-schedule.
func keysRotateCommand() cli.Command {
	flags, o := new(cli.ConfigFlags), &rotateFlags{in: defaultRotateIn}
	return cli.Command{
		Name: "rotate", Args: "[KEY]", MaxArgs: 1, Config: flags,
		Summary: "make the key that follows a declared one, and declare it",
		About: `
Makes the next private key, mode 0600 and never over an existing file, and edits
the file in which the signing_key KEY is declared: it retires when the last token
that it signs has expired, and the block of the next key stands behind it. KEY is
the last one of its algorithm; it may be left out where one algorithm has keys.

What the edit changes is shown, and nothing is written before a yes. Commit and
apply it in time: verifiers need a day to learn of the new key before it signs.
The new file belongs into the --keys folder of every writd before the apply.`,
		Example: "$ writ keys rotate es256-2026-q4\n...\nWrote keys/es256-2027-01-02.pem, kid 2Yw0..., and keys.hcl.",
		Flags: []cli.Flag{
			{Name: "keys", Usage: "make the key in `FOLDER`, keys in the root by default", Value: &o.folder},
			{Name: "label", Usage: "the `LABEL` of the next key, and its file's name; the algorithm and the day by default", Value: &o.label},
			{Name: "in", Usage: "let it sign after this `DURATION`, 2d by default", Value: &o.in},
			{Name: "auto-approve", Usage: "do not ask", Value: &o.approve},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return keysRotate(env, args, flags, o) },
	}
}

// A rotationPlan is what keys rotate is about to do. Times are Unix seconds.
type rotationPlan struct {
	last        *config.SigningKey
	label       string
	file        string // of the key, as shown
	path        string // of the key
	activatesAt int64
	retiresAt   int64 // of the last key
}

// keysRotate shows the difference in the file and the plan, asks, and writes. It writes the
// private key last of what can be refused, so that a no leaves no key behind.
func keysRotate(env *cli.Env, args []string, flags *cli.ConfigFlags, o *rotateFlags) error {
	wait, err := schema.ParseDuration(o.in)
	if err != nil {
		return diag.Usagef("--in: %w", err)
	}
	w, t, err := flags.Compile(env, nil)
	if err != nil {
		return err
	}
	last, err := keyToSucceed(env, t.Model, args)
	if err != nil {
		return err
	}
	next, err := planRotation(env, t.Model, last, o, wait)
	if err != nil {
		return err
	}
	edit, err := next.edit(w, t)
	if err != nil {
		return err
	}
	// The plan is of the edit in memory. A schedule that the rules refuse is an error here,
	// before anything is written.
	edited, plan, err := w.PlanEdit(t, edit)
	if err != nil {
		return err
	}
	env.Remind(edited)
	if !env.JSON {
		f := edit.Files[0]
		io.WriteString(env.Out, lineDiff(f.Name, string(f.Before), string(f.After))+"\n")
		if err := view.PlanOf(env, false).Render(env.Out, &view.Review{Plan: plan}); err != nil {
			return err
		}
	}
	if !o.approve {
		if err := ask(env); err != nil {
			return err
		}
	}
	return next.write(env, edit, plan)
}

// keyToSucceed is the key that the new one follows: the last declared one of its algorithm.
// It is refused where writ cannot make the next one (an HSM or a variable holds it), cannot
// edit the block (JSON), or where the last one does not sign yet, since then there is a
// successor already.
func keyToSucceed(env *cli.Env, m *compiler.Model, args []string) (*config.SigningKey, error) {
	last, err := namedKey(m, args)
	if err != nil {
		return nil, err
	}
	name, isFile := strings.CutPrefix(string(last.PrivateKey), "file:")
	switch {
	case !isFile:
		return nil, diag.Failf("invalid-key", "Make the next key where this one is, declare it, and give this one a retires_at.",
			"%s is %q, which writ cannot make a successor of", last.Address, last.PrivateKey)
	case strings.HasSuffix(last.Range.Filename, ".json"):
		return nil, diag.Failf("invalid-key", "Make the key with \"writ keys new\", and declare it there by hand.",
			"%s is declared in %q, and writ edits HCL only", last.Address, last.Range.Filename)
	case last.ActivatesAt > env.Now().Unix():
		return nil, diag.Failf("unsafe-key-schedule", "Apply it, and rotate again after that time.",
			"%s already follows: it signs from %s", last.Address, schema.FormatTime(last.ActivatesAt))
	case name == "":
		return nil, diag.Failf("invalid-key", "", "%s names no file", last.Address)
	}
	return last, nil
}

// namedKey is the key that the arguments name, by label or address. Without arguments it is
// the last one of the only algorithm that has keys. A key that has a successor is refused:
// what would be made is not the next one in the schedule.
func namedKey(m *compiler.Model, args []string) (*config.SigningKey, error) {
	keys := m.Config.SigningKeys
	if len(keys) == 0 {
		return nil, diag.Failf("invalid-key", "writd makes and rotates its own keys in --keys. Declare a signing_key only to be the one who does.",
			"no signing_key is declared, so there is none to rotate")
	}
	if len(args) == 0 {
		for _, key := range keys {
			if key.Alg != keys[0].Alg {
				return nil, diag.Usagef("keys of several algorithms are declared: name the one to rotate, %s", lastKeys(m))
			}
		}
		return m.LastKey(keys[0].Alg), nil
	}
	label := strings.TrimPrefix(args[0], "signing_key.")
	i := slices.IndexFunc(keys, func(k *config.SigningKey) bool { return k.Label == label })
	if i < 0 {
		return nil, diag.Usagef("no signing_key %q is declared: there are %s", label, lastKeys(m))
	}
	if last := m.LastKey(keys[i].Alg); last.Label != label {
		return nil, diag.Failf("unsafe-key-schedule", fmt.Sprintf("Rotate that one: writ keys rotate %s", last.Label),
			"%s follows %s already, from %s on", last.Address, keys[i].Address, schema.FormatTime(last.ActivatesAt))
	}
	return keys[i], nil
}

// lastKeys lists the labels of the keys that can be named: the last one of each algorithm.
func lastKeys(m *compiler.Model) string {
	var labels []string
	for _, alg := range jose.Algs(jose.SigningKeys) {
		if last := m.LastKey(alg); last != nil {
			labels = append(labels, last.Label)
		}
	}
	return strings.Join(labels, ", ")
}

// planRotation chooses label, file and times. The next key signs after wait, in seconds,
// and not before the last one does; the last one retires when the last token that it signs
// has expired. Both times are full hours, as nobody reads seconds in a schedule. Label and
// file name go together, so neither may be taken.
func planRotation(env *cli.Env, m *compiler.Model, last *config.SigningKey, o *rotateFlags, wait int64) (*rotationPlan, error) {
	const hour = 3600
	next := &rotationPlan{last: last, activatesAt: roundUp(max(env.Now().Unix()+wait, last.ActivatesAt+1), hour)}
	next.retiresAt = roundUp(m.KeyNeeded(last.Alg, next.activatesAt), hour)
	// The folder is not made here: the hint says how, with the mode that it has to have.
	folder := cmp.Or(o.folder, "keys")
	dir := env.Path(folder)
	if o.folder == "" {
		dir = filepath.Join(env.Folder(nil), folder)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, diag.Failf("unreadable-file", fmt.Sprintf("Name it with --keys, or make it: mkdir -m 700 %s", schema.ShellQuote(filepath.ToSlash(dir))),
			"there is no folder %q for the key", filepath.ToSlash(dir))
	}
	taken := func(label string) bool {
		_, err := os.Lstat(filepath.Join(dir, label+".pem"))
		declared := slices.ContainsFunc(m.Config.SigningKeys, func(k *config.SigningKey) bool {
			return k.Label == label || k.PrivateKey == schema.SecretRef("file:"+label+".pem")
		})
		return declared || !errors.Is(err, fs.ErrNotExist)
	}
	if o.label != "" {
		if err := schema.CheckKeyLabel(o.label); err != nil {
			return nil, diag.Usagef("--label: %w", err)
		}
		if taken(o.label) {
			return nil, diag.Failf("file-exists", "Give another --label: a key is never overwritten.", "%q is the label or the file of a key already", o.label)
		}
	}
	base := strings.ToLower(string(last.Alg)) + "-" + time.Unix(next.activatesAt, 0).UTC().Format(time.DateOnly)
	next.label = cmp.Or(o.label, base)
	for n := 2; taken(next.label); n++ {
		next.label = fmt.Sprintf("%s-%d", base, n)
	}
	next.path = filepath.Join(dir, next.label+".pem")
	next.file = path.Join(filepath.ToSlash(folder), next.label+".pem")
	return next, nil
}

// roundUp is the first multiple of step that is not before n; both are seconds and not
// negative.
func roundUp(n, step int64) int64 { return (n + step - 1) / step * step }

// edit is the change of the file: retires_at in the block of the last key, and the block of
// the next key after it.
func (r *rotationPlan) edit(w *workspace.Workspace, t *workspace.Tree) (*workspace.Edit, error) {
	name, after := r.last.Range.Filename, "private_key"
	if r.last.Has("activates_at") {
		after = "activates_at"
	}
	block := signingKeyBlock(r.label, r.last.Alg, r.label+".pem", r.activatesAt)
	content, err := source.EditBlock(name, t.Sources[name], source.BlockEdit{
		Type: "signing_key", Label: r.last.Label, Behind: block,
		Set: []source.AttributeEdit{{Name: "retires_at", Value: strconv.Quote(schema.FormatTime(r.retiresAt)), After: after}},
	})
	if err != nil {
		return nil, err
	}
	return w.Edit(t, map[string][]byte{name: content})
}

// A rotateResult is what keys rotate prints with --json.
type rotateResult struct {
	keyInfo
	Label       string         `json:"label"`
	ActivatesAt string         `json:"activates_at"`
	Follows     string         `json:"follows"` // label
	RetiresAt   string         `json:"retires_at"`
	Edited      string         `json:"edited"` // file of the configuration
	Plan        *compiler.Plan `json:"plan"`
}

// write makes the key and then declares it. In this order a crash leaves a key that nothing
// names, which harms nobody; in the other one it would leave the declaration of a key that
// nobody has. Where the edit fails, the key is removed again.
func (r *rotationPlan) write(env *cli.Env, edit *workspace.Edit, plan *compiler.Plan) error {
	kid, content, err := makeKey(env.Rand, r.last.Alg)
	if err != nil {
		return err
	}
	if err := durable.Create(r.path, content, 0o600); err != nil {
		return workspace.Unwritable(err)
	}
	if err := edit.Write(); err != nil {
		return errors.Join(err, os.Remove(r.path))
	}
	if env.JSON {
		return env.PrintJSON(rotateResult{
			keyInfo: keyInfo{File: r.file, Alg: r.last.Alg, KID: kid}, Label: r.label, ActivatesAt: schema.FormatTime(r.activatesAt),
			Follows: r.last.Label, RetiresAt: schema.FormatTime(r.retiresAt), Edited: edit.Files[0].Name, Plan: plan,
		})
	}
	fmt.Fprintf(env.Out, "\nWrote %s, kid %s, and %s.\nPut the key into the --keys folder of every writd, then commit and apply by %s: it signs from %s.\n",
		r.file, kid, edit.Files[0].Name, schema.FormatTime(r.activatesAt-int64(token.DefaultAnnounce/time.Second)), schema.FormatTime(r.activatesAt))
	return nil
}
