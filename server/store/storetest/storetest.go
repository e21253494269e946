// Package storetest holds what every backend of package store promises, as one
// suite of tests: each backend's own tests call Run. It knows no backend.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/store"
)

// A Backend is one fresh, empty store under test.
type Backend struct {
	Store   store.Store
	Advance func(d time.Duration) // lets the store's clock pass, by injection or by waiting
	Close   func() error          // ends the store; its methods are called once more after it
	Rounds  int                   // of the races; 1000 when 0
}

// rounds is how often a race is run: it finds a mistake by chance, and so often enough.
func (b Backend) rounds() int {
	rounds := cmp.Or(b.Rounds, 1000)
	if testenv.RaceDetector { // a round is 200 callers at once
		rounds = min(rounds, 100)
	}
	return rounds
}

// A Clock is a time that only a test moves. It is safe for concurrent use.
type Clock struct{ nanos atomic.Int64 }

// NewClock returns a clock at some moment in 2026.
func NewClock() *Clock {
	c := new(Clock)
	c.nanos.Store(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC).UnixNano())
	return c
}

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()) }

// Advance moves the time by d.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// Run runs the suite, each test on a backend of its own that open makes.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b Backend)
	}{
		{"put once", putOnce},
		{"put once expires", putOnceExpires},
		{"put once race", putOnceRace},
		{"get", get},
		{"compare and swap", compareAndSwap},
		{"compare and swap expires", compareAndSwapExpires},
		{"compare and swap race", compareAndSwapRace},
		{"compare and swap chain", compareAndSwapChain},
		{"revisions are never used twice", revisions},
		{"values are copies", copies},
		{"delete", deleteKey},
		{"bad arguments", badArguments},
		{"cancelled context", cancelled},
		{"closed", closed},
		{"many keys expire", manyKeys},
		{"group", group},
		{"group race", groupRace},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// wantErr ends the test unless err has want in its chain; a want of nil asks for no error.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

// swap is a CompareAndSwap that must succeed. A revision is never 0, which stands for "no
// key", and never the one before.
func swap(t *testing.T, b Backend, key store.Key, revision uint64, value string, ttl time.Duration) uint64 {
	t.Helper()
	next, err := b.Store.CompareAndSwap(t.Context(), key, revision, []byte(value), ttl)
	if err != nil {
		t.Fatalf("CompareAndSwap at revision %d: %v", revision, err)
	}
	if next == 0 || next == revision {
		t.Fatalf("CompareAndSwap at revision %d: new revision %d", revision, next)
	}
	return next
}

// A key is put once: an assertion that was used is not taken again (RFC 7523 section 3).
func putOnce(t *testing.T, b Backend) {
	a, other := store.NewKey("test", "a"), store.NewKey("test", "b")
	wantErr(t, "first", b.Store.PutOnce(t.Context(), a, time.Minute), nil)
	wantErr(t, "second", b.Store.PutOnce(t.Context(), a, time.Minute), store.ErrExists)
	wantErr(t, "other key", b.Store.PutOnce(t.Context(), other, time.Minute), nil)
	entry, err := b.Store.Get(t.Context(), a)
	if err != nil || len(entry.Value) != 0 || entry.Revision == 0 {
		t.Fatalf("Get of a key put once: %+v, %v", entry, err)
	}
}

// A key is there until its time has passed, to the millisecond, and is then free again.
func putOnceExpires(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	wantErr(t, "first", b.Store.PutOnce(t.Context(), key, time.Second), nil)
	// A backend that counts in whole seconds would let the key go up to a second early, and the
	// assertion could be used again in that time.
	b.Advance(999 * time.Millisecond)
	wantErr(t, "just before the end", b.Store.PutOnce(t.Context(), key, time.Hour), store.ErrExists)
	b.Advance(time.Millisecond)
	wantErr(t, "at the end", b.Store.PutOnce(t.Context(), key, time.Second), nil)
	wantErr(t, "again", b.Store.PutOnce(t.Context(), key, time.Second), store.ErrExists)
}

// race lets n goroutines start together and counts what they answer. ErrExists and
// ErrConflict are both ways to lose; other is one of the errors that are neither.
func race(n int, try func(i int) error) (won, lost int, other error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start // else the first callers would be done before the last have begun
			err := try(i)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrConflict):
				lost++
			default:
				other = err
			}
		})
	}
	close(start)
	wg.Wait()
	return won, lost, other
}

