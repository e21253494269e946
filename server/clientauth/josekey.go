package clientauth

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// Limits of a JWK Set. Sets that the server fetches may be longer than those
// that a configuration holds.
const (
	maxKeySetBytes = 1 << 20
	maxKeySetKeys  = 200
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

// Len is the number of keys.
func (k *Keys) Len() int { return len(k.keys) }

func (k *Keys) add(element []byte, algs []schema.SigningAlg) error {
	object, err := readObject(element)
	if err != nil {
		return err
	}
	key, err := parseJWK(object, algs)
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

// A jwk holds the members of a JSON Web Key that bear on verification; one that
// is absent is nil.
type jwk struct {
	kty, alg, use, kid, crv, n, e, x, y *string

	keyOps []string
	hasOps bool
}

// readJWK takes the members out of the object. It refuses a key with a member
// of a private or a symmetric key (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
func readJWK(object jsonObject) (k jwk, err error) {
	for _, m := range object {
		var to **string
		switch string(m.name) {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
			return k, errors.New("not a public key")
		case "key_ops":
			k.keyOps, k.hasOps = object.texts("key_ops")
			if !k.hasOps {
				return k, errors.New("key_ops is not an array of strings")
			}
		case "kty":
			to = &k.kty
		case "alg":
			to = &k.alg
		case "use":
			to = &k.use
		case "kid":
			to = &k.kid
		case "crv":
			to = &k.crv
		case "n":
			to = &k.n
		case "e":
			to = &k.e
		case "x":
			to = &k.x
		case "y":
			to = &k.y
		}
		if to == nil {
			continue
		}
		text, ok := jsonText(m.value)
		if !ok {
			return k, fmt.Errorf("%s is not a string", m.name)
		}
		*to = &text
	}
	if is(k.kty, "oct") {
		return k, errors.New("not a public key")
	}
	return k, nil
}

func is(member *string, value string) bool { return member != nil && *member == value }

func orEmpty(member *string) string {
	if member == nil {
		return ""
	}
	return *member
}

// parseJWK reads one key and pins it to the algorithm that its alg names, or to
// the first of algs that fits it.
func parseJWK(object jsonObject, algs []schema.SigningAlg) (key publicKey, err error) {
	k, err := readJWK(object)
	if err != nil {
		return key, err
	}
	if !k.forVerifying() {
		return key, errUnusable
	}
	if key.alg, err = k.pinnedAlg(algs); err != nil {
		return key, err
	}
	if key.kid = orEmpty(k.kid); len(key.kid) > maxName {
		return key, fmt.Errorf("kid is longer than %d bytes", maxName)
	}
	key.key, key.thumbprint, err = k.material()
	return key, err
}

// forVerifying reports whether use and key_ops (RFC 7517 sections 4.2 and 4.3)
// allow verification.
func (k *jwk) forVerifying() bool {
	return (k.use == nil || *k.use == "sig") && (!k.hasOps || slices.Contains(k.keyOps, "verify"))
}

// fits reports whether the algorithm is one of the key's type. No algorithm
// fits a type or a curve that is not supported.
func (k *jwk) fits(alg schema.SigningAlg) bool {
	switch alg {
	case schema.RS256, schema.PS256:
		return is(k.kty, "RSA")
	case schema.ES256:
		return is(k.kty, "EC") && is(k.crv, "P-256")
	case schema.EdDSA:
		return is(k.kty, "OKP") && is(k.crv, "Ed25519")
	}
	return false
}

func (k *jwk) pinnedAlg(allowed []schema.SigningAlg) (schema.SigningAlg, error) {
	if k.alg != nil {
		alg, known := signatureAlg(*k.alg)
		if known && !k.fits(alg) {
			return "", fmt.Errorf("alg %s does not fit the key", excerpt(*k.alg))
		}
		if !known || !slices.Contains(allowed, alg) {
			return "", errUnusable
		}
		return alg, nil
	}
	if i := slices.IndexFunc(allowed, k.fits); i >= 0 {
		return allowed[i], nil
	}
	return "", errUnusable
}

// material parses the key itself, of a type that fits has found.
func (k *jwk) material() (key crypto.PublicKey, thumbprint string, err error) {
	n, e, x, y := orEmpty(k.n), orEmpty(k.e), orEmpty(k.x), orEmpty(k.y)
	// The members of RFC 7638 section 3.2. The values are canonical base64url
	// once parsed, so that they need no escaping and no encoding of their own.
	switch *k.kty {
	case "RSA":
		key, err = parseRSA(n, e)
		thumbprint = `{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`
	case "EC":
		key, err = parseP256(x, y)
		thumbprint = `{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`
	case "OKP":
		key, err = parseEd25519(x)
		thumbprint = `{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`
	}
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256([]byte(thumbprint))
	return key, base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
