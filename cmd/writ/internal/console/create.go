package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// createPage is the form for a new API.
type createPage struct {
	editing
	draft
	Profiles []string
	Algs     []string
	Defaults map[string]Default
	Near     *lookalike // an API that is easily taken for the new one; nil: none
	Metadata []MetadataKey
}

// A finding is what one field shows of the compiler's findings.
type finding struct{ Error, Warning string }

// A fieldFinding is a finding with the field that it is about.
type fieldFinding struct {
	Field string
	finding
}

// Finding returns the finding about a field, for the template. A field that is empty
// because nobody has come to it yet shows none.
func (c createPage) Finding(field string) fieldFinding {
	found := fieldFinding{field, c.findingOf(field)}
	if c.untouched(field) {
		found.finding = finding{}
	}
	return found
}

// Others are the findings that no field shows.
func (c createPage) Others() []Finding {
	return c.General("name", "label", "identifier", "token_profile", "signing_alg", "signing_secret", "token_lifetime", "scopes", "metadata")
}

// maxDraft bounds the form, in bytes: a thousand scopes with descriptions.
const maxDraft = 1 << 20

// create shows the form, and with POST what the compiler says to it, or writes it. The
// compiler is asked at each pause in typing, so that what is written is not refused
// afterwards.
func (p *page) create() {
	profile, _ := block("api").Attr("token_profile")
	alg, _ := block("api").Attr("signing_alg")
	hints := p.hints()
	body := createPage{Profiles: profile.Enum, Algs: alg.Enum, Defaults: defaultsOf(hints), Metadata: hints.Metadata}
	body.Form, body.Title, body.Address, body.Cancel, body.Writable = "draft", "Create API", Path+"apis/new", Path, p.mayWrite()
	status, form := http.StatusOK, url.Values{}
	if p.r.Method == http.MethodPost {
		var ok bool
		if form, ok = p.readForm(); !ok {
			return
		}
	}
	body.draft = readDraft(form)
	file := nearestFile(p.state.Snapshot, body.Identifier)
	body.chooseFile(form, hints, beside(file, body.fileLabel()), file)
	if near, how, ok := p.state.Snapshot.NearIdentifier(body.Identifier); ok {
		body.Near = &lookalike{near.Label(), near.Identifier(), how}
	}
	if p.r.Method == http.MethodPost {
		var done bool
		if status, done = p.tryDraft(&body, form); done {
			return
		}
	}
	// An empty row is always there to be filled in, without a script too.
	body.Rows = append(body.Rows, scopeInput{})
	body.Pairs = append(body.Pairs, pair{})
	p.show(status, "create", "apis", "Create API", body)
}

// tryDraft has the compiler say what it makes of the draft, or writes it; see propose for
// the results.
func (p *page) tryDraft(body *createPage, form url.Values) (status int, done bool) {
	if !body.checkLabel(body.Label) {
		return unlessShown(form, http.StatusUnprocessableEntity), false
	}
	change := Change{Title: "Create api." + body.Label, Edits: []BlockEdit{{File: body.File, Type: "api", Label: body.Label, Text: body.hcl(p.state.Snapshot)}}}
	if status, done = p.propose(&body.editing, form, change, apiURL(body.Label, "clients")); done && body.ID > 0 {
		p.console.progress.begin(body.Label)
	}
	return status, done
}

// A startPage is the form for the issuer of a folder in which nothing is declared.
type startPage struct {
	editing
	URL, Environment string
}

// Finding returns the finding about a field, for the template.
func (s startPage) Finding(field string) fieldFinding { return fieldFinding{field, s.findingOf(field)} }

// Others are the findings that no field shows.
func (s startPage) Others() []Finding { return s.General("url", "environment") }

// start shows the form for the issuer: all that a configuration begins with. What it writes
// leads to the form for the first API. It is what every address shows while nothing is
// declared.
func (p *page) start() {
	body := startPage{URL: "https://auth.example.com/"}
	body.Form, body.Title, body.Address, body.Cancel, body.Writable = "start", "Begin", Path+"start", "", p.mayWrite()
	form, status, done := url.Values{}, http.StatusOK, false
	if p.r.Method == http.MethodPost {
		var ok bool
		if form, ok = p.readForm(); !ok {
			return
		}
		body.URL, body.Environment = strings.TrimSpace(form.Get("url")), strings.TrimSpace(form.Get("environment"))
	}
	attributes := []Attribute{{"url", hclString(body.URL)}}
	if body.Environment != "" {
		attributes = append(attributes, Attribute{"environment", hclString(body.Environment)})
	}
	body.File = "issuer.hcl"
	edit := BlockEdit{File: body.File, Type: "issuer", Text: hclBlock("issuer", "", attributes, "")}
	if status, done = p.propose(&body.editing, form, Change{Title: "Create the issuer", Edits: []BlockEdit{edit}}, Path+"apis/new"); !done {
		p.show(status, "start", "apis", "Begin", body)
	}
}

// readForm reads the form within maxDraft. When it cannot, it has answered the request, and
// ok is false.
func (p *page) readForm() (form url.Values, ok bool) {
	p.r.Body = http.MaxBytesReader(p.w, p.r.Body, maxDraft)
	if err := p.r.ParseForm(); err != nil {
		http.Error(p.w, "the form cannot be read", http.StatusBadRequest)
		return nil, false
	}
	return p.r.PostForm, true
}

