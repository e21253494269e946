package token

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/remedy"
)

// ManagedOptions say where managed keys are kept and when they take over.
type ManagedOptions struct {
	// Storage holds the keys, which other processes may share. Nil: they live in
	// memory only.
	Storage Storage
	// Announce is how long verifiers may keep a key set, Rotate how long a key
	// signs; 0 for the defaults.
	Announce, Rotate time.Duration
	// Cache is how long HTTP caches may keep a key set.
	Cache time.Duration
	// Logger is told what happens to keys, and never what they are. nil: nobody.
	Logger *slog.Logger
}

// A Managed makes the keys of the algorithms for which no signing_key is
// declared, announces each before it signs, and withdraws it when the last token
// that it signed has expired. It is safe for concurrent use.
//
// Several processes may share a Storage: the generations of an algorithm's keys are
// numbered, each is an entry that can only be created once, and whoever comes second
// takes what is there.
type Managed struct {
	rotation rotation
	reader   *keyReader
	log      *slog.Logger
	table    atomic.Pointer[table]
	faults   atomic.Pointer[map[schema.SigningAlg]error]

	mu      sync.Mutex // held by Maintain
	longest map[string]int64
	idle    map[schema.SigningAlg]int64
	said    map[schema.SigningAlg]error // what was complained of last
}

// A Need is what a configuration asks of managed keys.
type Need struct {
	Algs    []schema.SigningAlg // what they sign with
	Longest int64               // seconds: the longest lifetime of any token
}

// NewManaged makes no key yet: Keys.Maintain does.
func NewManaged(opts ManagedOptions) *Managed {
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Managed{
		rotation: rotation{
			announce: seconds(opts.Announce, DefaultAnnounce), every: seconds(opts.Rotate, DefaultRotate),
			cache: int64(opts.Cache / time.Second),
		},
		log:     log,
		longest: map[string]int64{}, idle: map[schema.SigningAlg]int64{}, said: map[schema.SigningAlg]error{},
	}
	if opts.Storage == nil {
		opts.Storage = new(memory)
	}
	m.reader = newKeyReader(opts.Storage, log)
	m.table.Store(&table{})
	return m
}

// seconds returns a duration in whole seconds, or another one for 0.
func seconds(d, otherwise time.Duration) int64 {
	if d == 0 {
		d = otherwise
	}
	return int64(d / time.Second)
}

// maintain brings the keys up to date with the storage, the clock and what is
// needed. It returns why an algorithm has no key; anything else that goes wrong
// is in the log, and the keys that there are go on signing.
func (m *Managed) maintain(ctx context.Context, need Need, now int64) map[schema.SigningAlg]error {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.noteFaults(need)
	inv, err := m.reader.scan(ctx)
	if err != nil {
		return m.unscanned(ctx, need, err)
	}
	failed := map[schema.SigningAlg]error{}
	for _, alg := range need.Algs {
		if inv, err = m.provide(ctx, inv, alg, now); err != nil {
			m.complain(alg, "signing keys do not rotate", err)
		} else if m.said[alg] != nil {
			delete(m.said, alg)
			m.log.Info("signing keys are read and rotate again", "alg", alg)
		}
		if len(inv.keysOf(alg).keys) == 0 {
			failed[alg] = err
			continue
		}
		m.recordLongestLifetime(ctx, inv.keysOf(alg).keys, alg, need.Longest, now)
	}
	m.retire(ctx, inv, need, now)
	m.publish(inv, need, now)
	return failed
}

// unscanned keeps what is known while the storage cannot be read.
func (m *Managed) unscanned(ctx context.Context, need Need, err error) map[schema.SigningAlg]error {
	failed := map[schema.SigningAlg]error{}
	for _, alg := range need.Algs {
		if len(m.table.Load().keys[alg]) == 0 {
			failed[alg] = err
		}
		if ctx.Err() == nil { // else nobody waits for them
			m.complain(alg, "signing keys cannot be read", err)
		}
	}
	return failed
}

// complain says what is wrong, once until it changes.
func (m *Managed) complain(alg schema.SigningAlg, what string, err error) {
	fault := fmt.Errorf("%s: %w", what, err)
	if last := m.said[alg]; last == nil || last.Error() != fault.Error() {
		m.log.Error(what, "alg", alg, "reason", err.Error(), "action", remedy.For(err, remedy.Runbooks+"key-folder-lost"))
	}
	m.said[alg] = fault
}

// noteFaults is called with what was needed at every end of maintain.
func (m *Managed) noteFaults(need Need) {
	faults := map[schema.SigningAlg]error{}
	for _, alg := range need.Algs {
		if err, ok := m.said[alg]; ok {
			faults[alg] = err
		}
	}
	m.faults.Store(&faults)
}

// Faults says, for each algorithm that has one, what keeps its keys from being
// read or rotated at the moment. The map is not to be changed.
func (m *Managed) Faults() map[schema.SigningAlg]error {
	if faults := m.faults.Load(); faults != nil {
		return *faults
	}
	return nil
}

