package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Limits of a JWK Set. One that the server fetches, or finds in a snapshot, may be
// longer than one that a configuration holds.
const (
	MaxKeySetBytes        = 64 << 10 // bytes of a configuration's set, 64 KiB
	MaxKeys               = 100      // keys in it
	MaxFetchedKeySetBytes = 1 << 20
	maxFetchedKeys        = 200
	maxKID                = 256 // bytes
)

// A PublicKey is a key that has been checked: its type, its strength, and that its point is on
// the curve. It is shared by goroutines and must not be changed.
type PublicKey struct {
	KID        string           // "" when it has none
	Alg        Alg              // the one algorithm that it verifies; "" when ReadKeys found none
	Key        crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	Thumbprint string           // RFC 7638, SHA-256
}

// Verify reports whether the key signed the token. The token's alg must be the key's.
func (k *PublicKey) Verify(t *JWS) bool {
	return t.Alg == k.Alg && k.Alg.Verify(k.Key, t.Input, t.Signature)
}

// ParseKeys reads a JWK Set (RFC 7517 section 5) of public keys. Each key is pinned
// to one algorithm: its own alg if it has one, else the first of algs that fits it.
// Keys for anything else are skipped. A set that holds a private or symmetric key, a
// weak or malformed key, a kid twice, or no key that can be used is refused whole.
func ParseKeys(set string, algs ...Alg) ([]PublicKey, error) {
	keys, err := readKeys(set, func(k *jwk) (Alg, error) { return k.pin(algs) })
	if err == nil && len(keys) == 0 {
		return nil, fmt.Errorf("key set has no key for %v", algs)
	}
	return keys, err
}

// ReadKeys reads a JWK Set as ParseKeys does, but pins no key to an algorithm that
// it does not name, and takes a set without keys.
func ReadKeys(set string) ([]PublicKey, error) {
	return readKeys(set, func(k *jwk) (Alg, error) {
		if k.Alg == "" {
			return "", nil
		}
		return find(k.Alg).name, nil
	})
}

// readKeys reads a set; pin finds the algorithm of each key. A key that cannot be used is
// skipped, as RFC 7517 section 5 asks, and anything else that is wrong refuses the set.
func readKeys(set string, pin func(*jwk) (Alg, error)) (keys []PublicKey, err error) {
	if len(set) > MaxFetchedKeySetBytes {
		return nil, fmt.Errorf("key set of %d bytes is longer than %d", len(set), MaxFetchedKeySetBytes)
	}
	object, err := ReadObject([]byte(set))
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	elements, ok := Elements(object.Get("keys"))
	if !ok || len(elements) > maxFetchedKeys {
		return nil, fmt.Errorf("key set has no array of at most %d keys", maxFetchedKeys)
	}
	for i, element := range elements {
		key, err := parseKey(element, pin)
		if err == nil && key.KID != "" && slices.ContainsFunc(keys, func(k PublicKey) bool { return k.KID == key.KID }) {
			err = fmt.Errorf("has a kid that stands twice, %+.64q", key.KID)
		}
		switch {
		case err == nil:
			keys = append(keys, key)
		case !isUnusable(err):
			return nil, fmt.Errorf("key set: key %d %w", i+1, err)
		}
	}
	return keys, nil
}

// ParseKey reads one public key and pins it as ParseKeys does. Its errors follow the
// word "key".
func ParseKey(object []byte, algs ...Alg) (PublicKey, error) {
	return parseKey(object, func(k *jwk) (Alg, error) { return k.pin(algs) })
}

// parseKey reads one key. The thumbprint comes last, because only checked members are
// canonical: two spellings of one key must not have two thumbprints.
func parseKey(object []byte, pin func(*jwk) (Alg, error)) (key PublicKey, err error) {
	k, t, err := readJWK(object)
	if err != nil {
		return key, err
	}
	key.KID = k.KID
	if key.Alg, err = pin(&k); err != nil {
		return key, err
	}
	if key.Key, err = t.material(&k); err != nil {
		return key, err
	}
	key.Thumbprint = k.thumbprint()
	return key, nil
}