// Of any number of callers with one key, one succeeds and all others get ErrExists.
func putOnceRace(t *testing.T, b Backend) {
	const callers = 200
	for round := range b.rounds() {
		key := store.NewKey("test", fmt.Sprint(round))
		won, lost, err := race(callers, func(int) error { return b.Store.PutOnce(t.Context(), key, time.Minute) })
		if won != 1 || lost != callers-1 || err != nil {
			t.Fatalf("round %d: %d won, %d lost of %d, error %v", round, won, lost, callers, err)
		}
	}
}

// An absent key and one that has expired are the same: ErrNotFound.
func get(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	_, err := b.Store.Get(t.Context(), key)
	wantErr(t, "absent", err, store.ErrNotFound)
	revision := swap(t, b, key, 0, "value", time.Second)
	entry, err := b.Store.Get(t.Context(), key)
	if err != nil || string(entry.Value) != "value" || entry.Revision != revision {
		t.Fatalf("Get: %+v, %v, want value at revision %d", entry, err, revision)
	}
	b.Advance(time.Second)
	_, err = b.Store.Get(t.Context(), key)
	wantErr(t, "expired", err, store.ErrNotFound)
}

// A value is replaced only at the revision that it has, and revision 0 creates a key that is
// not there. Anything else is ErrConflict and changes nothing.
func compareAndSwap(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	_, err := b.Store.CompareAndSwap(t.Context(), key, 7, []byte("x"), time.Minute)
	wantErr(t, "absent, some revision", err, store.ErrConflict)
	first := swap(t, b, key, 0, "1", time.Minute)
	_, err = b.Store.CompareAndSwap(t.Context(), key, 0, []byte("x"), time.Minute)
	wantErr(t, "present, revision 0", err, store.ErrConflict)
	second := swap(t, b, key, first, "2", time.Minute)
	_, err = b.Store.CompareAndSwap(t.Context(), key, first, []byte("x"), time.Minute)
	wantErr(t, "old revision", err, store.ErrConflict)
	// Which error a revision gets that was never given out is not promised.
	if _, err = b.Store.CompareAndSwap(t.Context(), key, second+1, []byte("x"), time.Minute); err == nil {
		t.Fatal("a revision to come was taken")
	}
	wantErr(t, "PutOnce of it", b.Store.PutOnce(t.Context(), key, time.Minute), store.ErrExists)
	entry, err := b.Store.Get(t.Context(), key)
	if err != nil || string(entry.Value) != "2" || entry.Revision != second {
		t.Fatalf("after refusals: %+v, %v", entry, err)
	}
}

// Each swap sets the end anew. A key that has expired conflicts with every revision but 0.
func compareAndSwapExpires(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	first := swap(t, b, key, 0, "1", time.Second)
	b.Advance(900 * time.Millisecond)
	second := swap(t, b, key, first, "2", time.Second)
	b.Advance(900 * time.Millisecond)
	if _, err := b.Store.Get(t.Context(), key); err != nil {
		t.Fatalf("a swap did not move the end: %v", err)
	}
	b.Advance(100 * time.Millisecond)
	_, err := b.Store.CompareAndSwap(t.Context(), key, second, []byte("3"), time.Second)
	wantErr(t, "expired", err, store.ErrConflict)
	swap(t, b, key, 0, "again", time.Second)
}

// Of any number of callers at one revision one succeeds, and what the store has is that
// caller's value at the revision that the caller was given.
func compareAndSwapRace(t *testing.T, b Backend) {
	const callers = 200
	key := store.NewKey("test", "a")
	var revision uint64
	for round := range b.rounds() {
		// By caller the revision that it was given. A store that gives a revision to one caller
		// and keeps the value of another would pass a test that only counts who has won.
		values := make([]uint64, callers)
		won, lost, err := race(callers, func(i int) (err error) {
			values[i], err = b.Store.CompareAndSwap(t.Context(), key, revision, fmt.Appendf(nil, "%d", i), time.Minute)
			return err
		})
		if won != 1 || lost != callers-1 || err != nil {
			t.Fatalf("round %d: %d won, %d lost of %d, error %v", round, won, lost, callers, err)
		}
		entry, err := b.Store.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if v != 0 && (v != entry.Revision || string(entry.Value) != fmt.Sprint(i)) {
				t.Fatalf("round %d: caller %d won revision %d, the store has %q at %d", round, i, v, entry.Value, entry.Revision)
			}
		}
		revision = entry.Revision
	}
}

