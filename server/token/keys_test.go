//go:debug rsa1024min=0

package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// The example of RFC 7638 section 3.1.
func TestThumbprint(t *testing.T) {
	n, err := base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
	if err != nil {
		t.Fatal(err)
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	if got, want := jose.Thumbprint(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A JWK Set holds public keys only, with kid use alg kty n e crv x y and no
// other member; an HS256 key is never in it.
func TestJWKSIsPublic(t *testing.T) {
	var scheduled []Scheduled
	for _, alg := range algorithms {
		if alg != schema.HS256 {
			scheduled = append(scheduled, Scheduled{Key: testKey(t, alg)})
		}
	}
	set := NewKeys(scheduled, map[string]*Key{"orders": testKey(t, schema.HS256)}).JWKS(0)
	var parsed struct{ Keys []map[string]string }
	if err := json.Unmarshal(set, &parsed); err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	if len(parsed.Keys) != len(scheduled) {
		t.Fatalf("%d keys in %s", len(parsed.Keys), set)
	}
	allowed := map[string][]string{
		"RSA": {"alg", "e", "kid", "kty", "n", "use"}, "EC": {"alg", "crv", "kid", "kty", "use", "x", "y"}, "OKP": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	for _, key := range parsed.Keys {
		var members []string
		for member := range key {
			members = append(members, member)
		}
		slices.Sort(members)
		if !slices.Equal(members, allowed[key["kty"]]) {
			t.Errorf("members %v of %v", members, key)
		}
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024) // jwx would sign with it
	if err != nil {
		t.Fatal(err)
	}
	even, three := *strong, *strong
	even.E, three.E = 65538, 3
	mixed := *strong
	mixed.D = new(big.Int).Add(strong.D, big.NewInt(2))
	for name, c := range map[string]struct {
		alg schema.SigningAlg
		key crypto.Signer
	}{
		"1024 bits":                {schema.RS256, short},
		"exponent even":            {schema.RS256, &even},
		"exponent 3":               {schema.RS256, &three},
		"RSA private part altered": {schema.RS256, &mixed},
		"RSA for ES256":            {schema.ES256, strong},
		"RSA for HS256":            {schema.HS256, strong},
		"P-384":                    {schema.ES256, p384},
		"P-256 for ES384":          {jose.ES384, p256},
		"P-384 for ES512":          {jose.ES512, p384},
		"P-384 for EdDSA":          {schema.EdDSA, p384},
		"Ed25519 for RS256":        {schema.RS256, ed},
	} {
		if _, err := NewKey(c.alg, c.key); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewSecretKey(make([]byte, 31)); err == nil {
		t.Error("an HS256 secret of 31 bytes was accepted")
	}
	if _, err := NewKey(schema.PS256, strong); err != nil {
		t.Errorf("a good key was refused: %v", err)
	}
}

func TestParsePEM(t *testing.T) {
	rsaKey, _ := schema.RS256.Generate(rand.Reader, jose.MinRSABits)
	ecKey, _ := schema.ES256.Generate(rand.Reader, jose.MinRSABits)
	edKey, _ := schema.EdDSA.Generate(rand.Reader, jose.MinRSABits)
	pkcs8 := func(key crypto.Signer) string {
		file, err := jose.EncodePrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(file)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		alg  schema.SigningAlg
		file string
		ok   bool
	}{
		"PKCS 8 RSA":             {schema.RS256, pkcs8(rsaKey), true},
		"PKCS 8 EC":              {schema.ES256, pkcs8(ecKey), true},
		"PKCS 8 Ed25519":         {schema.EdDSA, pkcs8(edKey), true},
		"PKCS 1":                 {schema.PS256, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey.(*rsa.PrivateKey))), true},
		"SEC 1 after parameters": {schema.ES256, block("EC PARAMETERS", []byte{6, 8}) + block("EC PRIVATE KEY", sec1), true},
		"text around":            {schema.EdDSA, "a comment\n" + pkcs8(edKey) + "another\n", true},
		"empty":                  {schema.RS256, "", false},
		"not PEM":                {schema.RS256, "s3cr3t-canary", false},
		"broken":                 {schema.RS256, block("PRIVATE KEY", []byte("s3cr3t-canary")), false},
		"wrong algorithm":        {schema.RS256, pkcs8(ecKey), false},
		"certificate":            {schema.RS256, block("CERTIFICATE", []byte("s3cr3t-canary")), false},
		"encrypted":              {schema.RS256, block("ENCRYPTED PRIVATE KEY", []byte("s3cr3t-canary")), false},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := ParsePEM(c.alg, []byte(c.file))
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats the file: %v", err)
			}
			if err == nil {
				if err := key.SelfTest(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A key whose public half is another's fails its test.
func TestSelfTest(t *testing.T) {
	for _, alg := range algorithms {
		key, other := testKey(t, alg), testKey(t, alg)
		if err := key.SelfTest(); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if alg == schema.HS256 {
			continue
		}
		wrong := *key
		wrong.public = other.public
		if err := wrong.SelfTest(); err == nil {
			t.Errorf("%s: a key with another's public half passed", alg)
		}
	}
}

func TestSchedule(t *testing.T) {
	old, next := testKey(t, schema.EdDSA), testKey(t, schema.EdDSA)
	keys := NewKeys([]Scheduled{{Key: old, ActivatesAt: 0, RetiresAt: 300}, {Key: next, ActivatesAt: 200}}, nil)
	for _, c := range []struct {
		now       int64
		signer    *Key
		old, next State
	}{
		{0, old, Signing, Announced},
		{199, old, Signing, Announced},
		{200, next, Retiring, Signing},
		{299, next, Retiring, Signing},
		{300, next, Retired, Signing},
	} {
		if got := keys.Signer(schema.EdDSA, "", c.now); got != c.signer {
			t.Errorf("at %d: wrong signer", c.now)
		}
		for _, state := range keys.All(c.now) {
			want := c.old
			if state.Key == next {
				want = c.next
			}
			if state.State != want {
				t.Errorf("at %d: state %s, want %s", c.now, state.State, want)
			}
			if published := bytes.Contains(keys.JWKS(c.now), []byte(state.KID())); published != (want != Retired) {
				t.Errorf("at %d: %s key published: %v", c.now, want, published)
			}
		}
	}
	if keys.Signer(schema.RS256, "", 0) != nil {
		t.Error("a signer for an algorithm without keys")
	}
}
