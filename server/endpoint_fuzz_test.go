package server_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// FuzzTokenEndpoint sends any body under any headers, with assertions and proofs
// of good keys among the seeds: the answer is JSON of a known status and never a
// defect, and no token goes to whom the request does not authenticate.
func FuzzTokenEndpoint(f *testing.F) {
	foreign := foreigners()["github"]
	doc := signers(foreign.federated())
	users := userDocument()
	doc.APIs[0].AllowOfflineAccess = true
	doc.TrustedIssuers = append(users.TrustedIssuers, doc.TrustedIssuers...)
	doc.Clients = append(doc.Clients, users.Clients[1])
	for _, auth := range users.Authorizations {
		if auth.Label == "web-orders" {
			doc.Authorizations = append(doc.Authorizations, auth)
		}
	}
	slices.SortFunc(doc.TrustedIssuers, func(a, b schema.TrustedIssuer) int { return strings.Compare(a.Label, b.Label) })
	s, _ := serving(f, doc, server.Options{
		RefreshTokensInMemory: true,
		Now:                   func() time.Time { return noon }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Store: store.NewMemory(store.MemoryOptions{MaxKeys: 1 << 30, Now: time.Now}),
	})
	es := pairs()[schema.ES256]
	endpoint := issuerURL + "oauth/token"
	const tail = "grant_type=client_credentials&audience=https%3A%2F%2Fapi.example.com%2Forders&"
	for _, seed := range [][4]string{
		{formType, "", "", form().Encode()},
		{formType, "Basic YmlsbGluZzpqTXB5MlJUX3BjSVVuaHFWUk1qSERyQlpqYkJOb0ZzQ1J5R3o0dlJsU1hN", "", tail},
		{formType, "", es.proof(endpoint, noon, nil), form().Encode()},
		{formType, "", "", asserted(es.assertion("signer", issuerURL, noon, nil)).Encode()},
		{formType, "", es.proof(endpoint, noon, nil), asserted(foreign.token(nil), "client_id", "workload").Encode()},
		{"application/json", "", "", `{"grant_type":"client_credentials","client_id":"billing","client_secret":"x","audience":"https://api.example.com/orders"}`},
		{formType, "", "", exchanged(userToken(nil), "scope", "read:orders offline_access").Encode()},
		{formType, "", "", exchanged(userToken(map[string]any{"act": map[string]any{"sub": "a"}, "may_act": map[string]any{"iss": clusterURL, "sub": "b"}}), "actor_token", userToken(nil), "actor_token_type", jwtToken).Encode()},
		{formType, "", "", form("grant_type", bearerGrant, "client_id", "web", "assertion", userToken(nil)).Encode()},
		{formType, "", "", refreshed(strings.Repeat("A", 64)).Encode()},
		{formType, "", "", refreshed(do(f, s.Public(), post(exchanged(userToken(nil), "scope", "offline_access"))).body.Refresh).Encode()},
		{formType + "; charset=utf-8", "Bearer x", "x.y.z", "a=1&a=2"},
		{formType, "", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", tail + "client_assertion_type=" + assertionType + "&client_assertion=eyJhbGciOiJFUzI1NiJ9.e30.AAAA"},
		{"text/plain", "Basic", ".", "%zz"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, contentType, authorization, proof, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
		r.RemoteAddr = "@" // a socket: no address to be throttled for
		for name, value := range map[string]string{"Content-Type": contentType, "Authorization": authorization, "DPoP": proof} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, r)
		if !slices.Contains([]int{200, 400, 401, 413, 429}, w.Code) {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		var answer struct {
			Token string `json:"access_token"`
			Type  string `json:"token_type"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("not JSON: %q", w.Body)
		}
		if (w.Code == 200) != (answer.Token != "") || (w.Code == 200) == (answer.Error != "") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code == 200 && (proof != "") != (answer.Type == "DPoP") {
			t.Fatalf("a token of type %s, the proof %q", answer.Type, proof)
		}
		if strings.ContainsAny(w.Header().Get("WWW-Authenticate")+w.Header().Get("DPoP-Nonce"), "\r\n") || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("headers %v", w.Header())
		}
	})
}
