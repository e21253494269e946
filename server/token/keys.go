package token

import (
	"cmp"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A Scheduled key is a key with the time in which it signs and is published.
type Scheduled struct {
	*Key
	ActivatesAt int64 // Unix seconds: published before, signing from then on
	RetiresAt   int64 // Unix seconds: no longer published from then on; 0 for never
}

// A State says what a key does at a moment.
type State string

// The states of a key, in the order it passes through them.
const (
	Announced State = "announced" // published, not signing yet
	Signing   State = "signing"   // the one that signs for its algorithm
	Retiring  State = "retiring"  // published for the tokens that it has signed
	Retired   State = "retired"   // not published
)

// Keys is the set of keys that one configuration signs with. It is immutable;
// which key signs and which are published is computed from the clock at each use.
type Keys struct {
	scheduled map[schema.SigningAlg][]Scheduled // the latest to activate first
	secrets   map[string]*Key                   // HS256, by API label
	order     []schema.SigningAlg
}

// NewKeys makes a set of asymmetric keys and of HS256 keys by API label.
func NewKeys(scheduled []Scheduled, secrets map[string]*Key) *Keys {
	k := &Keys{scheduled: map[schema.SigningAlg][]Scheduled{}, secrets: secrets}
	for _, key := range scheduled {
		k.scheduled[key.alg] = append(k.scheduled[key.alg], key)
	}
	for alg, keys := range k.scheduled {
		k.order = append(k.order, alg)
		slices.SortStableFunc(keys, func(a, b Scheduled) int { return cmp.Compare(b.ActivatesAt, a.ActivatesAt) })
	}
	slices.Sort(k.order)
	return k
}

// Signer returns the key that signs for the API with the algorithm at now, in
// Unix seconds, or nil when there is none. Of several live keys the one
// activated last signs.
func (k *Keys) Signer(alg schema.SigningAlg, api string, now int64) *Key {
	if alg == schema.HS256 {
		return k.secrets[api]
	}
	for _, key := range k.scheduled[alg] {
		if key.ActivatesAt <= now && !key.retired(now) {
			return key.Key
		}
	}
	return nil
}

// All returns every asymmetric key with its state at now, by algorithm, the
// latest to activate first.
func (k *Keys) All(now int64) []KeyState {
	var all []KeyState
	for _, alg := range k.order {
		signer := k.Signer(alg, "", now)
		for _, key := range k.scheduled[alg] {
			all = append(all, KeyState{Scheduled: key, State: key.state(signer, now)})
		}
	}
	return all
}

// A KeyState is a key and what it does at a moment.
type KeyState struct {
	Scheduled
	State State
}

// Secrets returns the HS256 keys by API label. The caller must not change it.
func (k *Keys) Secrets() map[string]*Key { return k.secrets }

// JWKS is the JWK Set (RFC 7517 section 5) of the keys published at now. It
// holds public keys only: an HS256 key has no JWK to publish.
func (k *Keys) JWKS(now int64) []byte {
	set := []byte(`{"keys":[`)
	published := map[string]bool{}
	for _, key := range k.All(now) {
		if key.State == Retired || published[key.kid] {
			continue
		}
		if len(published) > 0 {
			set = append(set, ',')
		}
		set = append(set, key.jwk...)
		published[key.kid] = true
	}
	return append(set, `]}`...)
}

func (s Scheduled) retired(now int64) bool { return s.RetiresAt != 0 && now >= s.RetiresAt }

func (s Scheduled) state(signer *Key, now int64) State {
	switch {
	case s.retired(now):
		return Retired
	case s.Key == signer:
		return Signing
	case s.ActivatesAt > now:
		return Announced
	}
	return Retiring
}
