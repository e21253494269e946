package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// Connections go on in the order in which they were answered.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		turns.answered(nil, http.StateNew) // not answered yet: returns
		turns.answered(nil, http.StateActive)

		var order, want []int
		for i := range 100 {
			want = append(want, i)
			go func() {
				turns.answered(nil, http.StateIdle)
				order = append(order, i)
			}()
			synctest.Wait() // it waits
		}
		if len(order) > 0 {
			t.Errorf("%d went on before anybody gave a turn", len(order))
		}
		for range want {
			turns.next <- struct{}{}
			synctest.Wait()
		}
		if !slices.Equal(order, want) {
			t.Errorf("they went on as %v", order)
		}
	})
}

// All of them go on as long as the server runs, and nobody waits when it drains.
func TestTurnsAreGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		var waiting, keeping sync.WaitGroup
		for range 100 {
			waiting.Go(func() { turns.answered(nil, http.StateIdle) })
		}
		synctest.Wait()
		ctx, stop := context.WithCancel(t.Context())
		keeping.Go(func() { turns.keep(ctx) })
		waiting.Wait()
		turns.answered(nil, http.StateIdle) // the only one: does not wait
		stop()
		keeping.Wait()
		turns.answered(nil, http.StateIdle)
	})
}
