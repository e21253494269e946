package console_test

import (
	"encoding/base64"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// ask sends the form of the Test view.
func ask(s *site, changes ...string) *httptest.ResponseRecorder {
	v := url.Values{"client": {"billing"}, "secret": {"s3cret &+%"}, "audience": {"https://api.example.com/orders"}}
	for i := 0; i < len(changes); i += 2 {
		v.Add(changes[i], changes[i+1])
	}
	return s.post("/console/apis/orders/test", v)
}

// What is asked for is what the form says, in the caller's name.
func TestRequest(t *testing.T) {
	s := newSite(t, document(), false)
	var got url.Values
	var r *http.Request
	s.tokens = func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		got, _ = url.ParseQuery(string(body))
		r = request
		w.WriteHeader(http.StatusUnauthorized)
	}
	ask(s, "scope", "write:orders", "scope", "read:orders", "scope", "not:there", "further", "  more:scopes  x ")
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"billing"}, "client_secret": {"s3cret &+%"},
		"audience": {"https://api.example.com/orders"}, "scope": {"read:orders write:orders more:scopes x"},
	}
	if got.Encode() != want.Encode() {
		t.Errorf("asked %v\nwant %v", got, want)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/oauth/token" || r.RemoteAddr != "192.0.2.1:1234" || r.Host != "auth.example.com" || r.Header.Get("Authorization") != "" {
		t.Errorf("%s %s from %s to %s", r.Method, r.URL, r.RemoteAddr, r.Host)
	}
	ask(s, "audience", "")
	if got.Has("scope") {
		t.Errorf("asked %v", got)
	}
	asked := s.asked
	if w := s.post("/console/apis/orders/test", url.Values{"client": {"billing"}}); !strings.Contains(w.Body.String(), "without it there is nothing to ask with") || s.asked != asked+1 {
		t.Errorf("%s", w.Body)
	}
	if w := s.post("/console/apis/orders/test", url.Values{"secret": {strings.Repeat("x", 64<<10)}}); w.Code != http.StatusBadRequest {
		t.Errorf("a form that is too large: %d", w.Code)
	}
}