// CanonicalKeys checks a JWK or a JWK Set (RFC 7517) and returns it as the canonical
// JSON of a set, with the members that verification needs and no others. Unlike
// ParseKeys it refuses a key that is not for signatures, and takes keys for every
// registered algorithm of their type.
func CanonicalKeys(text string) (canonical string, err error) {
	if len(text) > MaxKeySetBytes {
		return "", fmt.Errorf("key set has %d bytes: it may have %d", len(text), MaxKeySetBytes)
	}
	object, err := ReadObject([]byte(text))
	if err != nil {
		return "", fmt.Errorf("key set: %w", err)
	}
	elements := [][]byte{[]byte(text)}
	if raw := object.Get("keys"); raw != nil {
		var ok bool
		if elements, ok = Elements(raw); !ok {
			return "", errors.New(`key set has "keys" that is not an array: write {"keys":[...]}`)
		}
	}
	if len(elements) == 0 || len(elements) > MaxKeys {
		return "", fmt.Errorf("key set has %d keys: it must have 1 to %d", len(elements), MaxKeys)
	}
	keys := make([]jwk, 0, len(elements))
	for i, element := range elements {
		k, t, err := readJWK(element)
		if err == nil {
			_, err = t.material(&k)
		}
		if err != nil {
			return "", fmt.Errorf("key %d %w", i+1, err)
		}
		if k.KID != "" && slices.ContainsFunc(keys, func(other jwk) bool { return other.KID == k.KID }) {
			return "", fmt.Errorf("key %d has the kid %q of another key: give each its own", i+1, k.KID)
		}
		keys = append(keys, k)
	}
	return encodeKeys(keys)
}

// NumKeys returns the number of keys in a set that CanonicalKeys or CanonicalPEM has returned.
// It parses nothing, because a configuration may have very many sets.
func NumKeys(canonical string) int {
	return strings.Count(canonical, `"kty":`) // once a key; a quotation mark in a value stands escaped
}