// provide makes the key that is due. Another process may be making the same one:
// the first to create its entry wins, and everybody reads what is there.
func (m *Managed) provide(ctx context.Context, inv inventory, alg schema.SigningAlg, now int64) (inventory, error) {
	have := inv.keysOf(alg)
	activatesAt, due := m.rotation.next(have.keys, now)
	if !due {
		return inv, nil
	}
	if have.blocked != nil {
		return inv, have.blocked
	}
	err := m.create(ctx, alg, have.highest+1, activatesAt, now)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return inv, err
	}
	again, scanErr := m.reader.scan(ctx)
	if scanErr != nil {
		return inv, scanErr
	}
	if keys := again.keysOf(alg).keys; err == nil && len(keys) > 0 {
		m.log.Info("signing key made", "alg", alg, "kid", keys[len(keys)-1].kid, "activates_at", schema.FormatTime(activatesAt))
	}
	if len(again.keysOf(alg).keys) == 0 && again.keysOf(alg).blocked == nil {
		return again, errors.New("the key that was made is gone or not usable")
	}
	return again, again.keysOf(alg).blocked
}

// create makes a key; it fails with fs.ErrExist when there is one of that generation
// already.
func (m *Managed) create(ctx context.Context, alg schema.SigningAlg, generation int, activatesAt, now int64) error {
	private, err := alg.Generate(rand.Reader, jose.MinRSABits)
	if err != nil {
		return err
	}
	content, err := encodeManaged(private, alg, now, activatesAt)
	if err == nil {
		err = m.reader.storage.Create(ctx, managedName(alg, generation)+keySuffix, content)
	}
	if err != nil {
		return fmt.Errorf("make a key for %q: %w", alg, err)
	}
	return nil
}

// recordLongestLifetime stores, with each key that may still sign, the longest lifetime
// of the tokens that it signs. The key is published until those have expired, also
// when a later configuration shortens lifetimes, and after a restart or in another
// process.
func (m *Managed) recordLongestLifetime(ctx context.Context, keys []managedKey, alg schema.SigningAlg, longest, now int64) {
	for i := signing(keys, now); i < len(keys); i++ {
		key := &keys[i]
		if max(key.longest, m.longest[key.kid]) >= longest {
			continue
		}
		m.longest[key.kid] = longest
		marker := fmt.Sprintf("%s%s%d", managedName(alg, key.generation), lifetimeInfix, longest)
		if err := m.reader.storage.Create(ctx, marker, nil); err != nil && !errors.Is(err, fs.ErrExist) {
			m.log.Warn("how long tokens live cannot be written down", "alg", alg, "kid", key.kid, "reason", err.Error())
		}
	}
	for i, key := range keys {
		keys[i].longest = max(key.longest, m.longest[key.kid])
	}
}

// retire removes keys that are long no longer published. The newest key stays,
// whether it is needed or not: another process may sign with it.
func (m *Managed) retire(ctx context.Context, inv inventory, need Need, now int64) {
	for alg, have := range inv {
		for i, key := range have.keys {
			end := m.rotation.retiresAt(have.keys, i, need.Longest)
			if end == 0 || now < end+removalGrace {
				continue
			}
			if err := m.remove(ctx, key); err != nil {
				m.log.Warn("signing key cannot be removed", "alg", alg, "kid", key.kid, "reason", err.Error())
				continue
			}
			delete(m.longest, key.kid)
			m.log.Info("signing key removed", "alg", alg, "kid", key.kid, "retired_at", schema.FormatTime(end))
		}
	}
}

// remove deletes a key and its markers, the key first: a marker alone harms nobody.
func (m *Managed) remove(ctx context.Context, key managedKey) error {
	err := m.reader.storage.Remove(ctx, key.name())
	for _, marker := range key.markers {
		if err == nil {
			err = m.reader.storage.Remove(ctx, marker)
		}
	}
	return err
}

// publish puts what there is in force.
func (m *Managed) publish(inv inventory, need Need, now int64) {
	before := m.table.Load()
	next := &table{keys: map[schema.SigningAlg][]managedKey{}}
	for alg, have := range inv {
		if len(have.keys) > 0 {
			next.keys[alg] = have.keys
		}
		if _, known := m.idle[alg]; !known && !slices.Contains(need.Algs, alg) {
			m.idle[alg] = now
		}
	}
	for _, alg := range need.Algs {
		delete(m.idle, alg)
	}
	next.idle = maps.Clone(m.idle)
	m.table.Store(next)
	for alg, keys := range before.keys {
		for _, key := range keys {
			known := func(k managedKey) bool { return k.kid == key.kid }
			if i := signing(keys, now); key.generation >= keys[max(i, 0)].generation && !slices.ContainsFunc(next.keys[alg], known) {
				m.log.Warn("signing key withdrawn: its file is gone", "alg", alg, "kid", key.kid)
			}
		}
	}
}
