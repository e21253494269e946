package clientauth

import (
	"cmp"
	"crypto/rsa"
	"slices"

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

// candidates appends to room, which is empty, the keys to try for a token: those of the
// sets in force at now, a Unix time, that may have signed it. A kid names a key: a key with
// another one is not tried, whatever else fits, and where it names one, keys without a kid
// are not tried either. none is the reason to refuse the token when none of them signed it.
func candidates(room []candidate, t *jose.JWS, sets []ClientKeys, now int64) (found []candidate, none Reason) {
	found = room
	named, outside := false, false
	for _, set := range sets {
		inside := set.Window.Contains(now)
		for i := range set.Keys.keys {
			key := &set.Keys.keys[i]
			names := t.KID != "" && key.KID == t.KID
			switch {
			case key.Alg != t.Alg || !names && t.KID != "" && key.KID != "": // not made by it
			case !inside:
				outside = true
			case names && !named:
				named = true
				found = append(room, candidate{key, set.Label})
			case names == named:
				found = append(found, candidate{key, set.Label})
			}
		}
	}
	switch {
	case len(found) > maxCandidates:
		return room, ReasonAmbiguousKey
	case len(found) > 0:
		return found, ReasonBadSignature
	case outside:
		return room, ReasonKeyWindow
	default:
		return room, ReasonUnknownKey
	}
}

// refuseSignature is the refusal of a token that no key has signed. It names what was
// looked for, and is the same but for the reason: after a verification even a few
// instructions that others do not take are slow enough to be measured.
func refuseSignature(reason Reason, t *jose.JWS) error {
	return refuse(reason, "alg %s and kid %s", t.Alg, excerpt(t.KID))
}

// verifySignature checks that one of the keys signed the token.
func (k *Keys) verifySignature(t *jose.JWS) error {
	found, none := candidates(nil, t, []ClientKeys{{Keys: k}}, 0)
	if slices.ContainsFunc(found, func(c candidate) bool { return c.key.Verify(t) }) {
		return nil
	}
	return refuseSignature(none, t)
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
