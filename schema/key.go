package schema

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// Limits of a set of public keys.
const (
	MaxKeySetBytes = 64 << 10 // bytes of its JSON, 64 KiB
	MaxKeys        = 100      // keys in it
	MaxKeysInAll   = 200_000  // keys of all sets of a configuration, equal sets once
	minRSABits     = 2048
	maxRSABits     = 8192
)

// A jwk is a public key (RFC 7517 section 4), its members in the order of their
// names, which makes the encoding canonical.
type jwk struct {
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kid string `json:"kid,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	Use string `json:"use,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// ParseJWKS checks a JWK or a JWK Set (RFC 7517) and returns it as the
// canonical JSON of a set, with the members that verification needs and no
// others. It refuses private and symmetric keys, RSA under 2048 bits or with
// the ROCA weakness, points off their curve, a kid that stands twice, and what
// is not for signatures.
func ParseJWKS(text string) (canonical string, err error) {
	if len(text) > MaxKeySetBytes {
		return "", fmt.Errorf("key set has %d bytes: it may have %d", len(text), MaxKeySetBytes)
	}
	members, err := decodeUnique([]byte(text))
	if err != nil {
		return "", fmt.Errorf("key set is not JSON: %w", err)
	}
	raw := []json.RawMessage{json.RawMessage(text)}
	if keys, isSet := members["keys"]; isSet {
		raw = nil
		if json.Unmarshal(keys, &raw) != nil {
			return "", errors.New(`key set has "keys" that is not an array: write {"keys":[...]}`)
		}
	}
	if len(raw) == 0 || len(raw) > MaxKeys {
		return "", fmt.Errorf("key set has %d keys: it must have 1 to %d", len(raw), MaxKeys)
	}
	return canonicalKeys(raw)
}

// NumKeys is the number of keys in a set that ParseJWKS or ParsePEM has returned.
func NumKeys(canonical string) int {
	return strings.Count(canonical, `"kty":`) // once a key; a quotation mark in a value stands escaped
}

func canonicalKeys(raw []json.RawMessage) (string, error) {
	var set jwkSet
	seen := map[string]bool{}
	for i, r := range raw {
		k, err := parseJWK(r)
		if err != nil {
			return "", fmt.Errorf("key %d %w", i+1, err)
		}
		if k.Kid != "" && seen[k.Kid] {
			return "", fmt.Errorf("key %d has the kid %q of another key: give each its own", i+1, k.Kid)
		}
		seen[k.Kid] = true
		set.Keys = append(set.Keys, k)
	}
	return encodeKeys(set)
}

func encodeKeys(set jwkSet) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(set); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// parseJWK checks one key. Its errors follow the words "key 1".
func parseJWK(raw json.RawMessage) (jwk, error) {
	members, err := decodeUnique(raw)
	if err != nil {
		return jwk{}, fmt.Errorf("is not a JSON object: %w", err)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, found := members[private]; found {
			return jwk{}, fmt.Errorf("holds a private or symmetric key (%q): replace that key, since it has been in a file, and put only the public one here", private)
		}
	}
	var k jwk
	for name, to := range map[string]*string{
		"alg": &k.Alg, "crv": &k.Crv, "e": &k.E, "kid": &k.Kid, "kty": &k.Kty, "n": &k.N, "use": &k.Use, "x": &k.X, "y": &k.Y,
	} {
		if value, found := members[name]; found && json.Unmarshal(value, to) != nil {
			return jwk{}, fmt.Errorf("has a member %q that is not a string", name)
		}
	}
	if len(k.Kid) > 256 {
		return jwk{}, fmt.Errorf("has a kid of %d bytes: it may have 256", len(k.Kid))
	}
	if k.Use != "" && k.Use != "sig" {
		return jwk{}, fmt.Errorf("is for use %q: only keys for signatures belong here, take it out", k.Use)
	}
	return k, k.check()
}

func (k jwk) check() error {
	var algs string
	var err error
	switch k.Kty {
	case "RSA":
		algs, err = "RS256 RS384 RS512 PS256 PS384 PS512", checkRSA(k.N, k.E)
	case "EC":
		algs, err = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[k.Crv], checkEC(k.Crv, k.X, k.Y)
	case "OKP":
		algs, err = "EdDSA Ed25519", checkOKP(k.Crv, k.X)
	case "oct":
		return errors.New("is symmetric (kty \"oct\"): only public keys belong here")
	default:
		return fmt.Errorf("has kty %q: it must be RSA, EC or OKP", k.Kty)
	}
	if err == nil && k.Alg != "" && !hasWord(algs, k.Alg) {
		err = fmt.Errorf("has alg %q, which does not fit it: leave alg out or write one of %s", k.Alg, algs)
	}
	return err
}

func hasWord(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}

func checkRSA(n, e string) error {
	nb, err1 := decodeBase64URL(n)
	eb, err2 := decodeBase64URL(e)
	if err1 != nil || err2 != nil || len(nb) == 0 || len(eb) == 0 || nb[0] == 0 || eb[0] == 0 {
		return errors.New("must have n and e in unpadded base64url without leading zeros")
	}
	if len(eb) > 4 {
		return errors.New("has an exponent over 32 bits: make a key with the exponent 65537")
	}
	return checkRSANumbers(new(big.Int).SetBytes(nb), new(big.Int).SetBytes(eb).Int64())
}

func checkRSANumbers(n *big.Int, e int64) error {
	switch bits := n.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("is RSA of %d bits: it must have %d to %d", bits, minRSABits, maxRSABits)
	case n.Bit(0) == 0:
		return errors.New("has an even RSA modulus, which is no key")
	case e < 65537 || e%2 == 0 || e > 1<<31-1:
		return fmt.Errorf("has the RSA exponent %d: it must be odd and at least 65537", e)
	case HasROCA(n):
		return errors.New("has the ROCA weakness (CVE-2017-15361) and can be factored: make a new key")
	}
	return nil
}

