package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"fmt"
	"io"
	"math/big"
	"slices"
)

// An Alg is the name of a JWS algorithm (RFC 7518 section 3.1, RFC 8037).
type Alg string

// The algorithms that code names. The table below says what each is.
const (
	HS256 Alg = "HS256"
	RS256 Alg = "RS256"
	PS256 Alg = "PS256"
	ES256 Alg = "ES256"
	EdDSA Alg = "EdDSA"
	ES384 Alg = "ES384"
	ES512 Alg = "ES512"
)

// A Use is something that algorithms are used for.
type Use uint8

// The uses.
const (
	APITokens   Use = 1 << iota // an API's tokens are signed with it (signing_alg)
	SigningKeys                 // a private key signs with it (signing_key, and the keys that writd makes)
	Assertions                  // clients and trusted issuers sign with it
	Proofs                      // DPoP proofs are signed with it (RFC 9449)

	everywhere = APITokens | SigningKeys | Assertions | Proofs
)

// An algorithm is one row of the table: everything that writ knows of it.
type algorithm struct {
	name  Alg
	alias string      // a second registered name
	key   *keyType    // what it signs with
	hash  crypto.Hash // 0 where the signature hashes by itself
	pss   bool        // of RSA: PSS, not PKCS #1 v1.5
	uses  Use
}

// algorithms is the table. A snapshot holds an algorithm by its place among those
// that have a use, so a new one goes after the last that has. "none" is not among them, and
// so is no algorithm at all (RFC 8725 section 3.2).
var algorithms = []algorithm{
	{name: HS256, key: secretKey, hash: crypto.SHA256, uses: APITokens},
	{name: RS256, key: rsaKey, hash: crypto.SHA256, uses: everywhere},
	{name: PS256, key: rsaKey, hash: crypto.SHA256, pss: true, uses: everywhere},
	{name: ES256, key: p256Key, hash: crypto.SHA256, uses: everywhere},
	// All its keys here are Ed25519, so that both names are one algorithm (RFC 9864).
	{name: EdDSA, alias: "Ed25519", key: ed25519Key, uses: everywhere},
	{name: ES384, key: p384Key, hash: crypto.SHA384, uses: everywhere},
	{name: ES512, key: p521Key, hash: crypto.SHA512, uses: everywhere},

	// A JWK may name these. They are not used.
	{name: "RS384", key: rsaKey, hash: crypto.SHA384},
	{name: "RS512", key: rsaKey, hash: crypto.SHA512},
	{name: "PS384", key: rsaKey, hash: crypto.SHA384, pss: true},
	{name: "PS512", key: rsaKey, hash: crypto.SHA512, pss: true},
}

// find returns the row of a name, compared byte by byte, or nil.
func find(name string) *algorithm {
	for i := range algorithms {
		if row := &algorithms[i]; string(row.name) == name || row.alias == name && name != "" {
			return row
		}
	}
	return nil
}

// Coded returns the algorithms that have a use. A snapshot stores an algorithm as its index in
// this list, so that an algorithm keeps its place for ever.
func Coded() []Alg {
	var algs []Alg
	for _, row := range algorithms {
		if row.uses != 0 {
			algs = append(algs, row.name)
		}
	}
	return algs
}

// Algs returns the algorithms of a use in the order in which people are shown them: those
// with a key pair first, since a shared secret lets every verifier make tokens.
func Algs(use Use) []Alg {
	algs := slices.DeleteFunc(Coded(), func(alg Alg) bool { return !alg.For(use) })
	slices.SortStableFunc(algs, func(a, b Alg) int {
		switch {
		case a.Shared() == b.Shared():
			return 0
		case b.Shared():
			return -1
		}
		return 1
	})
	return algs
}

// Names returns the names of the algorithms of a use, in the order of Algs.
func Names(use Use) (names []string) {
	for _, alg := range Algs(use) {
		names = append(names, string(alg))
	}
	return names
}

// Aliases returns the second names of the algorithms of a use. Metadata lists them too,
// because a client looks for the name that it knows.
func Aliases(use Use) (names []string) {
	for _, alg := range Algs(use) {
		if alias := find(string(alg)).alias; alias != "" {
			names = append(names, alias)
		}
	}
	return names
}

// Registered reports whether the name is that of an algorithm in the table, whatever it
// is used for.
func Registered(name string) bool { return find(name) != nil }

// Lookup returns the algorithm of a registered name that has the use.
func Lookup(name string, use Use) (alg Alg, ok bool) {
	row := find(name)
	if row == nil || row.uses&use == 0 {
		return "", false
	}
	return row.name, true
}

// For reports whether the algorithm has the use.
func (a Alg) For(use Use) bool {
	row := find(string(a))
	return row != nil && row.uses&use != 0
}

// Shared reports whether the algorithm signs and verifies with one secret, so that whoever can
// verify a token can also make one.
func (a Alg) Shared() bool {
	row := find(string(a))
	return row != nil && row.key == secretKey
}

