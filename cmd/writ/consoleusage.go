package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/cmd/writ/internal/usage"
)

// maxShownUsage bounds the usage file that pages show, in bytes: a person waits while it is
// read. "writ usage" takes larger ones.
const maxShownUsage = 64 << 20

// A usageFile is the writ.usage.json of a folder for pages, read again when it has changed.
// Size and time tell that, as "writ usage" replaces the file.
type usageFile struct {
	path string

	mu       sync.Mutex
	size     int64 // of the file when it was read, as modified
	modified time.Time
	file     *usage.File // nil: there is none, or problem says why it cannot be read
	problem  string
}

// usageIn is the usage file of a folder, which need not exist.
func usageIn(dir string) *usageFile { return &usageFile{path: filepath.Join(dir, usage.FileName)} }

// show adds what the file knows to the state of a page, and reads it again when its size or
// time has changed. A file that cannot be read is a line on the page and no error.
func (u *usageFile) show(state console.State) console.State {
	u.mu.Lock()
	defer u.mu.Unlock()
	info, err := os.Stat(u.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.file, u.problem, u.size, u.modified = nil, "", 0, time.Time{}
	case err == nil && info.Size() == u.size && info.ModTime().Equal(u.modified): // as it was
	default:
		u.read(info, err)
	}
	state.Usage, state.UsageProblem = u.file, u.problem
	return state
}

// read reads the file; info and err are what os.Stat said of it. Size and time are kept for
// a bad file too, so that it is not read again for every page. u.mu is held.
func (u *usageFile) read(info fs.FileInfo, err error) {
	u.file, u.problem = nil, ""
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%q is no regular file", usage.FileName)
	case info.Size() > maxShownUsage:
		err = fmt.Errorf("%q is larger than %d MiB", usage.FileName, maxShownUsage>>20)
	default:
		u.file, err = usage.Read(u.path)
	}
	if info != nil {
		u.size, u.modified = info.Size(), info.ModTime()
	}
	// What could not be read is said on the pages, which otherwise look as if nothing were
	// used.
	if err != nil {
		u.file, u.problem = nil, err.Error()
	} else if u.file.Lines == 0 {
		u.file = nil // nothing was folded into it
	}
}
