package console

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// What every form that changes the configuration has in common: the change, what the
// compiler says to it, where it is written, and how it is taken back. The forms are in
// create.go and grant.go.

// An Editor compiles changes of the configuration, and writes them where it has files.
// Everything that the console changes goes through it: Create API, Create client,
// Authorize, Narrow, Remove and Undo. It is safe for concurrent use.
type Editor interface {
	// Try compiles the configuration with a change, in memory.
	Try(Change) Outcome
	// Write is Try, and then writes what was compiled. seen is the Seen of the outcome
	// that the author has looked at: where files hold something else by now, nothing is
	// written.
	Write(c Change, seen string) Outcome
	// Undone is Try of taking back what was written under a number.
	Undone(id int) Outcome
	// Undo is Write of taking it back.
	Undo(id int) Outcome
	// Written lists what can be taken back, the newest first.
	Written() []Written
	// Hints are what a form may suggest.
	Hints() Hints
}

// Hints are what the sources say beyond the snapshot, for forms.
type Hints struct {
	Defaults map[string]Default // of an API, by attribute
	Metadata []MetadataKey      // of APIs, the most frequent first
	Files    []string           // files in native syntax, relative to the root
}

// A MetadataKey is a key that APIs have or a policy reads, with the values that it has.
type MetadataKey struct {
	Key    string
	Values []string // at most a few
}

// A Default is what an attribute is if it is not written, and where that stands.
type Default struct{ Value, Origin string }

// A Written is a change that was written in this run.
type Written struct {
	ID    int
	Title string
	Files []string
}

// A Change is what one form does to the configuration.
type Change struct {
	Title string // what it does: "Create api.orders"
	Edits []BlockEdit
}

// A BlockEdit adds a block with Text, gives attributes of a block that is there other
// values, or removes it.
type BlockEdit struct {
	File        string // relative to the root
	Type, Label string
	Text        string // of a new block; "" for one that is there
	Set         []Attribute
	Remove      bool
}

// An Attribute is a value as HCL; "" removes the attribute.
type Attribute struct{ Name, Value string }

// An Outcome is what the compiler says to a change.
type Outcome struct {
	OK       bool   // the compiler takes it
	Problem  string // why it could not be tried or written, in a sentence; "" for nothing
	Findings []Finding
	Files    []FileDiff
	Plan     []PlanLine // what it means, in the plan's words
	PlanText string     // the whole plan, as "writ plan" prints it
	Seen     string     // identifies what the files held
	ID       int        // of what was written, for Undo; 0 when nothing was
}

// A Finding is a diagnostic that the change brings.
type Finding struct {
	Error     bool
	Code      string
	Text      string
	Where     string // "orders.hcl:3", "" for nowhere
	Attribute string // of the changed block, "scope:NAME" for a scope's; "" for the block or another place
}

// A PlanLine is one consequence. Text goes on about Address, or is whole without one.
type PlanLine struct{ Sign, Address, Text string }

// A FileDiff is a file before and after.
type FileDiff struct {
	Name  string
	New   bool
	Gone  bool
	Lines []DiffLine
}

// A DiffLine is one line: its sign is "+", "-" or " ", or "@" for lines left out.
type DiffLine struct{ Sign, Text string }

// An editing is a form that changes the configuration: what every one of them has. Its
// outcome is that of the last change that was tried.
type editing struct {
	Outcome
	Sent     bool   // the outcome is of what was sent
	Writable bool   // files can be written by who looks at this page
	Form     string // id of the form
	Title    string
	Address  string   // where the form is sent
	Cancel   string   // where to go instead; "" for nowhere
	Text     string   // to be copied where nothing compiles it
	Choices  []string // files in which a new block may stand
	File     string   // the chosen one
}

// General are the findings that no field shows; fields are the names of those that do.
// Every finding of the compiler is on the page in one of the two ways.
func (e editing) General(fields ...string) []Finding {
	return slices.DeleteFunc(slices.Clone(e.Findings), func(f Finding) bool {
		return slices.ContainsFunc(fields, func(name string) bool { return name == f.field() })
	})
}

// field is the name of the form's field that a finding is about.
func (f Finding) field() string {
	if field, ok := fieldOfCode[f.Code]; ok {
		return field
	}
	if f.Attribute == "distinct_from" {
		return "identifier"
	}
	if strings.HasPrefix(f.Attribute, "scope:") {
		return "scopes"
	}
	return f.Attribute
}

