package clientauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// A signer signs tokens in tests: a private key and the algorithm it is for.
type signer struct {
	alg schema.SigningAlg
	key crypto.Signer
}

// testKeys makes one key for each type, once for the whole run.
var testKeys = sync.OnceValue(func() map[schema.SigningAlg]signer {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	// Always the same, so that the fuzz corpora hold tokens that verify.
	ecKey, err2 := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{0x42}, 32))
	p384, err4 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err5 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		panic(err)
	}
	return map[schema.SigningAlg]signer{
		schema.RS256: {schema.RS256, rsaKey}, schema.PS256: {schema.PS256, rsaKey},
		schema.ES256: {schema.ES256, ecKey}, schema.EdDSA: {schema.EdDSA, edKey},
		jose.ES384: {jose.ES384, p384}, jose.ES512: {jose.ES512, p521},
	}
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// signature signs with the algorithm that the caller names, whatever the key
// was made for.
func (s signer) signature(alg schema.SigningAlg, signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	var sig []byte
	var err error
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		if alg == schema.PS256 {
			sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		}
	case *ecdsa.PrivateKey:
		var r, ss *big.Int
		digest, size := sum[:], (key.Curve.Params().BitSize+7)/8
		switch alg {
		case jose.ES384:
			longer := sha512.Sum384([]byte(signed))
			digest = longer[:]
		case jose.ES512:
			longer := sha512.Sum512([]byte(signed))
			digest = longer[:]
		}
		if r, ss, err = ecdsa.Sign(rand.Reader, key, digest); err == nil {
			sig = append(r.FillBytes(make([]byte, size)), ss.FillBytes(make([]byte, size))...)
		}
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, []byte(signed))
	}
	if err != nil {
		panic(err)
	}
	return sig
}

// compact signs any two texts as header and claims.
func (s signer) compact(header, claims []byte) string {
	signed := b64(header) + "." + b64(claims)
	return signed + "." + b64(s.signature(s.alg, signed))
}

// token signs claims under a header of alg and the members given; a nil member
// takes alg out.
func (s signer) token(header, claims map[string]any) string {
	h := map[string]any{"alg": string(s.alg)}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return s.compact(marshal(h), marshal(claims))
}

// jwk is the public key with further members; a nil one takes a member out.
func (s signer) jwk(more map[string]any) map[string]any {
	m := map[string]any{}
	switch key := s.key.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		half := (len(point) - 1) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", key.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(key)
	}
	maps.Copy(m, more)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func jwkSet(keys ...map[string]any) string { return string(marshal(map[string]any{"keys": keys})) }

