package console

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// A Comparer says what the files of a configuration change, as a plan does. It is safe for
// concurrent use, and keeps a comparison until one of the two sides is another one.
type Comparer interface {
	// Compare compares the files with what a Ref of its choices names; with any other text,
	// with what a plan would compare with.
	Compare(ctx context.Context, ref string) Comparison
	// ID identifies what Compare would say, without comparing.
	ID(ctx context.Context, ref string) string
}

// A Base is what the files can be compared with.
type Base struct{ Ref, Name string }

// A Comparison is what the files change. Without a plan it has a Problem or a Report.
type Comparison struct {
	ID      string
	Ref     string // of the choice that was taken
	Choices []Base
	Base    string    // what stands there: "serial 4"
	Made    time.Time // when that was made; the zero time where it is not known
	Notes   []string  // what the comparison takes for granted, in sentences

	Absent  bool   // there is nothing to compare with, or no plan
	Problem string // why, in sentences
	Report  string // diagnostics, as a terminal shows them

	Differs  bool
	Summary  string // who gains and who is cut off, in one line
	Guards   string // how many policies and expectations hold
	Sections []ChangeSection
	Objects  []ObjectDiff
	More     int    // objects beyond these
	Count    string // "Plan: 1 to add, ..."
}

// A ChangeSection is one section of a plan.
type ChangeSection struct {
	Heading string
	Widens  bool
	CutsOff bool // somebody has to act, or loses tokens
	Lines   []ChangeLine
	More    int // lines beyond these
}

// A ChangeLine is one consequence, with where it is written.
type ChangeLine struct {
	PlanLine
	Owner   string // who answers for the object
	Place   string // "billing.hcl:12"
	Before  bool   // Place is of the files before the change
	Excerpt []SourceLine
	Notes   []string
}

// A SourceLine is a line of a file.
type SourceLine struct {
	Number int
	Text   string
	Meant  bool // it is the line that a place names
}

// An ObjectDiff is one object as a plan prints it.
type ObjectDiff struct {
	Address, What string
	Lines         []DiffLine
}

// changes shows what the files change. The other side is chosen in the address, so that the
// page can be linked to, and told of by its events.
func (p *page) changes() {
	if p.console.opts.Changes == nil {
		p.message(http.StatusNotFound, "", message{Heading: "No files to compare", Link: Path, LinkText: "All APIs",
			Text: "These pages show a snapshot. “writ dev” and “writ console” over a folder compare its files with what is in force."})
		return
	}
	said := p.console.opts.Changes.Compare(p.r.Context(), p.r.URL.Query().Get("against"))
	p.compared = &said
	body := changesPage{Comparison: said}
	// The comparison is shared by all pages that show it, so that links go into a copy.
	for _, from := range said.Sections {
		section := changeSection{ChangeSection: from}
		for _, line := range from.Lines {
			section.Lines = append(section.Lines, changeLine{line, p.pieces(strings.TrimPrefix(line.Address+" "+line.Text, " "))})
		}
		body.Sections = append(body.Sections, section)
	}
	p.show(http.StatusOK, "changes", "changes", "Changes", body)
}

// changesPage is a comparison with the addresses in its sentences as links.
type changesPage struct {
	Comparison
	Sections []changeSection
}

// A changeSection is a section whose lines have links.
type changeSection struct {
	ChangeSection
	Lines []changeLine
}

// A changeLine is a line in pieces, of which those that are addresses lead to their pages.
type changeLine struct {
	ChangeLine
	Words []addressed
}

// events is where the page is told of changes, and what it shows. One that compares is told
// of the other side, too. Both are "" where pages are told of nothing.
func (p *page) events() (address, shown string) {
	if p.console.opts.Live == nil {
		return "", ""
	}
	address, shown = Path+"events", shows(p.state)
	if p.compared != nil {
		address += "?" + url.Values{"against": {p.compared.Ref}}.Encode()
		shown += " " + p.compared.ID
	}
	return address, shown
}

// showsNow identifies what a page shows at this moment, as its events name it. A page that
// compares says so in its query. It is asked for each open page after every change, and so
// it compares nothing.
func (c *Console) showsNow(r *http.Request) string {
	id := shows(c.opts.State())
	if ref := r.URL.Query().Get("against"); ref != "" && c.opts.Changes != nil {
		id += " " + c.opts.Changes.ID(r.Context(), ref)
	}
	return id
}

// An addressed is a piece of a text, and the page that it leads to, "" for none.
type addressed struct{ Text, Link string }

// addressPattern matches the address of an object in a sentence. The key of an instance is
// an HCL string, as in client.scanner["ams"].
var addressPattern = regexp.MustCompile(`\b(api|client|authorization)\.([\pL_][\pL\pN_-]*(?:\["(?:[^"\\]|\\.)*"\])?)`)

// pieces cuts a text at the addresses of objects that have a page here. Together the pieces
// are the text.
func (p *page) pieces(text string) []addressed {
	var pieces []addressed
	done := 0
	// A word of the form of an address that names nothing here stays text: api.example.com
	// is one.
	for _, at := range addressPattern.FindAllStringSubmatchIndex(text, -1) {
		link := p.pageOf(text[at[2]:at[3]], text[at[4]:at[5]])
		if link == "" {
			continue
		}
		if done < at[0] {
			pieces = append(pieces, addressed{text[done:at[0]], ""})
		}
		pieces = append(pieces, addressed{text[at[0]:at[1]], link})
		done = at[1]
	}
	if done < len(text) {
		pieces = append(pieces, addressed{text[done:], ""})
	}
	return pieces
}

// pageOf is the page of an object, "" where the snapshot lacks it, as for one that the
// change removes and that was never served. An authorization is among the clients of its
// API.
func (p *page) pageOf(kind, label string) string {
	switch kind {
	case "api":
		if _, ok := p.state.Snapshot.APIByLabel(label); ok {
			return apiURL(label, "")
		}
	case "client":
		if _, ok := p.state.Snapshot.ClientByLabel(label); ok {
			return clientURL(label)
		}
	case "authorization":
		if auth, ok := p.state.Snapshot.AuthorizationByLabel(label); ok {
			return apiURL(auth.API().Label(), "clients") + "?" + url.Values{"q": {auth.Client().Label()}}.Encode()
		}
	}
	return ""
}

// Total counts the sentences of a section, those that are not shown too.
func (s changeSection) Total() int { return len(s.Lines) + s.More }

// Heard is a sign in words, for whoever hears the page: a screen reader says "+" as "plus"
// or not at all.
func (l changeLine) Heard() string {
	return map[string]string{"+": "added: ", "-": "removed: ", "~": "changed: ", "-/+": "replaced: ", "✕": "failed: ", "!": "warning: "}[l.Sign]
}
