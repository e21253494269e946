package clientauth

import (
	"context"
	"net/netip"
	"slices"
	"sync"
)

// A caller is on whose account a slow hash is computed: the address of the peer, or,
// where the peer has none of its own because it comes through a proxy on this host,
// the client_id that it claims.
type caller struct {
	addr     netip.Addr
	clientID string
}

// callerOf returns on whose account a request is: its address, or its client_id if all
// requests of a proxy on this host would have one address in common.
func callerOf(addr netip.Addr, clientID string) caller {
	if addr.IsValid() && !addr.IsLoopback() && !addr.IsUnspecified() { // "::" is the /64 of "::1"
		return caller{addr: addr}
	}
	return caller{clientID: clientID}
}

// A slowQueue lets one caller after the other compute. Callers take turns: what one of
// them asks for beyond its first waits behind the first of every other one, and what
// is last of too many is refused. So a caller that floods the queue keeps nobody else
// out, and where nobody else waits it has all of it.
//
// Turns are numbered as in start-time fair queueing (Goyal, Vin and Cheng, 1996): a
// request gets the turn being served, or the one after the last of the same caller.
type slowQueue struct {
	limit int // how many may wait

	mu      sync.Mutex
	serving *turn   // nil: nobody computes
	waiting []*turn // in order, the next one first
}

// A turn is one request's place in the queue.
type turn struct {
	of     caller
	number uint64
	done   chan error // gets nil when the turn comes, or ErrBusy
}

// enter waits for the caller's turn, after which it must leave. An error is ErrBusy or
// the context's.
func (q *slowQueue) enter(ctx context.Context, of caller) error {
	t := &turn{of: of, done: make(chan error, 1)}
	q.add(t)
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, t)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 && <-t.done == nil { // the turn came all the same
		q.leave()
	}
	return ctx.Err()
}

// add serves the turn at once or puts it where it belongs.
func (q *slowQueue) add(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.serving == nil {
		q.serving = t
		t.done <- nil
		return
	}
	t.number = q.serving.number
	for _, other := range append([]*turn{q.serving}, q.waiting...) {
		if other.of == t.of {
			t.number = max(t.number, other.number+1)
		}
	}
	at := slices.IndexFunc(q.waiting, func(other *turn) bool { return other.number > t.number })
	if at < 0 {
		at = len(q.waiting)
	}
	q.waiting = slices.Insert(q.waiting, at, t)
	if last := len(q.waiting) - 1; last >= q.limit {
		q.waiting[last].done <- ErrBusy
		q.waiting = q.waiting[:last]
	}
}

// leave ends the turn being served and begins the next one.
func (q *slowQueue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.serving = nil
		return
	}
	q.serving = q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.serving.done <- nil
}
