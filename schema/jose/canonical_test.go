package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// members holds one good key of each sort as the members of a JWK.
func members(t *testing.T) map[string]string {
	t.Helper()
	keys := map[string]string{}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys["RSA"] = fmt.Sprintf(`"kty":"RSA","n":%q,"e":"AQAB"`, encode(r.N.Bytes()))
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(p) - 1) / 2
		keys[name] = fmt.Sprintf(`"kty":"EC","crv":%q,"x":%q,"y":%q`, name, encode(p[1:1+half]), encode(p[1+half:]))
	}
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["Ed25519"] = fmt.Sprintf(`"kty":"OKP","crv":"Ed25519","x":%q`, encode(pub))
	return keys
}

func TestCanonicalKeys(t *testing.T) {
	keys := members(t)
	for name, members := range keys {
		single, err := CanonicalKeys("{" + members + "}")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		set, err := CanonicalKeys(` { "keys" : [ {` + members + `, "x5t": "dropped"} ] } `)
		if err != nil || set != single {
			t.Errorf("%s: a key and a set of it differ: %s, %s, %v", name, single, set, err)
		}
		if again, err := CanonicalKeys(set); err != nil || again != set {
			t.Errorf("%s: not canonical: %s, %v", name, again, err)
		}
		var parsed struct{ Keys []map[string]string }
		if err := json.Unmarshal([]byte(set), &parsed); err != nil || len(parsed.Keys) != 1 || parsed.Keys[0]["x5t"] != "" {
			t.Errorf("%s: %s, %v", name, set, err)
		}
	}
	full := `{` + keys["P-256"] + `,"kid":"1","use":"sig","alg":"ES256"}`
	if _, err := CanonicalKeys(`{"keys":[` + full + `,{` + keys["RSA"] + `,"kid":"2","alg":"PS256"}]}`); err != nil {
		t.Error(err)
	}
}

func TestCanonicalKeysRefuses(t *testing.T) {
	keys := members(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	n.SetBit(n, 0, 1)
	zero := encode(make([]byte, 32))
	for name, text := range map[string]string{
		"nothing":          ``,
		"no JSON":          `x`,
		"array":            `[]`,
		"empty object":     `{}`,
		"no keys":          `{"keys":[]}`,
		"keys object":      `{"keys":{}}`,
		"keys null":        `{"keys":null}`,
		"trailing":         `{"keys":[{` + keys["RSA"] + `}]}{}`,
		"duplicate member": `{` + keys["RSA"] + `,"e":"AQAB"}`,
		"duplicate keys":   `{"keys":[],"keys":[{` + keys["RSA"] + `}]}`,
		"duplicate kid":    `{"keys":[{` + keys["RSA"] + `,"kid":"a"},{` + keys["P-256"] + `,"kid":"a"}]}`,
		"symmetric":        `{"kty":"oct","k":"c2VjcmV0"}`,
		"symmetric bare":   `{"kty":"oct"}`,
		"private RSA":      `{` + keys["RSA"] + `,"d":"AQAB"}`,
		"private EC":       `{` + keys["P-256"] + `,"d":"AQAB"}`,
		"mixed":            `{"keys":[{` + keys["RSA"] + `},{"kty":"oct","k":"c2VjcmV0"}]}`,
		"unknown kty":      `{"kty":"AKP"}`,
		"no kty":           `{"n":"AQAB","e":"AQAB"}`,
		"number":           `{` + keys["RSA"] + `,"kid":1}`,
		"RSA 1024":         `{"kty":"RSA","e":"AQAB","n":"` + encode(small.N.Bytes()) + `"}`,
		"RSA huge":         `{"kty":"RSA","e":"AQAB","n":"` + encode(append([]byte{0x80}, make([]byte, 1200)...)) + `"}`,
		"RSA even":         `{"kty":"RSA","e":"AQAB","n":"` + encode(new(big.Int).SetBit(n, 0, 0).Bytes()) + `"}`,
		"exponent 3":       strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `"Aw"`, 1),
		"exponent even":    strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `"AQAC"`, 1),
		"exponent long":    strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `"AQAAAAAB"`, 1),
		"exponent zeros":   strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `"AAEAAQ"`, 1),
		"no exponent":      strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `""`, 1),
		"padded":           strings.Replace(`{`+keys["RSA"]+`}`, `"AQAB"`, `"AQAB=="`, 1),
		"off curve":        `{"kty":"EC","crv":"P-256","x":"` + zero + `","y":"` + zero + `"}`,
		"short point":      `{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`,
		"other curve":      strings.Replace(`{`+keys["P-256"]+`}`, "P-256", "secp256k1", 1),
		"wrong curve":      strings.Replace(`{`+keys["P-256"]+`}`, "P-256", "P-384", 1),
		"X25519":           strings.Replace(`{`+keys["Ed25519"]+`}`, "Ed25519", "X25519", 1),
		"short Ed25519":    `{"kty":"OKP","crv":"Ed25519","x":"AQ"}`,
		"encryption":       `{` + keys["RSA"] + `,"use":"enc"}`,
		"alg of another":   `{` + keys["P-256"] + `,"alg":"RS256"}`,
		"alg of curve":     `{` + keys["P-256"] + `,"alg":"ES384"}`,
		"alg HS256":        `{` + keys["RSA"] + `,"alg":"HS256"}`,
		"alg none":         `{` + keys["RSA"] + `,"alg":"none"}`,
		"long kid":         `{` + keys["RSA"] + `,"kid":"` + strings.Repeat("a", 257) + `"}`,
		"too many":         `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`,
		"too long":         `{"a":"` + strings.Repeat("a", MaxKeySetBytes) + `"}`,
	} {
		if got, err := CanonicalKeys(text); err == nil {
			t.Errorf("%s passes: %s", name, got)
		}
	}
}

