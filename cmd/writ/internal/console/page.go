package console

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
)

// A page is one request for a page while it is being answered. The state is read once, so
// that all of the page is about one snapshot.
type page struct {
	console *Console
	w       http.ResponseWriter
	r       *http.Request
	state   State
	trusted bool // who looks at it may write

	compared *Comparison // that is shown; nil: none is
}

// A frame is what every page has around its own part. Templates get plain data only, and
// nothing that could answer a further question.
type frame struct {
	State    status
	Title    string
	Section  string // the entry of the navigation
	Writable bool   // files can be written by who looks at it
	Editable bool   // files can be written, by who has the key
	Events   string // where pages are told of changes; "": they are not
	Changes  bool   // there are files to compare
	Shows    string // what the page shows, as events name it
	Sent     bool   // it is the answer to a form, which cannot be had again
	Flash    *flash // what was just written; nil: nothing
	Served   bool   // by a server, which can be asked for tokens
	Body     any
}

// A status is what every page says of the state of the server.
type status struct {
	Any                 bool // there is a snapshot in force
	Issuer, Environment string
	Kind                string // of the environment, for its colour: see environmentKind
	Digest, Revision    string
	Serial              uint64
	Now, Since          time.Time
	Stale               bool
	Rejected            *Rejection
	Problems            []Problem
}

// status takes from the state what every page shows.
func (p *page) status() status {
	s := status{
		Any: p.state.Snapshot != nil, Digest: p.state.Digest, Revision: p.state.Revision, Serial: p.state.Serial, Now: p.state.Now,
		Since: p.state.Since, Stale: p.state.Stale, Rejected: p.state.Rejected, Problems: p.state.Problems,
	}
	if s.Any {
		issuer := p.state.Snapshot.Issuer()
		s.Issuer, s.Environment = issuer.URL, issuer.Environment
		s.Kind = environmentKind(s.Environment)
	}
	return s
}

// environmentKind sorts the name of an environment by what a mistake there would cost: "prod",
// "staging", "dev", "other" for a name that says nothing of it, "" for none. What is before
// production, such as "preprod" and "non-prod", is no production.
func environmentKind(name string) string {
	name = strings.ToLower(name)
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) })
	}
	switch {
	case name == "":
		return ""
	case says("stag", "preprod", "pre-prod", "nonprod", "non-prod", "uat", "qa"):
		return "staging"
	case says("prod", "prd", "live"):
		return "prod"
	case says("dev", "local", "test", "sandbox"):
		return "dev"
	}
	return "other"
}

// templates are the parsed pages by name.
type templates map[string]*template.Template

// parseTemplates makes one set for each page: the layout, the parts that pages
// share, and the page's own "main". It panics at a mistake: they are part of the program.
func parseTemplates(version string) templates {
	layout := template.New("").Funcs(functions(version))
	template.Must(layout.ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/tabs.html", "templates/edit.html", "templates/frame.html"))
	sets := templates{}
	for _, name := range []string{
		"apis", "quickstart", "settings", "scopes", "access", "test", "clients", "client", "create", "newclient", "undo", "start", "graph", "keys", "message", "changes", "find",
	} {
		set := template.Must(layout.Clone())
		sets[name] = template.Must(set.ParseFS(files, "templates/"+name+".html"))
	}
	return sets
}

// show renders a page into a buffer and then writes it, so that an error never
// leaves half of one. section is the entry of the navigation, "" for none.
func (p *page) show(status int, name, section, title string, body any) {
	f := frame{State: p.status(), Title: title, Section: section, Served: p.console.opts.Tokens != nil, Body: body,
		Writable: p.mayWrite(), Editable: p.console.opts.Writable, Changes: p.console.opts.Changes != nil, Flash: p.flash(), Sent: p.r.Method == http.MethodPost}
	f.Events, f.Shows = p.events()
	var out bytes.Buffer
	// Templates only read plain data, so an error here is a mistake in one of them.
	if err := p.console.templates[name].ExecuteTemplate(&out, "layout", f); err != nil {
		http.Error(p.w, "internal error", http.StatusInternalServerError)
		return
	}
	p.write(status, "text/html; charset=utf-8", out.Bytes())
}

// write answers with a body that no cache may keep: a page may show a token.
func (p *page) write(status int, kind string, body []byte) {
	h := p.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	p.w.WriteHeader(status)
	if p.r.Method != http.MethodHead {
		p.w.Write(body)
	}
}

// A message is a page of a few words and a link.
type message struct {
	Heading, Text  string
	Link, LinkText string // where to go from here; "" for nowhere
	Code           string // to be copied, "" for nothing
}

// message answers with a message.
func (p *page) message(status int, section string, m message) {
	p.show(status, "message", section, m.Heading, m)
}

// notFound answers that there is no such page; suggestion is the address of a similar one,
// or "".
func (p *page) notFound(text, suggestion string) {
	m := message{Heading: "Not found", Text: text, Link: Path, LinkText: "All APIs"}
	if suggestion != "" {
		m.Link, m.LinkText = suggestion, "Did you mean this one?"
	}
	p.message(http.StatusNotFound, "", m)
}

// unknownAPI answers a request for an API that the snapshot lacks, with a similar label.
func (p *page) unknownAPI(label string) {
	suggestion := ""
	if similar := suggest(label, p.state.Snapshot.NumAPIs(), func(i int) string { return p.state.Snapshot.API(i).Label() }); similar != "" {
		suggestion = apiURL(similar, "")
	}
	p.notFound("The snapshot in force has no API with this label.", suggestion)
}

// unknownClient is unknownAPI for clients.
func (p *page) unknownClient(label string) {
	suggestion := ""
	if similar := suggest(label, p.state.Snapshot.NumClients(), func(i int) string { return p.state.Snapshot.Client(i).Label() }); similar != "" {
		suggestion = clientURL(similar)
	}
	p.notFound("The snapshot in force has no client with this label.", suggestion)
}

// suggest returns the one of n labels that was most likely meant, "" for none that is near.
func suggest(label string, n int, labelOf func(i int) string) string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = labelOf(i)
	}
	return schema.Suggest(label, labels)
}

