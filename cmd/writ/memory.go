package main

import (
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"github.com/writ-auth/writ/config/source"
)

const (
	largeTree = 8 << 20 // bytes of configuration from which on time is worth memory

	// largeLimit keeps a large tree under one GiB: near it the collector works
	// harder again. One of more than 58 MiB gets more, as what must live of it
	// takes eleven bytes for each of its own.
	largeLimit   = 940 << 20
	limitPerByte = 16
)

// favourSpeed trades memory for time where a large tree is loaded once: most of
// its garbage would be collected only to end with the process. A small tree
// keeps Go's defaults, so that a hostile one stays small. The environment's own
// settings win.
func favourSpeed(dir string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	n := treeBytes(dir)
	if n < largeTree {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(max(largeLimit, limitPerByte*n))
}

// treeBytes is the size of the configuration below dir, counted as far as a
// tree is loaded at all.
func treeBytes(dir string) int64 {
	var total int64
	most := source.DefaultLimits().TreeBytes
	_ = fs.WalkDir(os.DirFS(dir), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(entry.Name(), ".hcl") {
			return nil // loading reports what cannot be read
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		if total > most {
			return fs.SkipAll
		}
		return nil
	})
	return min(total, most)
}
