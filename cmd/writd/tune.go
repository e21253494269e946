package main

import (
	"runtime"
	"runtime/debug"
)

// A tuner adjusts the runtime to what is served, where the environment does not.
type tuner struct {
	gc bool // GOGC is ours to set
}

// sampled is the runtime's own rate: one allocation in so many bytes.
const sampled = 512 << 10

// newTuner also has the runtime sample allocations if profiles are asked for: main
// has it take no samples, which are half a MiB.
func newTuner(getenv func(string) string, profiling bool) tuner {
	if profiling {
		runtime.MemProfileRate = sampled
	}
	return tuner{gc: getenv("GOGC") == ""}
}

// fit adjusts the runtime to a snapshot of so many bytes, and collects what its
// activation left behind. A process that has never collected is not made to while it
// idles, and would fill its first five MiB with what it looks at every few seconds.
func (t tuner) fit(size int) {
	if t.gc {
		debug.SetGCPercent(gcPercent(size))
	}
	runtime.GC()
	forgetPages()
}

// The heap may grow by about so much between collections: less, and the collector
// is to be seen when signatures are cheap; more, and the process is over 20 MiB
// under load. A large snapshot has half of its size instead.
const (
	headroom = 8 << 20
	leastGC  = 50
	mostGC   = 130
)

func gcPercent(size int) int {
	return min(max(100*headroom/(size+1<<20), leastGC), mostGC)
}