// encodeKeys writes a set in its canonical form: members sorted by name, no white space, and
// no escapes that JSON does not require. Two sets with equal keys are then equal as texts.
func encodeKeys(keys []jwk) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string][]jwk{"keys": keys}); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// A jwk holds the members of a public key (RFC 7517 section 4) that bear on
// verification, in the order of their names, which makes the encoding canonical. An
// empty one counts as absent.
type jwk struct {
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	KID string `json:"kid,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	Use string `json:"use,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// An unusable key belongs in a set, but is not one to verify with: for encryption,
// of an unknown type, for an algorithm that is not allowed (RFC 7517 section 5).
type unusable struct{ error }

// isUnusable reports whether a key was refused only for what it is not meant for.
func isUnusable(err error) bool {
	_, ok := errors.AsType[unusable](err)
	return ok
}

// readJWK takes the members out of the object and finds the type of the key. It
// refuses a member of a private or a symmetric key (RFC 7518 sections 6.2.2, 6.3.2
// and 6.4). The key's own numbers are not looked at yet.
func readJWK(text []byte) (k jwk, t *keyType, err error) {
	object, err := ReadObject(text)
	if err != nil {
		return k, nil, fmt.Errorf("is refused: %w", err)
	}
	verifies := true
	for _, m := range object {
		var to *string
		switch string(m.Name) {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
			return k, nil, fmt.Errorf("holds a private or symmetric key (%q): replace that key, since it has been in a file, and put only the public one here", m.Name)
		case "key_ops": // RFC 7517 section 4.3
			operations, ok := object.Texts("key_ops")
			if !ok {
				return k, nil, errors.New(`has a member "key_ops" that is not an array of strings`)
			}
			verifies = slices.Contains(operations, "verify")
		case "alg":
			to = &k.Alg
		case "crv":
			to = &k.Crv
		case "e":
			to = &k.E
		case "kid":
			to = &k.KID
		case "kty":
			to = &k.Kty
		case "n":
			to = &k.N
		case "use":
			to = &k.Use
		case "x":
			to = &k.X
		case "y":
			to = &k.Y
		}
		if to == nil {
			continue
		}
		var ok bool
		if *to, ok = Text(m.Value); !ok {
			return k, nil, fmt.Errorf("has a member %q that is not a string", m.Name)
		}
	}
	switch {
	case k.Kty == secretKey.kty:
		return k, nil, errors.New(`is symmetric (kty "oct"): only public keys belong here`)
	case len(k.KID) > maxKID:
		return k, nil, fmt.Errorf("has a kid of %d bytes: it may have %d", len(k.KID), maxKID)
	case k.Use != "" && k.Use != "sig":
		return k, nil, unusable{fmt.Errorf("is for use %+.64q: only keys for signatures belong here, take it out", k.Use)}
	case !verifies:
		return k, nil, unusable{errors.New(`has key_ops without "verify": only keys that verify belong here, take it out`)}
	}
	t, err = k.keyType()
	return k, t, err
}

// keyType returns the type of the key, by its kty and crv. The key's alg, if there is one, must
// fit the type. A name that is in no registry makes the key unusable and not the set invalid.
func (k *jwk) keyType() (*keyType, error) {
	i := slices.IndexFunc(publicTypes, func(t *keyType) bool { return t.kty == k.Kty && (t.crv == "" || t.crv == k.Crv) })
	if i < 0 {
		var types []string
		for _, t := range publicTypes {
			types = append(types, t.text())
		}
		return nil, unusable{fmt.Errorf("has kty %+.64q and crv %+.64q: it must be %s", k.Kty, k.Crv, strings.Join(types, ", "))}
	}
	t := publicTypes[i]
	if k.Alg == "" {
		return t, nil
	}
	row := find(k.Alg)
	if row != nil && row.key == t {
		return t, nil
	}
	var names []string
	for _, other := range algorithms {
		if other.key == t {
			names = append(names, strings.TrimSpace(string(other.name)+" "+other.alias))
		}
	}
	err := fmt.Errorf("has alg %+.64q, which does not fit it: leave alg out or write one of %s", k.Alg, strings.Join(names, " "))
	if row == nil {
		err = unusable{err}
	}
	return nil, err
}

// pin finds the one algorithm of a key whose type is known: that of its alg, or the
// first of the allowed ones that fits it.
func (k *jwk) pin(allowed []Alg) (Alg, error) {
	for _, alg := range allowed {
		row := find(string(alg))
		switch {
		case row == nil:
		case k.Alg != "" && (k.Alg == string(row.name) || k.Alg == row.alias),
			k.Alg == "" && k.Kty == row.key.kty && (row.key.crv == "" || k.Crv == row.key.crv):
			return alg, nil
		}
	}
	return "", unusable{fmt.Errorf("is not for %v", allowed)}
}

// thumbprint returns the RFC 7638 thumbprint of the key, by SHA-256.
func (k *jwk) thumbprint() string {
	sum := sha256.Sum256(k.required())
	return encode(sum[:])
}

// required returns a JSON object of the members that make up the key, in the order of their
// names and without whitespace: the input of a thumbprint (RFC 7638 section 3.2). The values
// are canonical base64url once the key has been parsed, so that nothing in them is escaped.
func (k *jwk) required() []byte {
	text := []byte{'{'}
	for _, m := range [...]struct{ name, value string }{{"crv", k.Crv}, {"e", k.E}, {"kty", k.Kty}, {"n", k.N}, {"x", k.X}, {"y", k.Y}} {
		if m.value == "" {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, '"'), m.name...), `":"`...)
		text = append(append(text, m.value...), '"')
	}
	return append(text, '}')
}

