package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// What the console may do with the files of a folder, behind console.Editor: try a change
// in memory, write it, take it back. Each edit is made by package source, which keeps the
// layout of what it does not touch, and written by package workspace, which refuses to
// write over bytes it has not seen.

// A treeEditor implements console.Editor over the files of a folder. Every change is an
// edit of the workspace: compiled in memory and shown, and written only over the bytes that
// were shown. writing is locked before mu; mu is never held while something compiles.
type treeEditor struct {
	w tree
	// reload has what was written compiled and shown, before the page that follows.
	reload func()

	writing sync.Mutex // one edit is written at a time

	mu      sync.Mutex
	tree    *workspace.Tree // as it was compiled last; nil until then
	hints   *console.Hints  // of tree; nil until they are asked for
	written []writtenEdit   // the newest last
	lastID  int
}

// A tree is what can be compiled with an edit: a *workspace.Workspace, or a snapshot that
// was written out as configuration.
type tree interface {
	Compile() (*workspace.Tree, error)
	Edit(t *workspace.Tree, after map[string][]byte) (*workspace.Edit, error)
	PlanEdit(before *workspace.Tree, e *workspace.Edit) (*workspace.Tree, *compiler.Plan, error)
}

// A writtenEdit can be taken back while its files hold what it has written. It keeps the
// bytes from before, in memory: they are gone with the process, and git has what was
// committed.
type writtenEdit struct {
	console.Written
	edit *workspace.Edit
}

// keptEdits is how many edits of one run can be taken back. Each keeps the files that it
// changed, whole.
const keptEdits = 10

// setTree notes the tree that was compiled last, so that a change is compared with it
// without compiling it again. The hints belong to the tree before.
func (e *treeEditor) setTree(t *workspace.Tree) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tree, e.hints = t, nil
}

// current is the tree as it was compiled last. Before the first compilation it compiles
// here; an empty folder is an empty tree, to which the first file can be added.
func (e *treeEditor) current() (*workspace.Tree, error) {
	e.mu.Lock()
	t := e.tree
	e.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := e.w.Compile()
	if errors.Is(err, workspace.ErrNoConfiguration) {
		return new(workspace.Tree), nil // which the first file makes another one of
	}
	if err == nil {
		e.setTree(t)
	}
	return t, err
}

// Try implements console.Editor. Nothing is written, whatever the outcome.
func (e *treeEditor) Try(c console.Change) console.Outcome {
	_, out := e.try(c)
	return out
}

// try makes the edit of a change and compiles it. The edit is nil when it could not be
// made, for example since the block is not there any more; the outcome then says why.
func (e *treeEditor) try(c console.Change) (*workspace.Edit, console.Outcome) {
	t, edit, err := e.prepare(c)
	if err != nil {
		return nil, problem(err)
	}
	out := e.compile(t, edit, c.Edits)
	return edit, out
}

// prepare makes the edit of a change. Where a file has changed since the tree was compiled,
// the tree is compiled again, once: somebody who saves all the time must not keep a page
// waiting.
func (e *treeEditor) prepare(c console.Change) (*workspace.Tree, *workspace.Edit, error) {
	t, err := e.current()
	if err != nil {
		return nil, nil, err
	}
	edit, err := e.editOf(t, c)
	if errors.Is(err, workspace.ErrEdited) {
		if t, err = e.w.Compile(); err != nil {
			return nil, nil, err
		}
		e.setTree(t)
		edit, err = e.editOf(t, c)
	}
	return t, edit, err
}

// editOf applies the edits of a change to the files of a tree, in order: several may be in
// one file. A change with Text appends blocks, any other changes or removes a block that is
// there. JSON is refused: writ edits HCL only.
func (e *treeEditor) editOf(t *workspace.Tree, c console.Change) (*workspace.Edit, error) {
	after := map[string][]byte{}
	for _, b := range c.Edits {
		if path.Ext(b.File) == ".json" {
			return nil, diag.Failf("write-failed", "Change it by hand.", "%s.%s is declared in %q, and writ edits HCL only", b.Type, b.Label, b.File)
		}
		// An edit builds on those before it in the same file. A file that is not there yet
		// is nil.
		src, edited := after[b.File]
		if !edited {
			src = t.Sources[b.File]
		}
		var err error
		if b.Text != "" {
			src, err = source.AppendBlocks(b.File, src, b.Text)
		} else {
			edit := source.BlockEdit{Type: b.Type, Label: b.Label, Remove: b.Remove}
			for _, a := range b.Set {
				edit.Set = append(edit.Set, source.AttributeEdit{Name: a.Name, Value: a.Value})
			}
			src, err = source.EditBlock(b.File, src, edit)
		}
		if err != nil {
			return nil, err
		}
		after[b.File] = src
	}
	return e.w.Edit(t, after)
}