// compareAndSwapChain counts with read-modify-write loops: no update is lost.
func compareAndSwapChain(t *testing.T, b Backend) {
	const callers, each = 8, 25
	// The value gets longer by a byte with each update, so that its length counts them.
	key := store.NewKey("test", "counter")
	swap(t, b, key, 0, "", time.Hour)
	_, _, err := race(callers, func(int) error {
		for done := 0; done < each; {
			entry, err := b.Store.Get(t.Context(), key)
			if err != nil {
				return err
			}
			_, err = b.Store.CompareAndSwap(t.Context(), key, entry.Revision, append(entry.Value, 'x'), time.Hour)
			switch {
			case err == nil:
				done++
			case !errors.Is(err, store.ErrConflict):
				return err
			}
		}
		return nil
	})
	entry, getErr := b.Store.Get(t.Context(), key)
	if err != nil || getErr != nil || len(entry.Value) != callers*each {
		t.Fatalf("counted to %d of %d, errors %v, %v", len(entry.Value), callers*each, err, getErr)
	}
}

// A revision is never used twice, also not after a key was deleted or has expired: a caller
// that holds an old one must not overwrite what came after.
func revisions(t *testing.T, b Backend) {
	key, other := store.NewKey("test", "a"), store.NewKey("test", "b")
	seen := map[uint64]bool{}
	for round := range 5 {
		first := swap(t, b, key, 0, "1", time.Second)
		second := swap(t, b, key, first, "2", time.Second)
		for _, revision := range []uint64{first, second} {
			if seen[revision] {
				t.Fatalf("round %d: revision %d came back", round, revision)
			}
			seen[revision] = true
		}
		if round%2 == 0 {
			wantErr(t, "delete", b.Store.Delete(t.Context(), key), nil)
		} else {
			b.Advance(time.Second)
		}
		// A write to another key makes a store throw out what has expired: it must remember the
		// revision all the same.
		wantErr(t, "other key", b.Store.PutOnce(t.Context(), other, 500*time.Millisecond), nil)
		b.Advance(500 * time.Millisecond)
		_, err := b.Store.CompareAndSwap(t.Context(), key, second, []byte("x"), time.Second)
		wantErr(t, "a revision of a gone key", err, store.ErrConflict)
	}
}

// The store keeps a copy of what it is given and gives out copies: callers may change both.
func copies(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	value := []byte("value")
	if _, err := b.Store.CompareAndSwap(t.Context(), key, 0, value, time.Minute); err != nil {
		t.Fatal(err)
	}
	value[0] = 'X'
	first, err := b.Store.Get(t.Context(), key)
	wantErr(t, "get", err, nil)
	first.Value[1] = 'X'
	second, err := b.Store.Get(t.Context(), key)
	if err != nil || string(second.Value) != "value" {
		t.Fatalf("the store shares its memory: %q, %v", second.Value, err)
	}
}

// Delete succeeds whether the key is there or not, and the key is then free.
func deleteKey(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	wantErr(t, "absent", b.Store.Delete(t.Context(), key), nil)
	wantErr(t, "put", b.Store.PutOnce(t.Context(), key, time.Minute), nil)
	wantErr(t, "present", b.Store.Delete(t.Context(), key), nil)
	_, err := b.Store.Get(t.Context(), key)
	wantErr(t, "get", err, store.ErrNotFound)
	wantErr(t, "put again", b.Store.PutOnce(t.Context(), key, time.Minute), nil)
}

// A time to live is positive and at most MaxTTL, and a value has at most MaxValue bytes.
func badArguments(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	for _, ttl := range []time.Duration{0, -time.Second, store.MaxTTL + 1} {
		if b.Store.PutOnce(t.Context(), key, ttl) == nil {
			t.Errorf("PutOnce for %s succeeded", ttl)
		}
		if _, err := b.Store.CompareAndSwap(t.Context(), key, 0, nil, ttl); err == nil {
			t.Errorf("CompareAndSwap for %s succeeded", ttl)
		}
	}
	long := bytes.Repeat([]byte{'x'}, store.MaxValue+1)
	if _, err := b.Store.CompareAndSwap(t.Context(), key, 0, long, time.Minute); err == nil {
		t.Error("a value over the limit was taken")
	}
	_, err := b.Store.Get(t.Context(), key)
	wantErr(t, "get after refusals", err, store.ErrNotFound)
	if _, err := b.Store.CompareAndSwap(t.Context(), key, 0, long[1:], time.Minute); err != nil {
		t.Errorf("a value of the longest length: %v", err)
	}
}

