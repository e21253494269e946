package active

import (
	"testing"
	"time"
)

// A reload rests in proportion to its work, not to how long it had to wait for
// a processor.
func TestPause(t *testing.T) {
	for worked, want := range map[time.Duration]time.Duration{
		0:                      0,
		200 * time.Microsecond: 600 * time.Microsecond,
		time.Millisecond:       3 * time.Millisecond,
		time.Second:            longestPause,
	} {
		if got := pause(worked); got != want {
			t.Errorf("after %v of work: %v, want %v", worked, got, want)
		}
	}
}
