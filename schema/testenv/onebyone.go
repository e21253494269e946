package testenv

import "testing"

// OneByOne skips a long test in which one thing happens after the other under the race
// detector, which finds nothing there and takes ten times as long.
func OneByOne(t testing.TB) {
	t.Helper()
	if RaceDetector {
		t.Skip("one thing happens after the other: nothing for the race detector to find")
	}
}
