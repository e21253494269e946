package natskv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
	"github.com/writ-auth/writ/server/store/storetest"
)

// A relay stands between a client and a server. It loses what the server says
// from the client's next message to a bucket on, until it is told to listen.
type relay struct {
	net.Listener
	to    string
	armed atomic.Bool // waits for a message to a bucket
	deaf  atomic.Bool
	lost  atomic.Bool // the answer to a write
	conns sync.WaitGroup
}

func startRelay(t *testing.T, port int) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: fmt.Sprint("127.0.0.1:", port)}
	r.conns.Go(r.accept)
	t.Cleanup(func() { l.Close(); r.conns.Wait() })
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil {
			client.Close()
			continue
		}
		r.conns.Go(func() { pass(client, server, r.said) })
		r.conns.Go(func() { pass(server, client, r.answered) })
	}
}

func (r *relay) said(message []byte) bool {
	if bytes.Contains(message, []byte("PUB $KV.")) && r.armed.CompareAndSwap(true, false) {
		r.deaf.Store(true)
	}
	return true
}

func (r *relay) answered(message []byte) bool {
	if !r.deaf.Load() {
		return true
	}
	if bytes.Contains(message, []byte(`"seq":`)) {
		r.lost.Store(true)
	}
	return false
}

// hear ends the deafness, once it has lost the answer.
func (r *relay) hear(t *testing.T) {
	t.Helper()
	eventually(t, "no answer was lost", func(context.Context) bool { return r.lost.Load() })
	r.lost.Store(false)
	r.deaf.Store(false)
}

// pass copies what may go on. Both ends are idle when it begins and ends to
// lose, so that no message is cut.
func pass(from, to net.Conn, may func([]byte) bool) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if may(buf[:n]) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}

// lossy returns a bucket as seen directly and through a relay.
func lossy(t *testing.T, timeout string) (direct, relayed *natskv.Store, r *relay) {
	c := startCluster(t, 1, false)
	direct = c.open(t, "writ", "", natskv.Options{})
	r = startRelay(t, c.nodes[0].Port)
	relayed, err := natskv.Open(t.Context(), fmt.Sprintf("nats://%s?replicas=1&timeout=%s", r.Addr(), timeout), quiet(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relayed.Close() })
	eventually(t, "the relayed store does not work", func(ctx context.Context) bool {
		_, err := relayed.Get(ctx, store.NewKey("nothing"))
		return errors.Is(err, store.ErrNotFound)
	})
	return direct, relayed, r
}

// stored waits until the bucket has another revision of the key than the one
// given.
func stored(t *testing.T, s store.Store, key store.Key, revision uint64) store.Entry {
	t.Helper()
	var entry store.Entry
	eventually(t, "the write does not arrive", func(ctx context.Context) bool {
		var err error
		entry, err = s.Get(ctx, key)
		return err == nil && entry.Revision != revision
	})
	return entry
}

func TestNATSLostAnswerOfTheOnlyWrite(t *testing.T) {
	t.Parallel()
	direct, relayed, r := lossy(t, "15s")
	once, chain := store.NewKey("once"), store.NewKey("chain")
	first, err := direct.CompareAndSwap(t.Context(), chain, 0, []byte("1"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	r.armed.Store(true)
	work.Go(func() {
		if err := relayed.PutOnce(t.Context(), once, time.Hour); err != nil {
			t.Errorf("PutOnce whose first answer was lost: %v", err)
		}
	})
	stored(t, direct, once, 0)
	r.hear(t)
	work.Wait()
	if err := relayed.PutOnce(t.Context(), once, time.Hour); !errors.Is(err, store.ErrExists) {
		t.Errorf("PutOnce again: %v", err)
	}

	r.armed.Store(true)
	var next uint64
	work.Go(func() {
		if next, err = relayed.CompareAndSwap(t.Context(), chain, first, []byte("2"), time.Hour); err != nil {
			t.Errorf("CompareAndSwap whose first answer was lost: %v", err)
		}
	})
	entry := stored(t, direct, chain, first)
	r.hear(t)
	work.Wait()
	if after, err := direct.Get(t.Context(), chain); err != nil || after.Revision != next || entry.Revision != next {
		t.Errorf("revision %d, then %d, %v; acknowledged %d", entry.Revision, after.Revision, err, next)
	}
}

func TestNATSLostAnswerBeforeAnothersWrite(t *testing.T) {
	t.Parallel()
	direct, relayed, r := lossy(t, "15s")
	key := store.NewKey("chain")
	first, err := direct.CompareAndSwap(t.Context(), key, 0, []byte("1"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r.armed.Store(true)
	var work sync.WaitGroup
	work.Go(func() {
		next, err := relayed.CompareAndSwap(t.Context(), key, first, []byte("mine"), time.Hour)
		if err == nil || next != 0 || errors.Is(err, store.ErrConflict) {
			t.Errorf("a write that came through and was overwritten: revision %d, %v", next, err)
		}
	})
	mine := stored(t, direct, key, first)
	if _, err := direct.CompareAndSwap(t.Context(), key, mine.Revision, []byte("another's"), time.Hour); err != nil {
		t.Fatal(err)
	}
	r.hear(t)
	work.Wait()
	if after, err := direct.Get(t.Context(), key); err != nil || string(after.Value) != "another's" {
		t.Errorf("the repeated write undid another's: %q, %v", after.Value, err)
	}
}

func TestNATSNoAnswerIsNoSuccess(t *testing.T) {
	t.Parallel()
	direct, relayed, r := lossy(t, "1s")
	key := store.NewKey("once")
	r.armed.Store(true)
	began := time.Now()
	err := relayed.PutOnce(t.Context(), key, time.Hour)
	if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("PutOnce without an answer: %v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("an answer took %s", took)
	}
	if err := direct.PutOnce(t.Context(), key, time.Hour); !errors.Is(err, store.ErrExists) {
		t.Errorf("elsewhere afterwards: %v", err)
	}
	r.hear(t)
	eventually(t, "the store does not recover", func(ctx context.Context) bool {
		return errors.Is(relayed.PutOnce(ctx, key, time.Hour), store.ErrExists)
	})
}

// A store that goes away and comes back needs no help, and calls do not wait for
// it.
func TestNATSStoppedAndStarted(t *testing.T) {
	t.Parallel()
	for _, children := range []bool{false, true} {
		c := startCluster(t, 1, children)
		log := new(logBuffer)
		s := c.open(t, "writ", "", natskv.Options{Logger: log.logger()})
		before, during := store.NewKey("before"), store.NewKey("during")
		if err := s.PutOnce(t.Context(), before, time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := s.Fault(); err != nil {
			t.Errorf("while it works: %v", err)
		}
		c.stop()
		for range 2 {
			began := time.Now()
			for _, err := range []error{s.PutOnce(t.Context(), during, time.Hour), s.Delete(t.Context(), before)} {
				if err == nil || errors.Is(err, store.ErrExists) {
					t.Errorf("without a server: %v", err)
				}
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("two errors took %s", took)
			}
			if s.Fault() == nil {
				t.Error("no fault without a server")
			}
		}
		c.start(t)
		eventually(t, "the store does not recover", func(ctx context.Context) bool {
			return errors.Is(s.PutOnce(ctx, before, time.Hour), store.ErrExists)
		})
		if err := s.PutOnce(t.Context(), during, time.Hour); err != nil {
			t.Errorf("what failed was applied after the fact: %v", err)
		}
		log.want(t, "store disconnected", "store connected")
	}
}

func TestNATSOpensWithoutServers(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	c.stop()
	log := new(logBuffer)
	began := time.Now()
	s := c.open(t, "writ", "&timeout=30s", natskv.Options{Logger: log.logger()}) // who comes later does not wait for that long
	key := store.NewKey("a")
	if err := s.PutOnce(t.Context(), key, time.Hour); err == nil {
		t.Error("success without a server")
	}
	if _, err := s.Get(t.Context(), key); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get without a server: %v", err)
	}
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("took %s", took)
	}
	log.want(t, "store is not reachable")
	c.start(t)
	eventually(t, "the store does not begin to work", func(ctx context.Context) bool { return s.PutOnce(ctx, key, time.Hour) == nil })
}

// Who names a revision that the server does not know yet has it from one that
// is ahead of it: no sign that somebody else has swapped.
func TestNATSServerBehind(t *testing.T) {
	t.Parallel()
	s := startCluster(t, 1, false).open(t, "writ", "", natskv.Options{})
	key := store.NewKey("a")
	revision, err := s.CompareAndSwap(t.Context(), key, 0, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompareAndSwap(t.Context(), key, revision+1, nil, time.Hour); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("a revision to come: %v", err)
	}
	if _, err := s.CompareAndSwap(t.Context(), store.NewKey("b"), revision, nil, time.Hour); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a key that is not there: %v", err)
	}
}

// Two processes whose clocks differ: each judges by its own.
func TestNATSClocksDiffer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, false)
	slow, fast := storetest.NewClock(), storetest.NewClock()
	fast.Advance(10 * time.Second)
	a := c.open(t, "writ", "", natskv.Options{Now: slow.Now})
	b := c.open(t, "writ", "", natskv.Options{Now: fast.Now})
	key := store.NewKey("a")
	revision, err := a.CompareAndSwap(t.Context(), key, 0, []byte("a"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("past its end by the reader's clock: %v", err)
	}
	if err := b.PutOnce(t.Context(), key, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := a.CompareAndSwap(t.Context(), key, revision, []byte("late"), time.Minute); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a key that was made anew: %v", err)
	}
}
