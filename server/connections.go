package server

import (
	"net"
	"sync"
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

// limited accepts at most that many connections at once; further ones wait.
func limited(l net.Listener, most int) net.Listener {
	return &capped{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// A capped listener accepts while fewer than its slots are open.
type capped struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *capped) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &cappedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *capped) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type cappedConn struct {
	net.Conn
	release func()
}

func (c *cappedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
