//go:build linux

package strangers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/quickstart"
)

// signingSecret is what APIs with HS256 share with the server.
const signingSecret = "a shared, secret; of \"32\" bytes $or{more}"

// Words that mean something to one language or another. The second one is also
// a variable, a placeholder or an expression to most.
var oddIdentifiers = []string{`urn:odd:'a"b;c%d&e|f(g)*h<i?>j,k=l@m`, `urn:odd:${HOME}{{.}}<%=1%>$a` + "`b`"}

const oddScope = "read:'a;b%c$d(e)*f[g]+{h}|#{i}^?>"

// A shop is a server whose tokens the quickstarts are to check.
type shop struct {
	listener
	dir      string // a folder until the test ends
	keys     string // folder of the server's keys
	plain    string // the key set without TLS, for programs that trust the system's authorities only
	upstream string // address of the application behind a gateway
	apis     []quickstart.API
	tools    quickstart.API               // whose identifier is the address of an MCP server on this machine
	tokens   map[string]map[string]string // by API label and kind
	agentKey string                       // file with the key of the client "agent", who has no secret

	pythonMu sync.Mutex
	python   interpreter // of the callers
}

// TestQuickstarts runs what "writ quickstart" prints: every target that is said
// to be executed against tokens of a running server, for each profile and algorithm that
// it supports: for each pair of them with WRIT_SOAK=1, else see distinct.
func TestQuickstarts(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for _, target := range quickstart.Targets() {
		if target.NotExecuted {
			continue
		}
		t.Run(target.Name, func(t *testing.T) {
			if !target.MCP { // those take turns at the address of the tools
				t.Parallel()
			}
			if want := "TestQuickstarts/" + target.Name; target.Test != want {
				t.Errorf("the test is said to be %q, not %q", target.Test, want)
			}
			begin := runners[target.Name]
			if begin == nil {
				t.Fatal("nothing here runs it")
			}
			supported := slices.DeleteFunc(slices.Clone(s.apis), func(api quickstart.API) bool { return target.Supports(api) != nil })
			least := len(target.Profiles)*len(target.Algs) + 3 // two with odd words and one without scopes
			if target.MCP {
				least -= 2 // addresses have no odd words
			}
			if len(supported) < least {
				t.Errorf("%d APIs are supported, want at least %d", len(supported), least)
			}
			if os.Getenv("WRIT_SOAK") != "1" {
				supported = distinct(supported)
			}
			prepared := supported
			if target.MCP {
				prepared = append(slices.Clone(supported), s.tools)
			}
			run := begin(t, s, target, prepared)
			if target.Group != "Gateway" {
				s.adapt(t, run, target, supported)
			}
			if target.MCP {
				s.connect(t, run)
			}
			for _, api := range supported {
				t.Run(api.Label, func(t *testing.T) {
					t.Parallel()
					base := run(t, api)
					if target.MCP {
						s.askTools(t, base, api)
						return
					}
					s.ask(t, base, api)
					if target.Group == "Gateway" && api.Label == "auth0-RS256" {
						s.outlive(t, base, api)
					}
				})
			}
		})
	}
}

