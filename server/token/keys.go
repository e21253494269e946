package token

import (
	"context"
	"maps"
	"slices"
	"sort"
	"time"

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

// Keys is the set of keys that one configuration signs with. Which key signs and
// which are published is computed from the clock at each use. What is declared
// never changes; the keys that the server manages come and go with Maintain. It
// is safe for concurrent use.
type Keys struct {
	scheduled map[schema.SigningAlg][]Scheduled // declared; the latest to activate first
	secrets   map[string]*Key                   // HS256, by API label
	managed   *Managed                          // nil for none
	need      Need
}

// NewKeys makes a set of asymmetric keys and of HS256 keys by API label.
func NewKeys(scheduled []Scheduled, secrets map[string]*Key) *Keys {
	k := &Keys{scheduled: map[schema.SigningAlg][]Scheduled{}, secrets: secrets}
	for _, key := range scheduled {
		k.scheduled[key.alg] = append(k.scheduled[key.alg], key)
	}
	for _, keys := range k.scheduled {
		sort.SliceStable(keys, func(i, j int) bool { return keys[i].ActivatesAt > keys[j].ActivatesAt })
	}
	return k
}

// WithManaged returns the set with managed keys for the algorithms of need,
// which are none of those that have declared keys. Managed keys of other
// algorithms, with which an earlier configuration signed, stay published until
// its tokens have expired. Call Maintain before the first use.
func (k *Keys) WithManaged(m *Managed, need Need) *Keys {
	with := *k
	with.managed, with.need = m, need
	return &with
}

// Maintain makes, finds and removes managed keys as the moment has it. It
// returns why an algorithm has no key to sign with. Call it at least every
// Rescan; a call that comes late moves the next key's time and harms nothing.
func (k *Keys) Maintain(ctx context.Context, now time.Time) map[schema.SigningAlg]error {
	if k.managed == nil {
		return nil
	}
	return k.managed.maintain(ctx, k.need, now.Unix())
}

// All returns every asymmetric key with its state at now, by algorithm, the
// latest to activate first.
func (k *Keys) All(now int64) []KeyState {
	managed := &table{}
	if k.managed != nil {
		managed = k.managed.table.Load()
	}
	algs := slices.AppendSeq(slices.Collect(maps.Keys(k.scheduled)), maps.Keys(managed.keys))
	slices.Sort(algs)
	var all []KeyState
	for _, alg := range slices.Compact(algs) {
		signer := k.Signer(alg, "", now)
		for _, key := range k.scheduled[alg] {
			all = append(all, KeyState{Scheduled: key, State: key.state(signer, now)})
		}
		all = k.appendManaged(all, managed, alg, now)
	}
	return all
}

// NextRotation is when another key begins to sign for some algorithm, in Unix seconds,
// 0 when none is known to. A managed key has such a time before it is made.
func (k *Keys) NextRotation(now int64) (at int64) {
	earlier := func(t int64) {
		if t > now && (at == 0 || t < at) {
			at = t
		}
	}
	for _, key := range k.All(now) {
		if key.State == Announced {
			earlier(key.ActivatesAt)
		}
	}
	if k.managed == nil {
		return at
	}
	managed := k.managed.table.Load()
	for _, alg := range k.need.Algs {
		if keys := managed.keys[alg]; len(keys) > 0 {
			earlier(k.managed.rotation.successor(keys[len(keys)-1], now))
		}
	}
	return at
}

// appendManaged appends the managed keys of an algorithm with what each does at now. Keys of
// an algorithm that is in use no longer stay published until their last tokens have expired.
func (k *Keys) appendManaged(dst []KeyState, t *table, alg schema.SigningAlg, now int64) []KeyState {
	keys := t.keys[alg]
	switch {
	case len(keys) == 0:
		return dst
	case slices.Contains(k.need.Algs, alg):
		return k.managed.rotation.states(dst, keys, k.need.Longest, now)
	}
	since, idle := t.idle[alg]
	if !idle {
		since = now
	}
	return k.managed.rotation.leftover(dst, keys, since, k.need.Longest, now)
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

// retired reports whether the key's end has come; 0 is none.
func (s Scheduled) retired(now int64) bool { return s.RetiresAt != 0 && now >= s.RetiresAt }

// state returns what a declared key does at now; signer is the key that signs then. A key that
// could sign and is not the one that does is Retiring: it verifies tokens that it has signed.
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
