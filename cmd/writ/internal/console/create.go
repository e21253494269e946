package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// createPage is the form for a new API. Before it was sent once, it shows no findings.
type createPage struct {
	draft
	Findings findings
	HCL      string // "" until the compiler would take it
	File     string
	Profiles []string
	Algs     []string
	Problem  string // why the file was not written
}

// A fieldFinding is a finding with the field that it is about.
type fieldFinding struct {
	Field string
	finding
}

// Finding returns the finding about a field, for the template.
func (c createPage) Finding(field string) fieldFinding { return fieldFinding{field, c.Findings[field]} }

// maxDraft bounds the form, in bytes: a thousand scopes with descriptions.
const maxDraft = 1 << 20

// create shows the form, and with POST checks it or writes the file.
func (p *page) create() {
	body := createPage{draft: newDraft(), Findings: findings{}}
	status := http.StatusOK
	if p.r.Method == http.MethodPost {
		form, ok := p.readForm()
		if !ok {
			return
		}
		body.draft = readDraft(form)
		body.Findings = body.check(p.state.Snapshot)
		if body.Findings.ok() {
			body.HCL, body.File = body.hcl(p.state.Snapshot), body.file()
		}
		if form.Get("action") == "write" {
			var done bool
			if status, done = p.writeDraft(&body); done {
				return
			}
		}
	}
	profile, _ := block("api").Attr("token_profile")
	alg, _ := block("api").Attr("signing_alg")
	body.Profiles, body.Algs = profile.Enum, alg.Enum
	p.show(status, "create", "apis", "Create API", body)
}

// readForm reads the form within maxDraft. When it cannot, it has answered the request.
func (p *page) readForm() (form url.Values, ok bool) {
	p.r.Body = http.MaxBytesReader(p.w, p.r.Body, maxDraft)
	if err := p.r.ParseForm(); err != nil {
		http.Error(p.w, "the form cannot be read", http.StatusBadRequest)
		return nil, false
	}
	return p.r.PostForm, true
}

// writeDraft writes the file of a draft without errors and redirects the browser to a page
// that waits for the API. done is false when the form has to be shown again.
func (p *page) writeDraft(body *createPage) (status int, done bool) {
	if p.console.opts.Create == nil {
		http.Error(p.w, "forbidden: this server's configuration is changed by commits only", http.StatusForbidden)
		return 0, true
	}
	if body.HCL == "" {
		return http.StatusUnprocessableEntity, false
	}
	switch err := p.console.opts.Create(body.File, []byte(body.HCL)); {
	case errors.Is(err, fs.ErrExist):
		body.Problem = "There is a file " + body.File + " already, and this page never changes one. Add the block to it by hand, or choose another label."
		return http.StatusConflict, false
	case err != nil:
		body.Problem = "The file could not be written: " + err.Error() + "."
		return http.StatusInternalServerError, false
	}
	http.Redirect(p.w, p.r, apiURL(body.Label, "created"), http.StatusSeeOther)
	return 0, true
}

// created waits for the API of a file that was just written: the page reloads itself every
// second until the API is served. Its frame shows why a snapshot was rejected.
func (p *page) created(label string) {
	if _, ok := p.state.Snapshot.APIByLabel(label); ok {
		http.Redirect(p.w, p.r, apiURL(label, ""), http.StatusSeeOther)
		return
	}
	p.w.Header().Set("Refresh", "1")
	p.show(http.StatusOK, "created", "apis", "Waiting for "+label, label)
}

// checkDraft answers the script of the form while the author types.
func (p *page) checkDraft() {
	form, ok := p.readForm()
	if !ok {
		return
	}
	d := readDraft(form)
	answer := struct {
		OK     bool     `json:"ok"`
		Label  string   `json:"label"`
		File   string   `json:"file"`
		HCL    string   `json:"hcl"`
		Fields findings `json:"fields"`
	}{Label: d.Label, Fields: d.check(p.state.Snapshot)}
	if answer.OK = answer.Fields.ok(); answer.OK {
		answer.HCL, answer.File = d.hcl(p.state.Snapshot), d.file()
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(p.w, "internal error", http.StatusInternalServerError)
		return
	}
	p.write(http.StatusOK, "application/json", body)
}

// A draft is a new API as the form has it: text as it was typed, nothing checked. The
// attributes that the form leaves out get the language's defaults.
type draft struct {
	Name, Label, Identifier string
	Profile, Alg            string
	SigningSecret           string // a reference, with HS256
	Lifetime                string
	Offline                 bool
	Distinct                bool   // a look-alike identifier is meant
	Scopes                  string // one a line, its description after it
}