// defaultsOf are what an API gets where the form is silent: what the issuer says, or else
// the language. The form shows them as placeholders, with where each comes from.
func defaultsOf(h Hints) map[string]Default {
	all := map[string]Default{}
	for _, name := range []string{"token_profile", "signing_alg", "token_lifetime"} {
		attr, _ := block("api").Attr(name)
		all[name] = Default{strings.Trim(hclValue(attr, attr.DefaultValue()), `"`), "the default"}
		if d, ok := h.Defaults[name]; ok {
			all[name] = d
		}
	}
	return all
}

// A draft is a new API as the form has it: text as it was typed, nothing checked. What it
// leaves out is not written. Checking is the compiler's: a second check here would say
// other things.
type draft struct {
	Name, Label, Identifier string
	Profile, Alg            string
	SigningSecret           string // a reference, with HS256
	Lifetime                string
	Offline                 bool
	Distinct                bool // a look-alike identifier is meant
	Rows                    []scopeInput
	Pairs                   []pair // of metadata
	Touched                 string // names of the fields that the author has come to; "" where that is not known
}

// A scopeInput is one row of the form's scopes.
type scopeInput struct {
	Name, Description string
	Sensitive         bool
}

// A pair is one row of the form's metadata.
type pair struct{ Key, Value string }

// readDraft reads the fields of the form. Without a label it makes one of the name. Rows
// that are empty are left out.
func readDraft(form url.Values) draft {
	field := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	d := draft{
		Name: field("name"), Label: field("label"), Identifier: field("identifier"), Profile: field("token_profile"), Alg: field("signing_alg"),
		SigningSecret: field("signing_secret"), Lifetime: field("token_lifetime"), Touched: form.Get("touched"),
		Offline: form.Get("allow_offline_access") != "", Distinct: form.Get("distinct_from") != "",
	}
	if d.Label == "" {
		d.Label = labelFrom(d.Name)
	}
	// Rows are parallel lists of fields. A checkbox is only sent when it is checked, so
	// those of the scopes have the number of their row as value.
	at := func(name string, i int) string {
		if all := form[name]; i < len(all) {
			return strings.TrimSpace(all[i])
		}
		return ""
	}
	for i := range form["scope_name"] {
		row := scopeInput{at("scope_name", i), at("scope_description", i), slices.Contains(form["scope_sensitive"], strconv.Itoa(i))}
		if row.Name != "" || row.Description != "" {
			d.Rows = append(d.Rows, row)
		}
	}
	for i := range form["metadata_key"] {
		if p := (pair{at("metadata_key", i), at("metadata_value", i)}); p.Key != "" {
			d.Pairs = append(d.Pairs, p)
		}
	}
	return d
}

// untouched reports whether the author has not come to a field yet. A field that has text
// counts as touched, since a browser may have filled it in.
func (d draft) untouched(field string) bool {
	return d.Touched != "" && !slices.Contains(strings.Fields(d.Touched), field) && (field != "identifier" || d.Identifier == "") && (field != "label" || d.Label == "")
}

// NameLabel is the label that is made of the name.
func (d draft) NameLabel() string { return labelFrom(d.Name) }

// labelFrom makes a label of a name: "Order intake" becomes order-intake. Letters outside
// of ASCII become hyphens; "" is a name of nothing else.
func labelFrom(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', r == '_', '0' <= r && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	label := strings.Trim(b.String(), "-")
	return strings.TrimRight(label[:min(len(label), schema.MaxLabel)], "-")
}

// fileLabel is the label where it can be the name of a file.
func (d draft) fileLabel() string {
	if schema.CheckLabel(d.Label) != nil {
		return "new-api"
	}
	return d.Label
}

// hcl is the block to commit. What is empty in the form is left to the defaults and not
// written, so that a default which changes later changes it too.
func (d draft) hcl(snap *snapshot.Snapshot) string {
	var attributes []Attribute
	add := func(name, value string) {
		if value != "" {
			attributes = append(attributes, Attribute{name, value})
		}
	}
	if d.Name != d.Label {
		add("name", quoted(d.Name))
	}
	add("identifier", quoted(d.Identifier))
	add("token_profile", quoted(d.Profile))
	add("signing_alg", quoted(d.Alg))
	add("signing_secret", quoted(d.SigningSecret))
	add("token_lifetime", quoted(d.Lifetime))
	if d.Offline {
		add("allow_offline_access", "true")
	}
	if near, _, ok := snap.NearIdentifier(d.Identifier); ok && d.Distinct {
		add("distinct_from", "[api."+near.Label()+"]")
	}
	metadata := map[string]string{}
	for _, p := range d.Pairs {
		metadata[p.Key] = p.Value
	}
	if len(metadata) > 0 {
		add("metadata", hclMap(metadata))
	}
	return hclBlock("api", d.Label, attributes, d.scopesHCL())
}

// scopesHCL are the blocks of the scopes, each on one line where one attribute is enough,
// as people write them.
func (d draft) scopesHCL() string {
	var b strings.Builder
	for _, s := range d.Rows {
		b.WriteString("  scope " + hclString(s.Name))
		switch description := "description = " + hclString(s.Description); {
		case s.Sensitive && s.Description != "":
			b.WriteString(" {\n    " + description + "\n    sensitive   = true\n  }\n")
		case s.Sensitive:
			b.WriteString(" { sensitive = true }\n")
		case s.Description != "":
			b.WriteString(" { " + description + " }\n")
		default:
			b.WriteString(" {}\n")
		}
	}
	return b.String()
}

// quoted is hclString, and "" for "", which an attribute takes for not set.
func quoted(s string) string {
	if s == "" {
		return ""
	}
	return hclString(s)
}
