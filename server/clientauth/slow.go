package clientauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"sync"
)

// ErrBusy says that too many slow hashes are being computed.
var ErrBusy = errors.New("too many slow secret hashes at once")

// slowRunning is how many slow hashes run at once: each may take 64 MiB and a
// third of a second of one core. slowWaiting is how many requests may wait.
const (
	slowRunning = 1
	slowWaiting = 8
	slowCached  = 4096
)

// A SlowHashes checks argon2id and bcrypt hashes of imported secrets. What was
// computed is remembered under an HMAC keyed anew by each process, so that a
// memory dump of another process tells nothing and no outsider can aim at an
// entry. It outlives the snapshots.
type SlowHashes struct {
	key   [32]byte
	slots chan struct{}
	queue chan struct{}

	mu    sync.Mutex
	known map[[32]byte]bool
	ring  [][32]byte // the keys of known in order of arrival
	next  int
}

// NewSlowHashes makes an empty cache. The key must be random and known to nobody else.
func NewSlowHashes(key [32]byte) *SlowHashes {
	return &SlowHashes{
		key:   key,
		slots: make(chan struct{}, slowRunning),
		queue: make(chan struct{}, slowRunning+slowWaiting),
		known: map[[32]byte]bool{},
	}
}

// matches reports whether secret has the hash, computing it at most once.
func (h *SlowHashes) matches(ctx context.Context, hash, secret string) (bool, error) {
	id := h.id(hash, secret)
	if match, ok := h.lookup(id); ok {
		return match, nil
	}
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return false, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if match, ok := h.lookup(id); ok {
		return match, nil
	}
	compare, err := slowHash(hash)
	match := err == nil && compare(secret)
	h.remember(id, match)
	return match, nil
}

// id names the pair. The hash is hashed first: its fixed length keeps the two
// parts apart.
func (h *SlowHashes) id(hash, secret string) (id [32]byte) {
	sum := sha256.Sum256([]byte(hash))
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write(sum[:])
	mac.Write([]byte(secret))
	mac.Sum(id[:0])
	return id
}

func (h *SlowHashes) lookup(id [32]byte) (match, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	match, ok = h.known[id]
	return match, ok
}

// remember stores a result in place of the oldest.
func (h *SlowHashes) remember(id [32]byte, match bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.known[id]; ok {
		return
	}
	if len(h.ring) < slowCached {
		h.ring = append(h.ring, id)
	} else {
		delete(h.known, h.ring[h.next])
		h.ring[h.next] = id
		h.next = (h.next + 1) % slowCached
	}
	h.known[id] = match
}
