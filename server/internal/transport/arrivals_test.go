package transport

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// arrive has a request of so many bytes begin at each of the addresses and not end.
func arrive(a *arrivals, size int, from ...string) (all []*arrival) {
	for _, remote := range from {
		x := a.newArrival(remote, func() {})
		x.received.Store(1)
		a.mu.Lock()
		a.enqueue(x) // as awaitRoom does, which would wait until those that were cut off have ended
		a.mu.Unlock()
		x.add(size - 1)
		all = append(all, x)
	}
	return all
}

func cuts(all []*arrival) (n int) {
	for _, x := range all {
		if x.isCut {
			n++
		}
	}
	return n
}

// Whoever holds much goes first, the oldest of those before the others; whoever
// holds little stays as long as somebody holds much.
func TestArrivalsThatHoldMostAreCutOffFirst(t *testing.T) {
	a := newArrivals(20*arrivalMiddle, 20*arrivalMiddle)
	short := arrive(a, 100, "@", "127.0.0.1:1", "[::1]:1")
	long := arrive(a, arrivalMiddle, slices.Repeat([]string{"@"}, 18)...)
	if n := cuts(long); n == 0 || !long[0].isCut || cuts(long[:n]) != n {
		t.Errorf("of the long ones %d were cut off, not the oldest first", n)
	}
	if cuts(short) != 0 {
		t.Error("a short one was cut off")
	}
	for _, x := range append(short, long...) {
		x.end()
	}
	if a.held != 0 || a.doomed != 0 || len(a.byPeer) != 0 {
		t.Errorf("afterwards %d and %d bytes are held, by %v", a.held, a.doomed, a.byPeer)
	}
}

// An address that holds more than its share loses of its own, though the others
// hold more than it does.
func TestArrivalsOfAnAddressHaveAShare(t *testing.T) {
	a := newArrivals(100*arrivalMiddle, 4*arrivalMiddle)
	others := arrive(a, 10*arrivalMiddle, "@", "@", "127.0.0.1:1", "127.0.0.1:2")
	greedy := arrive(a, arrivalMiddle, "192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:1", "192.0.2.1:3", "192.0.2.1:4", "[::ffff:192.0.2.1]:5")
	if cuts(others) != 0 {
		t.Error("another address lost something")
	}
	want := []bool{true, true, false, false, false, false}
	for i, x := range greedy {
		if x.isCut != want[i] {
			t.Errorf("%d, of %s, was cut off: %v", i, x.peer, x.isCut)
		}
	}
}

// What was cut off is counted until it has let go. Nobody begins meanwhile, and
// nobody waits for ever.
func TestArrivalsWaitForThoseThatWereCutOff(t *testing.T) {
	a := newArrivals(2*arrivalMiddle, 2*arrivalMiddle)
	all := arrive(a, arrivalMiddle-arrivalBase, "@", "@", "@")
	if !all[0].isCut || cuts(all) != 1 {
		t.Fatal("not the first one alone was cut off")
	}
	accepted := make(chan struct{})
	go func() { a.awaitRoom(); close(accepted) }()
	select {
	case <-accepted:
		t.Fatal("one was accepted though there is no room")
	default:
	}
	if !all[0].complete() { // the answer is still to be written
		t.Error("what was cut off counts as whole")
	}
	all[0].end()
	<-accepted
	all[1].awaitRoom() // there is room
	closing := make(chan struct{})
	all[1].add(2 * arrivalMiddle) // cuts itself off
	go func() { a.awaitRoom(); close(closing) }()
	a.close()
	<-closing
}

// A closingConn notes that it was closed.
type closingConn struct {
	net.Conn
	closed bool
}

func (c *closingConn) Close() error { c.closed = true; return c.Conn.Close() }

// A body may have come to its end when it is cut off, and nobody may have read it: then
// the request was answered, and what ends is the connection. It is not counted for ever.
func TestArrivalCutOffWhenItIsWholeEndsItsConnection(t *testing.T) {
	l := limitListener(nil, 1, 0)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	below := &closingConn{Conn: ours}
	c := l.connection(below, func() {})
	c.inBody.Store(true)
	l.arrivals.mu.Lock()
	l.arrivals.enqueue(c.arrival)
	l.arrivals.end(c.arrival)
	l.arrivals.mu.Unlock()
	if below.closed {
		t.Fatal("the request was not answered")
	}
	requestAnswered(c, http.StateIdle)
	if !below.closed {
		t.Error("the connection goes on")
	}
	c.Close() // as net/http does then
	if l.arrivals.doomed != 0 {
		t.Errorf("%d bytes are still counted", l.arrivals.doomed)
	}
}

