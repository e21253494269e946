package main

import (
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
)

const (
	largeTree = 4 << 20  // bytes of configuration from which on time is worth memory
	hugeTree  = 32 << 20 // bytes of configuration from which on there is no memory to spare

	// largeLimit keeps a large tree under one GiB: near it the collector works
	// harder again.
	largeLimit = 940 << 20
)

// favourSpeed trades memory for time where a large tree is loaded once: most of
// its garbage would be collected only to end with the process. A small tree
// keeps Go's defaults, so that a hostile one stays small; so does a huge one,
// whose live data alone would stand at the limit. The environment's own
// settings win.
func favourSpeed(dir string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if n := treeBytes(dir); n < largeTree || n > hugeTree {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(largeLimit)
}

// treeBytes is the size of the configuration below dir, counted as far as it
// takes to know that it is huge.
func treeBytes(dir string) int64 {
	var total int64
	_ = fs.WalkDir(os.DirFS(dir), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(entry.Name(), ".hcl") {
			return nil // loading reports what cannot be read
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		if total > hugeTree {
			return fs.SkipAll
		}
		return nil
	})
	return total
}
