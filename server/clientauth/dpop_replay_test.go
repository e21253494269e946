package clientauth

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/store/storetest"
)

func TestProofReplay(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	iat := p.clock.Now().Unix() + 10
	proof := p.sign(nil, map[string]any{"jti": "once", "iat": iat})
	if _, err := p.present(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	for second := range 80 {
		want := ReasonReplayed
		if second > 70 {
			want = ReasonExpired
		}
		p.wantRefused(t, fmt.Sprintf("%d seconds later", second), want, proof)
		p.clock.Advance(time.Second)
	}
	if _, err := p.present(t.Context(), p.signWith(newES256(), nil, map[string]any{"jti": "once"})); err != nil {
		t.Errorf("the same jti under another key: %v", err)
	}
}

func TestProofReplayRace(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	proof := p.sign(nil, nil)
	oneWinner(t, "proof", func() error {
		_, err := p.present(t.Context(), proof)
		return err
	})
}

func TestProofStoreFailure(t *testing.T) {
	down := errors.New("disk full")
	p := newProofTest(t, ProofOptions{Store: failingStore{err: down}})
	jkt, err := p.present(t.Context(), p.sign(nil, nil))
	if jkt != "" || !errors.Is(err, down) || errors.Is(err, ErrRefused) {
		t.Errorf("%q, %v", jkt, err)
	}
}

func TestProofFromBeforeTheStart(t *testing.T) {
	p := newProofTest(t, ProofOptions{Since: storetest.NewClock().Now().Add(time.Millisecond)})
	at := p.clock.Now().Unix()
	wantStarting := func(what string, want time.Duration, proof string) {
		t.Helper()
		jkt, err := p.present(t.Context(), proof)
		if starting, ok := errors.AsType[*StartError](err); jkt != "" || !ok || starting.RetryAfter != want || errors.Is(err, ErrRefused) {
			t.Errorf("%s: %q, %v, want one %s later", what, jkt, err, want)
		}
	}
	p.wantRefused(t, "long before", ReasonBeforeStart, p.sign(nil, map[string]any{"iat": at - 11}))
	wantStarting("before", 11*time.Second, p.sign(nil, nil))
	wantStarting("as a clock ten seconds ahead signs it before", time.Second, p.sign(nil, map[string]any{"iat": at + 10}))
	p.clock.Advance(10 * time.Second)
	wantStarting("by a right clock, too soon", time.Second, p.sign(nil, nil))
	p.clock.Advance(time.Second)
	p.wantRefused(t, "long ago", ReasonBeforeStart, p.sign(nil, map[string]any{"iat": at}))
	if _, err := p.present(t.Context(), p.sign(nil, nil)); err != nil {
		t.Error(err)
	}
	// A nonce says by itself that this process gave it out.
	p = newProofTest(t, ProofOptions{Since: p.clock.Now(), Nonce: func(nonce string) bool { return nonce == "fresh" }})
	if _, err := p.present(t.Context(), p.sign(nil, map[string]any{"nonce": "fresh"})); err != nil {
		t.Errorf("with a nonce: %v", err)
	}
	p.wantRefused(t, "another nonce", ReasonNonce, p.sign(nil, map[string]any{"nonce": "of the last process"}))
}

// Whatever a server without a store that lasts has taken until the last moment, the
// one that starts after it refuses.
func TestNoProofIsTakenAgainAfterARestart(t *testing.T) {
	taken := 0
	for iat := int64(-61); iat <= 11; iat++ {
		for _, start := range startTimes {
			before := newProofTest(t, ProofOptions{})
			base := before.clock.Now()
			proof := before.sign(nil, map[string]any{"iat": base.Unix() + iat})
			before.clock.Advance(start - 1)
			if _, err := before.present(t.Context(), proof); err != nil {
				continue
			}
			taken++
			for _, later := range laterTimes {
				after := newProofTest(t, ProofOptions{Since: base.Add(start)})
				after.clock.Advance(start + later)
				if _, err := after.present(t.Context(), proof); err == nil {
					t.Errorf("iat %d seconds ahead: taken again %v after the start", iat, later)
				}
			}
		}
	}
	if taken == 0 {
		t.Error("none was taken")
	}
}