// fieldOfCode are the fields of diagnostics that stand at the head of a block, or at
// another attribute than the one to change.
var fieldOfCode = map[string]string{
	"duplicate-name": "label", "invalid-label": "label", "missing-attribute": "identifier", "missing-signing-secret": "signing_secret",
	"retired-identifier": "identifier", "immutable-identifier": "identifier", "duplicate-client-id": "client_id", "retired-client-id": "client_id",
}

// findingOf is the first error about a field, or else the first warning.
func (e editing) findingOf(field string) finding {
	var found finding
	for _, f := range e.Findings {
		switch {
		case f.field() != field:
		case f.Error && found.Error == "":
			found.Error = f.Text
		case !f.Error && found.Warning == "":
			found.Warning = f.Text
		}
	}
	if found.Error != "" {
		found.Warning = ""
	}
	return found
}

// propose tries a change, or writes it where the form says so. done reports that the answer
// was given, by leading to next with the number of what was written. Else the page is to be
// shown with status: 409 where it could not be written because files changed, 422 where the
// compiler refuses it. Without an Editor it only puts the HCL together, to be copied.
func (p *page) propose(e *editing, form url.Values, c Change, next string) (status int, done bool) {
	e.Sent, status = true, http.StatusOK
	if p.console.opts.Editor == nil {
		for i, edit := range c.Edits {
			if i > 0 {
				e.Text += "\n"
			}
			e.Text += edit.Text
		}
		return status, false
	}
	if form.Get("action") != "write" {
		e.Outcome = p.console.opts.Editor.Try(c)
		return status, false
	}
	if !p.mayWrite() {
		http.Error(p.w, "forbidden: these pages are read-only here", http.StatusForbidden)
		return 0, true
	}
	// Write compares what was seen with what is there: two browsers may have the same form
	// open.
	e.Outcome = p.console.opts.Editor.Write(c, form.Get("seen"))
	switch {
	case e.ID > 0 && next != "":
		http.Redirect(p.w, p.r, withQuery(next, "wrote", strconv.Itoa(e.ID)), http.StatusSeeOther)
		return 0, true
	case e.ID > 0:
		return status, false
	case e.Problem != "":
		return http.StatusConflict, false
	}
	return http.StatusUnprocessableEntity, false
}

// checkLabel reports whether a new block can have a label, and notes the finding where it
// cannot. It comes before the compiler: without a label there is no block to compile.
func (e *editing) checkLabel(label string) bool {
	err := schema.CheckLabel(label)
	if err == nil {
		return true
	}
	text := schema.Sentence(err.Error())
	if label == "" {
		text = "Type a name, of which the label is made, or a label."
	}
	e.Sent, e.Findings = true, []Finding{{Error: true, Text: text, Attribute: "label"}}
	return false
}

// unlessShown is status for a form that was to write, and 200 for one that was only tried:
// to show why a change would be refused is no failure.
func unlessShown(form url.Values, status int) int {
	if form.Get("action") == "write" {
		return status
	}
	return http.StatusOK
}

// withQuery adds a parameter to an address, which may have others.
func withQuery(address, name, value string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + name + "=" + url.QueryEscape(value)
}

// mayWrite reports whether whoever looks at the page may write files: there are files, and
// the browser has opened the address with the key.
func (p *page) mayWrite() bool {
	return p.console.opts.Editor != nil && p.console.opts.Writable && p.trusted
}

// hints are those of the editor, or none.
func (p *page) hints() Hints {
	if p.console.opts.Editor == nil {
		return Hints{}
	}
	return p.console.opts.Editor.Hints()
}

// chooseFile offers the files in which a new block may stand: what is most likely first,
// and then all others, at most pageSize. A file that the form names and that is not offered
// is ignored, so nothing is written elsewhere. JSON is left out, as it is not edited.
func (e *editing) chooseFile(form url.Values, h Hints, likely ...string) {
	for _, name := range slices.Concat(likely, h.Files) {
		if name != "" && !strings.HasSuffix(name, ".json") && !slices.Contains(e.Choices, name) && len(e.Choices) < pageSize {
			e.Choices = append(e.Choices, name)
		}
	}
	if e.File = form.Get("file"); !slices.Contains(e.Choices, e.File) {
		e.File = e.Choices[0]
	}
}

