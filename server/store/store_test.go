package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

func TestMain(m *testing.M) {
	if runPutter() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Backend {
		clock := storetest.NewClock()
		m := store.NewMemory(store.MemoryOptions{Now: clock.Now})
		return storetest.Backend{Store: m, Advance: clock.Advance, Close: m.Close}
	})
}

func TestBolt(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Backend {
		clock := storetest.NewClock()
		b := openBolt(t, filepath.Join(t.TempDir(), "state.db"), clock)
		return storetest.Backend{Store: b, Advance: clock.Advance, Close: b.Close}
	})
}

func openBolt(t testing.TB, path string, clock *storetest.Clock) *store.Bolt {
	t.Helper()
	b, err := store.OpenBolt(path, store.BoltOptions{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestNewKeySeparatesParts(t *testing.T) {
	seen := map[store.Key][]string{}
	for _, parts := range [][]string{
		{"a"}, {"a", ""}, {"a", "", ""}, {"", "a"}, {"a", "b"}, {"ab"}, {"a", "bc"}, {"ab", "c"}, {"a", "b", "c"},
		{"a", "b\x00c"}, {"a\x00b", "c"}, {"a", "\x00\x00\x00\x00\x00\x00\x00\x01b"},
	} {
		key := store.NewKey(parts[0], parts[1:]...)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q have one key", parts, other)
		}
		seen[key] = parts
		if again := store.NewKey(parts[0], parts[1:]...); again != key {
			t.Errorf("%q has two keys", parts)
		}
	}
	long := store.NewKey("k", strings.Repeat("x", 10_000))
	if text := long.String(); len(text) != 64 || strings.Contains(text, "x") {
		t.Errorf("String() = %q", text)
	}
}

func TestMemoryIsBoundedAndNeverForgetsEarly(t *testing.T) {
	clock := storetest.NewClock()
	m := store.NewMemory(store.MemoryOptions{MaxKeys: 3, Now: clock.Now})
	key := func(i int) store.Key { return store.NewKey("test", fmt.Sprint(i)) }
	for i := range 3 {
		if err := m.PutOnce(t.Context(), key(i), time.Duration(i+1)*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.PutOnce(t.Context(), key(3), time.Minute); !errors.Is(err, store.ErrFull) {
		t.Fatalf("fourth key of three: %v", err)
	}
	if _, err := m.CompareAndSwap(t.Context(), key(3), 0, nil, time.Minute); !errors.Is(err, store.ErrFull) {
		t.Fatalf("fourth key of three by swap: %v", err)
	}
	for i := range 3 {
		if err := m.PutOnce(t.Context(), key(i), time.Minute); !errors.Is(err, store.ErrExists) {
			t.Fatalf("key %d was dropped to make room: %v", i, err)
		}
	}
	clock.Advance(time.Minute)
	if err := m.PutOnce(t.Context(), key(3), time.Minute); err != nil {
		t.Fatalf("after one expired: %v", err)
	}
	if m.Len() != 3 {
		t.Errorf("holds %d keys", m.Len())
	}
}

func TestMemorySwapsDoNotGrow(t *testing.T) {
	m := store.NewMemory(store.MemoryOptions{Now: storetest.NewClock().Now})
	key := store.NewKey("test", "a")
	var revision uint64
	for range 1000 {
		var err error
		if revision, err = m.CompareAndSwap(t.Context(), key, revision, []byte("x"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if m.Len() != 1 {
		t.Errorf("holds %d keys", m.Len())
	}
}

func TestMemoryZeroOptions(t *testing.T) {
	m := store.NewMemory(store.MemoryOptions{})
	if err := m.PutOnce(t.Context(), store.NewKey("a"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := m.PutOnce(t.Context(), store.NewKey("a"), time.Minute); !errors.Is(err, store.ErrExists) {
		t.Fatal(err)
	}
}