// newDraft is the form at first: what the language says by default.
func newDraft() draft {
	value := func(name string) string {
		attr, _ := block("api").Attr(name)
		return strings.Trim(attr.Default, `"`)
	}
	return draft{Profile: value("token_profile"), Alg: value("signing_alg"), Lifetime: value("token_lifetime")}
}

// readDraft reads the fields of the form. Without a label it makes one of the name.
func readDraft(form url.Values) draft {
	d := draft{
		Name: strings.TrimSpace(form.Get("name")), Label: strings.TrimSpace(form.Get("label")), Identifier: strings.TrimSpace(form.Get("identifier")),
		Profile: form.Get("token_profile"), Alg: form.Get("signing_alg"), SigningSecret: strings.TrimSpace(form.Get("signing_secret")),
		Lifetime: strings.TrimSpace(form.Get("token_lifetime")), Offline: form.Get("allow_offline_access") != "",
		Distinct: form.Get("distinct_from") != "", Scopes: form.Get("scopes"),
	}
	if d.Label == "" {
		d.Label = labelFrom(d.Name)
	}
	return d
}

// labelFrom makes a label of a name: "Order intake" becomes order-intake.
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

// A finding is an error or a warning about one field.
type finding struct {
	Error   string `json:"error,omitempty"`   // the compiler would refuse it
	Warning string `json:"warning,omitempty"` // the compiler would warn
}

// findings are by the name of the field.
type findings map[string]finding

// blame notes an error about a field; the first one stays, nil is none.
func (f findings) blame(field string, err error) {
	if err != nil && f[field].Error == "" {
		f[field] = finding{Error: schema.Sentence(err.Error())}
	}
}

// blamef is blame with a format.
func (f findings) blamef(field, format string, args ...any) {
	f.blame(field, fmt.Errorf(format, args...))
}

// warnf notes a warning about a field that has no finding yet.
func (f findings) warnf(field, format string, args ...any) {
	if f[field] == (finding{}) {
		f[field] = finding{Warning: schema.Sentence(fmt.Sprintf(format, args...))}
	}
}

// ok reports whether the compiler would take the draft.
func (f findings) ok() bool {
	for _, at := range f {
		if at.Error != "" {
			return false
		}
	}
	return true
}

// check holds a draft to the rules that the compiler applies to an API, by the same functions
// and rows, and compares it with the snapshot.
func (d draft) check(snap *snapshot.Snapshot) findings {
	f := findings{}
	if d.Name != "" {
		f.blame("name", schema.CheckName(d.Name))
	}
	d.checkLabel(f, snap)
	d.checkIdentifier(f, snap)
	for field, value := range map[string]string{"token_profile": d.Profile, "signing_alg": d.Alg} {
		attr, _ := block("api").Attr(field)
		if !slices.Contains(attr.Enum, value) {
			f.blamef(field, "%q is none of %s", value, strings.Join(attr.Enum, ", "))
		}
	}
	d.checkSecret(f)
	d.checkLifetime(f)
	d.checkScopes(f)
	return f
}

// checkLabel requires a label that no block of the snapshot has.
func (d draft) checkLabel(f findings, snap *snapshot.Snapshot) {
	if d.Label == "" {
		f.blamef("label", "type a name, of which the label is made, or a label")
		return
	}
	f.blame("label", schema.CheckLabel(d.Label))
	for i := range snap.NumAPIs() {
		if baseLabel(snap.API(i).Label()) == d.Label {
			f.blamef("label", "there is an api.%s already", d.Label)
			return
		}
	}
}

// checkIdentifier requires an identifier that is valid and free, and warns about one that
// people or libraries may misread.
func (d draft) checkIdentifier(f findings, snap *snapshot.Snapshot) {
	const field = "identifier"
	if err := schema.CheckIdentifier(d.Identifier); err != nil {
		f.blame(field, err)
		return
	}
	if api, taken := snap.APIByIdentifier(d.Identifier); taken {
		f.blamef(field, "taken by api.%s: a token for one would be accepted by the other", api.Label())
		return
	}
	if schema.IsReservedIdentifier(snap.Issuer().URL, d.Identifier) {
		f.blamef(field, "this is the issuer itself, or one of the addresses below it that clients know as the issuer's own")
		return
	}
	if api, how, ok := snap.NearIdentifier(d.Identifier); ok && !d.Distinct {
		f.warnf(field, "it differs from %q of api.%s only %s: people will take one for the other", api.Identifier(), api.Label(), how)
		return
	}
	if !schema.IsURI(d.Identifier) {
		f.warnf(field, "some libraries take only an absolute URI as an audience, such as https://api.example.com/orders")
	}
}