func (s signer) keys(t testing.TB, more map[string]any) *Keys {
	t.Helper()
	keys, err := ParseKeys(jwkSet(s.jwk(more)), AssertionAlgorithms()...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func reasonOf(err error) Reason {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Reason
	}
	return ""
}

func wantReason(t *testing.T, what string, err error, want Reason) {
	t.Helper()
	if reasonOf(err) != want || !errors.Is(err, ErrRefused) {
		t.Errorf("%s: error %v, want reason %q", what, err, want)
	}
}

func TestReadToken(t *testing.T) {
	es := testKeys()[schema.ES256]
	good := es.token(nil, map[string]any{"iss": "a"})
	parts := strings.Split(good, ".")
	signed := func(header, claims string) string { return es.compact([]byte(header), []byte(claims)) }
	for _, test := range []struct {
		name, token string
		want        Reason
	}{
		{"good", good, ""},
		{"extra header members", signed(`{"alg":"ES256","kid":"k","typ":"JWT","jku":"https://x/","x5u":1,"x5c":[],"jwk":{}}`, `{}`), ""},
		{"whitespace inside JSON", signed(" {\n\"alg\" :\t\"ES256\" }\r\n", ` { } `), ""},
		{"the newer name of EdDSA", signed(`{"alg":"Ed25519"}`, `{}`), ""},

		{"empty", "", ReasonMalformed},
		{"two parts", parts[0] + "." + parts[1], ReasonMalformed},
		{"four parts", good + ".", ReasonMalformed},
		{"five parts, as JWE has", good + ".a.b", ReasonMalformed},
		{"dots only", "..", ReasonMalformed},
		{"no signature", parts[0] + "." + parts[1] + ".", ReasonMalformed},
		{"no header", "." + parts[1] + "." + parts[2], ReasonMalformed},
		{"no claims", parts[0] + ".." + parts[2], ReasonMalformed},
		{"space before", " " + good, ReasonMalformed},
		{"line break after", good + "\n", ReasonMalformed},
		{"line break within", good[:10] + "\r\n" + good[10:], ReasonMalformed},
		{"padding", parts[0] + "." + parts[1] + "==." + parts[2], ReasonMalformed},
		{"standard alphabet", parts[0] + "." + parts[1] + "." + strings.Repeat("+", 86), ReasonMalformed},
		{"unused bits set", parts[0] + "." + b64([]byte(`{} `)) + "x.AB", ReasonMalformed},
		{"JSON serialization", `{"payload":"e30","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ReasonMalformed},
		{"over the limit", good + strings.Repeat("A", MaxAssertion), ReasonTooLarge},
		{"a mebibyte of dots", strings.Repeat(".", 1<<20), ReasonTooLarge},

		{"header is an array", signed(`["alg"]`, `{}`), ReasonMalformed},
		{"header is null", signed(`null`, `{}`), ReasonMalformed},
		{"claims are a string", signed(`{"alg":"ES256"}`, `"x"`), ReasonMalformed},
		{"claims are two objects", signed(`{"alg":"ES256"}`, `{}{}`), ReasonMalformed},
		{"alg twice", signed(`{"alg":"ES256","alg":"ES256"}`, `{}`), ReasonMalformed},
		{"alg twice, escaped", signed(`{"alg":"ES256","\u0061lg":"none"}`, `{}`), ReasonMalformed},
		{"claim twice", signed(`{"alg":"ES256"}`, `{"aud":"a","aud":"b"}`), ReasonMalformed},
		{"claim twice below", signed(`{"alg":"ES256"}`, `{"a":[{"b":{"c":1,"c":2}}]}`), ReasonMalformed},
		{"byte order mark", signed("\ufeff{\"alg\":\"ES256\"}", `{}`), ReasonMalformed},
		{"not UTF-8", signed("{\"alg\":\"ES256\",\"x\":\"\xff\"}", `{}`), ReasonMalformed},
		{"overlong UTF-8", signed("{\"alg\":\"ES256\",\"x\":\"\xc0\xaf\"}", `{}`), ReasonMalformed},
		{"claims not UTF-8", signed(`{"alg":"ES256"}`, "{\"x\":\"\xed\xa0\x80\"}"), ReasonMalformed},
		{"kid is a number", signed(`{"alg":"ES256","kid":1}`, `{}`), ReasonMalformed},
		{"kid is empty", signed(`{"alg":"ES256","kid":""}`, `{}`), ReasonMalformed},
		{"longest kid", signed(`{"alg":"ES256","kid":"`+strings.Repeat("k", 256)+`"}`, `{}`), ""},
		{"kid is long", signed(`{"alg":"ES256","kid":"`+strings.Repeat("k", 257)+`"}`, `{}`), ReasonMalformed},
		{"typ is null", signed(`{"alg":"ES256","typ":null}`, `{}`), ReasonMalformed},

		{"crit", signed(`{"alg":"ES256","crit":["exp"]}`, `{}`), ReasonCriticalHeader},
		{"crit is empty", signed(`{"alg":"ES256","crit":[]}`, `{}`), ReasonCriticalHeader},
		{"crit is null", signed(`{"alg":"ES256","crit":null}`, `{}`), ReasonCriticalHeader},
		{"b64", signed(`{"alg":"ES256","b64":false}`, `{}`), ReasonCriticalHeader},

		{"alg absent", signed(`{"typ":"JWT"}`, `{}`), ReasonMalformed},
		{"alg is an array", signed(`{"alg":["ES256"]}`, `{}`), ReasonMalformed},
		{"alg in capitals only", signed(`{"ALG":"ES256"}`, `{}`), ReasonMalformed},
	} {
		_, err := ReadToken(test.token, MaxAssertion)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		wantReason(t, test.name, err, test.want)
	}
}

func TestAlgorithmNames(t *testing.T) {
	for _, alg := range []string{
		"none", "None", "NONE", "nOnE", "", "HS256", "hs256", "HS384", "HS512", "RS384", "RS512", "PS384", "PS512", "ES521", "es384", "ES512 ",
		"ES256K", "rs256", "Rs256", "RS256 ", " RS256", "RS256\x00", "es256", "eddsa", "EDDSA", "Ed448", "ed25519", "RSA1_5", "RSA-OAEP", "A256GCM", "dir",
	} {
		es := testKeys()[schema.ES256]
		_, err := ReadToken(es.token(map[string]any{"alg": alg}, map[string]any{}), MaxAssertion)
		wantReason(t, fmt.Sprintf("%q", alg), err, ReasonUnsupportedAlgorithm)
	}
}

// Every key verifies tokens of its own algorithm and of no other, whoever made
// the signature and whatever the header claims.
func TestAlgorithmConfusion(t *testing.T) {
	accepted := 0
	for pinned, owner := range testKeys() {
		keys := owner.keys(t, map[string]any{"alg": string(pinned)})
		for named := range testKeys() {
			for signed, by := range testKeys() {
				header := marshal(map[string]any{"alg": string(named)})
				input := b64(header) + "." + b64([]byte("{}"))
				token, err := ReadToken(input+"."+b64(by.signature(signed, input)), MaxAssertion)
				if err != nil {
					t.Fatal(err)
				}
				err = keys.verifySignature(token.JWS)
				if ok := named == pinned && signed == pinned; ok != (err == nil) {
					t.Errorf("key for %s, header %s, signature %s: %v", pinned, named, signed, err)
				}
				if err == nil {
					accepted++
				}
				if key := keys.keys[0]; key.Verify(token.JWS) != (err == nil) {
					t.Errorf("key for %s, header %s, signature %s: the key itself says otherwise", pinned, named, signed)
				}
			}
		}
	}
	if accepted != len(testKeys()) {
		t.Errorf("%d accepted", accepted)
	}
}

// The public key as a shared secret, the oldest confusion of all.
func TestPublicKeyIsNoSecret(t *testing.T) {
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		if _, err := ParseKeys(jwkSet(testKeys()[schema.RS256].jwk(map[string]any{"alg": alg})), AssertionAlgorithms()...); err == nil {
			t.Errorf("an RSA key for %s was taken", alg)
		}
		token := testKeys()[schema.RS256].token(map[string]any{"alg": alg}, map[string]any{})
		_, err := ReadToken(token, MaxAssertion)
		wantReason(t, alg, err, ReasonUnsupportedAlgorithm)
	}
}

// A header that points to keys elsewhere, or brings one, changes nothing: the
// token is checked with the configured key.
func TestKeysInTheHeaderAreNotUsed(t *testing.T) {
	mine, other := testKeys()[schema.ES256], signer{schema.ES256, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	keys := mine.keys(t, map[string]any{"kid": "k"})
	for name, header := range map[string]map[string]any{
		"jwk":          {"jwk": other.jwk(nil)},
		"jwk with kid": {"jwk": other.jwk(map[string]any{"kid": "k"}), "kid": "k"},
		"jku":          {"jku": "http://127.0.0.1:1/jwks.json", "kid": "k"},
		"x5u":          {"x5u": "http://127.0.0.1:1/cert.pem"},
		"x5c":          {"x5c": []string{"MIIB"}},
	} {
		token, err := ReadToken(other.token(header, map[string]any{}), MaxAssertion)
		if err != nil {
			t.Fatal(err)
		}
		err = keys.verifySignature(token.JWS)
		wantReason(t, name, err, ReasonBadSignature)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
