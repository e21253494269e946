package explain_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/server/clientauth"
)

// TestIdentifyVerifiesPinnedKeys: with keys in the configuration the signature is part
// of the answer, and a token of somebody else's making matches nothing.
func TestIdentifyVerifiesPinnedKeys(t *testing.T) {
	key, forger := newKey(t), newKey(t)
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x := explainer(t, fmt.Sprintf(`
trusted_issuer "cluster" {
  issuer     = "https://cluster.example"
  algorithms = ["ES256"]
  jwks       = jsonencode({ keys = [{ kty = "EC", crv = "P-256", x = %q, y = %q, kid = "k", alg = "ES256", use = "sig" }] })
}
client "billing" {
  federated "k8s" {
    trusted_issuer = trusted_issuer.cluster
    subject        = "system:serviceaccount:payments:billing"
    claims         = { tier = "prod" }
    expires_at     = "2026-10-01T00:00:00Z"
  }
}
client "reports" {
  federated "k8s" {
    trusted_issuer  = trusted_issuer.cluster
    subject_pattern = "system:serviceaccount:*:billing"
  }
}
`, base64url(point[1:33]), base64url(point[33:])))
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{
			"iss": "https://cluster.example", "sub": "system:serviceaccount:payments:billing", "aud": "https://auth.example.com/",
			"exp": at(t, noon).Unix() + 60, "tier": "prod",
		}
		for name, value := range change {
			c[name] = value
		}
		return c
	}
	for _, c := range []struct {
		name             string
		key              *ecdsa.PrivateKey
		claims           map[string]any
		at               string
		billing, reports clientauth.Reason
		signed           bool
	}{
		{"good", key, claims(nil), noon, explain.ReasonMatches, explain.ReasonMatches, true},
		{"forged", forger, claims(nil), noon, clientauth.ReasonBadSignature, clientauth.ReasonBadSignature, false},
		{"other claim", key, claims(map[string]any{"tier": "dev"}), noon, clientauth.ReasonWrongClaim, explain.ReasonMatches, true},
		{"other subject", key, claims(map[string]any{"sub": "system:serviceaccount:sales:billing"}), noon, clientauth.ReasonWrongSubject, explain.ReasonMatches, true},
		{"later", key, claims(map[string]any{"exp": at(t, "2026-10-02T00:00:00Z").Unix() + 60}), "2026-10-02T00:00:00Z", clientauth.ReasonKeyWindow, explain.ReasonMatches, true},
		{"expired", key, claims(map[string]any{"exp": at(t, noon).Unix() - 600}), noon, clientauth.ReasonExpired, clientauth.ReasonExpired, true},
		{"expired and forged", forger, claims(map[string]any{"exp": at(t, noon).Unix() - 600}), noon, clientauth.ReasonBadSignature, clientauth.ReasonBadSignature, false},
		{"not yet", key, claims(map[string]any{"nbf": at(t, noon).Unix() + 600}), noon, clientauth.ReasonTooEarly, clientauth.ReasonTooEarly, false},
		{"no expiry", key, claims(map[string]any{"exp": nil}), noon, clientauth.ReasonMissingClaim, clientauth.ReasonMissingClaim, false},
	} {
		a, err := explain.Identify(x.Model, signES256(t, c.key, c.claims), at(t, c.at))
		if err != nil {
			t.Fatal(c.name, err)
		}
		if len(a.Candidates) != 2 {
			t.Fatalf("%s: %d candidates", c.name, len(a.Candidates))
		}
		clients := 0
		for i, want := range []clientauth.Reason{c.billing, c.reports} {
			got := a.Candidates[i]
			if got.Reason != want || got.Matches != (want == explain.ReasonMatches) || got.Signed != c.signed || got.Detail == "" {
				t.Errorf("%s: %+v, want the reason %s and signed %v", c.name, got, want, c.signed)
			}
			if got.Matches {
				clients++
			}
		}
		if len(a.Clients) != clients {
			t.Errorf("%s: clients %v", c.name, a.Clients)
		}
	}
	if _, err := explain.Identify(x.Model, "a.b", time.Now()); err == nil {
		t.Error("what is no token is explained")
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signES256 is a JWT with the claims; those that are nil are left out.
func signES256(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	input := base64url([]byte(`{"alg":"ES256","typ":"JWT","kid":"k"}`)) + "." + base64url(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64url(signature[:])
}
