package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// The answer on the Test page: the request to the token endpoint, the token in words, and
// of a refusal the way out. The form is in test.go, what proves who the client is in
// evidence.go.

// tokenPath is where the handler of Options.Tokens has its token endpoint.
const tokenPath = "/oauth/token"

// A request is what the Test view asks for. It lives for one call.
type request struct {
	clientID, audience, scope string
	evidence
}

// An answer is the response of the token endpoint, taken apart for the page.
type answer struct {
	Status  int
	Phrase  string
	Body    string // as it came, indented
	Token   string // compact; "" for a refusal
	Verdict *verdict
	Header  []claim
	Claims  []claim
	KID     string // of the key that verified the signature
	Shared  bool   // it was the API's shared secret
	Forged  string // why the signature could not be verified; "" when it was
	Refusal *refusal
}

// ask sends the request to the token endpoint in this process, as a client would over HTTP:
// the page shows what a client gets, and nothing is decided here. It has the address of the
// caller, so that failed guesses of a secret count against the caller.
func (p *page) ask(q request) *answer {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {q.clientID}}
	switch {
	case q.assertion != "":
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", q.assertion)
	case q.certificate == nil:
		form.Set("client_secret", q.secret)
	}
	if q.audience != "" {
		form.Set("audience", q.audience)
	}
	if q.scope != "" {
		form.Set("scope", q.scope)
	}
	// The certificate goes beside the request, since there is no connection that could
	// carry it: the handler of Options.Tokens decides how the server sees it.
	r, err := http.NewRequestWithContext(context.WithValue(p.r.Context(), certificateKey{}, q.certificate), http.MethodPost, p.tokenEndpoint(), strings.NewReader(form.Encode()))
	if err != nil {
		return &answer{Forged: err.Error()}
	}
	r.URL.Path, r.URL.RawPath = tokenPath, "" // served without the issuer's path too
	r.RequestURI = tokenPath
	r.RemoteAddr = p.r.RemoteAddr
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	p.console.opts.Tokens.ServeHTTP(w, r)
	return p.read(w, q)
}

// read takes an answer of the token endpoint apart, and verifies the token as a resource
// server would.
func (p *page) read(w *recorder, q request) *answer {
	a := &answer{Status: w.status, Phrase: http.StatusText(w.status), Body: w.body.String()}
	var pretty bytes.Buffer
	if json.Indent(&pretty, w.body.Bytes(), "", "  ") == nil {
		a.Body = pretty.String()
	}
	var said struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(w.body.Bytes(), &said) != nil || said.AccessToken == "" {
		a.Refusal = p.explainRefusal(w.status, q)
		return a
	}
	a.Token = said.AccessToken
	a.Header, a.Claims = p.decode(a.Token)
	var err error
	if a.KID, err = p.state.Verify(a.Token); err != nil {
		a.Forged = err.Error()
	}
	a.Shared = err == nil && a.KID == ""
	a.Verdict = p.verdict(a, q)
	return a
}

// A verdict is what a token means, in one sentence.
type verdict struct {
	Client, API string // names
	Scopes      []string
	Until       time.Time
	Distant     bool   // it ends on another day, most likely
	Call        string // a command that calls the API with the token
}

// verdict reads the meaning of a token from its claims, and not from the configuration:
// what the server issued counts.
func (p *page) verdict(a *answer, q request) *verdict {
	v := &verdict{Client: q.clientID, API: q.audience}
	if client, ok := p.state.Snapshot.ClientByID(q.clientID); ok {
		v.Client = client.Name()
	}
	if api, ok := p.state.Snapshot.APIByIdentifier(q.audience); ok {
		v.API = api.Name()
	}
	for _, c := range a.Claims {
		switch c.Name {
		case "scope":
			var scopes string
			_ = json.Unmarshal([]byte(c.Value), &scopes) // the server's own
			v.Scopes = strings.Fields(scopes)
		case "exp":
			if seconds, err := strconv.ParseInt(c.Value, 10, 64); err == nil {
				v.Until = time.Unix(seconds, 0).UTC()
				v.Distant = v.Until.Sub(p.state.Now) > 12*time.Hour
			}
		}
	}
	// An identifier need not be an address. Where it is one, the API is most likely there.
	address := `"$API_URL"`
	if strings.HasPrefix(q.audience, "https://") || strings.HasPrefix(q.audience, "http://") {
		address = schema.ShellQuoted(q.audience)
	}
	v.Call = "curl -i " + address + " \\\n  -H 'Authorization: Bearer " + a.Token + "'"
	return v
}

// A recorder is an http.ResponseWriter that keeps the response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

// A claim is one member of a token's header or of its claims, with what it means.
type claim struct {
	Name, Value string // the value as JSON
	Meaning     string
	Slash       bool // the value ends with a slash, to be pointed out
}

