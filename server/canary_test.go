package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// Secrets go in at every place where the server takes one; none comes out in
// the log or in an answer of any endpoint, as it stands or encoded, and of a
// token no log line holds more than its id.
func TestNoSecretComesOut(t *testing.T) {
	const (
		hmacCanary   = "canary-hmac-0123456789abcdef0123456789"
		secretCanary = "canary-secret+/=&% \u00e9"
		keyCanary    = "canary-key-material-that-is-not-a-key"
	)
	keys := t.TempDir()
	if err := os.WriteFile(filepath.Join(keys, "broken.pem"), []byte(keyCanary), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := everyShape(issuerURL)
	doc.Clients[0].Secrets = append(doc.Clients[0].Secrets, schema.Secret{Label: "b", Hash: hashOf(secretCanary)}, schema.Secret{Label: "c", Hash: "env:BROKEN"})
	doc.SigningKeys = []schema.SigningKey{{Label: "broken", Alg: schema.PS256, PrivateKey: "file:broken.pem"}}
	s, log := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: keys}, Getenv: env(map[string]string{"HMAC": hmacCanary, "BROKEN": keyCanary})})

	var out strings.Builder
	ask := func(r *http.Request) {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, r)
		if w.Code != http.StatusOK || r.Method != http.MethodPost {
			out.WriteString(w.Body.String())
		}
		if token, _, ok := strings.Cut(strings.TrimPrefix(w.Body.String(), `{"access_token":"`), `"`); ok && w.Code == 200 && r.Method == http.MethodPost {
			if signature := token[strings.LastIndexByte(token, '.')+1:]; strings.Contains(log.String(), signature) {
				t.Error("a token is in the log")
			}
		}
	}
	for _, alg := range algorithms {
		good := form("audience", "https://api.example.com/"+label(schema.ProfileRFC9068, alg), "client_secret", secretCanary)
		ask(post(good))
		good.Del("client_secret")
		ask(basic(clientID, secretCanary, good))
	}
	for _, v := range []url.Values{
		form("client_secret", secretCanary+"x"), form("client_assertion", secretCanary), form("client_id", "nobody", "client_secret", secretCanary),
		form("client_secret", secretCanary, "audience", "nowhere"), form("client_secret", secretCanary, "scope", "x y"),
		form("client_secret", secretCanary, "grant_type", "password", "password", secretCanary),
	} {
		ask(post(v))
	}
	ask(query(post(form()), "client_secret="+url.QueryEscape(secretCanary)))
	ask(with(post(form("client_secret", "-")), "Authorization", "Bearer "+secretCanary))
	ask(with(post(form("client_secret", "-")), "Authorization", "Basic "+secretCanary))
	ask(raw(formType, "client_secret="+secretCanary))
	ask(raw("application/json", `{"client_secret":"`+secretCanary+`"`))
	var signatures []string
	for _, alg := range algorithms {
		if alg == schema.PS256 {
			continue // the key is broken
		}
		compact := issued(t, s, "audience", "https://api.example.com/"+label(schema.ProfileAuth0, alg), "client_secret", secretCanary)
		signatures = append(signatures, compact[strings.LastIndexByte(compact, '.')+1:])
		for _, path := range []string{"/oauth/introspect", "/oauth/revoke"} {
			for _, v := range []url.Values{
				{"token": {compact}, "client_id": {clientID}, "client_secret": {secretCanary}},
				{"token": {compact}, "client_id": {clientID}, "client_secret": {secretCanary + "x"}},
				{"token": {secretCanary}, "client_id": {clientID}, "client_secret": {secretCanary}, "token_type_hint": {secretCanary}},
				{"token": {compact + secretCanary}, "client_id": {clientID}, "client_secret": {clientSecret}},
				{"token": {compact}, "client_assertion": {compact}, "client_assertion_type": {secretCanary}},
			} {
				out.WriteString(do(t, s.Public(), formTo(path, v)).raw)
				out.WriteString(do(t, s.Public(), formTo(path+"?token="+compact, v)).raw)
			}
			out.WriteString(do(t, s.Public(), with(formTo(path, url.Values{"token": {compact}}), "Authorization", "Bearer "+compact)).raw)
		}
	}
	ask(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource/"+url.PathEscape(secretCanary), nil))
	// Of what proves a caller no line holds the part that is proof.
	key := pairs()[schema.ES256]
	signature := func(compact string) string { return compact[strings.LastIndexByte(compact, '.')+1:] }
	var proofs []string
	for _, assertion := range []string{
		key.assertion(clientID, issuerURL, noon, nil), key.assertion("nobody", issuerURL, noon, nil), key.assertion(clientID, "https://elsewhere.example", noon, nil),
	} {
		proofs = append(proofs, signature(assertion))
		ask(post(asserted(assertion)))
		ask(post(asserted(assertion, "client_id", clientID)))
		ask(with(post(form("client_secret", secretCanary)), "DPoP", assertion))
	}
	for _, target := range []string{issuerURL + "oauth/token", "https://elsewhere.example"} {
		proof := key.proof(target, time.Now(), map[string]any{"jti": "canary-jti-of-a-proof", "nonce": "canary-nonce-of-a-proof"})
		proofs = append(proofs, signature(proof))
		ask(with(post(form("client_secret", secretCanary)), "DPoP", proof))
	}
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource/auth0-hs256"} {
		ask(httptest.NewRequest(http.MethodGet, path, nil))
	}
	r := httptest.NewRequest(http.MethodGet, "/status", nil)
	r.Host = "localhost"
	out.WriteString(do(t, s.Admin(), r).raw)
	out.WriteString(scrape(t, s))

	everything := out.String() + log.String()
	for _, signature := range signatures {
		if strings.Contains(everything, signature) {
			t.Error("a token came out")
		}
	}
	for _, proof := range append(proofs, "canary-jti", "canary-nonce") {
		if strings.Contains(everything, proof) {
			t.Errorf("%q of an assertion or a proof came out", proof)
		}
	}
	for _, secret := range []string{hmacCanary, secretCanary, keyCanary, clientSecret, hashOf(secretCanary)} {
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), secret[:16],
		} {
			if strings.Contains(everything, form) {
				t.Errorf("%q came out", form)
			}
		}
	}
	if !strings.Contains(everything, `"active":true`) || !strings.Contains(everything, "unsupported_token_type") || !strings.Contains(everything, "writ_token_requests_total{") {
		t.Error("the test has not asked what it means to")
	}
	if !strings.Contains(everything, "wrong-secret") || !strings.Contains(everything, "signing_key.broken") {
		t.Errorf("the test has not seen what it looks for:\n%s", everything)
	}
}
