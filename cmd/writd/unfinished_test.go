//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// Whoever begins requests and does not end them takes neither the memory of the
// program nor the answers of those who do end theirs. A unix socket has no address,
// so that the cap on connections of one address does not help here.
func TestUnfinishedRequestsTakeLittleMemory(t *testing.T) {
	const connections, mostMiB = 2500, 96 // 36 to 64 with the bound, and from 130 on without
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < connections+500 {
		t.Skipf("%d connections take more files than this process may open, %d (%v)", connections, files.Cur, err)
	}
	const post = "POST /oauth/token HTTP/1.1\r\nHost: writd\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	manyLines := new(strings.Builder)
	for i := 0; manyLines.Len() < 15_000; i++ {
		fmt.Fprintf(manyLines, "%x:\r\n", i)
	}
	for _, test := range []struct {
		name, begin string
		soak        bool
	}{
		{"body", post + "Content-Length: 65536\r\n\r\n" + strings.Repeat("a", 65_000), false},
		{"body in chunks", post + "Transfer-Encoding: chunked\r\n\r\nffff\r\n" + strings.Repeat("a", 65_000), true},
		{"body after header", post + "X: " + strings.Repeat("a", 15_000) + "\r\nContent-Length: 65536\r\n\r\n" + strings.Repeat("a", 65_000), true},
		{"body of nowhere", "POST /nowhere HTTP/1.1\r\nHost: writd\r\nContent-Length: 65536\r\n\r\n" + strings.Repeat("a", 65_000), true},
		{"nothing", "", true},
		{"header", post + "X: " + strings.Repeat("a", 15_000), false},
		{"header of many lines", post + manyLines.String(), true},
	} {
		name, begin := test.name, test.begin
		t.Run(name, func(t *testing.T) {
			if test.soak && !soak() {
				t.Skip("runs with WRIT_SOAK=1")
			}
			path := filepath.Join(t.TempDir(), "writ.snapshot")
			writeSnapshot(t, path, 1, "read:orders")
			p := spawn(t, path, "")
			var begun atomic.Int64
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for range connections {
				group.Go(func() {
					for range rounds(3, 1) {
						beginRequest(ctx, p.socket, begin, &begun)
					}
				})
			}
			good, asked := 0, 0
			var why error
			c := overSocket(p.socket)
			c.Timeout = missed
			for hang := time.Now().Add(missed); asked < 100 || begun.Load() < connections; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(hang) {
					t.Errorf("%d of %d requests were begun", begun.Load(), connections)
					break
				}
				asked++
				if err := postToken(c); err != nil {
					why = err
				} else {
					good++
				}
			}
			c.CloseIdleConnections() // whoever is accepted now comes after all the others
			eventually(t, func() error { return postToken(c) })
			stop()
			group.Wait()
			if peak := peakMiB(t, p.pid); peak >= mostMiB && !testenv.RaceDetector { // which takes most of it
				t.Errorf("writd took %d MiB for %d requests that were begun", peak, begun.Load())
			} else {
				t.Logf("%d MiB for %d requests that were begun; %d of %d others were answered", peak, begun.Load(), good, asked)
			}
			if good < asked*9/10 || good == 0 {
				t.Errorf("of those that were ended %d of %d were answered: %v", good, asked, why)
			}
		})
	}
}

// beginRequest begins a request, counts it, and waits until it is cut off or ctx ends.
func beginRequest(ctx context.Context, socket, begin string, begun *atomic.Int64) {
	conn, err := net.Dial("unix", socket)
	for err != nil && ctx.Err() == nil { // too many wait to be accepted
		time.Sleep(100 * time.Millisecond)
		conn, err = net.Dial("unix", socket)
	}
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err = io.WriteString(conn, begin)
	begun.Add(1)
	if err == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
	conn.Close()
}

// postToken asks for a token.
func postToken(c *http.Client) error {
	res, err := c.Post("http://writd/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(goodBody()))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("token: %s", res.Status)
	}
	return err
}

// peakMiB is the most memory that the process has had resident.
func peakMiB(t *testing.T, pid int) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}