// Thumbprint returns the RFC 7638 thumbprint, by SHA-256, of a public key that Alg.Check has
// passed. It panics for any other.
func Thumbprint(public crypto.PublicKey) string {
	k := mustDescribe(public)
	return k.thumbprint()
}

// AppendJWK appends a public key that Alg.Check has passed as a JWK: kid, which is
// its thumbprint, use and alg, then the members of its thumbprint and nothing else.
// alg is always there, because validators look a key up by it. It takes public-key
// types only, so that no private or symmetric key can reach a JWK Set.
func AppendJWK(dst []byte, alg Alg, public crypto.PublicKey) []byte {
	k := mustDescribe(public)
	dst = fmt.Appendf(dst, `{"kid":%q,"use":"sig","alg":%q,`, k.thumbprint(), alg)
	return append(dst, k.required()[1:]...)
}

// mustDescribe is describe for a key that was checked before. It panics for any other.
func mustDescribe(public crypto.PublicKey) *jwk {
	_, k, err := describe(public)
	if err != nil {
		panic("jose: an unchecked public key " + err.Error())
	}
	return &k
}

// describe checks a public key of the standard library and returns its type and its members.
func describe(public crypto.PublicKey) (*keyType, jwk, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		k := jwk{Kty: rsaKey.kty, N: encode(key.N.Bytes()), E: encode(big.NewInt(int64(key.E)).Bytes())}
		return rsaKey, k, checkRSA(key.N, int64(key.E))
	case *ecdsa.PublicKey:
		i := slices.IndexFunc(publicTypes, func(t *keyType) bool { return t.curve != nil && t.curve == key.Curve })
		if i < 0 {
			return nil, jwk{}, errors.New("is not on the curve P-256, P-384 or P-521")
		}
		t := publicTypes[i]
		point, err := key.Bytes() // which checks that it lies on the curve
		if err != nil {
			return nil, jwk{}, fmt.Errorf("is a point that does not lie on %s", t.crv)
		}
		return t, jwk{Kty: t.kty, Crv: t.crv, X: encode(point[1 : 1+t.size]), Y: encode(point[1+t.size:])}, nil
	case ed25519.PublicKey:
		return ed25519Key, jwk{Kty: ed25519Key.kty, Crv: ed25519Key.crv, X: encode(key)}, checkEd25519(key)
	}
	return nil, jwk{}, errors.New("is neither RSA, EC nor Ed25519")
}

// material parses the numbers of the key, and checks them. The decoding is strict, so that one
// key has one form: no leading zeros, coordinates of full length (RFC 7518 section 6.2.1.2).
func (t *keyType) material(k *jwk) (crypto.PublicKey, error) {
	if t == rsaKey {
		n, ok1 := Base64URL(k.N)
		e, ok2 := Base64URL(k.E)
		switch {
		case !ok1 || !ok2 || len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0:
			return nil, errors.New("must have n and e in unpadded base64url without leading zeros")
		case len(e) > 4:
			return nil, errors.New("has an exponent over 32 bits: make a key with the exponent 65537")
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		return key, checkRSA(key.N, new(big.Int).SetBytes(e).Int64())
	}
	x, ok := Base64URL(k.X)
	if t == ed25519Key {
		if !ok || len(x) != t.size {
			return nil, errors.New("must have x of 32 bytes in unpadded base64url")
		}
		return ed25519.PublicKey(x), checkEd25519(x)
	}
	y, ok2 := Base64URL(k.Y)
	if !ok || !ok2 || len(x) != t.size || len(y) != t.size {
		return nil, fmt.Errorf("must have x and y of %d bytes in unpadded base64url", t.size)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(t.curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, fmt.Errorf("is a point that does not lie on %s", t.crv)
	}
	return key, nil
}

// Base64URL decodes the one encoding of bytes that is accepted: the URL alphabet, no padding,
// the unused bits of the last character zero. With a second accepted encoding, a token could
// be changed without its signature failing, and would no longer be recognized as used.
func Base64URL(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// encode is the inverse of Base64URL.
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
