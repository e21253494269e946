package natskv_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/writ-auth/writ/server/store/natskv"
	"github.com/writ-auth/writ/server/store/storetest"
)

func TestMain(m *testing.M) {
	if runNode() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	rounds := 20
	if os.Getenv("WRIT_SOAK") == "1" {
		rounds = 1000
	}
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprint(size, " servers"), func(t *testing.T) {
			c := startCluster(t, size, false)
			var buckets atomic.Int64
			storetest.Run(t, func(t *testing.T) storetest.Backend {
				clock := storetest.NewClock()
				n := c.open(t, fmt.Sprint("b", buckets.Add(1)), "&timeout=30s", natskv.Options{Now: clock.Now})
				return storetest.Backend{Store: n, Advance: clock.Advance, Close: n.Close, Rounds: rounds}
			})
		})
	}
}
