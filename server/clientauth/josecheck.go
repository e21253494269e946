package clientauth

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"

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
		return verifyRSA(key, k.alg, c)
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

// verifyRSA does the same work for every signature. A number that is no residue
// of the modulus would be refused at once, and its time would compare the
// caller's number with the moduli of our clients.
func verifyRSA(key *rsa.PublicKey, alg schema.SigningAlg, c *compact) bool {
	signature := c.signature
	residue := len(signature) == key.Size() && new(big.Int).SetBytes(signature).Cmp(key.N) < 0
	if !residue {
		signature = make([]byte, key.Size())
	}
	sum := sha256.Sum256(c.signed)
	var err error
	if alg == schema.PS256 {
		// RFC 7518 section 3.5: the salt is as long as the hash.
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	}
	return err == nil && residue
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

// signers are the keys to try for a token, if there are some and not too many.
func signers(c *compact, sets []ClientKeys) ([]candidate, error) {
	found := candidates(c, sets)
	switch {
	case len(found) == 0:
		return nil, refuse(ReasonUnknownKey, "no key for alg %s and kid %s", c.alg, excerpt(c.kid))
	case len(found) > maxCandidates:
		return nil, refuse(ReasonAmbiguousKey, "%d keys may have signed the token: give it a kid", len(found))
	}
	return found, nil
}

// verifySignature finds the key that signed the token and returns the label of
// its block.
func verifySignature(c *compact, sets []ClientKeys) (label string, err error) {
	found, err := signers(c, sets)
	if err != nil {
		return "", err
	}
	for _, candidate := range found {
		if candidate.key.verify(c) {
			return candidate.label, nil
		}
	}
	return "", badSignature(c)
}

func badSignature(c *compact) error {
	return refuse(ReasonBadSignature, "not by a key for alg %s and kid %s", c.alg, excerpt(c.kid))
}

// A keyKind is what the work of a verification depends on.
type keyKind struct {
	alg      schema.SigningAlg
	bits     int // of an RSA modulus
	exponent int // of an RSA key
}

func (k *publicKey) kind() keyKind {
	kind := keyKind{alg: k.alg}
	if key, ok := k.key.(*rsa.PublicKey); ok {
		kind.bits, kind.exponent = key.N.BitLen(), key.E
	}
	return kind
}

// slowestFirst orders kinds by the work of a verification.
func slowestFirst(a, b keyKind) int {
	return cmp.Or(cmp.Compare(b.bits, a.bits), cmp.Compare(b.exponent, a.exponent), cmp.Compare(a.alg, b.alg))
}
