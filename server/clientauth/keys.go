package clientauth

import (
	"cmp"
	"crypto/rsa"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// Keys is a set of public keys to verify with, each pinned to one algorithm. It is
// immutable.
type Keys struct{ keys []jose.PublicKey }

// ParseKeys reads a JWK Set as jose.ParseKeys does.
func ParseKeys(set string, algs ...schema.SigningAlg) (*Keys, error) {
	keys, err := jose.ParseKeys(set, algs...)
	if err != nil {
		return nil, err
	}
	return &Keys{keys}, nil
}

// Len is the number of keys.
func (k *Keys) Len() int { return len(k.keys) }

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
	key   *jose.PublicKey
	label string
}

// candidates returns the keys that may have signed the token. A kid names a
// key: a key with another one is not tried, whatever else fits, and where it
// names one, keys without a kid are not tried either.
func candidates(t *jose.JWS, sets []ClientKeys) []candidate {
	var named, nameless []candidate
	for _, set := range sets {
		for i := range set.Keys.keys {
			key := &set.Keys.keys[i]
			switch {
			case key.Alg != t.Alg:
			case t.KID != "" && key.KID == t.KID:
				named = append(named, candidate{key, set.Label})
			case t.KID == "" || key.KID == "":
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
func signers(t *jose.JWS, sets []ClientKeys) ([]candidate, error) {
	found := candidates(t, sets)
	switch {
	case len(found) == 0:
		return nil, refuse(ReasonUnknownKey, "no key for alg %s and kid %s", t.Alg, excerpt(t.KID))
	case len(found) > maxCandidates:
		return nil, refuse(ReasonAmbiguousKey, "%d keys may have signed the token: give it a kid", len(found))
	}
	return found, nil
}

// verifySignature finds the key that signed the token and returns the label of
// its block.
func verifySignature(t *jose.JWS, sets []ClientKeys) (label string, err error) {
	found, err := signers(t, sets)
	if err != nil {
		return "", err
	}
	for _, candidate := range found {
		if candidate.key.Verify(t) {
			return candidate.label, nil
		}
	}
	return "", badSignature(t)
}

// badSignature is the refusal of a token that no key has signed. It names what was looked for.
func badSignature(t *jose.JWS) error {
	return refuse(ReasonBadSignature, "not by a key for alg %s and kid %s", t.Alg, excerpt(t.KID))
}

// A keyKind is what the work of a verification depends on.
type keyKind struct {
	alg      schema.SigningAlg
	bits     int // of an RSA modulus
	exponent int // of an RSA key
}

// kindOf returns the kind of a key, by which a decoy of equal cost is found.
func kindOf(k *jose.PublicKey) keyKind {
	kind := keyKind{alg: k.Alg}
	if key, ok := k.Key.(*rsa.PublicKey); ok {
		kind.bits, kind.exponent = key.N.BitLen(), key.E
	}
	return kind
}

// slowestFirst orders kinds by the work of a verification.
func slowestFirst(a, b keyKind) int {
	return cmp.Or(cmp.Compare(b.bits, a.bits), cmp.Compare(b.exponent, a.exponent), cmp.Compare(a.alg, b.alg))
}
