package server_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// What the metadata advertises is in the table of routes and works, each
// endpoint with each of its methods; what it does not advertise does not.
func TestMetadataIsTheTruth(t *testing.T) {
	for _, base := range []string{"", "/tenant"} {
		t.Run(base, func(t *testing.T) {
			issuer := "https://auth.example.com" + base
			truth := newTruth(t, issuer)
			s := truth.server
			w := httptest.NewRecorder()
			s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, base+"/.well-known/openid-configuration", nil))
			var metadata map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &metadata); err != nil {
				t.Fatal(err)
			}
			if methods := metadata["token_endpoint_auth_methods_supported"].([]any); len(methods) < 5 {
				t.Errorf("only %v are tried", methods)
			}
			advertised := checkEndpoints(t, truth, metadata)
			checkRoutes(t, s, advertised, base)
			checkGrantTypes(t, s, metadata)
			checkGrants(t, s, metadata)
			checkUnadvertisedMethods(t, s, metadata)
		})
	}
}

// checkEndpoints asks every address in the metadata and returns their paths.
func checkEndpoints(t *testing.T, truth *truth, metadata map[string]any) []string {
	t.Helper()
	s := truth.server
	compact := issued(t, s, "audience", "https://api.example.com/auth0-eddsa")
	tries := map[string]struct {
		form   url.Values
		status int
		body   string
	}{
		"token_endpoint":         {url.Values{"grant_type": {"client_credentials"}, "audience": {"https://api.example.com/auth0-eddsa"}}, 200, `"access_token"`},
		"introspection_endpoint": {url.Values{"token": {compact}}, 200, `"active":true`},
		"revocation_endpoint":    {url.Values{"token": {strings.Repeat("A", 64)}}, 200, "{}"},
	}
	var paths []string
	for _, member := range slices.Sorted(maps.Keys(metadata)) {
		address, isText := metadata[member].(string)
		if !isText || member == "issuer" {
			continue
		}
		path, ok := strings.CutPrefix(address, "https://auth.example.com")
		if !ok || !slices.Contains(s.Active().Paths(), path) {
			t.Errorf("%s %q is not in the table of routes", member, address)
		}
		paths = append(paths, path)
		try, isPost := tries[member]
		if !isPost {
			w := httptest.NewRecorder()
			if s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != 200 || w.Header().Get("ETag") == "" {
				t.Errorf("%s: %d", member, w.Code)
			}
			continue
		}
		methods, ok := metadata[member+"_auth_methods_supported"].([]any)
		if !ok || len(methods) == 0 {
			t.Errorf("%s has no methods", member)
		}
		for _, method := range methods {
			r := truth.request(method.(string), path, try.form)
			if r == nil {
				t.Errorf("%s is advertised for %s and not tried here", method, member)
				continue
			}
			res := do(t, s.Public(), r)
			if res.status != try.status || !strings.Contains(res.raw, try.body) {
				t.Errorf("%s by %s: %d %s", member, method, res.status, res.raw)
			}
		}
	}
	for member := range tries {
		if metadata[member] == nil {
			t.Errorf("%s is not advertised", member)
		}
	}
	return paths
}

