package main

import (
	"errors"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
)

const (
	largeTree  = 4 << 20 // bytes of configuration from which on time is worth memory
	largeLimit = 2 << 30 // bytes of memory near which the collector works harder again
)

// favourSpeed trades memory for time where a large tree is loaded once: most of
// its garbage would be collected only to end with the process. A small tree
// keeps Go's defaults, so that a hostile one stays small. The environment's
// own settings win.
func favourSpeed(dir string) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" || !isLarge(dir) {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(largeLimit)
}

var errLarge = errors.New("large")

// isLarge reports whether the configuration below dir is large. It stops
// looking once that is clear.
func isLarge(dir string) bool {
	var total int64
	err := fs.WalkDir(os.DirFS(dir), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(entry.Name(), ".hcl") {
			return nil // loading reports what cannot be read
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		if total > largeTree {
			return errLarge
		}
		return nil
	})
	return err != nil
}
