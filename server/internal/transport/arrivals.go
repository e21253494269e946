package transport

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
)

// What incomplete requests may hold at once, in bytes: all of them, and those of one
// address. Peers on this machine share the whole, because a proxy here has the
// connections of all clients.
const (
	maxArriving   = 6 << 20
	arrivingShare = maxArriving / 4
)

// An arriving request holds little up to arrivalSmall bytes, and much above
// arrivalMiddle. Those that hold much are the first to be cut off, and those that hold
// little the last.
const (
	arrivalSmall  = arrivalBase + 4<<10
	arrivalMiddle = arrivalBase + 16<<10
)

// What is counted of an arriving request, in bytes: for the connection and its
// goroutine, and for each line of a header beside its text, as net/http keeps it.
const (
	arrivalBase = 4 << 10
	arrivalLine = 160
)

// arrivals bounds the memory of requests that have begun to arrive. Only the peer
// can complete them, so that without a bound a peer that begins many and completes
// none would make the process use up its memory.
//
// When there is too much, a request is cut off: one of the address that holds more than
// its share, or else one of all. Of these it is the oldest of those that hold much; if
// none holds much, the oldest. Until the connection has released its memory, no other
// connection is accepted, and no more is read of requests that have begun. A short
// request that comes in one piece holds little, for a short time, and is hardly ever
// the oldest, however many others are never completed.
//
// Header blocks of HTTP/2 are counted up to the first request of their connection, and
// bodies always. What a connection holds of a header block after that is bounded by
// maxFrame and maxHeaderBytes, and counts as part of what each open connection takes.
type arrivals struct {
	most, share int // bytes

	mu       sync.Mutex
	held     int                // bytes of those in queues
	doomed   int                // bytes of those that were cut off and have not ended
	byPeer   map[netip.Addr]int // bytes in queues, by network
	queues   [3]list.List       // of *arrival, by how much they hold, the oldest first
	waiting  []*arrival         // until held and doomed are within most
	acceptor arrival            // waits to accept a connection
	closed   bool
}

// newArrivals returns the count for a listener: most is the bound in bytes for all, share the
// one for each address.
func newArrivals(most, share int) *arrivals {
	return &arrivals{most: most, share: share, byPeer: map[netip.Addr]int{}}
}

// An arrival is the request that is arriving on a connection, one after the other,
// or on one stream of HTTP/2. A request that came in one piece is never queued. A nil
// arrival counts nothing.
type arrival struct {
	of     *arrivals
	peer   netip.Addr // the zero Addr for one on this machine
	cutOff func()     // called once at most, with of.mu held

	received atomic.Int64 // bytes of the request, as they are counted; 0: nothing
	counted  atomic.Bool  // in a queue, or cut off and not ended
	shared   atomic.Bool  // a connection of HTTP/2, whose streams are counted

	// Guarded by of.mu.
	bytes   int           // of held or doomed
	queue   *list.List    // of of.queues, nil once it was cut off
	element *list.Element // of queue
	isCut   bool
	wake    chan struct{} // closed when it need not wait any more; nil when it does not
}

// newArrival is what arrives from a remote address.
func (a *arrivals) newArrival(remote string, cutOff func()) *arrival {
	return &arrival{of: a, cutOff: cutOff, peer: distantNetwork(remote)}
}

// awaitRoom is called before more of the request is read, and returns when there is
// room for more.
func (x *arrival) awaitRoom() {
	if x == nil || x.received.Load() == 0 || x.shared.Load() {
		return
	}
	a := x.of
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.enqueue(x) {
		a.wait(x)
	}
}

// add counts bytes that were read.
func (x *arrival) add(n int) {
	if x == nil || n <= 0 || x.shared.Load() {
		return
	}
	x.received.Add(int64(n))
	if x.counted.Load() {
		x.of.mu.Lock()
		defer x.of.mu.Unlock()
		x.of.update(x)
	}
}

// complete ends the count, because no more of the request is expected. It reports
// whether the request was cut off before; then it is counted until end.
func (x *arrival) complete() (isCut bool) {
	x.received.Store(0)
	if !x.counted.Load() {
		return false
	}
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	if !x.isCut {
		x.of.remove(x)
	}
	return x.isCut
}