// HasROCA recognises moduli whose primes a flawed library made as powers of
// 65537 modulo the product of many small primes. A sound modulus passes for one
// with a chance under one in a hundred million, and nearly always within the first
// few primes.
func HasROCA(n *big.Int) bool {
	var rest, prime big.Int
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
		107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		r := rest.Mod(n, prime.SetInt64(p)).Int64()
		if !isPowerOf65537(r, p) {
			return false
		}
	}
	return true
}

func isPowerOf65537(r, p int64) bool {
	power := int64(1)
	for range p {
		if power == r {
			return true
		}
		power = power * 65537 % p
	}
	return false
}

func checkEC(crv, x, y string) error {
	curve, size := ecdh.Curve(nil), 0
	switch crv {
	case "P-256":
		curve, size = ecdh.P256(), 32
	case "P-384":
		curve, size = ecdh.P384(), 48
	case "P-521":
		curve, size = ecdh.P521(), 66
	default:
		return fmt.Errorf("has crv %q: it must be P-256, P-384 or P-521", crv)
	}
	xb, err1 := decodeBase64URL(x)
	yb, err2 := decodeBase64URL(y)
	if err1 != nil || err2 != nil || len(xb) != size || len(yb) != size {
		return fmt.Errorf("must have x and y of %d bytes in unpadded base64url", size)
	}
	// NewPublicKey checks that the point lies on the curve.
	if _, err := curve.NewPublicKey(append(append([]byte{4}, xb...), yb...)); err != nil {
		return fmt.Errorf("is a point that does not lie on %s", crv)
	}
	return nil
}

func checkOKP(crv, x string) error {
	if crv != "Ed25519" {
		return fmt.Errorf("has crv %q: it must be Ed25519", crv)
	}
	if b, err := decodeBase64URL(x); err != nil || len(b) != ed25519.PublicKeySize {
		return errors.New("must have x of 32 bytes in unpadded base64url")
	}
	return nil
}

func decodeBase64URL(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// decodeUnique decodes one JSON object and refuses a member that stands twice
// (RFC 7517 section 4), as well as anything after the object.
func decodeUnique(text []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it must be an object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errors.New("it is malformed")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("it is malformed")
		}
		if _, twice := members[name.(string)]; twice {
			return nil, fmt.Errorf("member %q stands twice", name)
		}
		members[name.(string)] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("it is malformed")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}
