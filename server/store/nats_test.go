//go:build nats

package store_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

func natsBackends() (backends []benchBackend) {
	for _, size := range []int{1, 3} {
		backends = append(backends, benchBackend{fmt.Sprint("nats-R", size), func(b *testing.B) store.Store {
			return startCluster(b, size, true).open(b, "writ", "&timeout=10s", store.NATSOptions{})
		}})
	}
	return backends
}

func TestNATS(t *testing.T) {
	rounds := 20
	if os.Getenv("WRIT_SOAK") != "" {
		rounds = 1000
	}
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprint(size, " servers"), func(t *testing.T) {
			c := startCluster(t, size, false)
			var buckets atomic.Int64
			storetest.Run(t, func(t *testing.T) storetest.Backend {
				clock := storetest.NewClock()
				n := c.open(t, fmt.Sprint("b", buckets.Add(1)), "&timeout=30s", store.NATSOptions{Now: clock.Now})
				return storetest.Backend{Store: n, Advance: clock.Advance, Close: n.Close, Rounds: rounds}
			})
		})
	}
}
