package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// What requests that are not whole yet may hold at once, in bytes: all of them,
// and those of one address. Whoever is on this machine has the whole to share: a
// proxy there speaks for everybody.
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
// can end them, so that without a bound whoever begins many and ends none has the
// process use up its memory.
//
// When there is too much, a request is cut off: one of the address that holds more than
// its share, or else one of all. Of these it is the oldest of those that hold much; if
// none holds much, the oldest. Until the connection has let go of it, no other
// connection is accepted, and no more is read of requests that have begun. A short
// request that comes in one piece holds little, for a short time, and is hardly ever
// the oldest, however many others never end theirs.
//
// Header blocks of HTTP/2 are counted up to the first request of their connection, and
// bodies always. What a connection holds of a header block after that is bounded by
// maxFrame and maxHeaderBytes, and counts as part of what each open connection takes.
type arrivals struct {
	most, share int // bytes

	mu        sync.Mutex
	held      int                // bytes of those in line
	condemned int                // bytes of those that were cut off and have not let go
	from      map[netip.Addr]int // bytes in line, by address
	lines     [3]list.List       // of *arrival, by what they hold, the oldest first
	waiting   []*arrival         // for held and condemned to be within most
	door      arrival            // waits to accept a connection
	closed    bool
}

func newArrivals(most, share int) *arrivals {
	return &arrivals{most: most, share: share, from: map[netip.Addr]int{}}
}

// An arrival is the request that is arriving on a connection, one after the other,
// or on one stream of HTTP/2. A request that came in one piece is never listed.
type arrival struct {
	of   *arrivals
	from netip.Addr // the zero Addr of who is on this machine
	end  func()     // cuts it off; called once, with of.mu held

	seen   atomic.Int64 // what has come of the request, as it is counted; 0: nothing
	listed atomic.Bool  // in line, or cut off and counted still
	shared atomic.Bool  // it is a connection of HTTP/2, whose streams are counted

	// Guarded by of.mu.
	counted int
	line    *list.List // of of.lines, nil once it was cut off
	place   *list.Element
	cut     bool
	wake    chan struct{} // closed when it need not wait any more; nil when it does not
}

// newArrival is what arrives from a remote address.
func (a *arrivals) newArrival(remote string, end func()) *arrival {
	x := &arrival{of: a, end: end}
	if peer, err := netip.ParseAddrPort(remote); err == nil && !peer.Addr().Unmap().IsLoopback() {
		x.from = network(peer.Addr())
	}
	return x
}

// waits is called before more of the request is read, and returns when there is room
// for more. A nil arrival counts nothing.
func (x *arrival) waits() {
	if x == nil || x.seen.Load() == 0 || x.shared.Load() {
		return
	}
	a := x.of
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.enter(x) {
		a.wait(x)
	}
}

// enter lists x, unless it has become whole meanwhile.
func (a *arrivals) enter(x *arrival) (listed bool) {
	if x.listed.Load() {
		return true
	}
	a.stand(x, &a.lines[0])
	x.listed.Store(true)
	if x.seen.Load() == 0 { // and it did not see that it is listed
		a.leave(x)
		return false
	}
	a.count(x)
	return true
}

// wait gives up a.mu until there is room, or x is cut off.
func (a *arrivals) wait(x *arrival) {
	for a.full() && !x.cut && !a.closed {
		wake := make(chan struct{})
		x.wake = wake
		a.waiting = append(a.waiting, x)
		a.mu.Unlock()
		<-wake
		a.mu.Lock()
	}
}

func (a *arrivals) full() bool { return a.held+a.condemned > a.most }

func (a *arrivals) wakeAll() {
	for _, x := range a.waiting {
		x.goOn()
	}
	clear(a.waiting)
	a.waiting = a.waiting[:0]
}

func (x *arrival) goOn() {
	if x.wake != nil {
		close(x.wake)
		x.wake = nil
	}
}

// came counts what was read.
func (x *arrival) came(n int) {
	if x == nil || n <= 0 || x.shared.Load() {
		return
	}
	x.seen.Add(int64(n))
	if x.listed.Load() {
		x.of.mu.Lock()
		defer x.of.mu.Unlock()
		x.of.count(x)
	}
}

// whole ends the count: nobody waits for more of the request. It reports whether
// the request was cut off before; then it is counted until it is gone.
func (x *arrival) whole() (cut bool) {
	x.seen.Store(0)
	if !x.listed.Load() {
		return false
	}
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	if !x.cut {
		x.of.leave(x)
	}
	return x.cut
}

// gone ends the count, whatever became of the request.
func (x *arrival) gone() {
	if x.listed.Load() {
		x.of.mu.Lock()
		defer x.of.mu.Unlock()
		x.of.leave(x)
	}
}

