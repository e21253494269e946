package main

import (
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestTuner(t *testing.T) {
	for size, want := range map[int]int{0: 130, 1000: 130, 3 << 20: 130, 7 << 20: 100, 9 << 20: 80, 60 << 20: 50, 1 << 40: 50} {
		if got := gcPercent(size); got != want {
			t.Errorf("a snapshot of %d bytes: GOGC=%d", size, got)
		}
	}
}

// What is served decides, and what the environment says stays.
func TestTunedToTheSnapshot(t *testing.T) {
	gc := debug.SetGCPercent(77)
	t.Cleanup(func() { debug.SetGCPercent(gc) })
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	start(t, dir).stop()
	if now := debug.SetGCPercent(77); now != mostGC {
		t.Errorf("GOGC=%d", now)
	}
	given := map[string]string{"GOGC": "77"}
	if tuned := newTuner(func(name string) string { return given[name] }, false); tuned.gc {
		t.Errorf("%+v", tuned)
	}
}
