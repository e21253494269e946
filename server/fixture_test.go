package server_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
)

const (
	issuerURL    = "https://auth.example.com/"
	ordersURL    = "https://api.example.com/orders"
	clientID     = "billing"
	clientSecret = "jMpy2RT_pcIUnhqVRMjHDrBZjbBNoFsCRyGz4vRlSXM"
)

// noon is the clock of the tests that need one.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// document is one API, one client, and an authorization of two of the three scopes.
func document() *schema.Document {
	return &schema.Document{
		Issuer: schema.Issuer{URL: issuerURL, ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: ordersURL,
			Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow,
			Scopes: []schema.Scope{{Name: "read:orders"}, {Name: "write:orders"}, {Name: "delete:orders"}},
		}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: clientID,
			GrantTypes: []string{schema.GrantClientCredentials},
			Secrets:    []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		}},
		Authorizations: []schema.Authorization{{
			Label: "billing-orders", Client: "billing", API: "orders", SubjectType: schema.SubjectClient,
			Scopes: []string{"read:orders", "write:orders"},
		}},
	}
}

// file makes a snapshot file of the document.
func file(t testing.TB, doc *schema.Document, env snapshot.Envelope) []byte {
	t.Helper()
	slices.SortFunc(doc.APIs, func(a, b schema.API) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Clients, func(a, b schema.Client) int { return strings.Compare(a.Label, b.Label) })
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	content, err := snapshot.Marshal(env, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// newServer is a server with its log in a buffer.
func newServer(t testing.TB, opts server.Options) (*server.Server, *testenv.Buffer) {
	t.Helper()
	log := new(testenv.Buffer)
	if opts.Logger == nil {
		opts.Logger = slog.New(jsonlog.New(log))
	}
	s, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// serving is a server with the document in force.
func serving(t testing.TB, doc *schema.Document, opts server.Options) (*server.Server, *testenv.Buffer) {
	t.Helper()
	s, log := newServer(t, opts)
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1, Revision: "abc123"})); err != nil {
		t.Fatal(err)
	}
	return s, log
}

// A result is one answer of the token endpoint.
type result struct {
	status int
	header http.Header
	raw    string
	body   struct {
		AccessToken string `json:"access_token"`
		Refresh     string `json:"refresh_token"`
		IssuedType  string `json:"issued_token_type"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		URI         string `json:"error_uri"`
	}
}

// form is a good request with changes: name, value pairs; a value of "-" removes.
func form(changes ...string) url.Values {
	v := url.Values{
		"grant_type": {"client_credentials"}, "audience": {ordersURL},
		"client_id": {clientID}, "client_secret": {clientSecret},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			v.Del(changes[i])
			continue
		}
		v.Set(changes[i], changes[i+1])
	}
	return v
}

func post(v url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func do(t testing.TB, h http.Handler, r *http.Request) result {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	res := result{status: w.Code, header: w.Header(), raw: string(raw)}
	if err := json.Unmarshal(raw, &res.body); err != nil && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Fatalf("not JSON: %q: %v", raw, err)
	}
	return res
}

// writeKey makes an Ed25519 key in a PEM file.
func writeKey(t testing.TB, dir, name string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
