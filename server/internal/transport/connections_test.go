package transport

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

func TestConnections(t *testing.T) {
	for files, want := range map[uint64][2]int{
		0: {8, 8}, 64: {8, 8}, 128: {56, 8}, 256: {168, 24}, 1024: {896, 64}, 10_127: {9999, 64}, 10_128: {10_000, 64}, 1 << 30: {10_000, 64},
	} {
		if public, admin := maxConnections(files); [2]int{public, admin} != want {
			t.Errorf("%d files: %d and %d, want %v", files, public, admin, want)
		}
	}
}

// A connection beyond the limit waits until another is closed, and a listener
// that waits can be closed.
func TestLimitListener(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	most := limitListener(l, 2, 0)
	accepted := make(chan net.Conn)
	ended := make(chan error)
	go func() {
		for {
			conn, err := most.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	for range 3 {
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first, second := <-accepted, <-accepted
	defer second.Close()
	select {
	case <-accepted:
		t.Fatal("a third connection was accepted")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives up one place only
	third := <-accepted
	defer third.Close()
	most.Close()
	if err := <-ended; err == nil {
		t.Error("closed and still accepting")
	}
}

// A lineUp is a listener whose connections come from these addresses.
type lineUp struct {
	net.Listener
	from   []string
	closed map[string]int
}

func (l *lineUp) Accept() (net.Conn, error) {
	if len(l.from) == 0 {
		return nil, net.ErrClosed
	}
	peer := &peerConn{from: l.from[0], closed: l.closed}
	l.from = l.from[1:]
	return peer, nil
}

type peerConn struct {
	net.Conn
	from   string
	closed map[string]int
}

func (c *peerConn) Close() error         { c.closed[c.from]++; return nil }
func (c *peerConn) RemoteAddr() net.Addr { return c }
func (c *peerConn) Network() string      { return "tcp" }
func (c *peerConn) String() string       { return c.from }

// One address has only so many connections at once, an IPv6 network counts as
// one, and whoever is on this machine has no cap. What is refused is closed and
// takes no place.
func TestConnectionsPerAddress(t *testing.T) {
	const four, six, other = "192.0.2.1:1", "[2001:db8::1]:1", "[2001:db8::2:1]:9"
	line := &lineUp{closed: map[string]int{}, from: []string{
		four, four, four, "[::ffff:192.0.2.1]:7", six, other, other, "192.0.2.2:1",
		"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "[::1]:1", "[::1]:1", "[::1]:1", "@", "@", "@",
	}}
	l := limitListener(line, 15, 2)
	open := map[string][]net.Conn{}
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		open[conn.RemoteAddr().String()] = append(open[conn.RemoteAddr().String()], conn)
	}
	for from, want := range map[string]int{four: 2, "[::ffff:192.0.2.1]:7": 0, six: 1, other: 1, "192.0.2.2:1": 1, "[::1]:1": 3, "@": 3} {
		if len(open[from]) != want {
			t.Errorf("%s has %d connections, want %d", from, len(open[from]), want)
		}
	}
	if line.closed[four] != 1 || line.closed[other] != 1 || line.closed["@"] != 0 {
		t.Errorf("closed %v", line.closed)
	}
	open[four][0].Close()
	open[four][0].Close() // gives up one place only
	line.from = []string{four, four}
	if _, err := l.Accept(); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	if conn, err := l.Accept(); err == nil {
		t.Errorf("%v is one too many", conn.RemoteAddr())
	}
	if n := len(l.peers.open); n != 3 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// Whoever waits for the other side waits for a bounded time, in either direction
// and between two requests.
func TestEveryWaitIsBounded(t *testing.T) {
	h := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{"header": h.ReadHeaderTimeout, "body": h.ReadTimeout, "write": h.WriteTimeout, "idle": h.IdleTimeout} {
		if limit <= 0 || limit > time.Minute {
			t.Errorf("%s: %v", name, limit)
		}
	}
	if h.MaxHeaderBytes != 16<<10 {
		t.Errorf("header of %d bytes", h.MaxHeaderBytes)
	}
}

// The end of an answer reaches a client that is still sending.
func TestConnectionsHalfClose(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	most := limitListener(l, 1, 0)
	defer most.Close()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := most.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = client.SetDeadline(time.Now().Add(time.Minute))
	if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
