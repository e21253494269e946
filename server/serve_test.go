package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/server"
)

// listening runs a server on unix sockets, at noon; stop ends it and returns its error.
func listening(t *testing.T) (path string, s *server.Server, stop func() error) {
	t.Helper()
	s, _ = serving(t, fast(), server.Options{Now: func() time.Time { return noon }})
	path = filepath.Join(t.TempDir(), "public.sock")
	l, err := server.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, server.Listeners{Public: l}) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { stop() })
	return path, s, stop
}

// patience is how long a test waits for the server, however busy the machine is.
const patience = time.Minute

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func answer(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func head(length int) string {
	return "POST /oauth/token HTTP/1.1\r\nHost: writd\r\nContent-Type: " + formType + "\r\nContent-Length: " + strconv.Itoa(length) + "\r\n"
}

// A request that was accepted is finished after the server was told to stop.
func TestDrain(t *testing.T) {
	path, s, stop := listening(t)
	conn := dial(t, path)
	body := form().Encode()
	if _, err := io.WriteString(conn, head(len(body))+"Expect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if res := answer(t, conn); res.StatusCode != http.StatusContinue { // it is in the handler, which reads
		t.Fatalf("status %d", res.StatusCode)
	}
	ended := make(chan error)
	go func() { ended <- stop() }()
	for s.Status().Ready {
		time.Sleep(time.Millisecond)
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	if res := answer(t, conn); res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the listener is still open")
	}
}

func TestLimits(t *testing.T) {
	path, _, _ := listening(t)
	t.Run("header", func(t *testing.T) {
		conn := dial(t, path)
		go io.WriteString(conn, head(0)+"X: "+strings.Repeat("a", 32<<10)+"\r\n\r\n")
		if res := answer(t, conn); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", res.StatusCode)
		}
	})
	t.Run("slow header", func(t *testing.T) {
		conn := dial(t, path)
		io.WriteString(conn, "POST /oauth/token HTTP/1.1\r\n")
		begin := time.Now()
		io.Copy(io.Discard, conn)
		if took := time.Since(begin); took >= patience {
			t.Errorf("held for %v", took)
		}
	})
	t.Run("HTTP/2 in the clear", func(t *testing.T) {
		conn := dial(t, path)
		io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		if res := answer(t, conn); res.StatusCode < 400 {
			t.Errorf("status %d", res.StatusCode)
		}
	})
	t.Run("two lengths", func(t *testing.T) {
		conn := dial(t, path)
		io.WriteString(conn, head(1)+"Content-Length: 2\r\n\r\nab")
		if res := answer(t, conn); res.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", res.StatusCode)
		}
	})
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "public.sock")
	first, err := server.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := server.Listen("unix:" + path); err == nil {
		t.Error("the socket of a live process was taken")
	}
	first.Close()
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	again, err := server.Listen("unix:" + path)
	if err != nil {
		t.Errorf("a stale socket: %v", err)
	} else {
		again.Close()
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Listen("unix:" + plain); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.9.9.9:1": true, "[::1]:8080": true, "localhost:8080": true, "unix:/run/x": true,
		"0.0.0.0:8080": false, ":8080": false, "10.0.0.1:8080": false, "example.com:80": false, "": false, "[::]:1": false,
	} {
		if server.Loopback(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
}