func TestROCA(t *testing.T) {
	// A modulus with the fingerprint: a power of 65537 modulo every small prime.
	n := new(big.Int).Exp(big.NewInt(65537), big.NewInt(127), nil)
	if !hasROCA(n) {
		t.Error("a power of 65537 is not recognised")
	}
	if hasROCA(new(big.Int).Add(n, big.NewInt(2))) {
		t.Error("its neighbour is")
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if hasROCA(r.N) {
		t.Error("a sound modulus is")
	}
}

func TestCanonicalPEM(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block := func(typ string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	pkix := func(key any) string {
		der, err := x509.MarshalPKIXPublicKey(key)
		return block("PUBLIC KEY", der, err)
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &e.PublicKey, e)
	for name, text := range map[string]string{
		"RSA": pkix(&r.PublicKey), "EC": pkix(&e.PublicKey), "Ed25519": pkix(pub),
		"PKCS1":       block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&r.PublicKey), nil),
		"certificate": block("CERTIFICATE", certificate, err),
		"two":         pkix(&r.PublicKey) + pkix(&e.PublicKey) + "\n",
	} {
		set, err := CanonicalPEM(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := CanonicalKeys(set); err != nil || again != set {
			t.Errorf("%s: not canonical: %s, %v", name, set, err)
		}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	for name, text := range map[string]string{
		"nothing": "", "text": "x", "private": block("PRIVATE KEY", pkcs8, err), "P-224": pkix(&small.PublicKey),
		"malformed": block("PUBLIC KEY", []byte("x"), nil), "other": block("MESSAGE", []byte("x"), nil), "trailing": pkix(pub) + "x",
		"private after": pkix(pub) + block("RSA PRIVATE KEY", []byte("x"), nil), "too long": strings.Repeat("a", MaxKeySetBytes+1),
	} {
		if got, err := CanonicalPEM(text); err == nil {
			t.Errorf("%s passes: %s", name, got)
		}
	}
}

func FuzzCanonicalKeys(f *testing.F) {
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	f.Add(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`)
	f.Add(`{"kty":"oct","k":"AA"}`)
	f.Fuzz(func(t *testing.T, text string) {
		set, err := CanonicalKeys(text)
		if err != nil {
			return
		}
		if again, err := CanonicalKeys(set); err != nil || again != set {
			t.Errorf("%q gives %q, which gives %q, %v", text, set, again, err)
		}
		if strings.Contains(set, `"d"`) || strings.Contains(set, `"k":`) {
			t.Errorf("%q gives %q", text, set)
		}
	})
}
