package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/quickstart"
)

// testPage is the Test view: a form, the request that it makes, and the answer.
// It has no field for the secret, so that no template can show it.
type testPage struct {
	Clients  []testClient
	Client   *testClient // the one chosen; nil: there is none
	Scopes   []scopeChoice
	Further  string // scopes typed in
	Audience string
	Known    bool // the secret need not be typed: the server made one up
	Snippets []quickstart.Snippet
	Answer   *answer
	Problem  string          // what is wrong with the form
	Files    *fileForm       // nil: none can be chosen
	Asked    []string        // the scopes that the form asks for
	Ways     []manualRequest // for a client without a secret of its own
	// Secretless says that the client has no secret to type in.
	Secretless bool
	Users      []manualRequest // on behalf of users
}

// A testClient is a client that may be chosen.
type testClient struct {
	Label, Name, ClientID string
	Selected              bool
	Obstacle              string // why this form cannot get its token; "" for nothing
}

// A scopeChoice is a scope with a checkbox.
type scopeChoice struct {
	schema.Scope
	Checked bool
}

// maxTestForm bounds the form, in bytes.
const maxTestForm = 64 << 10

// test shows the form, and with POST the request and its answer. What shows who the client
// is is read from the form, goes into the request and is kept nowhere. Files with keys are
// only taken from a browser that has opened the address with the key. Where the server made
// a secret up, a GET asks too, so that there is a token when the page opens.
func (p *page) test(v apiView, api snapshot.API) {
	body := testPage{Audience: v.Identifier, Known: p.console.opts.Secret != "" && p.trusted}
	post := p.r.Method == http.MethodPost
	values := p.r.URL.Query()
	var files [][]byte
	var unreadable error
	withFiles := post && strings.HasPrefix(p.r.Header.Get("Content-Type"), "multipart/form-data")
	switch {
	case withFiles && !p.trusted:
		http.Error(p.w, "forbidden: a key is taken from the browser that has opened the address in the terminal", http.StatusForbidden)
		return
	case withFiles:
		form, contents, err := p.files()
		if files, unreadable = contents, err; err == nil {
			values = form
		} else if !errors.Is(err, errTooLarge) {
			http.Error(p.w, "the form cannot be read", http.StatusBadRequest)
			return
		}
	case post:
		p.r.Body = http.MaxBytesReader(p.w, p.r.Body, maxTestForm)
		if err := p.r.ParseForm(); err != nil {
			http.Error(p.w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		values = p.r.PostForm
	}
	// Everything that the page shows beside the answer is made first: an error in the form
	// leaves it whole.
	body.Users = p.userWays(api)
	chosen, found := p.testClients(&body, api, values.Get("client"))
	if !found {
		p.showTab(v, body)
		return
	}
	if values.Has("audience") {
		body.Audience = strings.TrimSpace(values.Get("audience"))
	}
	body.Further = strings.Join(strings.Fields(values.Get("further")), " ")
	client := chosen.Client().Schema()
	if own := slices.DeleteFunc(client.Secrets, func(s schema.Secret) bool { return p.madeUp(s.Label) }); len(own) == 0 {
		body.Ways = p.ways(client, v.Identifier)
	}
	body.Secretless = len(client.Secrets) == 0
	asked := body.choose(api, chosen, values["scope"])
	body.Snippets = quickstart.Request{
		TokenEndpoint: p.tokenEndpoint(), ClientID: body.Client.ClientID, Identifier: body.Audience, Scopes: asked,
	}.Snippets()
	body.Asked, body.Files = asked, p.fileForm(client)
	if chosen := slices.ContainsFunc(files, func(f []byte) bool { return len(f) > 0 }); withFiles && (chosen || !values.Has("secret") || unreadable != nil) {
		shown, err := p.evidence(client, files)
		if err = cmp.Or(unreadable, err); err == nil {
			p.answer(&body, &v, api, shown)
		} else if body.Files != nil {
			body.Files.Problem = sentence(err)
		}
		p.showTab(v, body)
		return
	}
	// The secret that was typed goes before the one that the server made up: somebody wants
	// to know whether it is accepted.
	secret := values.Get("secret")
	if !post {
		secret = "" // an address is no place for one
	}
	if secret == "" && body.Known && !body.Secretless {
		secret = p.console.opts.Secret
	}
	switch {
	case p.console.opts.Tokens == nil, !post && secret == "":
	case secret == "":
		body.Problem = "Type the client's secret: without it there is nothing to ask with."
	default:
		p.answer(&body, &v, api, evidence{secret: secret})
	}
	p.showTab(v, body)
}

// answer makes the request that the form describes, and takes the API's rail a step on for
// a token.
func (p *page) answer(body *testPage, v *apiView, api snapshot.API, shown evidence) {
	body.Answer = p.ask(request{clientID: body.Client.ClientID, audience: body.Audience, scope: strings.Join(body.Asked, " "), evidence: shown})
	if body.Answer.Token != "" {
		p.console.progress.token(v.Label)
		v.Rail = p.rail(api, "test")
	}
}

// madeUp reports whether a secret's label is that of the one which the server made up.
func (p *page) madeUp(label string) bool {
	return p.console.opts.Secret != "" && strings.HasPrefix(label, madeUpLabel)
}

// madeUpLabel begins the label of a secret that "writ dev" made up.
const madeUpLabel = "writ-dev"

// testClients lists the clients with an authorization, and chooses the one of that label,
// or else the first without an obstacle, or the first. found is false when there is none.
func (p *page) testClients(body *testPage, api snapshot.API, label string) (chosen snapshot.Authorization, found bool) {
	at := -1
	var auths []snapshot.Authorization
	for auth := range api.Authorizations() {
		if auth.SubjectType() == schema.SubjectUser {
			continue
		}
		c := auth.Client()
		t := testClient{Label: c.Label(), Name: c.Name(), ClientID: c.ClientID(), Obstacle: p.obstacle(c, auth)}
		if t.Label == label || label == "" && t.Obstacle == "" && at < 0 {
			at = len(auths)
		}
		body.Clients, auths = append(body.Clients, t), append(auths, auth)
	}
	if len(auths) == 0 {
		return snapshot.Authorization{}, false
	}
	at = max(at, 0)
	body.Clients[at].Selected = true
	body.Client = &body.Clients[at]
	return auths[at], true
}

// obstacle says why the form cannot get a token for the client, "" when it can: the form
// authenticates with a secret alone.
func (p *page) obstacle(c snapshot.Client, auth snapshot.Authorization) string {
	// What the snapshot can tell is said here, in words; what only the decider can tell
	// comes after it.
	usable, secrets := false, 0
	for s := range c.Secrets() {
		secrets++
		usable = usable || s.Window().Contains(p.state.Now.Unix())
	}
	switch {
	case secrets == 0 && p.fileForm(c.Schema()) != nil: // what it has instead can be chosen
	case secrets == 0:
		return "it has no secret: it authenticates with a key, a certificate or a token of its platform"
	case !usable:
		return "none of its secrets is accepted now"
	}
	reason, _ := p.state.Explain(c.ClientID(), auth.API().Identifier(), "")
	return obstacles[reason]
}

// obstacles are the reasons of package decide for which no secret gets a token, in words.
var obstacles = map[string]string{
	"grant-type-not-allowed": "it may not use the client_credentials grant",
	"authorization-expired":  "its authorization has expired",
	"not-sender-constrained": "it takes only tokens bound to a key, which this form has none of",
}

// choose lists the scopes that the authorization grants, and returns those that the form asks
// for: the checked ones, and what was typed, which may be anything.
func (t *testPage) choose(api snapshot.API, auth snapshot.Authorization, checked []string) (asked []string) {
	want := map[string]bool{}
	for _, name := range checked {
		want[name] = true
	}
	for i := range api.NumScopes() {
		if !auth.Grants(i) {
			continue
		}
		scope := api.Scope(i)
		t.Scopes = append(t.Scopes, scopeChoice{scope, want[scope.Name]})
		if want[scope.Name] {
			asked = append(asked, scope.Name)
		}
	}
	return append(asked, strings.Fields(t.Further)...)
}

// tokenEndpoint is the address of the token endpoint, below the issuer's.
func (p *page) tokenEndpoint() string {
	return strings.TrimSuffix(p.state.Snapshot.Issuer().URL, "/") + tokenPath
}