// checkRoutes sees that the table holds what is advertised, the documents at
// well-known places, the same at the root for a proxy that strips the issuer's
// path, and no more.
func checkRoutes(t *testing.T, s *server.Server, advertised []string, base string) {
	t.Helper()
	known := slices.Clone(advertised)
	for _, path := range advertised {
		known = append(known, strings.TrimPrefix(path, base))
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/{api}"} {
		known = append(known, path, base+path, path+base)
		if base != "" {
			known = append(known, path+base+"/")
		}
	}
	for _, path := range s.Active().Paths() {
		if !slices.Contains(known, path) {
			t.Errorf("%s is served and nothing advertises it", path)
		}
	}
	for _, path := range []string{"/authorize", "/oauth/authorize", "/oauth/register", "/oauth/par", "/oauth/device", "/oauth/device/code", "/userinfo", "/oauth/userinfo",
		"/oidc/logout", "/v2/logout", "/dbconnections/signup", "/api/v2/clients", "/oauth/introspect/jwt", "/.well-known/webfinger", "/.well-known/jwks", "/metrics", "/console/"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := httptest.NewRecorder()
			if s.Public().ServeHTTP(w, httptest.NewRequest(method, base+path, nil)); w.Code != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

// checkGrantTypes asks for every grant type that there is a name for: one that
// is not advertised is not supported.
func checkGrantTypes(t *testing.T, s *server.Server, metadata map[string]any) {
	t.Helper()
	advertised := metadata["grant_types_supported"].([]any)
	for _, grant := range []string{"authorization_code", "implicit", "password", "client_credentials", "refresh_token",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:ietf:params:oauth:grant-type:device_code",
		"urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:uma-ticket",
		"http://auth0.com/oauth/grant-type/password-realm", "Client_Credentials", "client_credentials "} {
		res := do(t, s.Public(), post(form("grant_type", grant, "audience", "https://api.example.com/auth0-eddsa")))
		if supported := res.body.Error != "unsupported_grant_type"; supported != slices.Contains(advertised, any(grant)) {
			t.Errorf("%q: %d %s, advertised %v", grant, res.status, res.raw, advertised)
		}
	}
}

// checkGrants gets a token by each grant type that is advertised.
func checkGrants(t *testing.T, s *server.Server, metadata map[string]any) {
	t.Helper()
	const api = "https://api.example.com/auth0-eddsa"
	first := do(t, s.Public(), post(exchanged(userToken(nil), "client_id", clientID, "audience", api, "scope", "offline_access")))
	tries := map[string]url.Values{
		"client_credentials": form("audience", api), bearerGrant: form("audience", api, "grant_type", bearerGrant, "assertion", userToken(nil)),
		exchangeGrant: exchanged(userToken(nil), "client_id", clientID, "audience", api), "refresh_token": refreshed(first.body.Refresh, "client_id", clientID),
	}
	advertised := metadata["grant_types_supported"].([]any)
	if len(advertised) != len(tries) {
		t.Errorf("advertised: %v", advertised)
	}
	for _, grant := range advertised {
		if res := do(t, s.Public(), post(tries[grant.(string)])); res.status != 200 || res.body.AccessToken == "" {
			t.Errorf("%s: %d %s", grant, res.status, res.raw)
		}
	}
}

// A grant type is advertised as long as somebody could use it: those on behalf of
// users take a client that lists them and an issuer that names users.
func TestGrantTypesAreThoseThatWork(t *testing.T) {
	all := []string{"client_credentials", exchangeGrant, bearerGrant, "refresh_token"}
	listing := func(grants ...string) func(*schema.Document) {
		return func(doc *schema.Document) {
			for i := range doc.Clients {
				if doc.Clients[i].ClientID != clientID {
					doc.Clients[i].GrantTypes = grants
				}
			}
		}
	}
	for name, row := range map[string]struct {
		change func(*schema.Document)
		want   []string
	}{
		"all":                {func(*schema.Document) {}, all},
		"no issuer of users": {func(doc *schema.Document) { doc.TrustedIssuers = doc.TrustedIssuers[:1] }, []string{"client_credentials", "refresh_token"}},
		"issuer without keys": {func(doc *schema.Document) {
			doc.TrustedIssuers = doc.TrustedIssuers[1:2]
			doc.TrustedIssuers[0].JWKS = "{}"
		}, []string{"client_credentials", "refresh_token"}},
		"exchange alone":        {listing(exchangeGrant), all[:2]},
		"assertions alone":      {listing(bearerGrant), []string{"client_credentials", bearerGrant}},
		"nobody may refresh":    {listing(exchangeGrant, bearerGrant), all[:3]},
		"clients for their own": {listing("client_credentials"), all[:1]},
	} {
		doc := userDocument()
		row.change(doc)
		u := newUsers(t, doc, server.Options{})
		if got := grantTypes(t, u.server); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
		for _, grant := range all {
			res, _ := u.do(exchanged(userToken(nil), "grant_type", grant, "assertion", userToken(nil), "refresh_token", "x"))
			if supported := res.body.Error != "unsupported_grant_type"; supported != slices.Contains(row.want, grant) {
				t.Errorf("%s, %s: %d %s", name, grant, res.status, res.raw)
			}
		}
	}
}

// checkUnadvertisedMethods authenticates in ways that are not advertised.
func checkUnadvertisedMethods(t *testing.T, s *server.Server, metadata map[string]any) {
	t.Helper()
	advertised := metadata["token_endpoint_auth_methods_supported"].([]any)
	const bearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	for method, r := range map[string]*http.Request{
		"none":              post(form("client_secret", "-")),
		"client_secret_jwt": post(form("client_secret", "-", "client_assertion_type", bearerAssertion, "client_assertion", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA")),
		"saml2":             post(form("client_secret", "-", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", "x")),
	} {
		if slices.Contains(advertised, any(method)) {
			t.Errorf("%s is advertised", method)
		}
		if res := do(t, s.Public(), r); res.status != 401 && res.status != 400 {
			t.Errorf("%s: %d %s", method, res.status, res.raw)
		}
	}
}

// A token that is bound to a key is introspected as such: with the binding, and
// as of the type that it was issued as (RFC 9449 section 6.2).
func TestIntrospectBoundTokens(t *testing.T) {
	truth := newTruth(t, issuerURL)
	public := encode(truth.key.Public().(ed25519.PublicKey))
	proof := sign(truth.key, `{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+public+`"}}`,
		fmt.Sprintf(`{"jti":"p1","htm":"POST","htu":"https://auth.example.com/oauth/token","iat":%d}`, truth.now.Unix()))
	v := url.Values{"grant_type": {"client_credentials"}, "audience": {"https://api.example.com/rfc9068-eddsa"}}
	for method, want := range map[string]struct{ header, tokenType, confirmation string }{
		"client_secret_post": {proof, "DPoP", "jkt"}, "tls_client_auth": {"", "Bearer", "x5t#S256"},
	} {
		r := truth.request(method, "/oauth/token", v)
		if want.header != "" {
			r.Header.Set("DPoP", want.header)
		}
		res := do(t, truth.server.Public(), r)
		if res.status != 200 || res.body.TokenType != want.tokenType {
			t.Fatalf("%s: %d %s", method, res.status, res.raw)
		}
		var answer struct {
			Active       bool              `json:"active"`
			TokenType    string            `json:"token_type"`
			Confirmation map[string]string `json:"cnf"`
		}
		res = do(t, truth.server.Public(), truth.request("private_key_jwt", "/oauth/introspect", url.Values{"token": {res.body.AccessToken}}))
		if err := json.Unmarshal([]byte(res.raw), &answer); err != nil || !answer.Active || answer.TokenType != want.tokenType || answer.Confirmation[want.confirmation] == "" {
			t.Errorf("%s: %d %s", method, res.status, res.raw)
		}
	}
}
