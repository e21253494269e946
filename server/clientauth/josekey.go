package clientauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// Limits of a JWK Set. Sets that the server fetches may be longer than those
// that a configuration holds.
const (
	maxKeySetBytes = 1 << 20
	maxKeySetKeys  = 200
	minRSABits     = 2048
	maxRSABits     = 8192
)

// Keys is a set of public keys to verify with. It is immutable.
type Keys struct{ keys []publicKey }

// A publicKey verifies signatures of one algorithm.
type publicKey struct {
	kid        string // "" when it has none
	alg        schema.SigningAlg
	key        crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey on P-256 or ed25519.PublicKey
	thumbprint string           // RFC 7638, SHA-256
}

// errUnusable is a key that belongs in a set but not here: for encryption, of
// an unknown type, for an algorithm that is not allowed (RFC 7517 section 5).
var errUnusable = errors.New("not a key to verify with")

// ParseKeys reads a JWK Set (RFC 7517 section 5) of public keys. Each key is
// pinned to one algorithm: its own alg if it has one, else the first of algs
// that fits it. Keys for anything else are skipped. A set that holds a private
// or symmetric key, a weak or malformed key, a kid twice, or no key that can be
// used is refused whole.
func ParseKeys(jwks string, algs ...schema.SigningAlg) (*Keys, error) {
	if len(jwks) > maxKeySetBytes {
		return nil, fmt.Errorf("key set of %d bytes is longer than %d", len(jwks), maxKeySetBytes)
	}
	set, err := readObject([]byte(jwks))
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	elements, ok := jsonElements(set.get("keys"))
	if !ok || len(elements) > maxKeySetKeys {
		return nil, fmt.Errorf("key set has no array of at most %d keys", maxKeySetKeys)
	}
	keys := new(Keys)
	for i, element := range elements {
		if err := keys.add(element, algs); err != nil {
			return nil, fmt.Errorf("key set: key %d: %w", i+1, err)
		}
	}
	if len(keys.keys) == 0 {
		return nil, fmt.Errorf("key set has no key for %v", algs)
	}
	return keys, nil
}

func (k *Keys) add(element []byte, algs []schema.SigningAlg) error {
	jwk, err := readObject(element)
	if err != nil {
		return err
	}
	key, err := parseJWK(jwk, algs)
	if errors.Is(err, errUnusable) {
		return nil
	}
	if err != nil {
		return err
	}
	if key.kid != "" && slices.ContainsFunc(k.keys, func(other publicKey) bool { return other.kid == key.kid }) {
		return fmt.Errorf("kid %s stands twice", excerpt(key.kid))
	}
	k.keys = append(k.keys, key)
	return nil
}

// parseJWK reads one key and pins it to the algorithm that its alg names, or to
// the first of algs that fits it.
func parseJWK(jwk jsonObject, algs []schema.SigningAlg) (key publicKey, err error) {
	if holdsPrivateKey(jwk) {
		return key, errors.New("not a public key")
	}
	for _, name := range []string{"kty", "alg", "use", "kid", "crv", "n", "e", "x", "y"} {
		if _, ok := jwk.text(name); !ok && jwk.get(name) != nil {
			return key, fmt.Errorf("%s is not a string", name)
		}
	}
	if !forVerifying(jwk) {
		return key, errUnusable
	}
	if key.alg, err = pinnedAlg(jwk, algs); err != nil {
		return key, err
	}
	key.kid, _ = jwk.text("kid")
	if len(key.kid) > maxName {
		return key, fmt.Errorf("kid is longer than %d bytes", maxName)
	}
	key.key, key.thumbprint, err = parseMaterial(jwk)
	return key, err
}