// distinct leaves out what another API tells already. Of the auth0 profile the APIs with
// RS256, with permissions and without scopes stay, since what it changes about the other
// algorithms is the type in the header, and those algorithms that the other profile has not.
func distinct(apis []quickstart.API) []quickstart.API {
	other := map[schema.SigningAlg]bool{}
	for _, api := range apis {
		if api.Profile != schema.ProfileAuth0 && api.Alg != schema.RS256 {
			other[api.Alg] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(apis), func(api quickstart.API) bool {
		return api.Profile == schema.ProfileAuth0 && !api.IncludePermissions && (other[api.Alg] || strings.Contains(api.Label, "odd"))
	})
}

// ask puts the questions that matter to a resource server.
func (s *shop) ask(t *testing.T, base string, api quickstart.API) {
	t.Helper()
	tokens := s.tokens[api.Label]
	get(t, base+"/api/public", "", http.StatusOK)
	get(t, base+"/api/elsewhere", "", http.StatusNotFound)
	get(t, base+"/api/private", "", http.StatusUnauthorized)
	for _, malformed := range []string{"Basic YTpi", "Bearer "} { // 400 is what RFC 6750 section 3.1 has for these, too
		get(t, base+"/api/private", malformed, http.StatusUnauthorized, http.StatusBadRequest)
	}
	for kind, token := range tokens {
		want := http.StatusUnauthorized
		if kind == "good" || kind == "little" {
			want = http.StatusOK
		}
		t.Run(kind, func(t *testing.T) { get(t, base+"/api/private", "Bearer "+token, want) })
	}
	if len(api.Scopes) == 0 {
		get(t, base+"/api/private-scoped", "Bearer "+tokens["good"], http.StatusNotFound)
		return
	}
	get(t, base+"/api/private-scoped", "Bearer "+tokens["good"], http.StatusOK)
	get(t, base+"/api/private-scoped", "Bearer "+tokens["little"], http.StatusForbidden)
	get(t, base+"/api/private-scoped", "Bearer "+tokens["slash"], http.StatusUnauthorized)
	get(t, base+"/api/private-scoped", "", http.StatusUnauthorized)
}

// adapt runs one API's program in other surroundings: the claims reach the handler; another
// audience and another issuer's keys come from the environment; keys that cannot be fetched are
// no reason to refuse a token; and a port in use is said to be so.
func (s *shop) adapt(t *testing.T, run launcher, target quickstart.Target, apis []quickstart.API) {
	i := slices.IndexFunc(apis, func(api quickstart.API) bool { return api.Label == "rfc9068-ES256" })
	if i < 0 {
		t.Fatal("rfc9068-ES256 is not supported")
	}
	api := apis[i]
	good, other := "Bearer "+s.tokens[api.Label]["good"], "Bearer "+s.tokens[api.Label]["other audience"]
	// private asks for what every valid token may have.
	private := func(t *testing.T, base, _, authorization string, want int) string {
		_, body := get(t, base+"/api/private", authorization, want)
		return body
	}
	if target.MCP {
		private = func(t *testing.T, base, identifier, authorization string, want int) string {
			return callTool(t, base, identifier, authorization, "whoami", want)
		}
	}
	for name, part := range map[string]func(t *testing.T){
		"claims": func(t *testing.T) {
			base := run(t, api)
			if body := private(t, base, api.Identifier, good, http.StatusOK); !strings.Contains(body, "A valid token of billing@clients ") {
				t.Errorf("answer %s", body)
			}
			run(t, api, "PORT="+base[strings.LastIndexByte(base, ':')+1:], expectNoStart)
		},
		"environment": func(t *testing.T) {
			audience := api.Identifier + "/other"
			base := run(t, api, "AUDIENCE="+audience, "ISSUER="+s.issuer, "JWKS_URI="+s.plain)
			private(t, base, audience, other, http.StatusOK)
			private(t, base, audience, good, http.StatusUnauthorized)
			base = run(t, api, "ISSUER="+s.issuer+"other/", "JWKS_URI="+s.plain)
			private(t, base, api.Identifier, good, http.StatusUnauthorized)
		},
		"outage": func(t *testing.T) {
			for _, keys := range []string{"http://" + testenv.Address(t) + "/", s.plain + ".gone"} { // nobody there, and 404
				base := run(t, api, "JWKS_URI="+keys)
				private(t, base, api.Identifier, good, http.StatusServiceUnavailable)
				private(t, base, api.Identifier, "", http.StatusUnauthorized)
				if !target.MCP {
					get(t, base+"/api/public", "", http.StatusOK)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t)
		})
	}
}

// outlive uses a token all the time until it expires: what remembers good tokens
// must not remember them for longer, and not longer because they are asked for.
func (s *shop) outlive(t *testing.T, base string, api quickstart.API) {
	t.Helper()
	expiry := time.Now().Add(3 * time.Second).Truncate(time.Second)
	brief := s.forge(t, api, s.tokens[api.Label]["good"], string(api.Alg), func(_, claims map[string]any) { claims["exp"] = expiry.Unix() })
	for time.Until(expiry) > -time.Second {
		status, _ := get(t, base+"/api/private", "Bearer "+brief, http.StatusOK, http.StatusUnauthorized)
		if status != http.StatusOK && time.Now().Before(expiry) {
			t.Errorf("%d before it expires", status)
		}
		time.Sleep(100 * time.Millisecond)
	}
	get(t, base+"/api/private", "Bearer "+brief, http.StatusUnauthorized)
}

// get wants one of these statuses, and a challenge with every refusal (RFC 6750 section 3).
func get(t *testing.T, address, authorization string, want ...int) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	response, body := send(t, request, authorization, want...)
	return response.StatusCode, body
}

// send sends the request, for one of these statuses.
func send(t *testing.T, request *http.Request, authorization string, want ...int) (*http.Response, string) {
	t.Helper()
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if !slices.Contains(want, response.StatusCode) {
		t.Errorf("%s with %.20q: %d %s, want %d", request.URL.Path, authorization, response.StatusCode, body, want)
	}
	challenge := response.Header.Get("WWW-Authenticate")
	if refused := want[0] == http.StatusUnauthorized || want[0] == http.StatusForbidden; refused && !strings.HasPrefix(challenge, "Bearer") {
		t.Errorf("%s with %.20q: the challenge is %q", request.URL.Path, authorization, challenge)
	}
	return response, string(body)
}

