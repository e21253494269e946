package main

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTuner(t *testing.T) {
	for cores, want := range map[int]int{1: 3, 2: 4, 4: 8, 64: 128} {
		if got := (tuner{cores: cores}).processors(true); got != want {
			t.Errorf("%d cores that sign with RSA: %d processors", cores, got)
		}
		if got := (tuner{cores: cores}).processors(false); got != cores {
			t.Errorf("%d cores: %d processors", cores, got)
		}
	}
	for size, want := range map[int]int{0: 100, 1000: 100, 3 << 20: 100, 5 << 20: 100, 7 << 20: 75, 60 << 20: 50, 1 << 40: 50} {
		if got := gcPercent(false, size); got != want {
			t.Errorf("a snapshot of %d bytes: GOGC=%d", size, got)
		}
		if got := gcPercent(true, size); got != leastGC {
			t.Errorf("with RSA, a snapshot of %d bytes: GOGC=%d", size, got)
		}
	}
}

// What is served decides, and what the environment says stays.
func TestTunedToTheSnapshot(t *testing.T) {
	procs, gc := runtime.GOMAXPROCS(0), debug.SetGCPercent(77)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs); debug.SetGCPercent(gc) })
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read") // EdDSA
	start(t, dir).stop()
	served := runtime.GOMAXPROCS(0)
	if runtime.SetDefaultGOMAXPROCS(); served != runtime.GOMAXPROCS(0) {
		t.Errorf("%d processors, %d are there", served, runtime.GOMAXPROCS(0))
	}
	if now := debug.SetGCPercent(77); now != mostGC {
		t.Errorf("GOGC=%d", now)
	}
	given := map[string]string{"GOGC": "77", "GOMAXPROCS": "3"}
	runtime.GOMAXPROCS(3)
	if tuned := newTuner(func(name string) string { return given[name] }, false); tuned.procs || tuned.gc || runtime.GOMAXPROCS(0) != 3 {
		t.Errorf("%+v with %d processors", tuned, runtime.GOMAXPROCS(0))
	}
}
