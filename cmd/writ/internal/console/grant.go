package console

import (
	"cmp"
	"encoding/pem"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A grantForm authorizes a client for an API, or changes or removes an authorization. It
// stands in the client's row.
type grantForm struct {
	editing
	Mode        string // "authorize", "change" or "remove"
	Client      string // label
	Name        string
	Label       string // of the authorization
	Scopes      []scopeChoice
	User        bool   // on behalf of users
	Lifetime    string // as typed; "" for the API's
	Expires     string // as typed; "" for never
	APILifetime int64
	Elsewhere   *source // the block cannot be changed alone, because for_each made it there
}

// Finding returns the finding about a field, for the template.
func (g grantForm) Finding(field string) fieldFinding { return fieldFinding{field, g.findingOf(field)} }

// Others are the findings that no field shows.
func (g grantForm) Others() []Finding { return g.General("scopes", "token_lifetime", "expires_at") }

// grant makes the form that the query names by authorize, change or remove; nil for none,
// and for one about an object that is not there. done reports that the request is answered.
// A form that changes nothing is not compiled.
func (p *page) grant(v apiView, api snapshot.API) (g *grantForm, status int, done bool) {
	query, status := p.r.URL.Query(), http.StatusOK
	g = &grantForm{APILifetime: api.TokenLifetime()}
	var client snapshot.Client
	var auth snapshot.Authorization
	var found bool
	for _, mode := range []string{"authorize", "change", "remove"} {
		if label := query.Get(mode); label == "" {
			continue
		} else if g.Mode = mode; mode == "authorize" {
			client, found = p.state.Snapshot.ClientByLabel(label)
		} else if auth, found = p.state.Snapshot.AuthorizationByLabel(label); found {
			client, found = auth.Client(), auth.API().Index() == api.Index()
		}
	}
	if !found {
		return nil, status, false
	}
	// A link may fill the form in (a refusal on the Test page does); what is sent then
	// counts alone.
	form, post := query, p.r.Method == http.MethodPost
	if post {
		var ok bool
		if form, ok = p.readForm(); !ok {
			return nil, 0, true
		}
	}
	list := apiURL(v.Label, "clients")
	g.Client, g.Name, g.Form, g.Writable, g.Cancel = client.Label(), client.Name(), "grant-form", p.mayWrite(), list
	g.Address = withQuery(list, g.Mode, query.Get(g.Mode))
	var change Change
	if g.Mode == "authorize" {
		change = p.newGrant(g, form, client, api)
	} else {
		change = p.changedGrant(g, form, post, auth, api)
	}
	if g.Elsewhere == nil && (len(change.Edits[0].Set) > 0 || change.Edits[0].Text != "" || change.Edits[0].Remove) {
		if status, done = p.propose(&g.editing, form, change, list); g.ID > 0 && g.Mode != "remove" {
			p.console.progress.begin(v.Label)
		}
	}
	return g, status, done
}

// newGrant is the change that adds an authorization. What the form leaves out is not
// written.
func (p *page) newGrant(g *grantForm, form url.Values, client snapshot.Client, api snapshot.API) Change {
	snap := p.state.Snapshot
	g.Title = "Authorize " + client.Name()
	g.User = form.Get("subject_type") == string(schema.SubjectUser)
	g.Label = freeLabel(cmp.Or(labelFrom(client.Label()), "client")+"-"+cmp.Or(labelFrom(api.Label()), "api"), func(label string) bool {
		_, taken := snap.AuthorizationByLabel(label)
		return taken
	})
	g.Lifetime, g.Expires = strings.TrimSpace(form.Get("token_lifetime")), strings.TrimSpace(form.Get("expires_at"))
	g.chooseScopes(api, form["scope"])
	g.chooseFile(form, p.hints(), likelyFiles(client, api)...)
	attributes := []Attribute{{"client", "client." + client.Label()}, {"api", "api." + api.Label()}, {"scopes", hclStrings(g.chosen())}}
	if g.User {
		attributes = append(attributes, Attribute{"subject_type", hclString(string(schema.SubjectUser))})
	}
	for _, a := range []Attribute{{"token_lifetime", quoted(g.Lifetime)}, {"expires_at", quoted(timeOf(g.Expires))}} {
		if a.Value != "" {
			attributes = append(attributes, a)
		}
	}
	return Change{Title: "Authorize client." + client.Label() + " for api." + api.Label(), Edits: []BlockEdit{{
		File: g.File, Type: "authorization", Label: g.Label, Text: hclBlock("authorization", g.Label, attributes, ""),
	}}}
}

// changedGrant is the change of an authorization that is there. Attributes that stay as they
// are stay as they were written.
func (p *page) changedGrant(g *grantForm, form url.Values, post bool, auth snapshot.Authorization, api snapshot.API) Change {
	g.Label, g.User, g.Title = auth.Label(), auth.SubjectType() == schema.SubjectUser, "Change what "+g.Name+" may do"
	file, line, _ := auth.Source()
	if baseLabel(auth.Label()) != auth.Label() {
		g.Elsewhere = &source{file, line}
	}
	lifetime, expires := "", ""
	if auth.TokenLifetime() != 0 {
		lifetime = schema.FormatDuration(auth.TokenLifetime())
	}
	if auth.ExpiresAt() != 0 {
		expires = schema.FormatTime(auth.ExpiresAt())
	}
	edit := BlockEdit{File: file, Type: "authorization", Label: auth.Label()}
	if g.Mode == "remove" {
		g.Title, edit.Remove = "Remove the authorization of "+g.Name, true
		return Change{Title: "Remove authorization." + auth.Label(), Edits: []BlockEdit{edit}}
	}
	if post {
		g.Lifetime, g.Expires = strings.TrimSpace(form.Get("token_lifetime")), strings.TrimSpace(form.Get("expires_at"))
		g.chooseScopes(api, form["scope"])
	} else {
		g.Lifetime, g.Expires = lifetime, expires
		g.chooseScopes(api, append(auth.Scopes(), form["scope"]...))
	}
	// Scopes are compared in the order of the API, in which a form lists them: one that
	// only checks the same boxes changes nothing, whatever the order in the file.
	var before []string
	for i := range api.NumScopes() {
		if auth.Grants(i) {
			before = append(before, api.Scope(i).Name)
		}
	}
	if chosen := g.chosen(); !slices.Equal(chosen, before) {
		edit.Set = append(edit.Set, Attribute{"scopes", hclStrings(chosen)})
	}
	if g.Lifetime != lifetime {
		edit.Set = append(edit.Set, Attribute{"token_lifetime", quoted(g.Lifetime)})
	}
	if g.Expires != expires {
		edit.Set = append(edit.Set, Attribute{"expires_at", quoted(timeOf(g.Expires))})
	}
	return Change{Title: "Change authorization." + auth.Label(), Edits: []BlockEdit{edit}}
}

// timeOf completes a day to the time of its beginning in UTC; anything else is for the
// compiler to judge.
func timeOf(typed string) string {
	if t, err := time.Parse(time.DateOnly, typed); err == nil {
		return schema.FormatTime(t.Unix())
	}
	return typed
}

// chooseScopes lists the API's scopes with those checked that are named.
func (g *grantForm) chooseScopes(api snapshot.API, names []string) {
	for i := range api.NumScopes() {
		scope := api.Scope(i)
		g.Scopes = append(g.Scopes, scopeChoice{scope, slices.Contains(names, scope.Name)})
	}
}

// chosen are the checked scopes, in the order of the API; never nil, since no scopes are
// written as [].
func (g *grantForm) chosen() []string {
	names := []string{}
	for _, s := range g.Scopes {
		if s.Checked {
			names = append(names, s.Name)
		}
	}
	return names
}

// likelyFiles are where an authorization may stand, the likeliest first: with those of the
// client, with those of the API, with the client, with the API, and last in a file of its
// own.
func likelyFiles(client snapshot.Client, api snapshot.API) []string {
	var files []string
	for auth := range client.Authorizations() {
		if file, _, ok := auth.Source(); ok {
			files = append(files, file)
		}
	}
	for auth := range api.Authorizations() {
		if file, _, ok := auth.Source(); ok {
			files = append(files, file)
		}
	}
	if file, _, ok := client.Source(); ok {
		files = append(files, file)
	}
	if file, _, ok := api.Source(); ok {
		files = append(files, file)
	}
	return append(files, "authorizations.hcl")
}

// A newClientPage is the form for a new client, and after it is written its secret, once.
type newClientPage struct {
	editing
	Name, Label string
	API         string // label of the API that it is authorized for at once; "" for none
	APIName     string
	Scopes      []scopeChoice
	Keyed       bool   // it authenticates with a key of its own, not with a secret
	Key         string // the public half, as it was pasted
	Touched     string // names of the fields that the author has come to; "" where that is not known
	Secret      string // "" unless it was just made
	CopyOnly    bool   // the secret is made for a block to copy
}

// Finding returns the finding about a field, for the template. That no key is there is none
// before the author has come to its field.
func (c newClientPage) Finding(field string) fieldFinding {
	if field == "pem" && c.Key == "" && c.Touched != "" && !slices.Contains(strings.Fields(c.Touched), "public_key") {
		return fieldFinding{Field: field}
	}
	return fieldFinding{field, c.findingOf(field)}
}

// NameLabel is the label that is made of the name.
func (c newClientPage) NameLabel() string { return labelFrom(c.Name) }

// Others are the findings that no field shows.
func (c newClientPage) Others() []Finding {
	return c.General("name", "label", "client_id", "pem", "jwks")
}

// draftHash stands for the hash of a secret while it is not made yet: no secret has it.
const draftHash = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// createClient shows the form for a client with a secret that is made here, or with the public
// key that is pasted, authorized for the API in ?api= at once. The secret is made for the
// answer of the POST that writes its hash, is shown on that page, and is kept nowhere.
func (p *page) createClient() {
	snap, query := p.state.Snapshot, p.r.URL.Query()
	body := newClientPage{API: query.Get("api")}
	body.CopyOnly = !p.mayWrite() && p.console.opts.NewSecret != nil
	body.Form, body.Title, body.Writable, body.Cancel, body.Address = "client-draft", "Create client", p.mayWrite(), Path+"clients", Path+"new-client"
	api, found := snap.APIByLabel(body.API)
	if found {
		body.APIName, body.Address, body.Cancel = api.Name(), withQuery(body.Address, "api", body.API), apiURL(body.API, "clients")
	}
	form, post, status := query, p.r.Method == http.MethodPost, http.StatusOK
	if post {
		var ok bool
		if form, ok = p.readForm(); !ok {
			return
		}
	}
	body.Name, body.Label = strings.TrimSpace(form.Get("name")), strings.TrimSpace(form.Get("label"))
	if body.Label == "" {
		body.Label = labelFrom(body.Name)
	}
	body.Keyed, body.Key = form.Get("with") == "key", strings.TrimSpace(form.Get("public_key"))
	body.CopyOnly, body.Touched = body.CopyOnly && !body.Keyed, form.Get("touched")
	file := ""
	if found {
		g := grantForm{}
		g.chooseScopes(api, form["scope"])
		body.Scopes = g.Scopes
		file, _, _ = api.Source()
	} else if snap.NumClients() > 0 {
		file, _, _ = snap.Client(snap.NumClients() - 1).Source()
	}
	label := body.Label
	if schema.CheckLabel(label) != nil {
		label = "new-client"
	}
	body.chooseFile(form, p.hints(), beside(file, label), file)
	if post {
		var done bool
		if status, done = p.tryClient(&body, form, api, found); done {
			return
		}
	}
	p.show(status, "newclient", "clients", "Create client", body)
}

// tryClient has the compiler say what it thinks of a new client. To write it is to make its
// secret first: only a hash is compiled, shown and written.
func (p *page) tryClient(body *newClientPage, form url.Values, api snapshot.API, found bool) (status int, done bool) {
	if !body.checkLabel(body.Label) {
		return unlessShown(form, http.StatusUnprocessableEntity), false
	}
	credential, finding := "", ""
	if body.Keyed {
		if credential, finding = keyBlock(body.Key); finding != "" {
			if strings.Contains(body.Key, "PRIVATE KEY") || strings.Contains(body.Key, `"d"`) {
				body.Key = "" // it is not sent back
			}
			body.Sent, body.Findings = true, []Finding{{Error: true, Text: finding, Attribute: "pem"}}
			return unlessShown(form, http.StatusUnprocessableEntity), false
		}
	}
	secret, hash := "", draftHash
	if make := form.Get("action"); !body.Keyed && p.console.opts.NewSecret != nil && (make == "write" && p.mayWrite() || make == "make" && body.CopyOnly) {
		var err error
		if secret, hash, err = p.console.opts.NewSecret(); err != nil {
			http.Error(p.w, "internal error", http.StatusInternalServerError)
			return 0, true
		}
	}
	if !body.Keyed {
		credential = "  secret " + hclString(p.state.Now.UTC().Format(time.DateOnly)) + " { hash = " + hclString(hash) + " }\n"
	}
	change := Change{Title: "Create client." + body.Label, Edits: []BlockEdit{clientBlock(body, credential)}}
	if found {
		g := grantForm{Scopes: body.Scopes}
		label := freeLabel(body.Label+"-"+cmp.Or(labelFrom(api.Label()), "api"), func(label string) bool {
			_, taken := p.state.Snapshot.AuthorizationByLabel(label)
			return taken
		})
		change.Edits = append(change.Edits, BlockEdit{File: body.File, Type: "authorization", Label: label, Text: hclBlock("authorization", label, []Attribute{
			{"client", "client." + body.Label}, {"api", "api." + api.Label()}, {"scopes", hclStrings(g.chosen())},
		}, "")})
	}
	next := "" // a secret is shown on the page that follows
	if body.Keyed {
		if next = clientURL(body.Label); found {
			next = withQuery(apiURL(api.Label(), "test"), "client", body.Label)
		}
	}
	status, done = p.propose(&body.editing, form, change, next)
	if body.ID > 0 && found {
		p.console.progress.begin(api.Label())
	}
	if done {
		return status, true
	}
	// The secret is only shown when its hash is written, or stands in the block to copy: a
	// secret that nothing accepts would be pasted somewhere all the same.
	if body.ID > 0 || form.Get("action") == "make" && (body.OK || body.Text != "") {
		body.Secret = secret
	}
	body.hideHash(hash)
	return status, false
}

// clientBlock is the block of the new client, with the block of its credential. A name that
// is the label is left out, being the default.
func clientBlock(body *newClientPage, credential string) BlockEdit {
	var attributes []Attribute
	if body.Name != "" && body.Name != body.Label {
		attributes = append(attributes, Attribute{"name", hclString(body.Name)})
	}
	text := hclBlock("client", body.Label, attributes, credential)
	if len(attributes) == 0 {
		text = strings.Replace(text, "{\n\n", "{\n", 1)
	}
	return BlockEdit{File: body.File, Type: "client", Label: body.Label, Text: text}
}

// keyBlock is the block of a public key that was pasted, in PEM or as a JWK or a set of
// them. finding says what is wrong with it, "" for nothing. A private key is refused, and
// the caller sees to it that it is not sent back.
func keyBlock(text string) (block, finding string) {
	const label = "  public_key \"main\" {\n"
	if text == "" {
		return "", "Paste the public half of its key: PEM (PUBLIC KEY or CERTIFICATE) or a JWK."
	}
	if text[0] == '{' {
		set, err := jose.CanonicalKeys(text)
		if err != nil {
			return "", schema.Sentence(err.Error())
		}
		return label + "    jwks = " + hclString(set) + "\n  }\n", ""
	}
	if _, err := jose.CanonicalPEM(text); err != nil {
		return "", schema.Sentence(err.Error())
	}
	lines := label + "    pem = <<-EOT\n"
	for rest := []byte(text); ; { // block by block: what stands between them may mean something to HCL
		var found *pem.Block
		if found, rest = pem.Decode(rest); found == nil {
			return lines + "    EOT\n  }\n", ""
		}
		found.Headers = nil
		for line := range strings.Lines(string(pem.EncodeToMemory(found))) {
			lines += "      " + line
		}
	}
}

// hideHash puts words in the place of draftHash, wherever the page shows HCL: somebody
// would copy it. The hash of a secret that was made stays.
func (c *newClientPage) hideHash(hash string) {
	if hash != draftHash {
		return
	}
	const instead = "sha256:(of the secret that is made when this is written)"
	c.Text = strings.ReplaceAll(c.Text, hash, instead)
	for _, f := range c.Outcome.Files {
		for i := range f.Lines {
			f.Lines[i].Text = strings.ReplaceAll(f.Lines[i].Text, hash, instead)
		}
	}
}
