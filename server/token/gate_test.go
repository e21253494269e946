package token

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestGateServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(1, 3)
		if err := gate.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 3 {
			go func() {
				time.Sleep(time.Duration(i) * time.Second) // they come one after the other
				if err := gate.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				gate.leave()
			}()
		}
		time.Sleep(time.Minute)
		if err := gate.enter(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("the fourth to wait: %v", err)
		}
		gate.leave()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("served in order %v", order)
		}
	})
}

func TestGateGivesUp(t *testing.T) {
	gate := NewGate(0, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := gate.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if gate.waiting.Load() != 0 {
		t.Error("who gave up still counts as waiting")
	}
}
