package store_test

import (
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

type benchBackend struct {
	name string
	open func(b *testing.B) store.Store
}

// backends runs a benchmark with each backend, one caller at a time and many.
// The servers of NATS are processes of their own, on this machine: what is
// allocated is the client's, and no network is in between.
func backends(b *testing.B, run func(b *testing.B, s store.Store, each func(b *testing.B, f func(n int)))) {
	for _, backend := range append([]benchBackend{
		{"memory", func(*testing.B) store.Store { return store.NewMemory(store.MemoryOptions{MaxKeys: 1 << 30}) }},
		{"bolt", func(b *testing.B) store.Store {
			return openBolt(b, filepath.Join(b.TempDir(), "state.db"), storetest.NewClock())
		}},
	}, natsBackends()...) {
		b.Run(backend.name, func(b *testing.B) {
			run(b, backend.open(b), func(b *testing.B, f func(n int)) {
				for n := 0; b.Loop(); n++ {
					f(n)
				}
			})
		})
		b.Run(backend.name+"/parallel", func(b *testing.B) {
			run(b, backend.open(b), func(b *testing.B, f func(n int)) {
				var next atomic.Int64
				b.SetParallelism(32)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						f(int(next.Add(1)))
					}
				})
			})
		})
	}
}

func BenchmarkPutOnce(b *testing.B) {
	backends(b, func(b *testing.B, s store.Store, each func(*testing.B, func(int))) {
		b.ReportAllocs()
		each(b, func(n int) {
			if err := s.PutOnce(b.Context(), store.NewKey("bench", "client", strconv.Itoa(n)), time.Minute); err != nil {
				b.Error(err)
			}
		})
	})
}

// Each call creates a key that only it rotates: two swaps.
func BenchmarkCompareAndSwap(b *testing.B) {
	backends(b, func(b *testing.B, s store.Store, each func(*testing.B, func(int))) {
		b.ReportAllocs()
		value := make([]byte, 200)
		each(b, func(n int) {
			key := store.NewKey("bench", strconv.Itoa(n))
			revision, err := s.CompareAndSwap(b.Context(), key, 0, value, time.Hour)
			if err == nil {
				_, err = s.CompareAndSwap(b.Context(), key, revision, value, time.Hour)
			}
			if err != nil {
				b.Error(err)
			}
		})
	})
}

func BenchmarkGet(b *testing.B) {
	backends(b, func(b *testing.B, s store.Store, each func(*testing.B, func(int))) {
		key := store.NewKey("bench")
		if _, err := s.CompareAndSwap(b.Context(), key, 0, make([]byte, 200), time.Hour); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		each(b, func(int) {
			if _, err := s.Get(b.Context(), key); err != nil {
				b.Error(err)
			}
		})
	})
}
