package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// Each API has a document under its label, percent-encoded where it must be.
func TestProtectedResource(t *testing.T) {
	doc := document()
	for _, instance := range []string{"eu", "a/b", "x:y@z+1"} {
		api := doc.APIs[0]
		api.Label, api.Identifier, api.Scopes = `worker["`+instance+`"]`, "https://api.example.com/worker/"+instance, nil
		doc.APIs = append(doc.APIs, api)
	}
	s, _ := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}})
	ask := func(segment string, headers ...string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, with(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource/"+segment, nil), headers...))
		return w
	}
	for segment, want := range map[string]string{
		"orders": `{"resource":"` + ordersURL + `","authorization_servers":["` + issuerURL + `"],"scopes_supported":["read:orders","write:orders","delete:orders"],` +
			`"bearer_methods_supported":["header"],"resource_name":"Orders","dpop_signing_alg_values_supported":["RS256","PS256","ES256","EdDSA","ES384","ES512","Ed25519"]}`,
		`worker%5B%22eu%22%5D`: `{"resource":"https://api.example.com/worker/eu","authorization_servers":["` + issuerURL + `"],"bearer_methods_supported":["header"],"resource_name":"Orders",` +
			`"dpop_signing_alg_values_supported":["RS256","PS256","ES256","EdDSA","ES384","ES512","Ed25519"]}`,
	} {
		w := ask(segment)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
			t.Errorf("%s: %d %v %s", segment, w.Code, w.Header(), w.Body)
		}
		if again := ask(segment, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", segment, again.Code)
		}
	}
	for i := range s.Active().Snapshot.NumAPIs() {
		api := s.Active().Snapshot.API(i)
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

// The document says that a proof is required where nobody gets a token without
// one, and not a word more.
func TestProtectedResourceThatRequiresProofs(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*schema.Document)
		want   bool
	}{
		"no client requires it":  {func(*schema.Document) {}, false},
		"the only client does":   {func(doc *schema.Document) { doc.Clients[0].RequireSenderConstrained = true }, true},
		"nobody gets any tokens": {func(doc *schema.Document) { doc.Authorizations = nil }, false},
		"one of two does": {func(doc *schema.Document) {
			doc.Clients[0].RequireSenderConstrained = true
			withClient(doc, schema.Client{Label: "other", ClientID: "other", Secrets: []schema.Secret{{Label: "a", Hash: hashOf("other")}}})
		}, false},
	} {
		doc := fast()
		row.change(doc)
		s, _ := serving(t, doc, server.Options{})
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource/orders", nil))
		if got := strings.Contains(w.Body.String(), `"dpop_bound_access_tokens_required":true`); got != row.want {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}