// problem is the outcome of a change that never came to the compiler. Where the
// configuration does not compile as it is, the first error is in the sentence: it has to be
// mended first.
func problem(err error) console.Outcome {
	if problems, ok := errors.AsType[*diag.Problems](err); ok {
		first := problems.List.Errors()[0]
		return console.Outcome{Problem: fmt.Sprintf("The configuration does not compile as it is, so nothing can be added to it: %s %s", where(first), first.Detail)}
	}
	d := diag.FromError(err)
	if errors.Is(err, workspace.ErrEdited) {
		d.Detail = schema.Sentence(strings.TrimSuffix(err.Error(), ".")) + " Nothing was written."
	}
	return console.Outcome{Problem: d.Detail}
}

// compile says what the compiler and the plan say to an edit. blocks are the ones that it
// changes; a finding in one of them is put beside the form's field. Warnings that the tree
// has without the edit are left out, as they say nothing about it.
func (e *treeEditor) compile(t *workspace.Tree, edit *workspace.Edit, blocks []console.BlockEdit) console.Outcome {
	out := console.Outcome{Seen: seenOf(edit)}
	for _, f := range edit.Files {
		out.Files = append(out.Files, diffOf(f))
	}
	after, plan, err := e.w.PlanEdit(t, edit)
	var found diag.List
	if problems, ok := errors.AsType[*diag.Problems](err); ok {
		found = problems.List
	} else if err != nil {
		out.Problem = diag.FromError(err).Detail
		return out
	} else {
		found, out.OK, out.Plan = after.Warnings, true, planLines(plan)
		var text strings.Builder
		if err := (view.PlanText{}).Render(&text, &view.Review{Plan: plan}); err == nil {
			out.PlanText = text.String()
		}
	}
	// Places move with an edit, so a warning is known by its code and its text.
	known := map[string]bool{}
	for _, d := range t.Warnings {
		known[d.Code+d.Detail] = true
	}
	for _, d := range found {
		if d.Severity == diag.Warning && known[d.Code+d.Detail] {
			continue // it is there without the edit
		}
		out.Findings = append(out.Findings, console.Finding{
			Error: d.Severity == diag.Error, Code: d.Code, Text: d.Detail, Where: where(d), Attribute: attributeOf(edit, d, blocks),
		})
	}
	return out
}

// where is the place of a diagnostic as file:line, "" for none.
func where(d diag.Diagnostic) string {
	if d.Range.Filename == "" {
		return ""
	}
	return d.Range.Filename + ":" + strconv.Itoa(d.Range.Start.Line)
}

// attributePattern matches the line of an attribute or of a scope in a block that is laid out
// as "writ fmt" does.
var attributePattern = regexp.MustCompile(`^  (?:([a-z_]+) +=|scope "(.*)" \{)`)

// attributeOf is the attribute of a changed block that a diagnostic is about: its name,
// "scope:NAME" for one of its scopes, "" for none. Where two blocks collide the diagnostic
// may stand at the other one, with this one among the related places.
func attributeOf(edit *workspace.Edit, d diag.Diagnostic, blocks []console.BlockEdit) string {
	attribute := attributeAt(edit, d.Range, blocks)
	for _, related := range d.Related {
		attribute = cmp.Or(attribute, attributeAt(edit, related.Range, blocks))
	}
	return attribute
}

// attributeAt is the attribute of a changed block at a place, "" for none. It looks upwards
// from the line to the block's header. That works since the forms write blocks in the
// layout of "writ fmt".
func attributeAt(edit *workspace.Edit, place hcl.Range, blocks []console.BlockEdit) string {
	i := slices.IndexFunc(edit.Files, func(f workspace.FileEdit) bool { return f.Name == place.Filename })
	if i < 0 {
		return ""
	}
	lines, attribute := strings.Split(string(edit.Files[i].After), "\n"), ""
	for at := min(place.Start.Line, len(lines)) - 1; at >= 0; at-- {
		if m := attributePattern.FindStringSubmatch(lines[at]); m != nil && attribute == "" {
			if attribute = m[1]; m[2] != "" {
				attribute = "scope:" + m[2]
			}
		}
		for _, b := range blocks {
			if strings.HasPrefix(lines[at], b.Type+" "+strconv.Quote(b.Label)) || b.Label == "" && strings.HasPrefix(lines[at], b.Type+" {") {
				return attribute
			}
		}
		if lines[at] == "}" {
			break
		}
	}
	return ""
}