// accept returns when there is room for another connection.
func (a *arrivals) accept() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait(&a.door)
}

// close has nobody wait from now on.
func (a *arrivals) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.wakeAll()
}

// count brings what is counted of x up to date, and makes room.
func (a *arrivals) count(x *arrival) {
	if x.line == nil {
		return
	}
	a.hold(x, arrivalBase+int(x.seen.Load())-x.counted)
	line := &a.lines[0]
	if x.counted > arrivalMiddle {
		line = &a.lines[2]
	} else if x.counted > arrivalSmall {
		line = &a.lines[1]
	}
	if x.line != line {
		x.line.Remove(x.place)
		a.stand(x, line)
	}
	for x.from.IsValid() && a.from[x.from] > a.share {
		a.cutOff(a.first(func(other *arrival) bool { return other.from == x.from }))
	}
	for a.held > a.most {
		a.cutOff(a.first(func(*arrival) bool { return true }))
	}
}

func (a *arrivals) stand(x *arrival, line *list.List) { x.line, x.place = line, line.PushBack(x) }

// hold counts so many bytes more of x.
func (a *arrivals) hold(x *arrival, more int) {
	x.counted += more
	a.held += more
	if x.from.IsValid() {
		if a.from[x.from] += more; a.from[x.from] == 0 {
			delete(a.from, x.from)
		}
	}
}

// first is who is to be cut off first of those that are meant, of whom there is one.
func (a *arrivals) first(meant func(*arrival) bool) *arrival {
	for i := len(a.lines) - 1; ; i-- {
		for place := a.lines[i].Front(); place != nil; place = place.Next() {
			if x := place.Value.(*arrival); meant(x) {
				return x
			}
		}
	}
}

// cutOff ends x, which is counted until it has let go.
func (a *arrivals) cutOff(x *arrival) {
	counted := x.counted
	a.unlist(x)
	x.counted = counted
	a.condemned += counted
	x.cut = true
	x.end()
	x.goOn()
}

func (a *arrivals) unlist(x *arrival) {
	x.line.Remove(x.place)
	x.line, x.place = nil, nil
	a.hold(x, -x.counted)
}

// leave forgets what is counted of x.
func (a *arrivals) leave(x *arrival) {
	full := a.full()
	if x.line != nil {
		a.unlist(x)
	} else {
		a.condemned -= x.counted
		x.counted = 0
	}
	x.listed.Store(false)
	if full && !a.full() {
		a.wakeAll()
	}
}

// arrivingKey finds the connection of a request in its context.
type arrivingKey struct{}

// arrivingContext is for http.Server.ConnContext.
func arrivingContext(ctx context.Context, conn net.Conn) context.Context {
	if c := cappedOf(conn); c != nil {
		return context.WithValue(ctx, arrivingKey{}, c)
	}
	return ctx
}

// cappedOf is our own part of a connection, below TLS.
func cappedOf(conn net.Conn) *cappedConn {
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = outer.NetConn()
	}
	c, _ := conn.(*cappedConn)
	return c
}

// arriving ends the count of requests without a body. Those of HTTP/2 are counted by
// their streams.
func arriving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(arrivingKey{}).(*cappedConn); ok {
			if r.ProtoMajor >= 2 || r.Body == http.NoBody {
				c.arrival.whole()
			} else {
				c.body.Store(true)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// answered is for http.Server.ConnState: whatever was left of a request that was
// answered has been read, or the connection would not go on. One of HTTP/2 is idle
// before its first frame is read. One whose body was cut off when it was whole already
// ends here: nobody else closes it, and it is counted until then.
func answered(conn net.Conn, state http.ConnState) {
	c := cappedOf(conn)
	if c == nil || state != http.StateIdle {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		c.arrival.shared.Store(true)
	}
	if c.arrival.whole() {
		_ = c.Conn.Close() // the server, which still has it, calls Close of c
	}
	c.body.Store(false)
}

// bodyArrives is called before a body is read, and done once it is there or is not
// waited for any more: then cut tells whether it was cut off. What comes on a stream
// of HTTP/2 is for the reader to count; on a connection of its own the connection
// counts, and stream is nil.
func bodyArrives(w http.ResponseWriter, r *http.Request) (stream *arrival, done func() (cut bool)) {
	c, ok := r.Context().Value(arrivingKey{}).(*cappedConn)
	if !ok {
		return nil, func() bool { return false }
	}
	if r.ProtoMajor < 2 {
		return nil, c.arrival.whole
	}
	stream = c.arrival.of.newArrival(r.RemoteAddr, func() { _ = http.NewResponseController(w).SetReadDeadline(longAgo) })
	stream.seen.Store(1)
	return stream, func() bool { defer stream.gone(); return stream.whole() }
}

var longAgo = time.Unix(1, 0)