// beside is a file for a block of its own, in the folder of another file.
func beside(other, label string) string { return path.Join(path.Dir(cmp.Or(other, ".")), label+".hcl") }

// nearestFile is where the API stands whose identifier shares the longest beginning with
// another, "" where there is none or the snapshot does not say.
func nearestFile(snap *snapshot.Snapshot, identifier string) string {
	// Identifiers that begin alike are taken for those of one team, whose APIs stand together.
	best, file := -1, ""
	for i := range snap.NumAPIs() {
		api := snap.API(i)
		other := api.Identifier()
		n := 0
		for n < len(identifier) && n < len(other) && identifier[n] == other[n] {
			n++
		}
		if at, _, ok := api.Source(); ok && n > best {
			best, file = n, at
		}
	}
	return file
}

// flash is what was just written, for the page that follows.
type flash struct {
	Title string
	Files []string
	ID    int
}

// flash finds what ?wrote= names, nil when it was taken back or never was.
func (p *page) flash() *flash {
	id, err := strconv.Atoi(p.r.URL.Query().Get("wrote"))
	if err != nil || p.console.opts.Editor == nil {
		return nil
	}
	for _, w := range p.console.opts.Editor.Written() {
		if w.ID == id {
			return &flash{w.Title, w.Files, w.ID}
		}
	}
	return nil
}

// undoPage lists what can be taken back, and what that would do.
type undoPage struct {
	editing
	Written []Written
	Chosen  int
}

// Others are all findings: there is no field.
func (u undoPage) Others() []Finding { return u.Findings }

// undo shows what was written in this run, and with POST takes one of it back. What that
// would change is shown first, as for any other change.
func (p *page) undo() {
	if p.console.opts.Editor == nil {
		p.notFound("These pages write nothing.", "")
		return
	}
	body := undoPage{Written: p.console.opts.Editor.Written()}
	body.Form, body.Title, body.Address, body.Cancel, body.Writable = "edit", "Undo", Path+"undo", Path, p.mayWrite()
	values, status := p.r.URL.Query(), http.StatusOK
	if p.r.Method == http.MethodPost {
		form, ok := p.readForm()
		if !ok {
			return
		}
		values = form
	}
	// Without a number it is the newest: that is what "undo" means everywhere else.
	body.Chosen, _ = strconv.Atoi(values.Get("id"))
	if body.Chosen == 0 && len(body.Written) > 0 {
		body.Chosen = body.Written[0].ID
	}
	switch {
	case body.Chosen == 0:
	case p.r.Method != http.MethodPost:
		body.Sent, body.Outcome = true, p.console.opts.Editor.Undone(body.Chosen)
	case !p.mayWrite():
		http.Error(p.w, "forbidden: these pages are read-only here", http.StatusForbidden)
		return
	default:
		body.Sent, body.Outcome = true, p.console.opts.Editor.Undo(body.Chosen)
		if body.ID > 0 {
			http.Redirect(p.w, p.r, Path+"undo?done="+strconv.Itoa(body.Chosen), http.StatusSeeOther)
			return
		}
		status = http.StatusConflict
	}
	p.show(status, "undo", "", "Undo", body)
}

// hclBlock writes a block as "writ fmt" lays it out: aligned attributes, then nested
// blocks. Values are HCL already, made by hclString and its like.
func hclBlock(typ, label string, attributes []Attribute, nested string) string {
	width := 0
	for _, a := range attributes {
		width = max(width, len(a.Name))
	}
	var b strings.Builder
	if b.WriteString(typ + " "); label != "" {
		b.WriteString(hclString(label) + " ")
	}
	b.WriteString("{\n")
	for _, a := range attributes {
		b.WriteString("  " + a.Name + strings.Repeat(" ", width-len(a.Name)) + " = " + a.Value + "\n")
	}
	if nested != "" {
		b.WriteString("\n" + nested)
	}
	b.WriteString("}\n")
	return b.String()
}

// freeLabel makes a label that a kind of object does not have yet: base, or base-2 and so
// on. It leaves room for the number within schema.MaxLabel.
func freeLabel(base string, taken func(label string) bool) string {
	base = strings.TrimRight(base[:min(len(base), schema.MaxLabel-4)], "-")
	label := base
	for n := 2; taken(label); n++ {
		label = base + "-" + strconv.Itoa(n)
	}
	return label
}