// seenOf identifies what the files of an edit held before it. A page sends it back with its
// request to write, so that nothing is written over bytes which nobody has seen.
func seenOf(edit *workspace.Edit) string {
	sum := sha256.New()
	for _, f := range edit.Files {
		fmt.Fprintf(sum, "%q %t %q\n", f.Name, f.Before == nil, f.Before)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// diffOf is a file before and after, with three lines around each change. A line "@" stands
// for what is left out; before the first line of a file nothing is.
func diffOf(f workspace.FileEdit) console.FileDiff {
	d := console.FileDiff{Name: f.Name, New: f.Before == nil, Gone: f.After == nil}
	// The header of the unified diff is dropped: a page has the name of the file above it.
	text := diff.Diff("a", f.Before, "b", f.After)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch {
		case bytes.HasPrefix(line, []byte("diff ")), bytes.HasPrefix(line, []byte("--- ")), bytes.HasPrefix(line, []byte("+++ ")), bytes.HasPrefix(line, []byte("\\")), len(line) == 0:
		case line[0] == '@':
			if len(d.Lines) > 0 || !bytes.HasPrefix(line, []byte("@@ -1,")) && !d.New {
				d.Lines = append(d.Lines, console.DiffLine{Sign: "@"})
			}
		default:
			d.Lines = append(d.Lines, console.DiffLine{Sign: string(line[:1]), Text: diag.Visible(string(line[1:]), "\t")})
		}
	}
	return d
}

// planLines are the consequences of a plan, as sentences.
func planLines(p *compiler.Plan) []console.PlanLine {
	var lines []console.PlanLine
	for _, s := range view.Sentences(p) {
		lines = append(lines, console.PlanLine(s))
	}
	return lines
}

// Write implements console.Editor. It compiles again: since the page was shown, a file may
// have changed in a way that makes the change wrong. When it returns, the pages show what
// was written.
func (e *treeEditor) Write(c console.Change, seen string) console.Outcome {
	e.writing.Lock()
	defer e.writing.Unlock()
	edit, out := e.try(c)
	switch {
	case edit == nil || !out.OK:
		return out
	// The page names what it has shown. A file that changed since then could make the same
	// click do something else.
	case out.Seen != seen:
		out.Problem = "What the files hold has changed since this difference was shown. Nothing was written: look at it again, then write."
		return out
	}
	if err := edit.Write(); err != nil {
		return problem(err)
	}
	e.mu.Lock()
	e.lastID++
	out.ID = e.lastID
	w := writtenEdit{console.Written{ID: out.ID, Title: c.Title}, edit}
	for _, f := range edit.Files {
		w.Files = append(w.Files, f.Name)
	}
	e.written = append(e.written, w)
	e.written = e.written[max(0, len(e.written)-keptEdits):]
	e.mu.Unlock()
	e.reload()
	return out
}

// Written implements console.Editor: the newest first.
func (e *treeEditor) Written() []console.Written {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []console.Written
	for _, w := range slices.Backward(e.written) {
		all = append(all, w.Written)
	}
	return all
}

// Undone implements console.Editor. Nothing is written.
func (e *treeEditor) Undone(id int) console.Outcome {
	_, out := e.tryUndo(id)
	return out
}

// tryUndo makes the edit that takes a written one back, and compiles it. It is refused
// while a file has other bytes than were written: if a later edit of this run wrote them,
// the message names it, as it can be taken back first; else somebody has edited the file by
// hand.
func (e *treeEditor) tryUndo(id int) (*workspace.Edit, console.Outcome) {
	e.mu.Lock()
	i := slices.IndexFunc(e.written, func(w writtenEdit) bool { return w.ID == id })
	var back *workspace.Edit
	later := ""
	if i >= 0 {
		back = e.written[i].edit.Reverse()
		for _, w := range e.written[i+1:] {
			if slices.ContainsFunc(w.Files, func(name string) bool { return slices.Contains(e.written[i].Files, name) }) {
				later = w.Title
			}
		}
	}
	e.mu.Unlock()
	if back == nil {
		return nil, console.Outcome{Problem: "There is nothing of this number to take back: it was taken back already, or it is older than the last ten."}
	}
	if err := back.Unchanged(); err != nil {
		out := problem(err)
		if errors.Is(err, workspace.ErrEdited) && later != "" {
			out.Problem = fmt.Sprintf("%q was written later, into the same file: take that back first.", later)
		} else if errors.Is(err, workspace.ErrEdited) {
			out.Problem = fmt.Sprintf("%s has other bytes than were written here, so somebody has edited it since. Take this back by hand.", back.Files[0].Name)
		}
		return nil, out
	}
	t, err := e.current()
	if err != nil {
		return nil, problem(err)
	}
	return back, e.compile(t, back, nil)
}

// Undo implements console.Editor. What was taken back is out of the list: taking that back
// in turn is what writing it again does.
func (e *treeEditor) Undo(id int) console.Outcome {
	e.writing.Lock()
	defer e.writing.Unlock()
	back, out := e.tryUndo(id)
	if back == nil || !out.OK {
		return out
	}
	if err := back.Write(); err != nil {
		return problem(err)
	}
	e.mu.Lock()
	e.written = slices.DeleteFunc(e.written, func(w writtenEdit) bool { return w.ID == id })
	e.mu.Unlock()
	out.ID = id
	e.reload()
	return out
}

// Hints implements console.Editor. They are computed once for each tree: every form asks.
func (e *treeEditor) Hints() console.Hints {
	t, err := e.current()
	if err != nil {
		return console.Hints{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hints == nil || e.tree != t {
		h := hintsOf(t)
		e.hints = &h
	}
	return *e.hints
}

// hintsOf reads from a tree what forms suggest: the files that a block may go into, the
// issuer's defaults with their places, and metadata.
func hintsOf(t *workspace.Tree) console.Hints {
	if t.Model == nil {
		return console.Hints{}
	}
	// A new block may go into any file of HCL in the tree, but into no test and not into
	// the lockfile. A source outside of the tree, such as a variable file, is no place for
	// one.
	h := console.Hints{Defaults: map[string]console.Default{}, Metadata: metadataKeys(t)}
	for name := range t.Sources {
		if strings.HasSuffix(name, ".hcl") && !strings.HasSuffix(name, ".test.hcl") && path.Base(name) != source.LockfileName && filepath.IsLocal(name) {
			h.Files = append(h.Files, name)
		}
	}
	slices.Sort(h.Files)
	if len(t.Model.Config.Issuers) > 0 {
		issuer := t.Model.Config.Issuers[0]
		for name, value := range map[string]string{
			"token_profile": string(issuer.Defaults.Profile), "signing_alg": string(issuer.Defaults.Alg), "token_lifetime": schema.FormatDuration(issuer.Defaults.TokenLifetime),
		} {
			if at := issuer.NestedRange("defaults", "", name); at != issuer.Range && value != "" && (name != "token_lifetime" || issuer.Defaults.TokenLifetime > 0) {
				h.Defaults[name] = console.Default{Value: value, Origin: at.Filename + ":" + strconv.Itoa(at.Start.Line)}
			}
		}
	}
	return h
}

// metadataPattern finds the keys that a policy reads of metadata: self.metadata.owner, or
// contains(keys(self.metadata), "owner"). It is for suggestions, so one that it misses does
// no harm.
var metadataPattern = regexp.MustCompile(`metadata\)?\s*[.,\[]\s*"?([A-Za-z_][A-Za-z0-9_-]*)`)

// maxMetadataValues is how many values of a key a form suggests.
const maxMetadataValues = 20

// metadataKeys are the keys that APIs have, the most frequent first, and then those that
// only policies read: a form that offers these spares its user a refusal.
func metadataKeys(t *workspace.Tree) []console.MetadataKey {
	// A key that only a policy reads has the count 0, and so comes after those that APIs have.
	count, values := map[string]int{}, map[string][]string{}
	for i := range t.Model.Document.APIs {
		for key, value := range t.Model.Document.APIs[i].Metadata {
			if count[key]++; !slices.Contains(values[key], value) && len(values[key]) < maxMetadataValues {
				values[key] = append(values[key], value)
			}
		}
	}
	for _, p := range t.Model.Config.Policies {
		if p.ForEachOf == string(compiler.KindAPI) {
			for _, m := range metadataPattern.FindAllStringSubmatch(t.Model.Config.Demand(p).Condition, -1) {
				count[m[1]] += 0
			}
		}
	}
	var keys []console.MetadataKey
	for _, key := range slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) }) {
		slices.Sort(values[key])
		keys = append(keys, console.MetadataKey{Key: key, Values: values[key]})
	}
	return keys
}
