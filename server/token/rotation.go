package token

import (
	"slices"
	"sort"
	"time"

	"github.com/writ-auth/writ/schema"
)

// How the keys that the server makes for itself follow one another, unless the
// operator says otherwise.
const (
	DefaultAnnounce = 24 * time.Hour
	DefaultRotate   = 90 * 24 * time.Hour
)

// Rescan is how often the storage of keys is read anew. Another process's key is
// found within that time.
const Rescan = 15 * time.Second

const (
	clockSkew = 5 * 60 // seconds that two clocks may be apart
	adoption  = 60     // seconds in which every process has found a new key, several times Rescan

	// removalGrace is how many seconds a file stays after its key is no longer
	// published, for a process whose clock is behind.
	removalGrace = 3600
)

// A rotation is the time table of managed keys, in seconds.
//
//	made             activates                         the next one activates
//	  |--- lead ---->|------------- every -------------->|-- longest token, skew, cache -->|
//	     announced                signing                             retiring              retired
//
// The lead is longer than a verifier may keep a key set: the set may have aged
// in an HTTP cache before, the process that answered may not have found the key
// yet, and the one that signs may have the faster clock. Whoever makes a key
// late moves all that follows: no time is left out, and the key before signs on.
type rotation struct {
	announce int64 // how long verifiers keep a key set
	every    int64
	cache    int64 // how long an HTTP cache keeps a key set
}

// lead is how long before it signs a key must be made, in seconds.
func (r rotation) lead() int64 { return r.announce + r.cache + adoption + clockSkew }

// next reports whether a key is to be made now and when that one is to sign. The
// first key signs at once: there is no other.
func (r rotation) next(keys []managedKey, now int64) (activatesAt int64, due bool) {
	if len(keys) == 0 {
		return now, true
	}
	for _, key := range slices.Backward(keys) {
		if key.activatesAt > now+r.lead()+r.every {
			continue // made when some clock was far ahead: it says nothing of our time
		}
		return now + r.lead(), key.activatesAt <= now && now >= key.activatesAt+r.every-r.lead()
	}
	return now + r.lead(), true
}

// successor is when the key that follows the newest one is to sign, though it may not be
// made yet. If it is late, verifiers still have to learn of it first.
func (r rotation) successor(newest managedKey, now int64) int64 {
	return max(newest.activatesAt+r.every, now+r.lead())
}

// retiresAt is when the i-th key is no longer published, 0 for never: the last
// token was signed with it when the next key took over. longest is how long a
// token may live beside what is known of the key itself.
func (r rotation) retiresAt(keys []managedKey, i int, longest int64) int64 {
	if i+1 == len(keys) {
		return 0
	}
	return r.outlived(keys[i], keys[i+1].activatesAt, longest)
}

// outlived is when no token that key signed until then can be valid any more.
func (r rotation) outlived(key managedKey, then, longest int64) int64 {
	return then + max(key.longest, longest) + clockSkew + r.cache
}

// A managedKey is a key that the server made. It is immutable.
type managedKey struct {
	*Key
	generation  int
	activatesAt int64    // Unix seconds
	longest     int64    // seconds: the longest lifetime of a token that it may have signed
	markers     []string // the entries that say so
}

// name is that of its entry.
func (k managedKey) name() string { return managedName(k.alg, k.generation) + keySuffix }

// signing returns the index of the key that signs at now, -1 when there is no
// key. The first one signs even before its time, when a clock went back or the
// key before was withdrawn: a token that only some verifiers can check yet is
// better than none.
func signing(keys []managedKey, now int64) int {
	for i := len(keys) - 1; i > 0; i-- {
		if keys[i].activatesAt <= now {
			return i
		}
	}
	return min(len(keys), 1) - 1
}

// sortManaged puts the keys in the order in which they sign. slices.SortFunc would
// be 9 kB of code for these few.
func sortManaged(keys []managedKey) {
	sort.Slice(keys, func(i, j int) bool {
		a, b := &keys[i], &keys[j]
		return a.activatesAt < b.activatesAt || a.activatesAt == b.activatesAt && a.generation < b.generation
	})
}

// A table is what managed keys there are. It is immutable; what each of them
// does is computed from the clock at every use.
type table struct {
	keys map[schema.SigningAlg][]managedKey // in the order in which they sign
	idle map[schema.SigningAlg]int64        // since when no configuration has signed with these
}

// states appends the keys of an algorithm that the server signs with.
func (r rotation) states(dst []KeyState, keys []managedKey, longest, now int64) []KeyState {
	signer := signing(keys, now)
	for i, key := range slices.Backward(keys) {
		s := Scheduled{Key: key.Key, ActivatesAt: key.activatesAt, RetiresAt: r.retiresAt(keys, i, longest)}
		state := s.state(nil, now)
		if i == signer {
			state = Signing
		}
		dst = append(dst, KeyState{s, state})
	}
	return dst
}

// leftover appends keys that a configuration before signed with: they stay
// published for the tokens that are still about.
func (r rotation) leftover(dst []KeyState, keys []managedKey, since, longest, now int64) []KeyState {
	for i, key := range slices.Backward(keys) {
		s := Scheduled{Key: key.Key, ActivatesAt: key.activatesAt, RetiresAt: r.outlived(key, since, longest)}
		if by := r.retiresAt(keys, i, longest); by != 0 {
			s.RetiresAt = min(s.RetiresAt, by)
		}
		state := Retiring
		if s.retired(now) {
			state = Retired
		}
		dst = append(dst, KeyState{s, state})
	}
	return dst
}
