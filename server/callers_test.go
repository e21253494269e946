package server_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// A pair is a key of a caller. What it signs is made by golang-jwt.
type pair struct {
	alg     schema.SigningAlg
	private crypto.Signer
}

// pairs are one of each algorithm, made once.
var pairs = sync.OnceValue(func() map[schema.SigningAlg]pair {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	// Always the same, so that a fuzz corpus holds assertions that verify.
	ecKey, err2 := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{0x42}, 32))
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return map[schema.SigningAlg]pair{
		schema.RS256: {schema.RS256, rsaKey}, schema.PS256: {schema.PS256, rsaKey}, schema.ES256: {schema.ES256, ecKey}, schema.EdDSA: {schema.EdDSA, edKey},
	}
})

func newPair() pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return pair{schema.ES256, key}
}

func b64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is the public key's required members.
func (p pair) jwk() map[string]any {
	switch key := p.private.Public().(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": b64url(key.N.Bytes()), "e": b64url(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		return map[string]any{"kty": "EC", "crv": "P-256", "x": b64url(point[1:33]), "y": b64url(point[33:])}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64url(key)}
	}
	panic("no such key")
}

// thumbprint is RFC 7638's: encoding/json sorts the names.
func (p pair) thumbprint() string {
	text, err := json.Marshal(p.jwk())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return b64url(sum[:])
}

// jwks is a set with the key under a kid, pinned to its algorithm.
func (p pair) jwks(kid string) string {
	key := p.jwk()
	key["kid"], key["alg"], key["use"] = kid, string(p.alg), "sig"
	text, err := json.Marshal(map[string]any{"keys": []any{key}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (p pair) sign(header, claims map[string]any) string {
	token := jwt.NewWithClaims(jwt.GetSigningMethod(string(p.alg)), jwt.MapClaims(claims))
	maps.Copy(token.Header, header)
	compact, err := token.SignedString(p.private)
	if err != nil {
		panic(err)
	}
	return compact
}

// changed is claims with others over them; a nil member is taken out.
func changed(claims, changes map[string]any) map[string]any {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// assertion is a good one of a client, changed.
func (p pair) assertion(id, audience string, now time.Time, changes map[string]any) string {
	return p.sign(nil, changed(map[string]any{
		"iss": id, "sub": id, "aud": audience, "iat": now.Unix(), "exp": now.Unix() + 60, "jti": rand.Text(),
	}, changes))
}

// proof is a good DPoP proof for the token endpoint of an issuer, changed.
func (p pair) proof(endpoint string, now time.Time, changes map[string]any) string {
	return p.sign(map[string]any{"typ": "dpop+jwt", "jwk": p.jwk()}, changed(map[string]any{
		"jti": rand.Text(), "htm": "POST", "htu": endpoint, "iat": now.Unix(),
	}, changes))
}

// asserted is a request of a client by an assertion.
func asserted(assertion string, changes ...string) url.Values {
	v := form(append([]string{"client_secret", "-", "client_id", "-", "client_assertion", assertion, "client_assertion_type", assertionType}, changes...)...)
	return v
}

// withKeys is a client with one key of each algorithm, and authorized for orders.
func withKeys(doc *schema.Document, id string, keys ...schema.PublicKey) {
	withClient(doc, schema.Client{Label: id, ClientID: id, PublicKeys: keys})
}

// withClient adds a client that is authorized for orders.
func withClient(doc *schema.Document, client schema.Client) {
	client.Name, client.GrantTypes = client.Label, []string{schema.GrantClientCredentials}
	doc.Clients = append(doc.Clients, client)
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{
		Label: client.Label, Client: client.Label, API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"read:orders"},
	})
}

func quickDocument() *schema.Document {
	doc := document()
	doc.APIs[0].Alg = schema.EdDSA
	return doc
}

// overListener serves over TCP under an issuer that is where it is served.
func overListener(t *testing.T, opts server.Options, make func(issuer string) *schema.Document) (issuer string, s *server.Server, log *testenv.Buffer) {
	t.Helper()
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Public().ServeHTTP(w, r) }))
	t.Cleanup(ts.Close)
	if opts.Store == nil {
		opts.Store = store.NewMemory(store.MemoryOptions{Now: opts.Now})
	}
	s, log = serving(t, make(ts.URL+"/"), opts)
	return ts.URL + "/", s, log
}

// ask sends a form and reads the answer.
func ask(t testing.TB, client *http.Client, endpoint string, v url.Values, headers ...string) result {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(v.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	res, err := client.Do(with(r, headers...))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := result{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &answer.body); err != nil {
		t.Fatalf("not JSON: %q", raw)
	}
	return answer
}

// confirmation is the cnf claim of a token.
func confirmation(t testing.TB, compact string) map[string]any {
	t.Helper()
	_, claims := segments(t, compact)
	cnf, _ := claims["cnf"].(map[string]any)
	return cnf
}
