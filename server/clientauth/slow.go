package clientauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"sync"
)

// ErrBusy says that too many slow hashes are being computed.
var ErrBusy = errors.New("too many slow secret hashes at once")

// One slow hash is computed at a time: each may take 64 MiB and a third of a second of
// one core. slowWaiting is how many requests may wait, slowCached how many results of
// either kind are remembered.
const (
	slowWaiting = 8
	slowCached  = 4096
)

// SlowOptions configure SlowHashes.
type SlowOptions struct {
	// Key is random and known to nobody else.
	Key [32]byte
	// Compute reports whether a secret has an argon2id or bcrypt hash. Nil: by
	// computing it; tests count instead.
	Compute func(hash, secret string) bool
}

// A SlowHashes checks argon2id and bcrypt hashes of imported secrets. What was
// computed is remembered under an HMAC keyed anew by each process, so that a
// memory dump of another process tells nothing and no outsider can aim at an
// entry. It outlives the snapshots.
type SlowHashes struct {
	opts  SlowOptions
	queue slowQueue

	mu sync.Mutex
	// Secrets that match are remembered apart from those that do not, of which
	// anybody can present as many as they like.
	matched, missed recentIDs
}

// NewSlowHashes makes an empty cache.
func NewSlowHashes(opts SlowOptions) *SlowHashes {
	if opts.Compute == nil {
		opts.Compute = compareSlow
	}
	return &SlowHashes{opts: opts, queue: slowQueue{limit: slowWaiting}}
}

// matches reports whether the secret that is presented for a client has the hash,
// computing it at most once. addr is whose request it is. A result holds for one
// client_id only: what a stand-in was held against for one says nothing of others.
func (h *SlowHashes) matches(ctx context.Context, addr netip.Addr, cred Credential, hash string) (bool, error) {
	id := h.id(hash, cred)
	if match, ok := h.lookup(id); ok {
		return match, nil
	}
	if err := h.queue.enter(ctx, callerOf(addr, cred.ClientID)); err != nil {
		return false, err
	}
	defer h.queue.leave()
	if match, ok := h.lookup(id); ok {
		return match, nil
	}
	match := h.opts.Compute(hash, cred.Secret)
	h.remember(id, match)
	return match, nil
}

// id names hash, client and secret. The first two are hashed to a fixed length, which
// keeps the parts apart.
func (h *SlowHashes) id(hash string, cred Credential) (id [32]byte) {
	mac := hmac.New(sha256.New, h.opts.Key[:])
	for _, part := range []string{hash, cred.ClientID} {
		sum := sha256.Sum256([]byte(part))
		mac.Write(sum[:])
	}
	mac.Write([]byte(cred.Secret))
	mac.Sum(id[:0])
	return id
}

// lookup returns the result of an earlier comparison; ok is false if it is not remembered.
func (h *SlowHashes) lookup(id [32]byte) (match, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	match = h.matched.has(id)
	return match, match || h.missed.has(id)
}

// remember keeps a result. Matches and misses are kept apart, so that a flood of wrong secrets
// displaces no right one.
func (h *SlowHashes) remember(id [32]byte, match bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if match {
		h.matched.add(id)
	} else {
		h.missed.add(id)
	}
}

// recentIDs remembers the last slowCached ids. The zero value remembers none.
type recentIDs struct {
	known map[[32]byte]struct{}
	ring  [][32]byte // the keys of known in order of arrival, from next on
	next  int
}

func (r *recentIDs) has(id [32]byte) bool {
	_, ok := r.known[id]
	return ok
}

// add stores an id in place of the oldest.
func (r *recentIDs) add(id [32]byte) {
	if r.has(id) {
		return
	}
	if r.known == nil {
		r.known = map[[32]byte]struct{}{}
	}
	if len(r.ring) < slowCached {
		r.ring = append(r.ring, id)
	} else {
		delete(r.known, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % slowCached
	}
	r.known[id] = struct{}{}
}