// A frame of HTTP/2 is held until it is whole and is counted nowhere: none may be
// longer than what every server must take (RFC 9113 section 4.2).
func TestFramesAreShort(t *testing.T) {
	ts := httptest.NewUnstartedServer(nil)
	ts.Config = newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	trusted := ts.Client().Transport.(*http.Transport).TLSClientConfig
	conn, err := tls.Dial("tcp", ts.Listener.Addr().String(), &tls.Config{RootCAs: trusted.RootCAs, ServerName: "example.com", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const preface, emptySettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	header := make([]byte, 9) // RFC 9113 section 4.1
	_, errWrite := io.WriteString(conn, preface+emptySettings)
	_, errRead := io.ReadFull(conn, header)
	settings := make([]byte, int(header[1])<<8|int(header[2]))
	if _, err := io.ReadFull(conn, settings); err != nil || errWrite != nil || errRead != nil || header[3] != 4 {
		t.Fatal(header, errWrite, errRead, err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		if id, value := binary.BigEndian.Uint16(settings), binary.BigEndian.Uint32(settings[2:]); id == 5 && value != 16<<10 {
			t.Errorf("a frame may have %d bytes", value)
		}
	}
}

// streams serves HTTP/2 and answers whether the form could be read. Opened counts the
// connections.
func streams(t *testing.T) (ts *httptest.Server, a *arrivals, opened *atomic.Int64) {
	t.Helper()
	read := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := NewForm()
		defer f.Free()
		switch err := f.Read(w, r); err {
		case nil:
		case ErrTooLarge:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case ErrCutOff:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			t.Error(err)
		}
	}), slog.New(slog.DiscardHandler))
	opened = new(atomic.Int64)
	state := read.ConnState
	read.ConnState = func(c net.Conn, is http.ConnState) {
		if is == http.StateNew {
			opened.Add(1)
		}
		state(c, is)
	}
	ts = httptest.NewUnstartedServer(nil)
	ts.Config = read
	ts.EnableHTTP2 = true
	l := limitListener(ts.Listener, 10, 0)
	l.arrivals = newArrivals(3*maxBody, 3*maxBody)
	ts.Listener = l
	ts.StartTLS()
	t.Cleanup(ts.Close)
	return ts, l.arrivals, opened
}

// Whoever sends too much on a stream of HTTP/2 ends that stream, and the connection
// goes on with the others.
func TestBodyThatIsTooLargeEndsOneStream(t *testing.T) {
	ts, _, opened := streams(t)
	for range 5 {
		for size, want := range map[int]int{maxBody - 2: 200, maxBody: 413} {
			for _, body := range []io.Reader{strings.NewReader("a=" + strings.Repeat("a", size)), io.MultiReader(strings.NewReader("a=" + strings.Repeat("a", size)))} {
				res, err := ts.Client().Post(ts.URL, formType, body) // the length of a MultiReader is not known
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.ProtoMajor != 2 || res.StatusCode != want {
					t.Errorf("%d bytes: %s %d", size, res.Proto, res.StatusCode)
				}
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A body on a stream of HTTP/2 is counted by itself: it is cut off and answered, and
// the connection goes on with the others.
func TestArrivalsOfStreams(t *testing.T) {
	ts, arrivals, opened := streams(t)
	answers, held := make(chan *http.Response, 10), make(chan *io.PipeWriter, 10)
	begin := func() {
		body, w := io.Pipe()
		go func() {
			res, err := ts.Client().Post(ts.URL, formType, body)
			if err != nil {
				t.Error(err)
			}
			answers <- res
		}()
		_, _ = io.WriteString(w, "a="+strings.Repeat("a", maxBody/2))
		held <- w
	}
	short := func() {
		t.Helper()
		res, err := ts.Client().Post(ts.URL, formType, strings.NewReader("a=b"))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			t.Errorf("a short one: %d", res.StatusCode)
		}
	}
	short()
	for range 4 {
		begin()
	}
	res := <-answers
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the one that is too much: %d %v", res.StatusCode, res.Header)
	}
	short()
	for range 4 {
		(<-held).Close()
	}
	got := map[string]int{}
	for range 3 {
		res := <-answers
		got[fmt.Sprint(res.StatusCode)]++
		res.Body.Close()
	}
	if got["200"] < 2 {
		t.Errorf("the others: %v", got)
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	arrivals.mu.Lock()
	defer arrivals.mu.Unlock()
	if arrivals.doomed != 0 || arrivals.held > arrivalBase+1 {
		t.Errorf("%d and %d bytes are still counted", arrivals.held, arrivals.doomed)
	}
}