// Check reports why a public key cannot verify the algorithm's signatures: it is of
// another type or on another curve, or too weak. The error follows the word "key".
func (a Alg) Check(public crypto.PublicKey) error {
	t, _, err := describe(public)
	if err != nil {
		return err
	}
	if row := find(string(a)); row == nil || row.key != t {
		return fmt.Errorf("is %s, which does not sign with %q", t.text(), a)
	}
	return nil
}

// AlgOf returns the first algorithm of a use that the public key fits, as Alg.Check
// has it. The error follows the word "key".
func AlgOf(public crypto.PublicKey, use Use) (Alg, error) {
	t, _, err := describe(public)
	if err != nil {
		return "", err
	}
	for _, alg := range Algs(use) {
		if find(string(alg)).key == t {
			return alg, nil
		}
	}
	return "", fmt.Errorf("is %s, which no algorithm here signs with", t.text())
}

// Generate makes a private key to sign with the algorithm; an RSA modulus gets
// rsaBits bits. Each algorithm gets a key of its own (RFC 8725 section 3.1).
func (a Alg) Generate(random io.Reader, rsaBits int) (crypto.Signer, error) {
	row := find(string(a))
	switch {
	case row == nil || row.uses&SigningKeys == 0:
		return nil, fmt.Errorf("no key can be made for %q", a)
	case row.key == rsaKey:
		return rsa.GenerateKey(random, rsaBits)
	case row.key == ed25519Key:
		_, private, err := ed25519.GenerateKey(random)
		return private, err
	}
	return ecdsa.GenerateKey(row.key.curve, random)
}

// Verify reports whether signature is the algorithm's over input by the key, which
// is an *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or, for HS256, a []byte.
// It is false for a key of another type. The length of the signature is part of the
// check, and a PSS salt is as long as the hash (RFC 7518 section 3.5).
func (a Alg) Verify(key any, input, signature []byte) bool {
	row := find(string(a))
	if row == nil {
		return false
	}
	if key, ok := key.(ed25519.PublicKey); ok {
		return row.key == ed25519Key && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, input, signature)
	}
	if row.hash == 0 {
		return false
	}
	if key, ok := key.([]byte); ok {
		mac := hmac.New(row.hash.New, key)
		mac.Write(input)
		return row.key == secretKey && hmac.Equal(mac.Sum(nil), signature)
	}
	digest := row.hash.New()
	digest.Write(input)
	sum := digest.Sum(make([]byte, 0, 64)) // of constant size, so that it is on the stack: SHA-512 has 64 bytes
	switch key := key.(type) {
	case *rsa.PublicKey:
		return row.key == rsaKey && row.verifyRSA(key, sum, signature)
	case *ecdsa.PublicKey:
		size := row.key.size // RFC 7518 section 3.4: two integers of the curve's size
		if row.key.curve != key.Curve || row.key.curve == nil || len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, sum, r, s)
	}
	return false
}

// verifyRSA does the same work for every signature. Package rsa refuses at once a number that
// is not smaller than the modulus. From that difference in time a caller could find out the
// moduli of other clients, by comparing them with numbers of its own. So such a number is
// replaced by zeros, verified like any other, and refused whatever the result.
func (row *algorithm) verifyRSA(key *rsa.PublicKey, sum, signature []byte) bool {
	residue := len(signature) == key.Size() && new(big.Int).SetBytes(signature).Cmp(key.N) < 0
	if !residue {
		signature = make([]byte, key.Size())
	}
	var err error
	if row.pss {
		err = rsa.VerifyPSS(key, row.hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		err = rsa.VerifyPKCS1v15(key, row.hash, sum, signature)
	}
	return err == nil && residue
}

// A keyType is a type of key with its curve (RFC 7518 section 6, RFC 8037). There is one
// variable for each, so that types are compared by pointer.
type keyType struct {
	kty, crv string         // as in a JWK; crv is "" for a type without curves
	curve    elliptic.Curve // of EC, nil otherwise
	size     int            // bytes of a coordinate, or of an Ed25519 key; 0 without a curve
}

// The types of keys, and those of which there are public keys.
var (
	secretKey  = &keyType{kty: "oct"}
	rsaKey     = &keyType{kty: "RSA"}
	p256Key    = &keyType{kty: "EC", crv: "P-256", curve: elliptic.P256(), size: 32}
	p384Key    = &keyType{kty: "EC", crv: "P-384", curve: elliptic.P384(), size: 48}
	p521Key    = &keyType{kty: "EC", crv: "P-521", curve: elliptic.P521(), size: 66}
	ed25519Key = &keyType{kty: "OKP", crv: "Ed25519", size: ed25519.PublicKeySize}

	publicTypes = []*keyType{rsaKey, p256Key, p384Key, p521Key, ed25519Key}
)

// text names the type for an error: "RSA", "EC on P-256".
func (t *keyType) text() string {
	if t.crv == "" {
		return t.kty
	}
	return t.kty + " on " + t.crv
}
