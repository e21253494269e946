package server

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// How many connections are open at once, at most: of clients, and of those who
// ask the admin handler. What the process may open decides if it is less.
const (
	maxConnections      = 10_000
	maxAdminConnections = 64

	// reservedFiles are left for everything that is not a connection: the
	// snapshot, keys, secrets, the log, the watchers.
	reservedFiles = 64
	// leastConnections are tried with however few files.
	leastConnections = 8
)

// connections divides the files that the process may open.
func connections(files uint64) (public, admin int) {
	if files >= maxConnections+maxAdminConnections+reservedFiles {
		return maxConnections, maxAdminConnections
	}
	rest := max(int(files)-reservedFiles, 0)
	admin = max(min(maxAdminConnections, rest/8), leastConnections)
	return max(rest-admin, leastConnections), admin
}

// limited accepts at most that many connections at once; further ones wait. Of
// one address it accepts at most perAddress, 0 for no such cap, and closes
// further ones, so that they take nobody else's place.
func limited(l net.Listener, most, perAddress int) net.Listener {
	return &capped{
		Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{}),
		peers:    peers{most: perAddress, open: map[netip.Addr]int{}},
		arrivals: newArrivals(maxArriving, arrivingShare),
	}
}

// A capped listener accepts while fewer than its slots are open.
type capped struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
	peers  peers

	arrivals *arrivals
}

func (l *capped) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		l.arrivals.accept()
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		leave, ok := l.peers.enter(conn.RemoteAddr().String())
		if ok {
			return l.conn(conn, sync.OnceFunc(func() { leave(); <-l.slots })), nil
		}
		conn.Close()
	}
}

// A peers counts what is open by the network it comes from, as failures are
// counted. Whoever is on this machine is not counted: a proxy there
// speaks for everybody.
type peers struct {
	most int // 0 for no cap

	mu   sync.Mutex
	open map[netip.Addr]int
}

// enter counts one more of a remote address until leave is called; ok is false
// when there are too many.
func (p *peers) enter(remote string) (leave func(), ok bool) {
	peer, err := netip.ParseAddrPort(remote)
	if p.most == 0 || err != nil || peer.Addr().Unmap().IsLoopback() {
		return func() {}, true
	}
	from := network(peer.Addr())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[from] >= p.most {
		return nil, false
	}
	p.open[from]++
	return func() { p.leave(from) }, true
}

func (p *peers) leave(from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[from]--; p.open[from] == 0 {
		delete(p.open, from)
	}
}

func (l *capped) Close() error {
	l.once.Do(func() { close(l.closed); l.arrivals.close() })
	return l.Listener.Close()
}

// A cappedConn takes a place until it is closed, and what has arrived on it of a
// request is counted until the request is whole.
type cappedConn struct {
	net.Conn
	release func()
	arrival *arrival
	body    atomic.Bool // what arrives is a body, whose reader answers when it is cut off
}

func (l *capped) conn(conn net.Conn, release func()) *cappedConn {
	c := &cappedConn{Conn: conn, release: release}
	c.arrival = l.arrivals.newArrival(conn.RemoteAddr().String(), c.cutOff)
	c.arrival.seen.Store(1) // whoever connects and says nothing is waited for, too
	return c
}

// Read implements net.Conn. Of TLS it counts what can be seen from below.
func (c *cappedConn) Read(p []byte) (n int, err error) {
	c.arrival.waits()
	n, err = c.Conn.Read(p)
	counted := n
	if !c.body.Load() { // net/http has a header three times before it is whole
		counted = 3*n + arrivalLine*bytes.Count(p[:n], []byte{'\n'})
	}
	c.arrival.came(counted)
	return n, err
}

// cutOff ends the wait for a body, which is then answered. As long as the header is
// not whole there is no request to be answered.
func (c *cappedConn) cutOff() {
	if c.body.Load() {
		_ = c.Conn.SetReadDeadline(longAgo)
		return
	}
	_ = c.Conn.Close() // the server, which still has it, calls Close below
}

func (c *cappedConn) Close() error {
	c.arrival.gone()
	c.release()
	return c.Conn.Close()
}

// CloseWrite ends what is sent and not what is received, if the connection can.
// net/http looks for it, so that a client that is still sending gets the answer
// before the connection is torn down.
func (c *cappedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