// decode takes a compact token apart, in the order in which it was written. Nothing is
// verified here; a text of another form gives nothing.
func (p *page) decode(token string) (header, claims []claim) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil
	}
	return p.members(parts[0], headerMeanings), p.members(parts[1], claimMeanings)
}

// members lists the members of one part of a token, with what each means. It stops where the
// JSON is malformed.
func (p *page) members(part string, meanings map[string]string) []claim {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	var all []claim
	// Member by member, because a map would lose the order in which the token has them.
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return all
		}
		c := claim{Name: name.(string), Value: string(value)}
		c.Meaning = meanings[c.Name]
		if c.Meaning == "" {
			c.Meaning = "A custom claim, declared in the configuration."
		}
		c.Slash = strings.HasSuffix(c.Value, `/"`)
		if seconds, err := strconv.ParseInt(c.Value, 10, 64); err == nil && timeClaims[c.Name] {
			t := time.Unix(seconds, 0).UTC()
			c.Meaning += " That is " + t.Format("2006-01-02 15:04:05") + " UTC, " + ago(t, p.state.Now) + "."
		}
		all = append(all, c)
	}
	return all
}

// timeClaims are the claims that are Unix seconds (RFC 7519 section 4.1).
var timeClaims = map[string]bool{"iat": true, "exp": true, "nbf": true}

// headerMeanings explain the members of a token's header.
var headerMeanings = map[string]string{
	"alg": "The algorithm of the signature. A verifier must accept this one and no other.",
	"typ": "What kind of JWT this is: at+jwt is an access token by RFC 9068, JWT is Auth0's classic form.",
	"kid": "The key that signed: its RFC 7638 thumbprint, to be looked up in the JWK Set.",
}

// claimMeanings explain the claims that writ makes. All others are custom claims.
var claimMeanings = map[string]string{
	"iss":         "Who issued the token. A verifier compares it byte for byte, the trailing slash included.",
	"sub":         "Whom the token speaks for: here the client itself, as no user is involved.",
	"aud":         "Which API the token is for: its identifier. An API refuses tokens for any other.",
	"iat":         "When it was issued.",
	"exp":         "When it ends. A verifier refuses it from then on.",
	"nbf":         "From when on it may be used.",
	"azp":         "The client that asked for it (Auth0's name for it).",
	"client_id":   "The client that asked for it (RFC 9068).",
	"gty":         "The grant by which it was got (Auth0's classic form).",
	"jti":         "A name of this one token, for logs and to tell tokens apart.",
	"scope":       "What the token allows: the scopes granted, separated by spaces.",
	"permissions": "The scopes granted as a list, because the API says include_permissions.",
	"cnf":         "The key that the token is bound to: only its holder can use it.",
	"act":         "Who acts on the subject's behalf (RFC 8693).",
}

// A refusal is why there is no token, and what to do about it.
type refusal struct {
	Reason  string // the code that the server's log has, "" where this page does not know it
	Meaning string
	WayOut  string
	Detail  string   // what exactly: scopes, a near match
	Notes   []string // what is known of the client's secrets
	Link    string   // a page that helps; "" for none
	Linked  string   // its words
	Place   *source  // the block that decides; nil where there is none
	Block   string   // its address
	Line    string   // HCL that would allow it, "" where a page makes it or nothing does
}

// explainRefusal explains a response without a token. The server tells clients little on
// purpose; this page is for the operator and says what the server's log has. The reason is
// asked of the decider once more, so it is that of the same request a moment later.
func (p *page) explainRefusal(status int, q request) *refusal {
	switch {
	case status == http.StatusUnauthorized:
		return p.notAuthenticated(q)
	case status == http.StatusTooManyRequests:
		return &refusal{Meaning: "Too many requests: the client has used up its rate_limit, or too many authentications from this address have failed.",
			WayOut: "Wait a few seconds and try again."}
	}
	reason, detail := p.state.Explain(q.clientID, q.audience, q.scope)
	r := &refusal{Reason: reason, Detail: detail}
	if words, ok := refusals[reason]; ok {
		r.Meaning, r.WayOut = words.meaning, words.wayOut
	}
	p.mend(r, q)
	switch {
	case reason == "unknown-audience" && detail != "":
		if near, _, ok := p.state.Snapshot.NearIdentifier(q.audience); ok {
			r.WayOut = "Ask for " + near.Identifier() + ", byte for byte."
		}
	case status == http.StatusServiceUnavailable, r.Meaning == "":
		r.Meaning = "The server could not make a token now, although the client may have it: a key or a secret cannot be had, or it is busy."
		r.WayOut = "See what the server reports below the list of APIs, and try again."
		r.Link, r.Linked = Path, "Problems of the server"
	}
	return r
}