// openShop starts writd behind TLS and gets the tokens of every API.
func openShop(t *testing.T) *shop {
	t.Helper()
	if testenv.RaceDetector {
		t.Skip("the programs of strangers are run once, without the race detector")
	}
	dir := t.TempDir()
	s := &shop{dir: t.TempDir(), keys: filepath.Join(dir, "keys"), tokens: map[string]map[string]string{}}
	s.ca = filepath.Join(dir, "tls.crt")
	writeAuthority(t, dir)
	must(t, os.Mkdir(s.keys, 0o700))
	put(t, filepath.Join(dir, "hs256"), []byte(signingSecret))
	snapshot := filepath.Join(dir, "writ.snapshot")
	writd := programs.Serve(t, snapshot, "--listen", "127.0.0.1:0", "--tls-cert", s.ca, "--tls-key", filepath.Join(dir, "tls.key"), "--keys", s.keys, "--secrets", dir)
	s.issuer = localhost(t, writd)
	s.client = s.trusting(t)
	s.tools.Identifier = "http://" + testenv.Address(t) + "/mcp"
	serve(t, writd, snapshot, s.withAgent(t, s.stock()))
	s.serveBeside(t)
	for _, api := range append(slices.Clone(s.apis), s.tools) {
		s.tokens[api.Label] = s.tokensOf(t, api)
	}
	return s
}

// serveBeside starts the key set without TLS and the application behind gateways.
func (s *shop) serveBeside(t *testing.T) {
	t.Helper()
	issuer, err := url.Parse(s.issuer)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(issuer)
	proxy.Transport = s.client.Transport
	plain := httptest.NewServer(proxy)
	t.Cleanup(plain.Close)
	s.plain = plain.URL + "/.well-known/jwks.json"
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path) }))
	t.Cleanup(upstream.Close)
	s.upstream = strings.TrimPrefix(upstream.URL, "http://")
}

// stock makes the APIs: one for each profile and algorithm, some with odd
// words, one without scopes; and beside each two that its tokens are not for.
func (s *shop) stock() *schema.Document {
	doc := onlyBilling(s.issuer)
	scopes := []string{"read:things", "read:things:all", "write:things"}
	for _, profile := range interopProfiles {
		for _, alg := range append(slices.Clone(interopAlgorithms), schema.HS256) {
			s.add(doc, string(profile)+"-"+string(alg), "https://api.example.com/"+shape(profile, alg), profile, alg, scopes)
		}
		for i, odd := range oddIdentifiers {
			s.add(doc, fmt.Sprintf("%s-odd-%d", profile, i), odd+string(profile), profile, schema.RS256, []string{oddScope, oddScope + "x"})
		}
	}
	s.add(doc, "bare", "https://api.example.com/bare", schema.ProfileAuth0, schema.RS256, nil)
	s.add(doc, "tools", s.tools.Identifier, schema.ProfileRFC9068, schema.ES256, scopes)
	s.tools, s.apis = s.apis[len(s.apis)-1], s.apis[:len(s.apis)-1]
	slices.SortFunc(doc.APIs, func(a, b schema.API) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	return doc
}

func (s *shop) add(doc *schema.Document, label, identifier string, profile schema.Profile, alg schema.SigningAlg, scopes []string) {
	for kind, suffix := range map[string]string{"": "", "-slash": "/", "-other": "/other"} {
		api := schema.API{
			Label: label + kind, Name: "Things\u2028 \\u000a */ #\" '", Identifier: identifier + suffix, Profile: profile, Alg: alg,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, IncludePermissions: label == "auth0-PS256",
		}
		if alg == schema.HS256 {
			api.SigningSecret = "file:hs256"
		}
		for _, scope := range scopes {
			api.Scopes = append(api.Scopes, schema.Scope{Name: scope})
		}
		doc.APIs = append(doc.APIs, api)
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{
			Label: api.Label, Client: "billing", API: api.Label, SubjectType: schema.SubjectClient, Scopes: scopes,
		})
		if kind == "" {
			s.apis = append(s.apis, quickstart.API{
				Issuer: s.issuer, Label: label, Name: api.Name, Identifier: identifier, Profile: profile, Alg: alg, Scopes: scopes,
				IncludePermissions: api.IncludePermissions,
			})
		}
	}
}

// tokensOf gets the API's tokens and makes those that the server would not.
func (s *shop) tokensOf(t *testing.T, api quickstart.API) map[string]string {
	t.Helper()
	good := s.token(t, api.Identifier, "")
	tokens := s.forgeries(t, api, good)
	tokens["good"] = good
	tokens["slash"] = s.token(t, api.Identifier+"/", "")
	tokens["other audience"] = s.token(t, api.Identifier+"/other", "")
	tokens["tampered"] = tamper(t, good)
	if len(api.Scopes) > 0 {
		tokens["little"] = s.token(t, api.Identifier, strings.Join(api.Scopes[1:], " "))
	}
	return tokens
}

// token gets a token for the scope, for all scopes with "".
func (s *shop) token(t *testing.T, audience, scope string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "audience": {audience}, "client_id": {"billing"}, "client_secret": {clientSecret}}
	if scope != "" {
		form.Set("scope", scope)
	}
	response, err := s.client.PostForm(s.issuer+"oauth/token", form)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(body, &granted) != nil || granted.AccessToken == "" {
		t.Fatalf("no token for %q: %d %s", audience, response.StatusCode, body)
	}
	return granted.AccessToken
}
