package location_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/schema/location"
)

// A script is a location that answers what a test says.
type script struct {
	location.Location
	head  func(look int) (location.Head, error)
	looks []time.Time
}

func (s *script) Head(_ context.Context, known location.Head) (location.Head, error) {
	s.looks = append(s.looks, time.Now())
	head, err := s.head(len(s.looks))
	if head.IsZero() && err == nil {
		head = known
	}
	return head, err
}

func (s *script) Fetch(context.Context, location.Head) ([]byte, error) { return []byte("file"), nil }

// waits follows for a number of looks and returns the times between them.
func waits(t *testing.T, s *script, schedule location.Schedule, looks int) (between []time.Duration) {
	began := time.Now()
	next, stop := iter.Pull(location.Follow(t.Context(), s, schedule))
	defer stop()
	for range looks {
		next()
	}
	for _, at := range s.looks {
		between = append(between, at.Sub(began))
		began = at
	}
	return between
}

func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want*4/5 || got > want*6/5+1 {
		t.Errorf("%s: waited %s, want %s and a fifth", what, got, want)
	}
}

// The first look is at once, or at a random moment of the first period; the others
// are a period apart, more or less by a fifth.
func TestFollowPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{head: func(int) (location.Head, error) { return location.Head{Serial: 1, Digest: "d"}, nil }}
		different := map[time.Duration]bool{}
		for i, wait := range waits(t, s, location.Schedule{Poll: time.Minute}, 20) {
			if i == 0 && wait != 0 {
				t.Errorf("the first look is after %s", wait)
			} else if i > 0 {
				within(t, "poll", wait, time.Minute)
				different[wait] = true
			}
		}
		if len(different) < 10 {
			t.Errorf("%d different waits of 19", len(different))
		}
		clear(different)
		for range 20 {
			s.looks = nil
			wait := waits(t, s, location.Schedule{Poll: time.Minute, Held: location.Head{Serial: 1, Digest: "d"}}, 1)[0]
			if wait < 0 || wait > time.Minute {
				t.Errorf("with a snapshot held: the first look is after %s", wait)
			}
			different[wait] = true
		}
		if len(different) < 10 {
			t.Errorf("%d different first waits of 20", len(different))
		}
	})
}

func TestFollowBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{head: func(look int) (location.Head, error) {
			switch {
			case look == 8:
				return location.Head{Serial: 1, Digest: "d"}, nil
			case look == 10:
				return location.Head{}, &location.StatusError{Status: 429, RetryAfter: 20 * time.Minute}
			case look == 11:
				return location.Head{}, &location.StatusError{Status: 429, RetryAfter: 20 * time.Hour}
			case look > 11:
				return location.Head{}, nil
			}
			return location.Head{}, errors.New("away")
		}}
		got := waits(t, s, location.Schedule{Poll: 30 * time.Second}, 12)
		for i, want := range []time.Duration{0, 30, 60, 120, 240, 300, 300, 300, 30, 30} {
			within(t, "look "+string(rune('1'+i)), got[i], want*time.Second)
		}
		if got[10] != 20*time.Minute || got[11] != time.Hour {
			t.Errorf("Retry-After: waited %s and %s", got[10], got[11])
		}
	})
}

// Who is asked for a look looks, whatever the time, and gives what the asker does not
// hold, again too.
func TestFollowNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := location.Head{Serial: 1, Digest: "d"}
		s := &script{head: func(look int) (location.Head, error) {
			if look > 3 {
				return location.Head{Serial: 2, Digest: "e"}, nil
			}
			return location.Head{}, errors.New("away")
		}}
		now := make(chan location.Head, 1)
		now <- held
		next, stop := iter.Pull(location.Follow(t.Context(), s, location.Schedule{Poll: time.Hour, Held: held, Now: now}))
		defer stop()
		began := time.Now()
		for range 3 {
			next()
			if time.Now() != began {
				t.Errorf("after %s", time.Since(began))
			}
			now <- held
		}
		for i, given := range []bool{true, false, true} { // refused, then held, then forgotten
			look, _ := next()
			if look.Err != nil || (look.File != nil) != given {
				t.Errorf("look %d: %+v", i, look)
			}
			now <- [...]location.Head{{Serial: 2, Digest: "e"}, held, held}[i]
		}
	})
}
