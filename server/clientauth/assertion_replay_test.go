package clientauth

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

func TestAssertionReplay(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	assertion := a.sign(nil, map[string]any{"jti": "once", "exp": a.clock.Now().Unix() + 60})
	if _, err := a.present(t.Context(), assertion); err != nil {
		t.Fatal(err)
	}
	// Until the very end of its life, skew included, it is a replay; then it
	// has expired. There is no moment between the two.
	for second := range 80 {
		_, err := a.present(t.Context(), assertion)
		want := ReasonReplayed
		if second >= 70 {
			want = ReasonExpired
		}
		wantReason(t, fmt.Sprintf("%d seconds later", second), err, want)
		a.clock.Advance(time.Second)
	}
	if _, err := a.present(t.Context(), a.sign(nil, map[string]any{"jti": "once"})); err != nil {
		t.Errorf("the same jti a lifetime later: %v", err)
	}
	if _, err := a.present(t.Context(), a.sign(nil, map[string]any{"jti": "once", "iss": "reports", "sub": "reports"})); err != nil {
		t.Errorf("the same jti of another client: %v", err)
	}
}

// One jti, 200 requests at once, one winner, on every backend.
func TestAssertionReplayRace(t *testing.T) {
	clock := storetest.NewClock()
	bolt, err := store.OpenBolt(filepath.Join(t.TempDir(), "state.db"), store.BoltOptions{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer bolt.Close()
	for name, s := range map[string]store.Store{"memory": nil, "bolt": bolt} {
		a := newAssertionTest(t, AssertionOptions{Store: s})
		for round := range 5 {
			assertion := a.sign(nil, nil)
			oneWinner(t, fmt.Sprintf("%s, round %d", name, round), func() error {
				_, err := a.present(t.Context(), assertion)
				return err
			})
		}
	}
}

// oneWinner uses something 200 times at once: one use succeeds, and the others are
// replays.
func oneWinner(t *testing.T, what string, use func() error) {
	t.Helper()
	var won, replayed atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			switch err := use(); {
			case err == nil:
				won.Add(1)
			case reasonOf(err) == ReasonReplayed:
				replayed.Add(1)
			default:
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || replayed.Load() != 199 {
		t.Errorf("%s: %d won, %d replayed", what, won.Load(), replayed.Load())
	}
}

// A failingStore answers every call with one error.
type failingStore struct {
	store.Store
	err error
}

func (f failingStore) PutOnce(context.Context, store.Key, time.Duration) error { return f.err }

func TestAssertionStoreFailure(t *testing.T) {
	for _, storeErr := range []error{store.ErrClosed, store.ErrFull, errors.New("disk full"), context.DeadlineExceeded} {
		a := newAssertionTest(t, AssertionOptions{Store: failingStore{err: storeErr}})
		_, err := a.present(t.Context(), a.sign(nil, nil))
		if !errors.Is(err, storeErr) || errors.Is(err, ErrRefused) {
			t.Errorf("store error %v became %v", storeErr, err)
		}
		_, err = a.present(t.Context(), a.sign(nil, map[string]any{"aud": "x"}))
		wantReason(t, "a bad assertion beside a failing store", err, ReasonWrongAudience)
	}
	a := newAssertionTest(t, AssertionOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.present(ctx, a.sign(nil, nil)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrRefused) {
		t.Errorf("a request that ended: %v", err)
	}
}

func TestAssertionsFromBeforeTheStart(t *testing.T) {
	start := storetest.NewClock().Now().Add(500 * time.Millisecond)
	a := newAssertionTest(t, AssertionOptions{Since: start})
	at := start.Unix()
	for _, test := range []struct {
		name     string
		after    time.Duration
		iat, exp any
		want     string // the reason, or when to try again
	}{
		{"long before the start", time.Second, at - 10, at + 60, "before_start"},
		{"at the start, long ago", 12 * time.Second, at + 1, at + 60, "before_start"},
		{"before the start", time.Second, at - 5, at + 60, "16s"},
		{"within the second of the start", time.Second, at, at + 60, "11s"},
		{"as a clock ten seconds ahead signs it before the start", time.Second, at + 10, at + 60, "1s"},
		{"by a right clock, too soon after the start", 10 * time.Second, at + 10, at + 60, "1s"},
		{"by a clock ten seconds behind", 10 * time.Second, at, at + 60, "11s"},
		{"after the start", time.Second, at + 11, at + 60, ""},
		{"by a right clock, after the start", 11 * time.Second, at + 11, at + 60, ""},
		{"long-lived, from after the start", time.Second, at + 1, at + 311, ""},
		{"no iat, soon after the start", time.Minute, nil, at + 120, "3m11s"},
		{"no iat, when none from before can live", 6 * time.Minute, nil, at + 420, ""},
	} {
		a.clock = storetest.NewClock()
		a.clock.Advance(test.after)
		a.Assertions = NewAssertions(AssertionOptions{Issuer: ourIssuer, Now: a.clock.Now, Since: start, Store: store.NewMemory(store.MemoryOptions{Now: a.clock.Now})})
		_, err := a.present(t.Context(), a.sign(nil, map[string]any{"iat": test.iat, "exp": test.exp}))
		got := string(reasonOf(err))
		if starting, ok := errors.AsType[*StartError](err); ok && !errors.Is(err, ErrRefused) {
			got = starting.RetryAfter.String()
			// What the same clock dates so much later is taken, and nothing earlier is.
			for late, want := range map[time.Duration]bool{-time.Second: false, 0: true} {
				later := starting.RetryAfter + late
				changes := map[string]any{"iat": test.iat, "exp": test.exp.(int64) + int64(later/time.Second)}
				if test.iat != nil {
					changes["iat"] = test.iat.(int64) + int64(later/time.Second)
				}
				a.clock = storetest.NewClock()
				a.clock.Advance(test.after + later)
				a.opts.Now = a.clock.Now
				if _, err := a.present(t.Context(), a.sign(nil, changes)); (err == nil) != want {
					t.Errorf("%s, %s later: %v", test.name, later, err)
				}
			}
		}
		if got != test.want || err != nil && test.want == "" {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// startTimes are when a server starts again, from the clock on, and what times after
// that its memory is asked in the tests of replays.
var (
	startTimes = []time.Duration{0, time.Nanosecond, 500 * time.Millisecond, time.Second - 1}
	laterTimes = []time.Duration{0, time.Second, 9 * time.Second, 11 * time.Second, 15 * time.Second, 70 * time.Second}
)

// Whatever a server without a store that lasts has taken until the last moment, the
// one that starts after it refuses, whatever the times that the client wrote.
func TestNoAssertionIsTakenAgainAfterARestart(t *testing.T) {
	first := newAssertionTest(t, AssertionOptions{})
	base := first.clock.Now()
	taken := 0
	for _, iat := range []any{nil, -300, -60, -1, 0, 1, 5, 9, 10, 11} {
		for _, nbf := range []any{nil, -60, 0, 9, 10} {
			for _, exp := range []int{1, 60, 299, 300, 309, 310, 311} {
				changes := map[string]any{"exp": base.Unix() + int64(exp)}
				for name, at := range map[string]any{"iat": iat, "nbf": nbf} {
					if changes[name] = nil; at != nil {
						changes[name] = base.Unix() + int64(at.(int))
					}
				}
				assertion := first.sign(nil, changes)
				for _, start := range startTimes {
					before := newAssertionTest(t, AssertionOptions{})
					before.keys, before.clock = first.keys, storetest.NewClock()
					before.Assertions = NewAssertions(AssertionOptions{Issuer: ourIssuer, Now: before.clock.Now, Store: store.NewMemory(store.MemoryOptions{})})
					before.clock.Advance(start - 1) // the last moment
					if _, err := before.present(t.Context(), assertion); err != nil {
						continue
					}
					taken++
					for _, later := range laterTimes {
						clock := storetest.NewClock()
						clock.Advance(start + later)
						after := assertionTest{NewAssertions(AssertionOptions{
							Issuer: ourIssuer, Now: clock.Now, Store: store.NewMemory(store.MemoryOptions{}), Since: base.Add(start),
						}), clock, first.keys}
						if _, err := after.present(t.Context(), assertion); err == nil {
							t.Errorf("%v: taken again %v after the start", changes, later)
						}
					}
				}
			}
		}
	}
	if taken == 0 {
		t.Error("none was taken")
	}
}
