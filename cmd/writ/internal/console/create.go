package console

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
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