func TestTokenIsDecoded(t *testing.T) {
	s := newSite(t, document(), false)
	token := encode(`{"alg":"RS256","typ":"at+jwt","kid":"k1"}`) + "." +
		encode(`{"iss":"https://auth.example.com/","aud":"https://api.example.com/orders","iat":1795435200,"exp":1795438800,"https://example.com/x":{"a":[1,"<b>"]}}`) + ".c2ln"
	s.tokens = answering(200, `{"access_token":"`+token+`","token_type":"Bearer","expires_in":3600}`)
	s.state.Verify = func(got string) (string, error) {
		if got != token {
			t.Errorf("asked about %q", got)
		}
		return "k1", nil
	}
	body := ask(s).Body.String()
	text := html.UnescapeString(body)
	for _, words := range []string{
		"200 OK", "Signature verified", "k1", "at+jwt is an access token by RFC 9068", "That is 2026-11-23 13:00:00 UTC, in 1 hour.",
		"Which API the token is for", "A custom claim", `<mark class="slash"`, token,
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	checkMarkup(t, "token", body)
	if strings.Contains(body, "s3cret") {
		t.Error("the secret came back")
	}
	s.state.Verify = func(string) (string, error) { return "", nil }
	if body := ask(s).Body.String(); !strings.Contains(body, "shared secret (HS256)") {
		t.Error("no word of the shared secret")
	}
	s.state.Verify = state(t, document()).Verify
	if body := ask(s).Body.String(); !strings.Contains(body, "Signature not verified") || !strings.Contains(body, "not signed here") {
		t.Error("no word of the signature")
	}
	for _, odd := range []string{"x", "a.b", "..", "a.b.c.d", encode("[]") + "." + encode(`{"a":`) + ".x", encode("null") + "." + encode(`{"a":1,`) + "."} {
		s.tokens = answering(200, `{"access_token":"`+odd+`"}`)
		checkMarkup(t, odd, ask(s).Body.String())
	}
}

// A refusal says what it means and the way out.
func TestRefusals(t *testing.T) {
	s := newSite(t, document(), false)
	for _, c := range []struct {
		status         int
		reason, detail string
		changes        []string
		want           string
	}{
		{401, "", "", nil, "none of those that it may use now"},
		{401, "", "", nil, "Its secret “old” expired 1 hour ago."},
		{401, "", "", nil, "Its secret “next” is accepted only in 1 hour."},
		{400, "unknown-audience", "differs from api.orders by the default port", []string{"audience", "https://api.example.com:443/orders"}, "differs from api.orders by the default port"},
		{400, "unknown-audience", "", nil, "No API has this identifier"},
		{403, "no-authorization", "", nil, "no authorization lets this client"},
		{400, "authorization-expired", "", nil, "its expires_at has passed"},
		{400, "ungranted-scope", "delete:orders", nil, "delete:orders"},
		{400, "malformed-scope", "", nil, "Correct the spelling"},
		{400, "not-sender-constrained", "", nil, "bound to a key"},
		{400, "grant-type-not-allowed", "", nil, "grant_types"},
		{429, "granted", "", nil, "rate_limit"},
		{503, "granted", "", nil, "could not make a token now"},
		{400, "something-new", "", nil, "could not make a token now"},
	} {
		s.tokens = answering(c.status, `{"error":"x"}`)
		s.state.Explain = func(string, string, string) (string, string) { return c.reason, c.detail }
		if body := ask(s, c.changes...).Body.String(); !strings.Contains(body, c.want) {
			t.Errorf("%d %s: %q is not on the page", c.status, c.reason, c.want)
		}
	}
	s.tokens = answering(401, "not JSON")
	s.state.Problems = append(s.state.Problems, struct{ Address, Reason string }{"client.billing", "env:X is not set"})
	body := ask(s, "secret", " padded").Body.String()
	if !strings.Contains(body, "not JSON") || !strings.Contains(body, "env:X is not set") {
		t.Error(body)
	}
}

// Every target has code for every kind of API, or says why not.
func TestEveryQuickstart(t *testing.T) {
	doc := document()
	for _, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
		for _, alg := range []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA} {
			doc.APIs[1].Profile, doc.APIs[1].Alg = profile, alg
			s := newSite(t, doc, false)
			for _, target := range quickstart.Targets() {
				body := s.page(t, "/console/apis/orders?lang="+target.Name)
				code, refused := strings.Contains(body, `<pre tabindex="0" id="file-0">`), strings.Contains(body, "Not for this API.")
				if code == refused {
					t.Errorf("%s, %s, %s: code %v, refused %v", target.Name, profile, alg, code, refused)
				}
				if target.NotExecuted != strings.Contains(body, "<strong>not executed</strong>") {
					t.Errorf("%s: whether it is executed is not said", target.Name)
				}
				checkMarkup(t, target.Name, body)
			}
		}
	}
	if w := newSite(t, doc, false).get("/console/apis/orders?lang=cobol"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

// A client without a secret is told what to send, and so is one that acts for users.
func TestWaysWithoutASecret(t *testing.T) {
	doc := document()
	doc.TrustedIssuers = []schema.TrustedIssuer{{
		Label: "cluster", Issuer: "https://cluster.example.com", JWKSURI: "https://cluster.example.com/jwks", Algorithms: []schema.SigningAlg{schema.RS256},
		Audiences: []string{"https://auth.example.com/"}, VouchesFor: []schema.SubjectType{schema.SubjectClient},
	}}
	for i := range doc.Clients {
		switch c := &doc.Clients[i]; c.Label {
		case "keyed":
			c.Federated = []schema.Federated{{Label: "f", TrustedIssuer: "cluster", Subject: "system:serviceaccount:a:b"}}
		case "web":
			c.GrantTypes = []string{schema.GrantTokenExchange}
		}
	}
	s := newSite(t, doc, false)
	body := s.get("/console/apis/orders/test?client=keyed").Body.String()
	checkMarkup(t, "ways", body)
	text := html.UnescapeString(body)
	for _, words := range []string{
		`enctype="multipart/form-data"`, "Private key, or token of the platform", "this page does not reach the server over TLS",
		"With its key (private_key_jwt)", `"aud":"https://auth.example.com/"`, `"client_assertion=$HEADER.$CLAIMS.$SIGNATURE"`, "--cert client.pem --key client.key", "With a token of trusted_issuer.cluster",
		"sub is system:serviceaccount:a:b", `"client_assertion=$PLATFORM_TOKEN"`, "curl -sS 'https://auth.example.com/oauth/token'",
		"'audience=https://api.example.com/orders'", "On behalf of users", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
		`"subject_token=$USER_TOKEN"`, `and says {"groups":"finance"}`,
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	if strings.Contains(text, `name="secret"`) {
		t.Error("a secret is asked for that there is not")
	}
	if text := s.get("/console/apis/orders/test?client=billing").Body.String(); !strings.Contains(text, `name="secret"`) || strings.Contains(text, "no secret to type here") {
		t.Error("the form of a client with a secret has gone")
	}
}

// A file is taken from a page of this console in the browser that may write, and from no other.
func TestWhoMayChooseFiles(t *testing.T) {
	s := newSite(t, document(), true)
	s.tokens = answering(401, `{}`)
	locked := console.New(console.Options{State: func() console.State { return s.state }, Tokens: s.tokens, Locked: true})
	var body strings.Builder
	form := multipart.NewWriter(&body)
	form.WriteField("client", "keyed")
	part, _ := form.CreateFormFile("key", "key.pem")
	io.WriteString(part, "canary")
	form.Close()
	send := func(h http.Handler, header, value string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, origin+"/console/apis/orders/test?client=keyed", strings.NewReader(body.String()))
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"without the key": send(locked, "Origin", origin), "of another site": send(s.handler, "Origin", "https://evil.example"), "of no page": send(s.handler, "X-Other", origin),
	} {
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	w := send(s.handler, "Origin", origin)
	if page := html.UnescapeString(w.Body.String()); w.Code != http.StatusOK || !strings.Contains(page, "The file is neither PEM") || strings.Contains(page, "canary") {
		t.Errorf("%d %s", w.Code, page)
	}
	w = httptest.NewRecorder()
	locked.ServeHTTP(w, httptest.NewRequest(http.MethodGet, origin+"/console/apis/orders/test?client=keyed", nil))
	if strings.Contains(w.Body.String(), `type="file"`) {
		t.Error("a file is asked for that would be refused")
	}
}