// checkSecret requires a reference to a secret with HS256, and none otherwise.
func (d draft) checkSecret(f findings) {
	const field = "signing_secret"
	shared := d.Alg == string(schema.HS256)
	switch {
	case shared && d.SigningSecret == "":
		f.blamef(field, "HS256 needs a secret that the API shares: say where the server finds it, such as env:ORDERS_HS256")
	case shared:
		f.blame(field, schema.CheckSecretRef(d.SigningSecret))
	case d.SigningSecret != "":
		f.blamef(field, "only HS256 has a signing secret: leave it empty")
	}
}

// checkLifetime holds the lifetime to the limits of its row.
func (d draft) checkLifetime(f findings) {
	const field = "token_lifetime"
	attr, _ := block("api").Attr(field)
	seconds, err := schema.ParseDuration(d.Lifetime)
	switch {
	case err != nil:
		f.blame(field, err)
	case seconds < attr.Min || seconds > attr.Max:
		f.blamef(field, "it must be %s to %s", schema.FormatDuration(attr.Min), schema.FormatDuration(attr.Max))
	case seconds > schema.LongTokenLifetime:
		f.warnf(field, "a token cannot be taken back before it expires: %s or less is better", schema.FormatDuration(schema.LongTokenLifetime))
	}
}

// scopes are the lines of the field.
func (d draft) scopes() []schema.Scope {
	var all []schema.Scope
	for line := range strings.Lines(d.Scopes) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, description := line, ""
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			name, description = line[:i], strings.TrimSpace(line[i:])
		}
		all = append(all, schema.Scope{Name: name, Description: description})
	}
	return all
}

// checkScopes checks each line of the field and refuses repetition.
func (d draft) checkScopes(f findings) {
	const field = "scopes"
	all := d.scopes()
	if len(all) > schema.MaxScopes {
		f.blamef(field, "these are %d scopes: an API may have %d", len(all), schema.MaxScopes)
	}
	seen := map[string]bool{}
	for _, s := range all {
		f.blame(field, schema.CheckScope(s.Name))
		f.blame(field, schema.CheckDescription(s.Description))
		if schema.IsReservedScope(s.Name) {
			f.blamef(field, "%q means something else in OpenID Connect: write a name of your own, such as \"read:%s\"", s.Name, s.Name)
		}
		if seen[s.Name] {
			f.blamef(field, "%q stands twice", s.Name)
		}
		seen[s.Name] = true
	}
}

// hcl is the block to commit, laid out as "writ fmt" does. Profile, algorithm and lifetime
// are always written: the issuer's defaults may differ from what the form showed.
func (d draft) hcl(snap *snapshot.Snapshot) string {
	attributes := [][2]string{}
	add := func(name, value string) { attributes = append(attributes, [2]string{name, value}) }
	if d.Name != "" && d.Name != d.Label {
		add("name", hclString(d.Name))
	}
	add("identifier", hclString(d.Identifier))
	add("token_profile", hclString(d.Profile))
	add("signing_alg", hclString(d.Alg))
	if d.SigningSecret != "" {
		add("signing_secret", hclString(d.SigningSecret))
	}
	add("token_lifetime", hclString(d.Lifetime))
	if d.Offline {
		add("allow_offline_access", "true")
	}
	if near, _, ok := snap.NearIdentifier(d.Identifier); ok && d.Distinct {
		add("distinct_from", "[api."+near.Label()+"]")
	}
	width := 0
	for _, a := range attributes {
		width = max(width, len(a[0]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "api %s {\n", hclString(d.Label))
	for _, a := range attributes {
		fmt.Fprintf(&b, "  %-*s = %s\n", width, a[0], a[1])
	}
	scopes := d.scopes()
	if len(scopes) > 0 {
		b.WriteByte('\n')
	}
	for _, s := range scopes {
		if s.Description == "" {
			fmt.Fprintf(&b, "  scope %s {}\n", hclString(s.Name))
			continue
		}
		fmt.Fprintf(&b, "  scope %s { description = %s }\n", hclString(s.Name), hclString(s.Description))
	}
	b.WriteString("}\n")
	return b.String()
}

// file is the name of the file for the block.
func (d draft) file() string { return d.Label + ".hcl" }
