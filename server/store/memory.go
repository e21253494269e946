package store

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// DefaultMaxKeys is how many keys a Memory holds by default: 13 MiB at about 200
// bytes each. An assertion may live five minutes, so this is enough for 200
// assertions a second, or for 100 a second of a single client.
const DefaultMaxKeys = 1 << 16

// MemoryOptions configure a Memory. The zero value works.
type MemoryOptions struct {
	MaxKeys int              // DefaultMaxKeys when 0
	Now     func() time.Time // time.Now when nil
}

// Memory is a Store that ends with the process. It is bounded. A key that has not
// expired is never dropped to make room, since an assertion could then be used a
// second time; a full store answers ErrFull instead.
//
// An owner gets ErrShare once it holds as many keys as the store has free space.
// The first owner can fill half of the store and the next half of the rest; n
// owners that write without end leave one part in n+1 free. An owner with few keys
// therefore finds space until the store is full.
type Memory struct {
	now     func() time.Time
	maxKeys int

	mu       sync.Mutex
	closed   bool
	revision uint64
	entries  map[[sha256.Size]byte]*memoryEntry
	owned    map[uint64]int // how many entries, by owner
	byExpiry expiryHeap
}

// A memoryEntry is in entries under its key and in byExpiry at its index.
type memoryEntry struct {
	key      Key
	expires  time.Time
	revision uint64
	value    []byte
	index    int // in byExpiry
}

// NewMemory returns an empty store. It starts no goroutine: each write removes the
// keys that have expired.
func NewMemory(opts MemoryOptions) *Memory {
	if opts.MaxKeys <= 0 {
		opts.MaxKeys = DefaultMaxKeys
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Memory{now: opts.Now, maxKeys: opts.MaxKeys, entries: make(map[[sha256.Size]byte]*memoryEntry), owned: map[uint64]int{}}
}

// Close empties the store; every later call answers ErrClosed.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed, m.entries, m.owned, m.byExpiry = true, nil, nil, nil
	return nil
}

// Len returns how many keys the store holds. That includes expired ones which no
// write has removed yet.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// PutOnce implements Store.
func (m *Memory) PutOnce(ctx context.Context, key Key, ttl time.Duration) error {
	if err := CheckWrite(ctx, ttl, nil); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, err := m.begin()
	if err != nil {
		return err
	}
	if _, ok := m.entries[key.sum]; ok {
		return ErrExists
	}
	return m.insert(key, now.Add(ttl), nil)
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, key Key) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Entry{}, ErrClosed
	}
	entry, ok := m.entries[key.sum]
	if !ok || !m.now().Before(entry.expires) {
		return Entry{}, ErrNotFound
	}
	return Entry{Value: bytes.Clone(entry.value), Revision: entry.revision}, nil
}

// CompareAndSwap implements Store.
func (m *Memory) CompareAndSwap(ctx context.Context, key Key, revision uint64, value []byte, ttl time.Duration) (uint64, error) {
	if err := CheckWrite(ctx, ttl, value); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, err := m.begin()
	if err != nil {
		return 0, err
	}
	entry, ok := m.entries[key.sum]
	switch {
	case !ok && revision == 0:
		if err := m.insert(key, now.Add(ttl), bytes.Clone(value)); err != nil {
			return 0, err
		}
	case !ok || entry.revision != revision:
		return 0, ErrConflict
	default:
		m.revision++
		entry.revision, entry.value, entry.expires = m.revision, bytes.Clone(value), now.Add(ttl)
		heap.Fix(&m.byExpiry, entry.index)
	}
	return m.revision, nil
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, key Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.begin(); err != nil {
		return err
	}
	if entry, ok := m.entries[key.sum]; ok {
		heap.Remove(&m.byExpiry, entry.index)
		m.forget(entry)
	}
	return nil
}

// begin starts a write: it returns the time and removes all keys that have expired
// by then, so that every remaining entry is alive.
func (m *Memory) begin() (time.Time, error) {
	if m.closed {
		return time.Time{}, ErrClosed
	}
	now := m.now()
	for len(m.byExpiry) > 0 && !now.Before(m.byExpiry[0].expires) {
		m.forget(heap.Pop(&m.byExpiry).(*memoryEntry))
	}
	return now, nil
}

// forget removes an entry that is no longer in byExpiry.
func (m *Memory) forget(entry *memoryEntry) {
	delete(m.entries, entry.key.sum)
	if m.owned[entry.key.owner]--; m.owned[entry.key.owner] == 0 {
		delete(m.owned, entry.key.owner)
	}
}

// insert adds an entry. An owner may have at most as many entries as there is room left for all
// others, so that one owner alone can fill half of the store.
func (m *Memory) insert(key Key, expires time.Time, value []byte) error {
	if len(m.entries) >= m.maxKeys {
		return ErrFull
	}
	if key.owner != 0 && m.owned[key.owner] >= m.maxKeys-len(m.entries) {
		return ErrShare
	}
	m.owned[key.owner]++
	m.revision++
	entry := &memoryEntry{key: key, expires: expires, revision: m.revision, value: value}
	m.entries[key.sum] = entry
	heap.Push(&m.byExpiry, entry)
	return nil
}

// expiryHeap is a container/heap with the next key to expire on top.
type expiryHeap []*memoryEntry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *expiryHeap) Push(x any) {
	entry := x.(*memoryEntry)
	entry.index = len(*h)
	*h = append(*h, entry)
}

// Pop implements heap.Interface.
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	entry := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return entry
}