// everyMethod calls each method once and gives its error.
func everyMethod(ctx context.Context, s store.Store, key store.Key) map[string]error {
	_, getErr := s.Get(ctx, key)
	_, swapErr := s.CompareAndSwap(ctx, key, 0, nil, time.Minute)
	return map[string]error{
		"PutOnce": s.PutOnce(ctx, key, time.Minute), "Get": getErr, "CompareAndSwap": swapErr, "Delete": s.Delete(ctx, key),
	}
}

// When the context has ended every method returns its error, and nothing is changed.
func cancelled(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// It is the caller's error that comes back, and not one of the store: a request whose
	// client has gone away must not look like a failure of the store.
	for method, err := range everyMethod(ctx, b.Store, key) {
		wantErr(t, method, err, context.Canceled)
	}
	wantErr(t, "afterwards", b.Store.PutOnce(t.Context(), key, time.Minute), nil)
}

// After Close every method returns ErrClosed, also for a key that is there.
func closed(t *testing.T, b Backend) {
	key := store.NewKey("test", "a")
	wantErr(t, "put", b.Store.PutOnce(t.Context(), key, time.Minute), nil)
	wantErr(t, "close", b.Close(), nil)
	for method, err := range everyMethod(t.Context(), b.Store, store.NewKey("test", "b")) {
		wantErr(t, method, err, store.ErrClosed)
	}
	wantErr(t, "PutOnce of a present key", b.Store.PutOnce(t.Context(), key, time.Minute), store.ErrClosed)
}

// Among many keys each has its own end, whatever the store does to throw out the old ones.
func manyKeys(t *testing.T, b Backend) {
	const keys = 300
	for i := range keys {
		key := store.NewKey("test", fmt.Sprint(i))
		wantErr(t, "put", b.Store.PutOnce(t.Context(), key, time.Duration(1+i%3)*time.Second), nil)
	}
	b.Advance(2 * time.Second)
	for i := range keys {
		want := error(nil)
		if i%3 == 2 {
			want = store.ErrExists
		}
		wantErr(t, fmt.Sprintf("put %d again", i), b.Store.PutOnce(t.Context(), store.NewKey("test", fmt.Sprint(i)), time.Minute), want)
	}
}

// isOver is Group.Over of the tests: a member whose value says so is of no use any more.
func isOver(value []byte) bool { return string(value) == "over" }

// group fills a group: what is over goes first, then what is oldest, and what has
// expired takes no place.
func group(t *testing.T, b Backend) {
	g, list := store.Group{Store: b.Store, Most: 3, Over: isOver}, store.NewKey("test group")
	member := func(name string) store.Key { return store.NewKey("test", name) }
	join := func(name string, ttl time.Duration) {
		t.Helper()
		swap(t, b, member(name), 0, name, ttl)
		wantErr(t, "join "+name, g.Join(t.Context(), list, member(name), time.Hour), nil)
	}
	alive := func(want ...string) {
		t.Helper()
		var got []string
		for _, name := range []string{"a", "b", "over", "c", "d", "e", "f"} {
			if _, err := b.Store.Get(t.Context(), member(name)); err == nil {
				got = append(got, name)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("alive are %v, want %v", got, want)
		}
	}
	join("a", time.Minute)
	join("over", time.Minute)
	join("b", 2*time.Second)
	alive("a", "b", "over")
	join("c", time.Minute) // a is older, and what is over goes first
	alive("a", "b", "c")
	b.Advance(2 * time.Second) // b expires, and leaves its place
	join("d", time.Minute)
	alive("a", "c", "d")
	join("e", time.Minute) // the group is full: a is the oldest
	alive("c", "d", "e")
	join("f", time.Minute)
	alive("d", "e", "f")
}

// groupRace joins from all sides at once: exactly as many members as the bound are left. One
// that gives up after too many conflicts is deleted by its caller.
func groupRace(t *testing.T, b Backend) {
	const callers, most = 16, 4
	g, list := store.Group{Store: b.Store, Most: most}, store.NewKey("test group")
	key := func(i int) store.Key { return store.NewKey("test", fmt.Sprint(i)) }
	_, _, err := race(callers, func(i int) error {
		if _, err := b.Store.CompareAndSwap(t.Context(), key(i), 0, []byte("x"), time.Minute); err != nil {
			return err
		}
		err := g.Join(t.Context(), list, key(i), time.Minute)
		if errors.Is(err, store.ErrContended) {
			err = b.Store.Delete(t.Context(), key(i))
		}
		return err
	})
	alive := 0
	for i := range callers {
		if _, err := b.Store.Get(t.Context(), key(i)); err == nil {
			alive++
		}
	}
	if err != nil || alive != most {
		t.Fatalf("%d are alive, want %d; error %v", alive, most, err)
	}
}
