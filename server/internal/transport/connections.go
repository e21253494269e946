package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// How many connections are open at once, at most: of clients, and to the admin
// handler. The number of files that the process may open decides if it is less.
const (
	mostConnections      = 10_000
	mostAdminConnections = 64

	// reservedFiles are left for everything that is not a connection: the
	// snapshot, keys, secrets, the log, the watchers.
	reservedFiles = 64
	// leastConnections are tried with however few files.
	leastConnections = 8
)

// maxConnections divides the files that the process may open.
func maxConnections(files uint64) (public, admin int) {
	if files >= mostConnections+mostAdminConnections+reservedFiles {
		return mostConnections, mostAdminConnections
	}
	rest := max(int(files)-reservedFiles, 0)
	admin = max(min(mostAdminConnections, rest/8), leastConnections)
	return max(rest-admin, leastConnections), admin
}

// limitListener accepts at most that many connections at once; further ones wait. Of
// one address it accepts at most perAddress, 0 for no such limit, and closes further
// ones at once, so that they take no place from others.
func limitListener(l net.Listener, most, perAddress int) *limitedListener {
	return &limitedListener{
		Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{}),
		peers:    peers{most: perAddress, open: map[netip.Addr]int{}},
		arrivals: newArrivals(maxArriving, arrivingShare),
	}
}

// A limitedListener accepts while fewer connections than its slots are open.
type limitedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
	peers  peers

	arrivals *arrivals
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		l.arrivals.awaitRoom()
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		leave, ok := l.peers.enter(conn.RemoteAddr().String())
		if ok {
			return l.connection(conn, sync.OnceFunc(func() { leave(); <-l.slots })), nil
		}
		conn.Close()
	}
}

// Close implements net.Listener.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed); l.arrivals.close() })
	return l.Listener.Close()
}

// A peers counts what is open by network. Peers on this machine are not counted,
// because a proxy here has the connections of all clients.
type peers struct {
	most int // 0 for no limit

	mu   sync.Mutex
	open map[netip.Addr]int
}

// enter counts one more of a remote address until leave is called; ok is false
// when there are too many.
func (p *peers) enter(remote string) (leave func(), ok bool) {
	from := distantNetwork(remote)
	if p.most == 0 || !from.IsValid() {
		return func() {}, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[from] >= p.most {
		return nil, false
	}
	p.open[from]++
	return func() { p.leave(from) }, true
}

// leave gives a slot back. An address without connections takes no memory.
func (p *peers) leave(from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[from]--; p.open[from] == 0 {
		delete(p.open, from)
	}
}

// Network is the network that a remote address counts as: the address, of IPv6 the
// /64 that one host may choose from. It is the zero Addr for a peer on a unix socket.
func Network(remote string) netip.Addr {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if addr.Is4() || addr.IsLoopback() {
		return addr
	}
	bytes := addr.As16()
	clear(bytes[8:])
	return netip.AddrFrom16(bytes)
}

// distantNetwork is the Network of a peer on another machine, else the zero Addr.
func distantNetwork(remote string) netip.Addr {
	if network := Network(remote); !network.IsLoopback() {
		return network
	}
	return netip.Addr{}
}

// A connection takes a slot until it is closed. What has arrived on it of a request is
// counted until the request is complete.
type connection struct {
	net.Conn
	release func()
	arrival *arrival
	inBody  atomic.Bool // a body is arriving, whose reader answers if it is cut off
}

// connection wraps an accepted connection. release is called once, when it is closed.
func (l *limitedListener) connection(conn net.Conn, release func()) *connection {
	c := &connection{Conn: conn, release: release}
	c.arrival = l.arrivals.newArrival(conn.RemoteAddr().String(), c.cutOff)
	c.arrival.received.Store(1) // a peer that connects and sends nothing counts, too
	return c
}

// Read implements net.Conn. Below TLS it counts the encrypted bytes.
func (c *connection) Read(p []byte) (n int, err error) {
	c.arrival.awaitRoom()
	n, err = c.Conn.Read(p)
	counted := n
	if !c.inBody.Load() { // net/http holds a header three times before it is complete
		counted = 3*n + arrivalLine*bytes.Count(p[:n], []byte{'\n'})
	}
	c.arrival.add(counted)
	return n, err
}

// cutOff ends the wait for a body, which is then answered. While the header is
// incomplete there is no request that could be answered.
func (c *connection) cutOff() {
	if c.inBody.Load() {
		_ = c.Conn.SetReadDeadline(past)
		return
	}
	_ = c.Conn.Close() // net/http, which still has c, calls Close below
}

// past is a read deadline that ends a read at once.
var past = time.Unix(1, 0)

// Close implements net.Conn.
func (c *connection) Close() error {
	c.arrival.end()
	c.release()
	return c.Conn.Close()
}

// CloseWrite closes the sending half of the connection if it has one. net/http looks
// for it, so that a client that is still sending gets the answer before the connection
// is torn down.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connectionKey finds the connection of a request in its context.
type connectionKey struct{}

// withConnection is for http.Server.ConnContext.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if c := connectionOf(conn); c != nil {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// connectionOf returns our connection, which is below TLS, nil if there is none.
func connectionOf(conn net.Conn) *connection {
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = outer.NetConn()
	}
	c, _ := conn.(*connection)
	return c
}

// requestCounter ends the count of a request without a body, which is complete when
// its handler is called. Requests of HTTP/2 are counted by their streams.
func requestCounter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			if r.ProtoMajor >= 2 || r.Body == http.NoBody {
				c.arrival.complete()
			} else {
				c.inBody.Store(true)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// requestAnswered is for http.Server.ConnState: a connection that is idle has been
// read to the end of its last request. A connection of HTTP/2 is idle before its first
// frame is read. A body that was cut off after it had arrived whole ends its connection
// here, because net/http would go on with it, and its bytes would stay counted.
func requestAnswered(conn net.Conn, state http.ConnState) {
	c := connectionOf(conn)
	if c == nil || state != http.StateIdle {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		c.arrival.shared.Store(true)
	}
	if c.arrival.complete() {
		_ = c.Conn.Close() // net/http, which still has c, calls its Close
	}
	c.inBody.Store(false)
}

// beginBody is called before a body is read, and done once all of it is there or no
// more is wanted: cutOff tells whether it was cut off. The bytes on a stream of HTTP/2
// are for the reader to count in stream; on a connection of its own the connection
// counts them, and stream is nil.
func beginBody(w http.ResponseWriter, r *http.Request) (stream *arrival, done func() (cutOff bool)) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok {
		return nil, func() bool { return false }
	}
	if r.ProtoMajor < 2 {
		return nil, c.arrival.complete
	}
	stream = c.arrival.of.newArrival(r.RemoteAddr, func() { _ = http.NewResponseController(w).SetReadDeadline(past) })
	stream.received.Store(1)
	return stream, func() bool { defer stream.end(); return stream.complete() }
}