// mend adds which block decides, and which change would allow the request: a link to the
// form that makes it, or a line of HCL where there is none.
func (p *page) mend(r *refusal, q request) {
	client, known := p.state.Snapshot.ClientByID(q.clientID)
	api, there := p.state.Snapshot.APIByIdentifier(q.audience)
	if !known || !there {
		return
	}
	list := apiURL(api.Label(), "clients")
	auth, authorized := p.state.Snapshot.Authorization(client, api, schema.SubjectClient)
	switch r.Reason {
	case "no-authorization":
		r.Link, r.Linked = withScopes(withQuery(list, "authorize", client.Label()), api, q.scope), "Authorize "+client.Name()+" for "+api.Name()
		return
	case "authorization-expired", "ungranted-scope":
		if !authorized {
			return
		}
		r.Block = "authorization." + auth.Label()
		if file, line, ok := auth.Source(); ok {
			r.Place = &source{file, line}
		}
		r.Link, r.Linked = withScopes(withQuery(list, "change", auth.Label()), api, q.scope), "Change authorization."+auth.Label()
		return
	case "grant-type-not-allowed":
		r.Line = "grant_types = " + hclStrings(append(slices.Collect(client.GrantTypes()), schema.GrantClientCredentials))
	case "not-sender-constrained":
		r.Line = "require_sender_constrained = false"
	default:
		return
	}
	r.Block = "client." + client.Label()
	if file, line, ok := client.Source(); ok {
		r.Place = &source{file, line}
	}
}

// withScopes adds the scopes of a request that the API has to an address, so that its form
// has them checked.
func withScopes(address string, api snapshot.API, asked string) string {
	for name := range strings.FieldsSeq(asked) {
		if api.HasScope(name) {
			address = withQuery(address, "scope", name)
		}
	}
	return address
}

// notAuthenticated explains a failed authentication. It cannot say how the secret differs, as
// the snapshot holds hashes only.
func (p *page) notAuthenticated(q request) *refusal {
	// The client was chosen from a list. If it is not found, another snapshot came in between.
	r := &refusal{
		Meaning: "The client is known, and the secret that you typed is none of those that it may use now.",
		WayOut:  "Type it again, without spaces around it; or make a new one with “writ secret new” and commit its hash.",
	}
	client, ok := p.state.Snapshot.ClientByID(q.clientID)
	if q.secret == "" && ok {
		return p.evidenceRefused(client, q)
	}
	if !ok {
		return r
	}
	r.Link, r.Linked = clientURL(client.Label()), "Credentials of "+client.Name()
	r.Notes = p.credentialNotes(client, "secret")
	if strings.TrimSpace(q.secret) != q.secret {
		r.Notes = append(r.Notes, "What you typed begins or ends with a space.")
	}
	return r
}

// credentialNotes says which credentials of a kind of the client are not accepted now, and
// what the server reports about the client. Labels and windows are no secret; nothing else
// of them is shown.
func (p *page) credentialNotes(client snapshot.Client, kind string) []string {
	var notes []string
	// A credential that is accepted now needs no note: the secret that was typed is another
	// one.
	for _, cred := range p.credentials(client) {
		switch {
		case cred.Kind != kind:
		case cred.State == expired:
			notes = append(notes, "Its "+kindName(kind)+" “"+cred.Label+"” expired "+ago(unix(cred.Window.ExpiresAt), p.state.Now)+".")
		case cred.State == early:
			notes = append(notes, "Its "+kindName(kind)+" “"+cred.Label+"” is accepted only "+ago(unix(cred.Window.NotBefore), p.state.Now)+".")
		}
	}
	for _, problem := range p.state.Problems {
		if problem.Address == "client."+client.Label() {
			notes = append(notes, "The server reports: "+problem.Reason+".")
		}
	}
	return notes
}

// refusals are the reason codes of package decide in words, for requests that this page can
// make: of a client for itself, with a secret, a key or a certificate.
var refusals = map[string]struct{ meaning, wayOut string }{
	"unknown-audience": {"No API has this identifier. Identifiers are compared byte for byte: a slash, a letter's case or a port makes another one.",
		"Ask for the identifier that this page shows at its top."},
	"audience-missing": {"The request names no API, and the client has no default_api.",
		"Name the API's identifier as the audience."},
	"no-authorization": {"The API exists, and no authorization lets this client ask for its tokens.",
		"Add an authorization block for the client and the API, with the scopes that it needs."},
	"authorization-expired": {"The authorization has expired: its expires_at has passed.",
		"Move expires_at of the authorization, or remove it."},
	"grant-type-not-allowed": {"The client may not use the client_credentials grant.",
		"Add \"client_credentials\" to its grant_types."},
	"not-sender-constrained": {"The client takes only tokens that are bound to a key, by DPoP or a client certificate. This form has neither.",
		"Ask with the client's own key, or leave out require_sender_constrained."},
	"malformed-scope": {"The scopes are not written as RFC 6749 has it: printable ASCII without quotes and backslashes, one space between two.",
		"Correct the spelling."},
	"ungranted-scope": {"The request asks for scopes that the authorization does not grant. Nothing is granted then, rather than less than was asked for.",
		"Leave these scopes out, or add them to the authorization's scopes. Beware of scopes that look alike: each is compared letter by letter."},
}
