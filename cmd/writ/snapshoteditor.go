package main

import (
	"cmp"
	nofiles "embed" // whose zero value is a folder without files
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// The same for a snapshot, where there are no files: a change is compiled against what the
// snapshot holds, written out as HCL in memory, and is for its reader to copy.

// A snapshotEditor compiles changes for the console where there are no files, but only what
// was compiled of them. It writes out the names that a change can collide with or refer to,
// and so finds all but what policies and the lockfile say.
type snapshotEditor struct {
	served func() *snapshot.Snapshot
	now    func() time.Time

	mu   sync.Mutex
	of   *snapshot.Snapshot // what inner has been made of
	tree *treeEditor
}

// current is the editor of the snapshot that is shown. A snapshot is written out once, when
// the first change is tried on it.
func (e *snapshotEditor) current() *treeEditor {
	e.mu.Lock()
	defer e.mu.Unlock()
	if snap := e.served(); e.tree == nil || snap != e.of {
		e.of, e.tree = snap, &treeEditor{w: &writtenOut{source: writeOut(snap), now: e.now}}
	}
	return e.tree
}

// Try implements console.Editor. A file of the tree is not at hand, and so each block stands
// in a file of its own.
func (e *snapshotEditor) Try(c console.Change) console.Outcome {
	for _, edit := range c.Edits {
		if edit.Text == "" {
			return console.Outcome{Problem: fmt.Sprintf("The files are not here: change %s.%s where it stands, in %s.", edit.Type, edit.Label, cmp.Or(edit.File, "the configuration"))}
		}
	}
	// A place in what was written out would send its reader to a file that is not there.
	out := e.current().Try(c)
	for i := range out.Findings {
		if strings.HasPrefix(out.Findings[i].Where, writtenOutName) {
			out.Findings[i].Where = ""
		}
	}
	return out
}

// Write implements console.Editor, and nothing is written: pages without files do not offer
// it, and a request that asks for it all the same is tried.
func (e *snapshotEditor) Write(c console.Change, _ string) console.Outcome { return e.Try(c) }

// Undone implements console.Editor: there is nothing to take back.
func (e *snapshotEditor) Undone(int) console.Outcome { return console.Outcome{} }

// Undo implements console.Editor: there is nothing to take back.
func (e *snapshotEditor) Undo(int) console.Outcome { return console.Outcome{} }

// Written implements console.Editor: nothing.
func (e *snapshotEditor) Written() []console.Written { return nil }

// Hints implements console.Editor. The keys of metadata are in a snapshot. Files and
// defaults are not: those of the text that was written out are no answer.
func (e *snapshotEditor) Hints() console.Hints {
	h := e.current().Hints()
	h.Files, h.Defaults = nil, nil // those of what was written out
	return h
}

// writtenOutName is the file that a snapshot is written out as, in memory. Places in it
// mean nothing to people and are not shown.
const writtenOutName = "(snapshot).hcl"

// A writtenOut is a snapshot as configuration. It implements tree.
type writtenOut struct {
	source []byte
	now    func() time.Time
}

// Compile implements tree.
func (w *writtenOut) Compile() (*workspace.Tree, error) { return w.compile(nil) }

// compile compiles the snapshot with further files, which are the change. There is no
// folder below it.
func (w *writtenOut) compile(edited map[string][]byte) (*workspace.Tree, error) {
	files := map[string][]byte{writtenOutName: w.source}
	maps.Copy(files, edited)
	cfg, list := config.LoadFS(nofiles.FS{}, config.Options{Edited: files})
	model, found := compiler.Compile(cfg, compiler.CompileOptions{Now: w.now(), Loaded: list})
	if list = append(list, found...); list.HasErrors() {
		return nil, &diag.Problems{List: list, Sources: cfg.Sources}
	}
	return &workspace.Tree{Model: model, Warnings: list, Sources: cfg.Sources}, nil
}

// Edit implements tree: every file is a new one.
func (w *writtenOut) Edit(_ *workspace.Tree, after map[string][]byte) (*workspace.Edit, error) {
	e := new(workspace.Edit)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		e.Files = append(e.Files, workspace.FileEdit{Name: name, After: after[name]})
	}
	return e, nil
}

// PlanEdit implements tree. The plan compares with the snapshot as it was written out, so
// what writeOut leaves out is on neither side and no change.
func (w *writtenOut) PlanEdit(before *workspace.Tree, e *workspace.Edit) (*workspace.Tree, *compiler.Plan, error) {
	edited := map[string][]byte{}
	for _, f := range e.Files {
		edited[f.Name] = f.After
	}
	after, err := w.compile(edited)
	if err != nil {
		return nil, nil, err
	}
	plan, list := compiler.NewPlan(compiler.Prior{Document: before.Model.Document, Model: before.Model}, after.Model, compiler.PlanOptions{Now: w.now()})
	if list.HasErrors() {
		return nil, nil, &diag.Problems{List: list, Sources: after.Sources}
	}
	return after, plan, nil
}

