package store_test

import (
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

func BenchmarkMemory(b *testing.B) {
	storetest.Bench(b, func(*testing.B) store.Store { return store.NewMemory(store.MemoryOptions{MaxKeys: 1 << 30}) })
}

func BenchmarkBolt(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store {
		return openBolt(b, filepath.Join(b.TempDir(), "state.db"), storetest.NewClock())
	})
}
