package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// privateJWK writes a private key as libraries do.
func privateJWK(t *testing.T, alg Alg, key crypto.Signer) map[string]any {
	t.Helper()
	members := map[string]any{}
	if err := json.Unmarshal(AppendJWK(nil, alg, key.Public()), &members); err != nil {
		t.Fatal(err)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		members["d"], members["p"], members["q"] = encode(key.D.Bytes()), encode(key.Primes[0].Bytes()), encode(key.Primes[1].Bytes())
	case *ecdsa.PrivateKey:
		d, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		members["d"] = encode(d)
	case ed25519.PrivateKey:
		members["d"] = encode(key.Seed())
	}
	return members
}

// A private key comes out of its JWK, and no other one.
func TestParsePrivateJWK(t *testing.T) {
	var before map[string]any
	for _, alg := range Algs(Assertions) {
		key, err := alg.Generate(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		members := privateJWK(t, alg, key)
		text, _ := json.Marshal(members)
		for _, form := range []string{string(text), `{"keys":[` + string(text) + `]}`} {
			parsed, kid, err := ParsePrivateJWK([]byte(form))
			if err != nil || kid != members["kid"] {
				t.Fatalf("%s: %q, %v", alg, kid, err)
			}
			if own, ok := parsed.(interface{ Equal(crypto.PrivateKey) bool }); !ok || !own.Equal(key) {
				t.Errorf("%s: another key came out", alg)
			}
		}
		// The private half of another key, no number, and none at all.
		for _, d := range []any{before["d"], "", "AQ", 7, nil} {
			bad := maps.Clone(members)
			if bad["d"] = d; d == nil {
				delete(bad, "d")
			}
			text, _ := json.Marshal(bad)
			if _, _, err := ParsePrivateJWK(text); err == nil {
				t.Errorf("%s: d of %v is taken", alg, d)
			} else if s, _ := d.(string); len(s) > 2 && strings.Contains(err.Error(), s) {
				t.Errorf("%s: the number is in the error: %v", alg, err)
			}
		}
		before = members
	}
	for _, text := range []string{``, `[]`, `{}`, `{"d":"AQ"}`, `{"keys":[]}`, `{"keys":[{},{}]}`, `{"keys":[1]}`, `{"kty":"oct","k":"AQAB","d":"x"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQ"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}`} {
		if _, _, err := ParsePrivateJWK([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