// writeOut is the issuer, the APIs, clients and authorizations of a snapshot as HCL, as far
// as a new block can collide with them or refer to them. Secrets, keys and scopes of
// authorizations are replaced by what compiles: no change is about them here.
func writeOut(snap *snapshot.Snapshot) []byte {
	var b strings.Builder
	if snap == nil {
		return nil
	}
	issuer := snap.Issuer()
	fmt.Fprintf(&b, "issuer {\n  url = %s\n}\n", hclText(issuer.URL))
	apis, clients := blocks{kind: "api", key: "identifier"}, blocks{kind: "client", key: "client_id"}
	for i := range snap.NumAPIs() {
		api := snap.API(i)
		var scopes strings.Builder
		for j := range api.NumScopes() {
			fmt.Fprintf(&scopes, "  scope %s {}\n", hclText(api.Scope(j).Name))
		}
		text := scopes.String()
		// HS256 needs a secret to be named. Which one makes no difference to a new block.
		if api.Alg() == schema.HS256 {
			text += "  signing_alg = \"HS256\"\n  signing_secret = \"env:NONE\"\n"
		}
		if len(api.Schema().Metadata) > 0 {
			text += "  metadata = {\n"
			for _, key := range slices.Sorted(maps.Keys(api.Schema().Metadata)) {
				text += fmt.Sprintf("    %s = %s\n", hclText(key), hclText(api.Schema().Metadata[key]))
			}
			text += "  }\n"
		}
		apis.add(api.Label(), api.Identifier(), fmt.Sprintf("  token_lifetime = %d\n  distinct_from = []\n%s", api.TokenLifetime(), text))
	}
	for i := range snap.NumClients() {
		client := snap.Client(i)
		clients.add(client.Label(), client.ClientID(), fmt.Sprintf("  secret \"none\" { hash = %q }\n", hashSecret("none")))
	}
	apis.write(&b)
	clients.write(&b)
	n := 0
	for auth := range snap.Authorizations() {
		label := auth.Label()
		if strings.Contains(label, "[") { // its label cannot be written, and nobody refers to it
			n++
			label = fmt.Sprintf("instance_%d", n)
		}
		fmt.Fprintf(&b, "authorization %s {\n  client = client.%s\n  api = api.%s\n  subject_type = %q\n  scopes = []\n}\n",
			hclText(label), auth.Client().Label(), auth.API().Label(), auth.SubjectType())
	}
	return []byte(b.String())
}

// hclText quotes a string as HCL reads it: a label or an identifier may hold "${".
func hclText(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

// blocks are the blocks of one kind, in the order of the snapshot.
type blocks struct {
	kind, key string // "api" and the attribute that tells objects apart, "identifier"
	list      []*writtenBlock
}

// A writtenBlock is one block: an object, or the instances of a for_each, which differ in the
// identifying attribute alone as far as it is written out.
type writtenBlock struct {
	label     string
	value     string // of the identifying attribute, in HCL
	instances string // lines of the for_each; "" for an object without one
	rest      string // the lines that follow the identifying attribute
}

// add takes an object; label is that of the snapshot, such as orders or orders["eu"]. A
// snapshot is sorted by label, so the instances of one for_each come one after the other.
func (s *blocks) add(label, value, rest string) {
	base, key, instance := strings.Cut(strings.TrimSuffix(label, "]"), "[")
	if n := len(s.list); n == 0 || s.list[n-1].label != base {
		s.list = append(s.list, &writtenBlock{label: base, rest: rest})
	}
	if b := s.list[len(s.list)-1]; instance {
		b.value, b.instances = "each.value", b.instances+fmt.Sprintf("    %s = %s\n", key, hclText(value))
	} else {
		b.value = hclText(value)
	}
}

// write writes all blocks. The layout is not that of "writ fmt": nobody reads it.
func (s *blocks) write(out *strings.Builder) {
	for _, b := range s.list {
		fmt.Fprintf(out, "%s %s {\n", s.kind, hclText(b.label))
		if b.instances != "" {
			fmt.Fprintf(out, "  for_each = {\n%s  }\n", b.instances)
		}
		fmt.Fprintf(out, "  %s = %s\n%s}\n", s.key, b.value, b.rest)
	}
}
