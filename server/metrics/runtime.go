package metrics

import (
	"runtime"
	"runtime/metrics"
)

// goMetrics are what is told of the Go runtime, under the names that Prometheus'
// own library gives them. Reading them stops nothing.
var goMetrics = [...]struct{ source, name, kind, help string }{
	{"/sched/goroutines:goroutines", "go_goroutines", gaugeType, "Goroutines that exist."},
	{"/sched/threads/total:threads", "go_threads", gaugeType, "Threads of the operating system."},
	{"/sched/gomaxprocs:threads", "go_sched_gomaxprocs_threads", gaugeType, "Goroutines that may run at once."},
	{"/gc/cycles/total:gc-cycles", "go_gc_cycles_total_gc_cycles_total", counterType, "Garbage collections."},
	{"/gc/heap/allocs:bytes", "go_memstats_alloc_bytes_total", counterType, "Bytes allocated, also those freed since."},
	{"/gc/heap/allocs:objects", "go_memstats_mallocs_total", counterType, "Objects allocated, also those freed since."},
	{"/gc/heap/goal:bytes", "go_memstats_next_gc_bytes", gaugeType, "Size of the heap at which it is collected."},
	{"/memory/classes/heap/objects:bytes", "go_memstats_alloc_bytes", gaugeType, "Bytes allocated and not freed."},
	{"/memory/classes/heap/free:bytes", "go_memstats_heap_idle_bytes", gaugeType, "Bytes of the heap that could be given back."},
	{"/memory/classes/heap/released:bytes", "go_memstats_heap_released_bytes", gaugeType, "Bytes of the heap given back."},
	{"/memory/classes/heap/stacks:bytes", "go_memstats_stack_inuse_bytes", gaugeType, "Bytes of stacks."},
	{"/memory/classes/total:bytes", "go_memstats_sys_bytes", gaugeType, "Bytes obtained from the system."},
}

func writeRuntime(p *page) {
	p.family("go_info", gaugeType, "The version of Go.")
	p.count("", label("version", runtime.Version()), 1)
	samples := make([]metrics.Sample, len(goMetrics))
	for i := range samples {
		samples[i].Name = goMetrics[i].source
	}
	metrics.Read(samples)
	for i, sample := range samples {
		if sample.Value.Kind() == metrics.KindUint64 {
			p.family(goMetrics[i].name, goMetrics[i].kind, goMetrics[i].help)
			p.count("", "", sample.Value.Uint64())
		}
	}
}
