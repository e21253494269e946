package main

import (
	"runtime"
	"runtime/debug"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// A tuner adjusts the runtime to what is served, where the environment does not.
type tuner struct {
	cores int
	procs bool // GOMAXPROCS is ours to set
	gc    bool // GOGC is
}

// sampled is the runtime's own rate: one allocation in so many bytes.
const sampled = 512 << 10

// newTuner also has the runtime sample allocations if profiles are asked for: main
// has it take no samples, which are half a MiB.
func newTuner(getenv func(string) string, profiling bool) tuner {
	if profiling {
		runtime.MemProfileRate = sampled
	}
	t := tuner{procs: getenv("GOMAXPROCS") == "", gc: getenv("GOGC") == ""}
	given := runtime.GOMAXPROCS(0)
	runtime.SetDefaultGOMAXPROCS() // what a container may use
	t.cores = runtime.GOMAXPROCS(0)
	if !t.procs {
		runtime.GOMAXPROCS(given)
		t.cores = min(t.cores, given)
	}
	return t
}

// fit adjusts the runtime to the configuration, whose snapshot has so many bytes.
func (t tuner) fit(a *server.Active, size int) {
	slow := signsWithRSA(a)
	if procs := t.processors(slow); t.procs && procs != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(procs)
	}
	if t.gc {
		debug.SetGCPercent(gcPercent(slow, size))
	}
}

// processors is how many Go gets. While RSA signs, twice as many as there are
// cores, so that the kernel keeps serving sockets: with a gate of cores+1
// signatures that brings p99 from five times p50 to one and a half. Otherwise no
// more than there are: each looks for work and holds memory of its own.
func (t tuner) processors(slow bool) int {
	if slow {
		return max(2*t.cores, t.cores+2)
	}
	return t.cores
}

// signsWithRSA reports whether the configuration signs with RSA.
func signsWithRSA(a *server.Active) bool {
	for i := range a.Snapshot().NumAPIs() {
		if alg := a.Snapshot().API(i).Alg(); alg == schema.RS256 || alg == schema.PS256 {
			return true
		}
	}
	return false
}

// The heap may grow by about so much between collections: less, and the collector
// is to be seen when signatures are cheap; more, and the process is over 20 MiB
// under load. A large snapshot has half of its size instead, and next to RSA the
// collector is not to be seen however often it runs.
const (
	headroom = 6 << 20
	leastGC  = 50
	mostGC   = 100
)

func gcPercent(slow bool, size int) int {
	if slow {
		return leastGC
	}
	return min(max(100*headroom/(size+1<<20), leastGC), mostGC)
}
