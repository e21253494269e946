package clientauth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestParseKeys(t *testing.T) {
	keys := testKeys()
	rs, es, ed := keys[schema.RS256], keys[schema.ES256], keys[schema.EdDSA]
	with := func(s signer, members ...any) string {
		more := map[string]any{}
		for i := 0; i < len(members); i += 2 {
			more[members[i].(string)] = members[i+1]
		}
		return jwkSet(s.jwk(more))
	}
	small := signer{schema.RS256, must(rsa.GenerateKey(rand.Reader, 1024))}
	n := rs.key.Public().(*rsa.PublicKey).N
	for _, test := range []struct {
		name, set string
		want      string // the algorithms of the keys, or a part of the error
	}{
		{"each type", jwkSet(rs.jwk(nil), es.jwk(nil), ed.jwk(nil)), "RS256 ES256 EdDSA"},
		{"alg given", jwkSet(rs.jwk(map[string]any{"alg": "PS256"}), ed.jwk(map[string]any{"alg": "Ed25519"})), "PS256 EdDSA"},
		{"use, key_ops, unknown members", with(es, "use", "sig", "key_ops", []string{"verify", "sign"}, "x5c", []string{"MIIB"}, "exp", 1), "ES256"},
		{"others are skipped", jwkSet(
			es.jwk(nil), rs.jwk(map[string]any{"use": "enc"}), rs.jwk(map[string]any{"alg": "RSA-OAEP"}), es.jwk(map[string]any{"key_ops": []string{"sign"}}),
			map[string]any{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}, map[string]any{"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}), "ES256"},
		{"RSA of 8192 bits", with(rs, "n", b64(new(big.Int).Add(new(big.Int).Lsh(n, 6144), big.NewInt(1)).Bytes())), "RS256"},
		{"the largest RSA exponent", with(rs, "e", "f____w"), "RS256"},
		{"two keys without kid", jwkSet(es.jwk(nil), es.jwk(nil)), "ES256 ES256"},

		{"not JSON", "keys", "not a JSON object"},
		{"members twice", `{"keys":[],"keys":[]}`, "stands twice"},
		{"a bare key", string(marshal(es.jwk(nil))), "no array"},
		{"keys is an object", `{"keys":{}}`, "no array"},
		{"no key", `{"keys":[]}`, "no key for"},
		{"a key is a string", `{"keys":["x"]}`, "not a JSON object"},
		{"none usable", with(es, "use", "enc"), "no key for"},
		{"private EC", with(es, "d", "AA"), "not a public key"},
		{"private RSA", with(rs, "d", "AA", "p", "AA"), "not a public key"},
		{"private member that is null", with(es, "d", []any{}), "not a public key"},
		{"symmetric", jwkSet(es.jwk(nil), map[string]any{"kty": "oct", "k": "AA"}), "not a public key"},
		{"symmetric for encryption", jwkSet(es.jwk(nil), map[string]any{"kty": "oct", "k": "AA", "use": "enc"}), "not a public key"},
		{"kid twice", jwkSet(es.jwk(map[string]any{"kid": "k"}), rs.jwk(map[string]any{"kid": "k"})), "stands twice"},
		{"kid is a number", with(es, "kid", 1), "kid is not a string"},
		{"kid is long", with(es, "kid", strings.Repeat("k", 257)), "kid is longer"},
		{"alg of another type", with(es, "alg", "RS256"), "does not fit"},
		{"alg in lower case", with(es, "alg", "es256"), "no key for"},
		{"alg is none", with(es, "alg", "none"), "no key for"},
		{"member twice", `{"keys":[{"kty":"EC","kty":"EC"}]}`, "stands twice"},

		{"RSA of 1024 bits", jwkSet(small.jwk(nil)), "1024 bits"},
		{"RSA of 16384 bits", with(rs, "n", b64(new(big.Int).Lsh(n, 14336).Bytes())), "bits"},
		{"RSA even modulus", with(rs, "n", b64(new(big.Int).Add(n, big.NewInt(1)).Bytes())), "even"},
		{"RSA leading zero", with(rs, "n", b64(append([]byte{0}, n.Bytes()...))), "minimal"},
		{"RSA no modulus", with(rs, "n", nil), "minimal"},
		{"RSA exponent 1", with(rs, "e", "AQ"), "exponent 1"},
		{"RSA exponent 3", with(rs, "e", "Aw"), "exponent 3"},
		{"RSA even exponent", with(rs, "e", "AQAC"), "exponent 65538"},
		{"RSA exponent with leading zero", with(rs, "e", "AAEAAQ"), "minimal"},
		{"RSA exponent of 32 bits", with(rs, "e", "gAAAAQ"), "exponent"},
		{"RSA exponent of 40 bits", with(rs, "e", "AQAAAAE"), "exponent"},
		{"padded", with(rs, "e", "AQAB="), "minimal"},
		{"EC off the curve", with(es, "y", b64(make([]byte, 32))), "does not lie"},
		{"EC short coordinate", with(es, "x", b64(make([]byte, 31))), "32 bytes"},
		{"EC coordinate with unused bits", with(es, "x", strings.Repeat("A", 42)+"B"), "32 bytes"},
		{"EC long coordinate", with(es, "x", b64(make([]byte, 33))), "32 bytes"},
		{"EC another curve's name", with(es, "crv", "P-384", "alg", "ES256"), "does not fit"},
		{"EC coordinate is the field's prime and more", with(es, "x", strings.Repeat("_", 42)+"8"), "does not lie"},
		{"OKP short", with(ed, "x", "AA"), "32 bytes"},
		{"OKP for agreement", with(ed, "crv", "X25519"), "no key for"},
		{"too many keys", jwkSet(slices.Repeat([]map[string]any{es.jwk(nil)}, maxKeySetKeys+1)...), "no array"},
		{"too long", strings.Repeat(" ", maxKeySetBytes) + "{}", "longer than"},
	} {
		keys, err := ParseKeys(test.set, AssertionAlgorithms()...)
		got := fmt.Sprint(err)
		if err == nil {
			var algs []string
			for _, key := range keys.keys {
				algs = append(algs, string(key.alg))
			}
			got = strings.Join(algs, " ")
		}
		if err == nil && got != test.want || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A key without an alg is pinned to the first allowed algorithm that fits, and
// one with an alg that is not allowed is not used.
func TestParseKeysPins(t *testing.T) {
	rs := testKeys()[schema.RS256]
	for _, test := range []struct {
		alg     any
		allowed []schema.SigningAlg
		want    schema.SigningAlg
	}{
		{nil, []schema.SigningAlg{schema.RS256, schema.PS256}, schema.RS256},
		{nil, []schema.SigningAlg{schema.PS256, schema.RS256}, schema.PS256},
		{nil, []schema.SigningAlg{schema.ES256, schema.PS256}, schema.PS256},
		{"RS256", []schema.SigningAlg{schema.PS256, schema.RS256}, schema.RS256},
		{"RS256", []schema.SigningAlg{schema.PS256}, ""},
		{nil, []schema.SigningAlg{schema.ES256}, ""},
		{nil, []schema.SigningAlg{schema.HS256}, ""},
		{nil, nil, ""},
	} {
		keys, err := ParseKeys(jwkSet(rs.jwk(map[string]any{"alg": test.alg})), test.allowed...)
		switch {
		case (err == nil) != (test.want != ""):
			t.Errorf("alg %v, allowed %v: %v", test.alg, test.allowed, err)
		case err == nil && keys.keys[0].alg != test.want:
			t.Errorf("alg %v, allowed %v: pinned to %s", test.alg, test.allowed, keys.keys[0].alg)
		}
	}
}

// RFC 7638 section 3.1, and RFC 8037 appendix A.3.
func TestThumbprint(t *testing.T) {
	for text, want := range map[string]string{
		`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		jwk := must(readObject([]byte(text)))
		key, err := parseJWK(jwk, AssertionAlgorithms())
		if err != nil || key.thumbprint != want {
			t.Errorf("thumbprint %q, %v, want %q", key.thumbprint, err, want)
		}
	}
}

// RFC 7515 appendices A.2 and A.3, and RFC 8037 appendix A.4.
func TestRFCSignatures(t *testing.T) {
	keys, err := ParseKeys(decoyKeys, AssertionAlgorithms()...)
	if err != nil {
		t.Fatal(err)
	}
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for name, token := range map[string]string{
		"7515 A.2": "eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
		"7515 A.3": "eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		"8037 A.4": "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	} {
		c, err := readCompact(token, MaxAssertion)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := verifySignature(&c, []ClientKeys{{Keys: keys}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.signed[len(c.signed)-1] ^= 1
		if _, err := verifySignature(&c, []ClientKeys{{Keys: keys}}); err == nil {
			t.Errorf("%s: verified after a change", name)
		}
	}
}

// The encodings of the points of small order, canonical and not, as libsodium
// lists them, and others that are no points.
func TestWeakEd25519Keys(t *testing.T) {
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		key := must(hex.DecodeString(text))
		if strongEd25519(key) {
			t.Errorf("%s is taken", text)
		}
		if key[31] |= 0x80; strongEd25519(key) {
			t.Errorf("%s with the sign bit is taken", text)
		}
	}
	for range 100 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil || !strongEd25519(public) {
			t.Fatalf("the key %x is refused", public)
		}
	}
	off := 0
	for i := range 200 {
		key := make([]byte, 32)
		key[0], key[1] = byte(i+2), 7
		if !strongEd25519(key) {
			off++
		}
	}
	if off < 60 || off > 140 {
		t.Errorf("%d of 200 values of y are off the curve, not about half", off)
	}
}

func TestKeySelection(t *testing.T) {
	es := testKeys()[schema.ES256]
	set := func(kids ...any) []ClientKeys {
		var sets []ClientKeys
		for i, kid := range kids {
			sets = append(sets, ClientKeys{Label: fmt.Sprint(i), Keys: es.keys(t, map[string]any{"kid": kid})})
		}
		return sets
	}
	for _, test := range []struct {
		name string
		kid  any
		sets []ClientKeys
		want string // the label, or the reason
	}{
		{"kid names the key", "b", set("a", "b"), "1"},
		{"kid before keys without one", "b", set(nil, nil, nil, nil, nil, "b"), "5"},
		{"kid, one nameless key", "x", set("a", nil), "1"},
		{"no kid, two keys", nil, set("a", "b"), "0"},
		{"no kid, four keys", nil, set("a", "b", "c", "d"), "0"},
		{"another kid", "x", set("a", "b"), string(ReasonUnknownKey)},
		{"a prefix of a kid", "a", set("ab"), string(ReasonUnknownKey)},
		{"kid in another case", "A", set("a"), string(ReasonUnknownKey)},
		{"kid is a path", "../a", set("a"), string(ReasonUnknownKey)},
		{"no keys", "a", nil, string(ReasonUnknownKey)},
		{"no kid, five keys", nil, set("a", "b", "c", "d", "e"), string(ReasonAmbiguousKey)},
	} {
		token, err := ReadToken(es.token(map[string]any{"kid": test.kid}, map[string]any{}), MaxAssertion)
		if err != nil {
			t.Fatal(err)
		}
		label, err := verifySignature(&token.compact, test.sets)
		if got := label + string(reasonOf(err)); got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(decoyKeys)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys(text, AssertionAlgorithms()...)
		if err == nil && len(keys.keys) == 0 {
			t.Fatal("no key and no error")
		}
	})
}

func BenchmarkParseKeys(b *testing.B) {
	for _, alg := range AssertionAlgorithms() {
		set := jwkSet(testKeys()[alg].jwk(map[string]any{"alg": string(alg), "kid": "k1", "use": "sig"}))
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseKeys(set, alg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