// holdsPrivateKey reports whether the JWK has a member of a private or a
// symmetric key (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
func holdsPrivateKey(jwk jsonObject) bool {
	kty, _ := jwk.text("kty")
	return kty == "oct" || slices.ContainsFunc([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, func(name string) bool {
		return jwk.get(name) != nil
	})
}

// forVerifying reports whether use and key_ops (RFC 7517 sections 4.2 and 4.3)
// allow verification.
func forVerifying(jwk jsonObject) bool {
	if use, ok := jwk.text("use"); ok && use != "sig" {
		return false
	}
	if jwk.get("key_ops") == nil {
		return true
	}
	ops, ok := jwk.texts("key_ops")
	return ok && slices.Contains(ops, "verify")
}

// fitting returns the algorithms of a key's type, none for a type or a curve
// that is not supported.
func fitting(jwk jsonObject) []schema.SigningAlg {
	kty, _ := jwk.text("kty")
	crv, _ := jwk.text("crv")
	switch {
	case kty == "RSA":
		return []schema.SigningAlg{schema.RS256, schema.PS256}
	case kty == "EC" && crv == "P-256":
		return []schema.SigningAlg{schema.ES256}
	case kty == "OKP" && crv == "Ed25519":
		return []schema.SigningAlg{schema.EdDSA}
	}
	return nil
}

func pinnedAlg(jwk jsonObject, allowed []schema.SigningAlg) (schema.SigningAlg, error) {
	fits := fitting(jwk)
	if name, ok := jwk.text("alg"); ok {
		alg, known := signatureAlg(name)
		if known && !slices.Contains(fits, alg) {
			return "", fmt.Errorf("alg %s does not fit the key", excerpt(name))
		}
		if !known || !slices.Contains(allowed, alg) {
			return "", errUnusable
		}
		return alg, nil
	}
	for _, alg := range allowed {
		if slices.Contains(fits, alg) {
			return alg, nil
		}
	}
	return "", errUnusable
}

func parseMaterial(jwk jsonObject) (key crypto.PublicKey, thumbprint string, err error) {
	crv, _ := jwk.text("crv")
	n, _ := jwk.text("n")
	e, _ := jwk.text("e")
	x, _ := jwk.text("x")
	y, _ := jwk.text("y")
	// The members of RFC 7638 section 3.2. The values are canonical base64url
	// once parsed, so that they need no escaping and no encoding of their own.
	switch kty, _ := jwk.text("kty"); kty {
	case "RSA":
		key, err = parseRSA(n, e)
		thumbprint = `{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`
	case "EC":
		key, err = parseP256(x, y)
		thumbprint = `{"crv":"` + crv + `","kty":"EC","x":"` + x + `","y":"` + y + `"}`
	case "OKP":
		key, err = parseEd25519(x)
		thumbprint = `{"crv":"` + crv + `","kty":"OKP","x":"` + x + `"}`
	}
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256([]byte(thumbprint))
	return key, base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func parseRSA(n, e string) (*rsa.PublicKey, error) {
	modulus, ok1 := base64url(n)
	exponent, ok2 := base64url(e)
	if !ok1 || !ok2 || len(modulus) == 0 || modulus[0] == 0 || len(exponent) == 0 || exponent[0] == 0 {
		return nil, errors.New("n and e are not minimal base64url")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus)}
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return nil, fmt.Errorf("RSA modulus of %d bits is not of %d to %d", bits, minRSABits, maxRSABits)
	case key.N.Bit(0) == 0:
		return nil, errors.New("RSA modulus is even")
	case len(exponent) > 4:
		return nil, errors.New("RSA exponent is over 31 bits")
	case hasROCA(key.N):
		return nil, errors.New("RSA modulus has the ROCA weakness (CVE-2017-15361)")
	}
	value := new(big.Int).SetBytes(exponent).Int64()
	if value < 65537 || value%2 == 0 || value > 1<<31-1 {
		return nil, fmt.Errorf("RSA exponent %d is not odd and 65537 to 2147483647", value)
	}
	key.E = int(value)
	return key, nil
}

func parseP256(x, y string) (*ecdsa.PublicKey, error) {
	xb, ok1 := base64url(x)
	yb, ok2 := base64url(y)
	if !ok1 || !ok2 || len(xb) != 32 || len(yb) != 32 {
		return nil, errors.New("x and y are not 32 bytes of base64url")
	}
	point := make([]byte, 0, 65)
	point = append(append(append(point, 4), xb...), yb...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("the point does not lie on P-256")
	}
	return key, nil
}

func parseEd25519(x string) (ed25519.PublicKey, error) {
	b, ok := base64url(x)
	if !ok || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("x is not 32 bytes of base64url")
	}
	if !strongEd25519(b) {
		return nil, errors.New("the point does not lie on Ed25519 or is of small order")
	}
	return ed25519.PublicKey(b), nil
}
