package transport

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// Connections go on in the order in which they were answered.
func TestFairQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newFairQueue()
		queue.requestAnswered(http.StateNew) // not answered yet: returns
		queue.requestAnswered(http.StateActive)

		var order, want []int
		for i := range 100 {
			want = append(want, i)
			go func() {
				queue.requestAnswered(http.StateIdle)
				order = append(order, i)
			}()
			synctest.Wait() // it waits
		}
		if len(order) > 0 {
			t.Errorf("%d went on before anybody gave a turn", len(order))
		}
		for range want {
			queue.next <- struct{}{}
			synctest.Wait()
		}
		if !slices.Equal(order, want) {
			t.Errorf("they went on as %v", order)
		}
	})
}

// All of them go on as long as the server runs, and nobody waits when it drains.
func TestFairQueueEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newFairQueue()
		var waiting, keeping sync.WaitGroup
		for range 100 {
			waiting.Go(func() { queue.requestAnswered(http.StateIdle) })
		}
		synctest.Wait()
		ctx, stop := context.WithCancel(t.Context())
		keeping.Go(func() { queue.run(ctx) })
		waiting.Wait()
		queue.requestAnswered(http.StateIdle) // the only one: does not wait
		stop()
		keeping.Wait()
		queue.requestAnswered(http.StateIdle)
	})
}
