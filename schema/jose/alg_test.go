package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
)

// Snapshots that have been written hold these places.
func TestCodesNeverChange(t *testing.T) {
	before := []Alg{HS256, RS256, PS256, ES256, EdDSA, ES384, ES512}
	if coded := Coded(); len(coded) < len(before) || !slices.Equal(coded[:len(before)], before) {
		t.Errorf("%v does not begin with %v", coded, before)
	}
}

func TestAlgs(t *testing.T) {
	if got := strings.Join(Names(APITokens), " "); got != "RS256 PS256 ES256 EdDSA ES384 ES512 HS256" {
		t.Errorf("API tokens: %s", got)
	}
	for _, use := range []Use{SigningKeys, Assertions, Proofs} {
		if slices.ContainsFunc(Algs(use), Alg.Shared) {
			t.Errorf("use %d has an algorithm of a shared secret", use)
		}
	}
	if alg, ok := Lookup("Ed25519", Proofs); !ok || alg != EdDSA {
		t.Errorf("Ed25519 is %q, %v", alg, ok)
	}
	for _, name := range []string{"", "none", "HS256", "RS384", "es256"} {
		if alg, ok := Lookup(name, Assertions); ok {
			t.Errorf("%q is %q", name, alg)
		}
	}
}

// Every key fits the algorithms of its type and no other, and a signature of another
// hash, curve or length does not verify.
func TestKeysFitTheirAlgorithm(t *testing.T) {
	for _, made := range Algs(SigningKeys) {
		key, err := made.Generate(rand.Reader, MinRSABits)
		if err != nil {
			t.Fatal(err)
		}
		for _, alg := range Algs(APITokens) {
			if fits := find(string(alg)).key == find(string(made)).key; fits != (alg.Check(key.Public()) == nil) {
				t.Errorf("a key for %s is checked for %s: %v", made, alg, alg.Check(key.Public()))
			}
		}
		ec, ok := key.(*ecdsa.PrivateKey)
		if !ok {
			continue
		}
		row, input := find(string(made)), []byte("header.claims")
		for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			digest := hash.New()
			digest.Write(input)
			r, s, err := ecdsa.Sign(rand.Reader, ec, digest.Sum(nil))
			if err != nil {
				t.Fatal(err)
			}
			signature := append(r.FillBytes(make([]byte, row.key.size)), s.FillBytes(make([]byte, row.key.size))...)
			for _, alg := range Algs(APITokens) {
				if got := alg.Verify(key.Public(), input, signature); got != (alg == made && hash == row.hash) {
					t.Errorf("a signature of a key for %s with %s verifies as %s: %v", made, hash, alg, got)
				}
			}
			if made.Verify(key.Public(), input, append(signature, 0)) || made.Verify(key.Public(), input, signature[1:]) {
				t.Errorf("%s verifies a signature of another length", made)
			}
		}
	}
}
