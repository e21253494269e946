package jose

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// A testKey is a private key whose public half tests look at.
type testKey struct{ private crypto.Signer }

func newTestKey(alg Alg) testKey { return testKey{must(alg.Generate(rand.Reader, MinRSABits))} }

// jwk is the public key with further members; a nil one takes a member out.
func (k testKey) jwk(more map[string]any) map[string]any {
	_, j, _ := describe(k.private.Public())
	m := map[string]any{}
	if err := json.Unmarshal(j.required(), &m); err != nil {
		panic(err)
	}
	maps.Copy(m, more)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func jwkSet(keys ...map[string]any) string { return string(marshal(map[string]any{"keys": keys})) }

func marshal(v any) []byte { return must(json.Marshal(v)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// rfcKeys are the public keys of RFC 7515 appendices A.2 and A.3 and of RFC 8037
// appendix A.2.
const rfcKeys = `{"keys":[
{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"},
{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func TestParseKeys(t *testing.T) {
	rs, es, ed := newTestKey(RS256), newTestKey(ES256), newTestKey(EdDSA)
	with := func(s testKey, members ...any) string {
		more := map[string]any{}
		for i := 0; i < len(members); i += 2 {
			more[members[i].(string)] = members[i+1]
		}
		return jwkSet(s.jwk(more))
	}
	small := testKey{must(rsa.GenerateKey(rand.Reader, 1024))}
	n := rs.private.Public().(*rsa.PublicKey).N
	for _, test := range []struct {
		name, set string
		want      string // the algorithms of the keys, or a part of the error
	}{
		{"each type", jwkSet(rs.jwk(nil), es.jwk(nil), ed.jwk(nil)), "RS256 ES256 EdDSA"},
		{"alg given", jwkSet(rs.jwk(map[string]any{"alg": "PS256"}), ed.jwk(map[string]any{"alg": "Ed25519"})), "PS256 EdDSA"},
		{"use, key_ops, unknown members", with(es, "use", "sig", "key_ops", []string{"verify", "sign"}, "x5c", []string{"MIIB"}, "exp", 1), "ES256"},
		{"others are skipped", jwkSet(
			es.jwk(nil), rs.jwk(map[string]any{"use": "enc"}), rs.jwk(map[string]any{"alg": "RSA-OAEP"}), es.jwk(map[string]any{"key_ops": []string{"sign"}}),
			map[string]any{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, map[string]any{"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}), "ES256"},
		{"RSA of 8192 bits", with(rs, "n", encode(new(big.Int).Add(new(big.Int).Lsh(n, 6144), big.NewInt(1)).Bytes())), "RS256"},
		{"the largest RSA exponent", with(rs, "e", "f____w"), "RS256"},
		{"two keys without kid", jwkSet(es.jwk(nil), es.jwk(nil)), "ES256 ES256"},

		{"not JSON", "keys", "not a JSON object"},
		{"members twice", `{"keys":[],"keys":[]}`, "stands twice"},
		{"a bare key", string(marshal(es.jwk(nil))), "no array"},
		{"keys is an object", `{"keys":{}}`, "no array"},
		{"no key", `{"keys":[]}`, "no key for"},
		{"a key is a string", `{"keys":["x"]}`, "not a JSON object"},
		{"none usable", with(es, "use", "enc"), "no key for"},
		{"private EC", with(es, "d", "AA"), "private or symmetric"},
		{"private RSA", with(rs, "d", "AA", "p", "AA"), "private or symmetric"},
		{"private member that is null", with(es, "d", []any{}), "private or symmetric"},
		{"symmetric", jwkSet(es.jwk(nil), map[string]any{"kty": "oct", "k": "AA"}), "private or symmetric"},
		{"symmetric for encryption", jwkSet(es.jwk(nil), map[string]any{"kty": "oct", "k": "AA", "use": "enc"}), "private or symmetric"},
		{"kid twice", jwkSet(es.jwk(map[string]any{"kid": "k"}), rs.jwk(map[string]any{"kid": "k"})), "stands twice"},
		{"kid is a number", with(es, "kid", 1), `"kid" that is not a string`},
		{"kid is long", with(es, "kid", strings.Repeat("k", 257)), "kid of 257 bytes"},
		{"alg of another type", with(es, "alg", "RS256"), "does not fit"},
		{"alg in lower case", with(es, "alg", "es256"), "no key for"},
		{"alg is none", with(es, "alg", "none"), "no key for"},
		{"member twice", `{"keys":[{"kty":"EC","kty":"EC"}]}`, "stands twice"},

		{"RSA of 1024 bits", jwkSet(small.jwk(nil)), "1024 bits"},
		{"RSA of 16384 bits", with(rs, "n", encode(new(big.Int).Lsh(n, 14336).Bytes())), "bits"},
		{"RSA even modulus", with(rs, "n", encode(new(big.Int).Add(n, big.NewInt(1)).Bytes())), "even"},
		{"RSA leading zero", with(rs, "n", encode(append([]byte{0}, n.Bytes()...))), "without leading zeros"},
		{"RSA no modulus", with(rs, "n", nil), "without leading zeros"},
		{"RSA exponent 1", with(rs, "e", "AQ"), "exponent 1"},
		{"RSA exponent 3", with(rs, "e", "Aw"), "exponent 3"},
		{"RSA even exponent", with(rs, "e", "AQAC"), "exponent 65538"},
		{"RSA exponent with leading zero", with(rs, "e", "AAEAAQ"), "without leading zeros"},
		{"RSA exponent of 32 bits", with(rs, "e", "gAAAAQ"), "exponent"},
		{"RSA exponent of 40 bits", with(rs, "e", "AQAAAAE"), "exponent"},
		{"padded", with(rs, "e", "AQAB="), "without leading zeros"},
		{"EC off the curve", with(es, "y", encode(make([]byte, 32))), "does not lie"},
		{"EC short coordinate", with(es, "x", encode(make([]byte, 31))), "32 bytes"},
		{"EC coordinate with unused bits", with(es, "x", strings.Repeat("A", 42)+"B"), "32 bytes"},
		{"EC long coordinate", with(es, "x", encode(make([]byte, 33))), "32 bytes"},
		{"EC another curve's name", with(es, "crv", "P-384", "alg", "ES256"), "does not fit"},
		{"EC coordinate is the field's prime and more", with(es, "x", strings.Repeat("_", 42)+"8"), "does not lie"},
		{"OKP short", with(ed, "x", "AA"), "32 bytes"},
		{"OKP for agreement", with(ed, "crv", "X25519"), "no key for"},
		{"too many keys", jwkSet(slices.Repeat([]map[string]any{es.jwk(nil)}, maxFetchedKeys+1)...), "no array"},
		{"too long", strings.Repeat(" ", MaxFetchedKeySetBytes) + "{}", "longer than"},
	} {
		keys, err := ParseKeys(test.set, Algs(Assertions)...)
		got := fmt.Sprint(err)
		if err == nil {
			var algs []string
			for _, key := range keys {
				algs = append(algs, string(key.Alg))
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
	rs := newTestKey(RS256)
	for _, test := range []struct {
		alg     any
		allowed []Alg
		want    Alg
	}{
		{nil, []Alg{RS256, PS256}, RS256},
		{nil, []Alg{PS256, RS256}, PS256},
		{nil, []Alg{ES256, PS256}, PS256},
		{"RS256", []Alg{PS256, RS256}, RS256},
		{"RS256", []Alg{PS256}, ""},
		{nil, []Alg{ES256}, ""},
		{nil, []Alg{HS256}, ""},
		{nil, nil, ""},
	} {
		keys, err := ParseKeys(jwkSet(rs.jwk(map[string]any{"alg": test.alg})), test.allowed...)
		switch {
		case (err == nil) != (test.want != ""):
			t.Errorf("alg %v, allowed %v: %v", test.alg, test.allowed, err)
		case err == nil && keys[0].Alg != test.want:
			t.Errorf("alg %v, allowed %v: pinned to %s", test.alg, test.allowed, keys[0].Alg)
		}
	}
}

// RFC 7638 section 3.1, and RFC 8037 appendix A.3.
func TestThumbprint(t *testing.T) {
	for text, want := range map[string]string{
		`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		key, err := ParseKey([]byte(text), Algs(Assertions)...)
		if err != nil || key.Thumbprint != want {
			t.Errorf("thumbprint %q, %v, want %q", key.Thumbprint, err, want)
		}
	}
}

// RFC 7515 appendices A.2 and A.3, and RFC 8037 appendix A.4.
func TestRFCSignatures(t *testing.T) {
	keys, err := ParseKeys(rfcKeys, Algs(Assertions)...)
	if err != nil {
		t.Fatal(err)
	}
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for name, token := range map[string]string{
		"7515 A.2": "eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
		"7515 A.3": "eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		"8037 A.4": "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	} {
		c, err := Parse(token, maxToken, Assertions)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := verifyWith(c, keys); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Input[len(c.Input)-1] ^= 1
		if err := verifyWith(c, keys); err == nil {
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
		if checkEd25519(key) == nil {
			t.Errorf("%s is taken", text)
		}
		if key[31] |= 0x80; checkEd25519(key) == nil {
			t.Errorf("%s with the sign bit is taken", text)
		}
	}
	for range 100 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil || checkEd25519(public) != nil {
			t.Fatalf("the key %x is refused", public)
		}
	}
	off := 0
	for i := range 200 {
		key := make([]byte, 32)
		key[0], key[1] = byte(i+2), 7
		if checkEd25519(key) != nil {
			off++
		}
	}
	if off < 60 || off > 140 {
		t.Errorf("%d of 200 values of y are off the curve, not about half", off)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(rfcKeys)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys(text, Algs(Assertions)...)
		if err == nil && len(keys) == 0 {
			t.Fatal("no key and no error")
		}
	})
}
