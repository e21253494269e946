package testenv

import "testing"

// OneGoroutine skips a long test of code that has one goroutine under the race
// detector, which finds nothing there and takes ten times as long.
func OneGoroutine(t testing.TB) {
	t.Helper()
	if RaceDetector {
		t.Skip("the code has one goroutine: nothing for the race detector to find")
	}
}
