package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server"
)

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// Issuers with and without a path and a slash at its end: metadata is found in
// the inserted and the appended form, is the same, and what it names works.
func TestMetadata(t *testing.T) {
	for _, path := range []string{"", "/", "/tenant", "/tenant/", "/a/b/"} {
		t.Run(path, func(t *testing.T) {
			ts, issuer := overHTTP(t, path, everyShape)
			base := strings.TrimSuffix(path, "/")
			_, want := get(t, ts.URL+base+"/.well-known/openid-configuration")
			for _, at := range []string{
				base + "/.well-known/oauth-authorization-server",
				"/.well-known/oauth-authorization-server" + base,
				"/.well-known/openid-configuration" + base,
			} {
				if res, body := get(t, ts.URL+at); res.StatusCode != 200 || body != want {
					t.Errorf("%s: %d %s", at, res.StatusCode, body)
				}
			}
			var doc map[string]any
			if err := json.Unmarshal([]byte(want), &doc); err != nil {
				t.Fatal(err)
			}
			if doc["issuer"] != issuer {
				t.Errorf("issuer %v, want %s", doc["issuer"], issuer)
			}
			if _, err := oidc.NewProvider(t.Context(), issuer); err != nil {
				t.Error(err)
			}
			if res, _ := get(t, doc["jwks_uri"].(string)); res.StatusCode != 200 {
				t.Errorf("jwks_uri %v: %d", doc["jwks_uri"], res.StatusCode)
			}
			fetch(t, doc["token_endpoint"].(string), "https://api.example.com/auth0-eddsa")
		})
	}
}

// The document says what the routes do and nothing else: the grant types and
// methods that it lists work, others are refused (see the error table).
func TestMetadataSaysWhatWorks(t *testing.T) {
	s, _ := serving(t, everyShape(issuerURL), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret})})
	w := httptest.NewRecorder()
	s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/oauth-authorization-server", nil))
	var m server.Metadata
	decoder := json.NewDecoder(w.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.GrantTypes, []string{"client_credentials"}) {
		t.Errorf("grant types %v", m.GrantTypes)
	}
	if len(m.AuthMethods) != 2 || m.AuthMethods[0] != "client_secret_basic" || m.AuthMethods[1] != "client_secret_post" {
		t.Errorf("methods %v", m.AuthMethods)
	}
	for _, alg := range algorithms {
		if !slices.Contains(m.Algorithms, alg) {
			t.Errorf("%s is in use and not listed", alg)
		}
	}
	only, _ := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}})
	w = httptest.NewRecorder()
	only.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
	if !strings.Contains(w.Body.String(), `"id_token_signing_alg_values_supported":["RS256"]`) {
		t.Errorf("metadata %s", w.Body)
	}
}

// Paths are compared as they were sent: nothing is cleaned, decoded or redirected.
func TestExactRoutes(t *testing.T) {
	s, _ := serving(t, everyShape(issuerURL), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret})})
	for _, path := range []string{"/", "/oauth", "/oauth/", "/oauth/token/", "//oauth/token", "/oauth//token", "/oauth/./token", "/oauth%2Ftoken",
		"/Oauth/token", "/oauth/token%00", "/oauth/introspect/", "/oauth/%72evoke",
		"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/{api}/x", "/status", "/livez", "/metrics", "/debug/pprof/"} {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestJWKS(t *testing.T) {
	s, _ := serving(t, everyShape(issuerURL), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret})})
	ask := func(method string, headers ...string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, with(httptest.NewRequest(method, "/.well-known/jwks.json", nil), headers...))
		return w
	}
	first := ask(http.MethodGet)
	if first.Code != 200 || !strings.HasPrefix(first.Header().Get("Cache-Control"), "public, max-age=") || first.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", first.Code, first.Header())
	}
	body := first.Body.String()
	if strings.Contains(body, `"oct"`) || strings.Contains(body, `"k":`) || strings.Contains(body, `"d":`) || strings.Count(body, `"kid"`) != len(jose.Algs(jose.SigningKeys)) {
		t.Errorf("JWKS %s", body)
	}
	tag := first.Header().Get("ETag")
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if again := ask(http.MethodGet, "If-None-Match", header); again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d", header, again.Code)
		}
	}
	if again := ask(http.MethodGet, "If-None-Match", `"other"`); again.Code != 200 {
		t.Errorf("another tag: %d", again.Code)
	}
	if head := ask(http.MethodHead); head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("ETag") != tag {
		t.Errorf("HEAD: %d", head.Code)
	}
	if post := ask(http.MethodPost); post.Code != 405 || post.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", post.Code, post.Header())
	}
}

// Declared keys are announced, sign and go by the clock, without a reload.
func TestDeclaredKeysFollowTheClock(t *testing.T) {
	dir := t.TempDir()
	doc := document()
	doc.APIs[0].Alg = schema.EdDSA
	hour := int64(3600)
	for i, name := range []string{"a", "b"} {
		writeKey(t, dir, name+".pem")
		key := schema.SigningKey{Label: name, Alg: schema.EdDSA, PrivateKey: schema.SecretRef("file:" + name + ".pem"), ActivatesAt: noon.Unix() + int64(i)*hour}
		if i == 0 {
			key.RetiresAt = noon.Unix() + 2*hour
		}
		doc.SigningKeys = append(doc.SigningKeys, key)
	}
	now := noon
	s, _ := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: dir}, Now: func() time.Time { return now }})
	kid := func() string {
		res := do(t, s.Public(), post(form()))
		if res.status != 200 {
			t.Fatalf("%d %s", res.status, res.raw)
		}
		header, _ := segments(t, res.body.AccessToken)
		return header["kid"].(string)
	}
	published := func() int {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
		return strings.Count(w.Body.String(), `"kid"`)
	}
	first := kid()
	if published() != 2 {
		t.Error("the next key is not announced")
	}
	now = noon.Add(time.Hour)
	if kid() == first || published() != 2 {
		t.Error("the second key does not sign, or the first is no longer published")
	}
	now = noon.Add(2 * time.Hour)
	if published() != 1 {
		t.Error("the first key is still published")
	}
}
