package natskv_test

import (
	"fmt"
	"testing"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
	"github.com/writ-auth/writ/server/store/storetest"
)

// The servers are processes of their own, on this machine: what is allocated is
// the client's, and no network is in between.
func BenchmarkStore(b *testing.B) {
	for _, size := range []int{1, 3} {
		b.Run(fmt.Sprintf("R%d", size), func(b *testing.B) {
			storetest.Bench(b, func(b *testing.B) store.Store {
				return startCluster(b, size, true).open(b, "writ", "&timeout=10s", natskv.Options{})
			})
		})
	}
}
