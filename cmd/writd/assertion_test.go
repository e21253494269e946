package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
)

// An assertingClient authenticates with its key or with its secret.
type assertingClient struct{ key ed25519.PrivateKey }

func writeAssertingClient(t *testing.T, dirs ...string) assertingClient {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	jwks := fmt.Sprintf(`{"keys":[{"crv":"Ed25519","kty":"OKP","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	sum := sha256.Sum256([]byte(clientSecret))
	for _, dir := range dirs {
		writeClient(t, dir, schema.Client{
			PublicKeys: []schema.PublicKey{{Label: "k", JWKS: jwks}}, Secrets: []schema.Secret{{Label: "s", Hash: "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])}},
		})
	}
	return assertingClient{private}
}

func (c assertingClient) assertion(t *testing.T) url.Values {
	t.Helper()
	now := time.Now().Unix()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "worker", "sub": "worker", "aud": "https://auth.example.com/", "iat": now, "exp": now + 60, "jti": rand.Text(),
	}).SignedString(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {signed}}
}
