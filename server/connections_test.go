package server

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestConnections(t *testing.T) {
	for files, want := range map[uint64][2]int{
		0: {8, 8}, 64: {8, 8}, 128: {56, 8}, 256: {168, 24}, 1024: {896, 64}, 10_127: {9999, 64}, 10_128: {10_000, 64}, 1 << 30: {10_000, 64},
	} {
		if public, admin := connections(files); [2]int{public, admin} != want {
			t.Errorf("%d files: %d and %d, want %v", files, public, admin, want)
		}
	}
}

// A connection beyond the limit waits until another is closed, and a listener
// that waits can be closed.
func TestLimited(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	most := limited(l, 2)
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
