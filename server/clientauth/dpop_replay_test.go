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
	p.wantRefused(t, "before", ReasonBeforeStart, p.sign(nil, nil))
	p.clock.Advance(time.Second)
	if _, err := p.present(t.Context(), p.sign(nil, nil)); err != nil {
		t.Error(err)
	}
}