// end ends the count, whatever became of the request.
func (x *arrival) end() {
	if x.counted.Load() {
		x.of.mu.Lock()
		defer x.of.mu.Unlock()
		x.of.remove(x)
	}
}

// awaitRoom returns when there is room for another connection.
func (a *arrivals) awaitRoom() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait(&a.acceptor)
}

// close makes nobody wait from now on.
func (a *arrivals) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.wakeAll()
}

// enqueue counts x, unless it was completed meanwhile.
func (a *arrivals) enqueue(x *arrival) (counted bool) {
	if x.counted.Load() {
		return true
	}
	a.push(x, &a.queues[0])
	x.counted.Store(true)
	if x.received.Load() == 0 { // complete was called, and did not see that x is counted
		a.remove(x)
		return false
	}
	a.update(x)
	return true
}

// wait gives up a.mu until there is room, or x is cut off.
func (a *arrivals) wait(x *arrival) {
	for a.full() && !x.isCut && !a.closed {
		wake := make(chan struct{})
		x.wake = wake
		a.waiting = append(a.waiting, x)
		a.mu.Unlock()
		<-wake
		a.mu.Lock()
	}
}

// full reports whether nothing more may be read or accepted. What was cut off counts until it
// has ended, because it holds its memory until then. The caller holds mu, as of all below.
func (a *arrivals) full() bool { return a.held+a.doomed > a.most }

// wakeAll lets everybody look again whether there is room.
func (a *arrivals) wakeAll() {
	for _, x := range a.waiting {
		x.wakeUp()
	}
	clear(a.waiting)
	a.waiting = a.waiting[:0]
}

// wakeUp ends the wait of x, if it waits.
func (x *arrival) wakeUp() {
	if x.wake != nil {
		close(x.wake)
		x.wake = nil
	}
}

// update brings the bytes of x up to date, and makes room.
func (a *arrivals) update(x *arrival) {
	if x.queue == nil {
		return
	}
	a.hold(x, arrivalBase+int(x.received.Load())-x.bytes)
	queue := &a.queues[0]
	if x.bytes > arrivalMiddle {
		queue = &a.queues[2]
	} else if x.bytes > arrivalSmall {
		queue = &a.queues[1]
	}
	if x.queue != queue {
		x.queue.Remove(x.element)
		a.push(x, queue)
	}
	for x.peer.IsValid() && a.byPeer[x.peer] > a.share {
		a.end(a.oldest(func(other *arrival) bool { return other.peer == x.peer }))
	}
	for a.held > a.most {
		a.end(a.oldest(func(*arrival) bool { return true }))
	}
}

func (a *arrivals) push(x *arrival, queue *list.List) {
	x.queue, x.element = queue, queue.PushBack(x)
}

// hold counts so many bytes more of x.
func (a *arrivals) hold(x *arrival, more int) {
	x.bytes += more
	a.held += more
	if x.peer.IsValid() {
		if a.byPeer[x.peer] += more; a.byPeer[x.peer] == 0 {
			delete(a.byPeer, x.peer)
		}
	}
}

// oldest is the arrival to cut off first among the candidates, of which there is one
// at least.
func (a *arrivals) oldest(candidate func(*arrival) bool) *arrival {
	for i := len(a.queues) - 1; ; i-- {
		for element := a.queues[i].Front(); element != nil; element = element.Next() {
			if x := element.Value.(*arrival); candidate(x) {
				return x
			}
		}
	}
}

// end cuts x off, whose bytes stay counted until it has ended.
func (a *arrivals) end(x *arrival) {
	bytes := x.bytes
	a.dequeue(x)
	x.bytes = bytes
	a.doomed += bytes
	x.isCut = true
	x.cutOff()
	x.wakeUp()
}

// dequeue takes x out of its queue and out of the count.
func (a *arrivals) dequeue(x *arrival) {
	x.queue.Remove(x.element)
	x.queue, x.element = nil, nil
	a.hold(x, -x.bytes)
}

// remove ends the count of x.
func (a *arrivals) remove(x *arrival) {
	full := a.full()
	if x.queue != nil {
		a.dequeue(x)
	} else {
		a.doomed -= x.bytes
		x.bytes = 0
	}
	x.counted.Store(false)
	if full && !a.full() {
		a.wakeAll()
	}
}
