package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overSocket is a client of the socket, closed with the test.
func overSocket(t *testing.T, path string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// askToken asks for a token as the client and returns the status.
func askToken(c *http.Client, changes ...string) (int, error) {
	res, err := c.PostForm("http://writd/oauth/token", form(changes...))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// Clients that send their headers or bodies a byte at a time are cut off, and
// others get their tokens meanwhile.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	path, _, _ := listening(t)
	var slow sync.WaitGroup
	var answered atomic.Bool
	for i := range 60 {
		start := "POST /oauth/token HTTP/1.1\r\nHost: writd\r\nX: "
		if i%2 == 0 {
			start = head(60_000) + "\r\n"
		}
		slow.Go(func() {
			for once := true; once || !answered.Load(); once = false { // whoever is cut off comes again
				if took := dribble(t, path, start); took > borne {
					t.Errorf("a slow client was borne for %v", took)
					return
				}
			}
		})
	}
	c := overSocket(t, path)
	for range 20 {
		if status, err := askToken(c); status != http.StatusOK {
			t.Errorf("among slow clients: %d %v", status, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	answered.Store(true)
	slow.Wait()
}

// borne is how long a slow client is borne at most, with room for a busy machine.
const borne = time.Minute

// dribble sends a beginning and then byte after byte, and returns after how long
// the server had enough.
func dribble(t *testing.T, path, start string) time.Duration {
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	begin := time.Now()
	_, err = io.WriteString(conn, start)
	for err == nil && time.Since(begin) <= borne {
		time.Sleep(50 * time.Millisecond)
		_, err = io.WriteString(conn, "a")
	}
	return time.Since(begin)
}

// A client that floods with wrong secrets is throttled and is the only one;
// what the server answers is always one of the answers that it means to give.
func TestFlood(t *testing.T) {
	t.Parallel()
	path, s, _ := listening(t)
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	for worker := range 16 {
		group.Go(func() {
			c := overSocket(t, path)
			for i := range 100 {
				changes := []string{"client_id", "attacker", "client_secret", "guess"}
				if worker%4 == 0 {
					changes = []string{"client_id", fmt.Sprint("attacker-", worker, "-", i), "scope", strings.Repeat("x", 1000)}
				}
				status, err := askToken(c, changes...)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[status]++
				mu.Unlock()
			}
		})
	}
	c := overSocket(t, path)
	for range 50 {
		if status, err := askToken(c); status != http.StatusOK {
			t.Errorf("a good client: %d %v", status, err)
		}
	}
	group.Wait()
	if seen[401] == 0 || seen[429] == 0 || seen[401]+seen[429] != 1600 {
		t.Errorf("answers %v", seen)
	}
	if !strings.Contains(scrape(t, s), `result="too_many_requests"`) {
		t.Error("the metrics do not tell")
	}
}

// Of bodies that are begun and not ended only some are waited for: those beyond are
// answered with 503 and Retry-After, and who ends a body gets the token meanwhile.
func TestUnfinishedBodiesAreBounded(t *testing.T) {
	t.Parallel()
	const connections = 150
	if files, err := maxFiles(); err != nil || files < 4*connections { // both ends of each, and what runs beside
		t.Skipf("%d connections take more files than this process may open, %d (%v)", connections, files, err)
	}
	path, _, _ := listening(t)
	var begun []net.Conn
	for range connections {
		conn := dial(t, path)
		if _, err := io.WriteString(conn, head(65_536)+"\r\n"+strings.Repeat("a", 65_000)); err != nil {
			t.Fatal(err)
		}
		begun = append(begun, conn)
	}
	c := overSocket(t, path)
	if status, err := askToken(c); err != nil || status != http.StatusOK {
		t.Errorf("a body that is whole: %d %v", status, err)
	}
	if res := answer(t, begun[0]); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" || !res.Close {
		t.Errorf("the first that was begun: %d %v", res.StatusCode, res.Header)
	}
}
