//go:build linux

package main

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-auth/writ/schema"
)

// BenchmarkTail loads writd and a bare net/http handler in turn as BenchmarkCost
// does, but each of them on one core and the load on another, and the load is one
// thread that takes answers in the order in which they come: what is late was late
// in the server. It reports medians of p99 over p50 for writd and for the bare
// handler, and of writd's p50. Use -benchtime 20x: an iteration is a round.
func BenchmarkTail(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("the server and its load need a core each")
	}
	for _, alg := range []schema.SigningAlg{schema.RS256, schema.ES256, schema.EdDSA, schema.HS256} {
		b.Run(string(alg), func(b *testing.B) {
			var ours, bare *loaded
			onCore(b, 0, func() { ours, bare = loadWritd(b, alg), loadBare(b, alg) }) // children stay there
			var tail, bareTail, middle []float64
			for b.Loop() {
				onCore(b, 1, func() {
					mine, plain := ours.inOrder(b), bare.inOrder(b)
					tail = append(tail, mine.percentile(99)/mine.percentile(50))
					bareTail = append(bareTail, plain.percentile(99)/plain.percentile(50))
					middle = append(middle, mine.percentile(50)*1000)
				})
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(tail), "p99/p50")
			b.ReportMetric(median(bareTail), "bare-p99/p50")
			b.ReportMetric(median(middle), "p50-ms")
		})
	}
}

// onCore calls f with the calling thread, and what it forks, on one core.
func onCore(b *testing.B, core int, f func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	one.Set(core)
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		b.Fatal(err)
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		b.Skip("no core to be had for it alone: ", err)
	}
	defer unix.SchedSetaffinity(0, &before)
	f()
}

// inOrder keeps all connections busy for a while, from this thread alone.
func (l *loaded) inOrder(b *testing.B) (c costs) {
	b.Helper()
	queue, err := unix.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(queue)
	asked, answers := map[int32]time.Time{}, map[int32][]byte{}
	ask := func(fd int32) {
		asked[fd], answers[fd] = time.Now(), answers[fd][:0]
		if _, err := unix.Write(int(fd), l.request); err != nil {
			b.Fatal(err)
		}
	}
	for _, conn := range l.conns {
		fd := descriptor(b, conn)
		if err := unix.EpollCtl(queue, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd}); err != nil {
			b.Fatal(err)
		}
		ask(fd)
	}
	events, chunk := make([]unix.EpollEvent, len(l.conns)), make([]byte, 4<<10)
	for until := time.Now().Add(costRound); len(asked) > 0; {
		n, err := unix.EpollWait(queue, events, -1)
		if err != nil && err != unix.EINTR {
			b.Fatal(err)
		}
		for _, event := range events[:max(n, 0)] {
			n, err := unix.Read(int(event.Fd), chunk)
			if err != nil || n == 0 {
				b.Fatalf("%d bytes of an answer: %v", n, err)
			}
			answer := append(answers[event.Fd], chunk[:n]...)
			answers[event.Fd] = answer
			if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
				b.Fatalf("%s", answer)
			}
			if !bytes.HasSuffix(bytes.TrimSpace(answer), []byte("}")) {
				continue // there is more of it to come
			}
			now := time.Now()
			c.latencies = append(c.latencies, now.Sub(asked[event.Fd]))
			if now.Before(until) {
				ask(event.Fd)
			} else {
				delete(asked, event.Fd)
			}
		}
	}
	slices.Sort(c.latencies)
	return c
}

// descriptor is the connection's, which Go goes on to own.
func descriptor(b *testing.B, conn net.Conn) (fd int32) {
	b.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd = int32(n) })
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}
