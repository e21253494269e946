package clientauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// verify checks the signature of a token whose alg is the key's.
//
// It calls the standard library and not jwx's verifiers: those let a PS256
// signature choose its salt length, and each check here is a line or two, with
// the length of the signature as part of it.
func (k *publicKey) verify(c *compact) bool {
	if c.alg != k.alg {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		sum := sha256.Sum256(c.signed)
		if k.alg == schema.PS256 {
			// RFC 7518 section 3.5: the salt is as long as the hash.
			options := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, crypto.SHA256, sum[:], c.signature, &options) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], c.signature) == nil
	case *ecdsa.PublicKey:
		if len(c.signature) != 64 { // RFC 7518 section 3.4: two integers of 32 bytes
			return false
		}
		sum := sha256.Sum256(c.signed)
		r, s := new(big.Int).SetBytes(c.signature[:32]), new(big.Int).SetBytes(c.signature[32:])
		return ecdsa.Verify(key, sum[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, c.signed, c.signature)
	}
	return false
}

// maxCandidates is how many keys are tried for one token. More than one is
// needed when tokens or keys have no kid, as in the middle of a rotation; a
// larger set without kids is refused, so that a token cannot make the server
// try them all.
const maxCandidates = 4

// ClientKeys are the keys of one public_key block of a client.
type ClientKeys struct {
	Label  string
	Keys   *Keys
	Window schema.Window
}

// A candidate is a key that may have signed a token, and the block it is from.
type candidate struct {
	key   *publicKey
	label string
}

// candidates returns the keys that may have signed the token. A kid names a
// key: a key with another one is not tried, whatever else fits, and where it
// names one, keys without a kid are not tried either.
func candidates(c *compact, sets []ClientKeys) []candidate {
	var named, nameless []candidate
	for _, set := range sets {
		for i := range set.Keys.keys {
			key := &set.Keys.keys[i]
			switch {
			case key.alg != c.alg:
			case c.kid != "" && key.kid == c.kid:
				named = append(named, candidate{key, set.Label})
			case c.kid == "" || key.kid == "":
				nameless = append(nameless, candidate{key, set.Label})
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return nameless
}

// verifySignature finds the key that signed the token and returns the label of
// its block.
func verifySignature(c *compact, sets []ClientKeys) (label string, err error) {
	found := candidates(c, sets)
	switch {
	case len(found) == 0:
		return "", refuse(ReasonUnknownKey, "no key for alg %s and kid %s", c.alg, excerpt(c.kid))
	case len(found) > maxCandidates:
		return "", refuse(ReasonAmbiguousKey, "%d keys may have signed the token: give it a kid", len(found))
	}
	for _, candidate := range found {
		if candidate.key.verify(c) {
			return candidate.label, nil
		}
	}
	return "", refuse(ReasonBadSignature, "alg %s, kid %s, %d keys tried", c.alg, excerpt(c.kid), len(found))
}

// hasROCA recognises moduli whose primes a flawed library made as powers of
// 65537 modulo the product of many small primes. A sound modulus passes for
// one with a chance under one in a hundred million, and nearly always fails
// within the first few primes.
func hasROCA(n *big.Int) bool {
	var rest, prime big.Int
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
		107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		if !isPowerOf65537(rest.Mod(n, prime.SetInt64(p)).Int64(), p) {
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

// strongEd25519 reports whether 32 bytes encode a point of the curve (RFC 8032
// section 5.1.3) that is not of small order. Under a key of small order a
// signature can be made without any private key.
//
// With x² = (y²-1)/(dy²+1), y belongs to a point if that quotient is a square.
// The points of order 1, 2, 4 and 8 are those with y = 1, y = -1, y = 0, and
// x² = -y², whose double has y = 0.
func strongEd25519(key []byte) bool {
	little := slices.Clone(key)
	little[31] &^= 0x80 // the sign of x
	slices.Reverse(little)
	y := new(big.Int).SetBytes(little)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	if y.Cmp(p) >= 0 {
		return false
	}
	mod := func(z *big.Int) *big.Int { return z.Mod(z, p) }
	// d = -121665/121666; everything is multiplied by 121666 to stay whole.
	y2 := mod(new(big.Int).Mul(y, y))
	u := mod(new(big.Int).Mul(new(big.Int).Sub(y2, big.NewInt(1)), big.NewInt(121666)))
	v := mod(new(big.Int).Sub(big.NewInt(121666), new(big.Int).Mul(y2, big.NewInt(121665))))
	order8 := mod(new(big.Int).Add(u, new(big.Int).Mul(y2, v)))
	if y.Sign() == 0 || u.Sign() == 0 || order8.Sign() == 0 {
		return false
	}
	return big.Jacobi(mod(new(big.Int).Mul(u, v)), p) == 1
}