// empty answers every page that needs a snapshot while there is none. It is no error: the
// page fills itself when there is one.
func (p *page) empty() {
	if p.console.opts.Tokens == nil {
		p.show(http.StatusOK, "message", "apis", "Nothing to show yet", message{
			Heading: "Nothing to show yet",
			Text:    "The configuration does not compile. As soon as it does, this page shows what it declares.",
		})
		return
	}
	p.show(http.StatusOK, "message", "apis", "No snapshot yet", message{
		Heading: "No snapshot yet",
		Text:    "Nothing is being served: token requests are answered with 503. As soon as there is a snapshot that can be put in force, this page shows what it holds.",
	})
}

// A search is the query that narrows a list, and the part of the result that a page shows.
// All of it is in the address of the page.
type search struct {
	Query string
	Total int // of what matches
	Page  int // from 1
	Pages int

	Also map[string]string // further parameters that narrow or sort the list
}

// pageSize is how many rows a list shows at once, and how many of anything a page lists
// beside its subject.
const pageSize = 100

// newSearch reads ?q= and ?page=, and further parameters by name. A page that is no number
// is 0, which cut corrects.
func newSearch(r *http.Request, also ...string) search {
	s := search{Query: strings.TrimSpace(r.URL.Query().Get("q")), Also: map[string]string{}}
	for _, name := range also {
		if value := r.URL.Query().Get(name); value != "" {
			s.Also[name] = value
		}
	}
	s.Page, _ = strconv.Atoi(r.URL.Query().Get("page"))
	return s
}

// matches reports whether any of the texts holds the query.
func (s search) matches(texts ...string) bool {
	if s.Query == "" {
		return true
	}
	query := strings.ToLower(s.Query)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), query) })
}

// cut notes that n rows match, and returns the range of them that the page shows. A page
// number out of range becomes the nearest.
func (s *search) cut(n int) (from, to int) {
	s.Total, s.Pages = n, max(1, (n+pageSize-1)/pageSize)
	s.Page = min(max(1, s.Page), s.Pages)
	return (s.Page - 1) * pageSize, min(n, s.Page*pageSize)
}

// Link is the query of another page of the list.
func (s search) Link(page int) string {
	return s.link("page", strconv.Itoa(page))
}

// Sort is the query of the list sorted by a column.
func (s search) Sort(column string) string { return s.link("sort", column) }

// link is the query of this list with one parameter changed. It leads to the first page,
// unless the page is what changes.
func (s search) link(name, value string) string {
	query := url.Values{}
	for also, is := range s.Also {
		query.Set(also, is)
	}
	if s.Query != "" {
		query.Set("q", s.Query)
	}
	query.Set(name, value)
	return "?" + query.Encode()
}

// First and Last are the places of the rows shown, from 1.
func (s search) First() int { return min(s.Total, (s.Page-1)*pageSize+1) }

// Last is the place of the last row shown.
func (s search) Last() int { return min(s.Total, s.Page*pageSize) }
