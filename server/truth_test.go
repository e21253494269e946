package server_test

import (
	"encoding/json"
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

// The shapes that the tests of this file publish: HS256 has no key to publish.
func documented(issuer string) *schema.Document { return withInspector(everyShape(issuer)) }

// authenticated adds a credential by each method that the server advertises.
// A method that is missing here is advertised and not tried.
var authenticated = map[string]func(*http.Request, url.Values) *http.Request{
	"client_secret_basic": func(r *http.Request, v url.Values) *http.Request {
		r.SetBasicAuth(clientID, clientSecret)
		return reform(r, v)
	},
	"client_secret_post": func(r *http.Request, v url.Values) *http.Request {
		v.Set("client_id", clientID)
		v.Set("client_secret", clientSecret)
		return reform(r, v)
	},
}

func reform(r *http.Request, v url.Values) *http.Request {
	again := formTo(r.URL.Path, v)
	if auth := r.Header.Get("Authorization"); auth != "" {
		again.Header.Set("Authorization", auth)
	}
	return again
}

// What the metadata advertises is in the table of routes and works, each
// endpoint with each of its methods; what it does not advertise does not.
func TestMetadataIsTheTruth(t *testing.T) {
	for _, base := range []string{"", "/tenant"} {
		t.Run(base, func(t *testing.T) {
			issuer := "https://auth.example.com" + base
			s, _ := serving(t, documented(issuer), server.Options{Keys: sharedKeys, Getenv: env(map[string]string{"HMAC": hmacSecret})})
			w := httptest.NewRecorder()
			s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, base+"/.well-known/openid-configuration", nil))
			var metadata map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &metadata); err != nil {
				t.Fatal(err)
			}
			advertised := checkEndpoints(t, s, metadata, issuer, base)
			checkRoutes(t, s, advertised, base)
			checkGrantTypes(t, s, metadata)
			checkUnadvertisedMethods(t, s, metadata)
		})
	}
}

// checkEndpoints asks every address in the metadata and returns their paths.
func checkEndpoints(t *testing.T, s *server.Server, metadata map[string]any, issuer, base string) []string {
	t.Helper()
	compact := issued(t, s, "audience", "https://api.example.com/auth0-eddsa")
	tries := map[string]struct {
		form   url.Values
		status int
		body   string
	}{
		"token_endpoint":         {url.Values{"grant_type": {"client_credentials"}, "audience": {"https://api.example.com/auth0-eddsa"}}, 200, `"access_token"`},
		"introspection_endpoint": {url.Values{"token": {compact}}, 200, `"active":true`},
		"revocation_endpoint":    {url.Values{"token": {compact}}, 400, `"unsupported_token_type"`},
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
			authenticate := authenticated[method.(string)]
			if authenticate == nil {
				t.Errorf("%s is advertised for %s and not tried here", method, member)
				continue
			}
			res := do(t, s.Public(), authenticate(httptest.NewRequest(http.MethodPost, path, nil), maps.Clone(try.form)))
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

// Each API has a document under its label, percent-encoded where it must be.
func TestProtectedResource(t *testing.T) {
	doc := document()
	for _, instance := range []string{"eu", "a/b", "x:y@z+1"} {
		api := doc.APIs[0]
		api.Label, api.Identifier, api.Scopes = `worker["`+instance+`"]`, "https://api.example.com/worker/"+instance, nil
		doc.APIs = append(doc.APIs, api)
	}
	s, _ := serving(t, doc, server.Options{Keys: sharedKeys})
	ask := func(segment string, headers ...string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, with(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource/"+segment, nil), headers...))
		return w
	}
	for segment, want := range map[string]string{
		"orders": `{"resource":"` + ordersURL + `","authorization_servers":["` + issuerURL + `"],"scopes_supported":["read:orders","write:orders","delete:orders"],` +
			`"bearer_methods_supported":["header"],"resource_name":"Orders"}`,
		`worker%5B%22eu%22%5D`: `{"resource":"https://api.example.com/worker/eu","authorization_servers":["` + issuerURL + `"],"bearer_methods_supported":["header"],"resource_name":"Orders"}`,
	} {
		w := ask(segment)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
			t.Errorf("%s: %d %v %s", segment, w.Code, w.Header(), w.Body)
		}
		if again := ask(segment, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", segment, again.Code)
		}
	}
	for i := range s.Active().Snapshot().NumAPIs() {
		api := s.Active().Snapshot().API(i)
		if w := ask(url.PathEscape(api.Label())); w.Code != 200 || !strings.Contains(w.Body.String(), `"resource":"`+api.Identifier()+`"`) {
			t.Errorf("%s: %d %s", api.Label(), w.Code, w.Body)
		}
	}
	for _, segment := range []string{"", "nothing", "orders/", "orders/x", "%7Bapi%7D", "{api}", `worker%5B%22us%22%5D`, "worker%5B%22a/b%22%5D", "orders%00", "..", "%2E%2E/orders"} {
		if w := ask(segment); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d %s", segment, w.Code, w.Body)
		}
	}
}
