package storetest

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
)

// Bench measures each method on stores that open makes, one caller at a time and
// many. An iteration of CompareAndSwap creates a key that only it rotates: two
// swaps.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	for _, method := range []struct {
		name string
		make func(b *testing.B, s store.Store) func(n int) error
	}{{"PutOnce", benchPutOnce}, {"CompareAndSwap", benchCompareAndSwap}, {"Get", benchGet}} {
		b.Run(method.name, func(b *testing.B) {
			call := method.make(b, open(b))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := call(n); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(method.name+"/parallel", func(b *testing.B) {
			call := method.make(b, open(b))
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(int(next.Add(1))); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// benchPutOnce is one used assertion: a new key each time.
func benchPutOnce(b *testing.B, s store.Store) func(n int) error {
	return func(n int) error {
		return s.PutOnce(b.Context(), store.NewKey("bench", "client", strconv.Itoa(n)), time.Minute)
	}
}

// benchCompareAndSwap is one refresh token: its family is created and rotated once. A value
// has about as many bytes as a family's record.
func benchCompareAndSwap(b *testing.B, s store.Store) func(n int) error {
	value := make([]byte, 200)
	return func(n int) error {
		key := store.NewKey("bench", strconv.Itoa(n))
		revision, err := s.CompareAndSwap(b.Context(), key, 0, value, time.Hour)
		if err == nil {
			_, err = s.CompareAndSwap(b.Context(), key, revision, value, time.Hour)
		}
		return err
	}
}

// benchGet reads one key that is there, as a request with a refresh token does first.
func benchGet(b *testing.B, s store.Store) func(n int) error {
	key := store.NewKey("bench")
	if _, err := s.CompareAndSwap(b.Context(), key, 0, make([]byte, 200), time.Hour); err != nil {
		b.Fatal(err)
	}
	return func(int) error {
		_, err := s.Get(b.Context(), key)
		return err
	}
}
