package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// tokenPath is where the handler of Options.Tokens has its token endpoint.
const tokenPath = "/oauth/token"

// A request is what the Test view asks for. It lives for one call.
type request struct{ clientID, secret, audience, scope string }

// An answer is the response of the token endpoint, taken apart for the page.
type answer struct {
	Status  int
	Phrase  string
	Body    string // as it came, indented
	Token   string // compact; "" for a refusal
	Header  []claim
	Claims  []claim
	KID     string // of the key that verified the signature
	Shared  bool   // it was the API's shared secret
	Forged  string // why the signature could not be verified; "" when it was
	Refusal *refusal
}

// ask makes the request in this process, in the name of the caller's address: failed guesses
// of a secret then count against the caller.
func (p *page) ask(q request) *answer {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {q.clientID}, "client_secret": {q.secret}}
	if q.audience != "" {
		form.Set("audience", q.audience)
	}
	if q.scope != "" {
		form.Set("scope", q.scope)
	}
	r, err := http.NewRequestWithContext(p.r.Context(), http.MethodPost, p.tokenEndpoint(), strings.NewReader(form.Encode()))
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

// read takes an answer of the token endpoint apart.
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
	return a
}

// A recorder is an http.ResponseWriter that keeps the response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }
