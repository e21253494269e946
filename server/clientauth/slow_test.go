package clientauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/schema"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.1")
)

func presented(client, secret string) Credential {
	return Credential{Method: SecretPost, ClientID: client, Secret: secret}
}

// slowly are hashes that take a third of a second of the bubble's time and match one
// secret.
func slowly(secret string) *SlowHashes {
	return NewSlowHashes(SlowOptions{Compute: func(_, presented string) bool {
		time.Sleep(300 * time.Millisecond)
		return presented == secret
	}})
}

// Somebody at one address presents made-up clients, ten times as many as can be
// checked. A client with a right secret that is not cached yet gets in from another
// address each time, and waits for two others at most.
func TestMadeUpClientsStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snap := open(t, schema.Client{Label: "billing", Secrets: secrets(bcryptHash(t, "any"))})
		ctx, stop := context.WithCancel(t.Context())
		slow := slowly("right")
		checker, _ := NewSecrets(snap, nil, slow, nil)
		var attack sync.WaitGroup
		busy := 0
		var mu sync.Mutex
		attack.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				attack.Go(func() {
					_, _, err := checker.Verify(ctx, here, presented(fmt.Sprint("made-up-", i), "right"), 0)
					mu.Lock()
					defer mu.Unlock()
					if errors.Is(err, ErrBusy) {
						busy++
					} else if !errors.Is(err, ErrUnknownClient) && ctx.Err() == nil {
						t.Error(err)
					}
				})
				time.Sleep(25 * time.Millisecond)
			}
		})
		time.Sleep(5 * time.Second)
		for range 12 {
			slow.mu.Lock()
			slow.matched = recentIDs{} // as after a start
			slow.mu.Unlock()
			begin := time.Now()
			_, label, err := checker.Verify(t.Context(), there, presented("billing", "right"), 0)
			if took := time.Since(begin); err != nil || label != "a" || took > 900*time.Millisecond {
				t.Errorf("%q %v after %v", label, err, took)
			}
			time.Sleep(time.Second)
		}
		stop()
		attack.Wait()
		if busy < 300 {
			t.Errorf("only %d of the made-up clients were refused for load", busy)
		}
	})
}

// Behind a proxy on this host all have its address. There one client_id cannot keep
// the others out.
func TestOneClientStarvesNoOtherBehindAProxy(t *testing.T) {
	for _, addr := range []netip.Addr{{}, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.IPv6Unspecified()} {
		synctest.Test(t, func(t *testing.T) {
			slow := slowly("right")
			var group sync.WaitGroup
			for i := range 20 {
				group.Go(func() { _, _ = slow.matches(t.Context(), addr, presented("guessed", fmt.Sprint(i)), "hash") })
			}
			synctest.Wait()
			begin := time.Now()
			match, err := slow.matches(t.Context(), addr, presented("billing", "right"), "hash")
			if !match || err != nil || time.Since(begin) > 600*time.Millisecond {
				t.Errorf("%v: %v %v after %v", addr, match, err, time.Since(begin))
			}
			group.Wait()
		})
	}
}

// Callers take turns, and what is last of too many is refused, whoever came last.
func TestSlowQueueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &slowQueue{limit: 4}
		a, b, c := caller{addr: here}, caller{addr: there}, caller{clientID: "c"}
		var mu sync.Mutex
		var order, refused []string
		var group sync.WaitGroup
		enter := func(name string, of caller) {
			group.Go(func() {
				err := q.enter(t.Context(), of)
				mu.Lock()
				if err != nil {
					refused = append(refused, name)
				} else {
					order = append(order, name)
				}
				mu.Unlock()
				if err == nil {
					time.Sleep(time.Second)
					q.leave()
				}
			})
			synctest.Wait()
		}
		for _, of := range []struct {
			name string
			caller
		}{{"a1", a}, {"a2", a}, {"a3", a}, {"a4", a}, {"a5", a}, {"a6", a}, {"b1", b}, {"b2", b}, {"c1", c}} {
			enter(of.name, of.caller)
		}
		group.Wait()
		if want := []string{"a1", "b1", "c1", "a2", "b2"}; !slices.Equal(order, want) {
			t.Errorf("served %v, want %v", order, want)
		}
		if want := []string{"a6", "a5", "a4", "a3"}; !slices.Equal(refused, want) {
			t.Errorf("refused %v, want %v", refused, want)
		}
		if q.serving != nil || len(q.waiting) != 0 {
			t.Errorf("left behind: %v %v", q.serving, q.waiting)
		}
	})
}

// Whoever goes away leaves no place taken, waiting or just served.
func TestSlowQueueForgetsWhoGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &slowQueue{limit: 2}
		if err := q.enter(t.Context(), caller{addr: here}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if err := q.enter(ctx, caller{addr: there}); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := q.enter(t.Context(), caller{addr: here}); !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		cancel()
		group.Wait()
		q.leave()
		if q.serving != nil || len(q.waiting) != 0 {
			t.Errorf("left behind: %v %v", q.serving, q.waiting)
		}
	})
}

// A request that ended decides nothing, though the secret was right.
func TestRequestThatEndedAuthenticatesNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	slow := NewSlowHashes(SlowOptions{Compute: func(string, string) bool { cancel(); return true }})
	checker, _ := NewSecrets(open(t, schema.Client{Label: "billing", Secrets: secrets(bcryptHash(t, "any"))}), nil, slow, nil)
	if _, label, err := checker.Verify(ctx, here, presented("billing", "right"), 0); label != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", label, err)
	}
}

// A known answer costs nothing, and is the client's alone.
func TestSlowHashesAreComputedOnce(t *testing.T) {
	computed := 0
	slow := NewSlowHashes(SlowOptions{Compute: func(_, secret string) bool { computed++; return secret == "right" }})
	for _, cred := range []Credential{presented("a", "right"), presented("a", "wrong"), presented("b", "right")} {
		for range 3 {
			if match, err := slow.matches(t.Context(), here, cred, "hash"); match != (cred.Secret == "right") || err != nil {
				t.Error(cred, match, err)
			}
		}
	}
	if computed != 3 {
		t.Errorf("computed %d times", computed)
	}
}

// The oldest answer makes room, and no wrong secret makes a right one go.
func TestSlowHashesForgetTheOldest(t *testing.T) {
	slow := NewSlowHashes(SlowOptions{})
	id := func(i int) [32]byte { return slow.id("hash", presented("client", fmt.Sprint(i))) }
	slow.remember(id(-1), true)
	for i := range slowCached + 10 {
		slow.remember(id(i), false)
	}
	if len(slow.missed.known) != slowCached || len(slow.missed.ring) != slowCached {
		t.Errorf("%d known, %d in the ring", len(slow.missed.known), len(slow.missed.ring))
	}
	for i, want := range map[int]bool{-1: true, 9: false, 10: true} {
		if _, ok := slow.lookup(id(i)); ok != want {
			t.Errorf("%d is remembered: %t", i, ok)
		}
	}
}
