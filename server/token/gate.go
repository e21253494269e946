package token

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrBusy says that the queue before the signing gate is full.
var ErrBusy = errors.New("too many signatures are waiting")

// A Gate lets a bounded number of signatures run at once, first come first
// served, with a bounded queue before it: what comes in a rush beyond it is
// refused at once rather than served when nobody waits for it any more.
type Gate struct {
	slots   chan struct{} // a blocked send on a channel is served in order
	waiting atomic.Int64
	queue   int64
}

// NewGate makes a gate for running signatures at once with at most queue
// callers waiting.
func NewGate(running, queue int) *Gate {
	return &Gate{slots: make(chan struct{}, running), queue: int64(queue)}
}

func (g *Gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return ErrBusy
	}
	defer g.waiting.Add(-1)
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gate) leave() { <-g.slots }
