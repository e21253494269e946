// Package watch calls back when the content at a path has changed.
//
// It owns noticing: events of the folder through fsnotify, debounced, and a
// look every few seconds besides, for file systems without events and for
// events that were lost. What decides is the content's digest, never which
// event came, so every way of updating a file looks the same: written in
// place, renamed over, a link swapped as Kubernetes does, the folder replaced,
// the time of modification set back. It refuses to interpret what it reads.
package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Defaults of a Watcher.
const (
	DefaultDebounce = 50 * time.Millisecond
	DefaultPoll     = 5 * time.Second
)

// A Watcher watches one file, or one folder with the files in it.
type Watcher struct {
	Path     string
	Debounce time.Duration // quiet time after an event; 0: DefaultDebounce
	Poll     time.Duration // how often to look without an event; 0: DefaultPoll
	NoEvents bool          // poll only
	Logger   *slog.Logger  // nil: slog.Default()

	// Read returns the content that is watched. Nil: the file at Path.
	Read func() ([]byte, error)
}

// Run calls changed with the content, first as it is found and then whenever
// it has changed, until ctx ends. An error of reading is passed on once, with
// nil content, until a read succeeds again. Calls do not overlap; changed owns
// the slice.
func (w Watcher) Run(ctx context.Context, changed func(content []byte, err error)) {
	if w.Debounce == 0 {
		w.Debounce = DefaultDebounce
	}
	if w.Poll == 0 {
		w.Poll = DefaultPoll
	}
	if w.Logger == nil {
		w.Logger = slog.Default()
	}
	if w.Read == nil {
		w.Read = func() ([]byte, error) { return os.ReadFile(w.Path) }
	}
	look := looker{read: w.Read, changed: changed}
	look.now()
	w.loop(ctx, &look)
}

// loop looks after every burst of events and at every tick. A burst that does
// not end is cut short after ten debounces.
func (w Watcher) loop(ctx context.Context, look *looker) {
	e := w.arm()
	defer func() { e.close() }()
	tick := time.NewTicker(w.Poll)
	defer tick.Stop()
	debounce := time.NewTimer(time.Hour)
	debounce.Stop()
	var burst time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-e.events():
			if !ok {
				e.close()
				e = events{}
				continue
			}
			if burst.IsZero() {
				burst = time.Now()
			}
			debounce.Reset(max(0, min(w.Debounce, 10*w.Debounce-time.Since(burst))))
		case err := <-e.errors():
			// An overflow has lost events; whatever else it is, the look tells.
			w.Logger.Warn("watch", "path", w.Path, "error", err)
			debounce.Reset(w.Debounce)
		case <-debounce.C:
			burst = time.Time{}
			e = w.rearm(e)
			look.now()
		case <-tick.C:
			e = w.rearm(e)
			look.now()
		}
	}
}

// A looker reads the content and calls back when it is another.
type looker struct {
	read    func() ([]byte, error)
	changed func([]byte, error)

	seen   bool
	failed bool
	digest [sha256.Size]byte
}

func (l *looker) now() {
	content, err := l.read()
	if err != nil {
		if !l.failed {
			l.failed = true
			l.changed(nil, err)
		}
		return
	}
	digest := sha256.Sum256(content)
	if l.seen && !l.failed && digest == l.digest {
		return
	}
	l.seen, l.failed, l.digest = true, false, digest
	l.changed(content, nil)
}

// An events is what fsnotify watches: the folder, never the file, which is
// replaced, and the folder's own folder, which tells when that one is.
type events struct {
	watcher *fsnotify.Watcher
	folders []folder
}

// A folder is a path and what was found there: the file system's own identity,
// because the same name may come to mean another folder.
type folder struct {
	path string
	info fs.FileInfo
}

// arm starts watching. Without events (too many watchers, no inotify) the
// ticks remain.
func (w Watcher) arm() events {
	if w.NoEvents {
		return events{}
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.Logger.Warn("watch without events", "path", w.Path, "error", err)
		return events{}
	}
	e := events{watcher: watcher, folders: w.folders()}
	for _, f := range e.folders {
		if err := watcher.Add(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Logger.Warn("watch without events", "path", f.path, "error", err)
		}
	}
	return e
}

// rearm watches anew when a folder is no longer the one that was watched.
func (w Watcher) rearm(e events) events {
	if w.NoEvents {
		return e
	}
	now := w.folders()
	if e.watcher != nil && len(now) == len(e.folders) {
		same := true
		for i, f := range now {
			same = same && f.path == e.folders[i].path && os.SameFile(f.info, e.folders[i].info)
		}
		if same {
			return e
		}
	}
	e.close()
	return w.arm()
}

// folders are the folders that exist of: the one at the path, if it is one,
// the one that holds it, and the one above that.
func (w Watcher) folders() []folder {
	var found []folder
	path := filepath.Clean(w.Path)
	for range 3 {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			found = append(found, folder{path, info})
		}
		parent := filepath.Dir(path)
		if parent == path {
			break
		}
		path = parent
	}
	return found
}

func (e events) events() <-chan fsnotify.Event {
	if e.watcher == nil {
		return nil
	}
	return e.watcher.Events
}

func (e events) errors() <-chan error {
	if e.watcher == nil {
		return nil
	}
	return e.watcher.Errors
}

func (e events) close() {
	if e.watcher != nil {
		e.watcher.Close()
	}
}

// Folder makes the content of a folder: the names and bytes of the regular
// files in it, links followed, in the order of names. It is for watching a
// folder of secrets or keys, whose files are small.
func Folder(dir string) func() ([]byte, error) {
	return func() ([]byte, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() || info.Size() > maxFolderFile {
				continue
			}
			file, err := os.ReadFile(path)
			if err != nil {
				continue // it shows as a file that is missing
			}
			sum := sha256.Sum256(file)
			content.WriteString(entry.Name())
			content.WriteByte(0)
			content.Write(sum[:])
		}
		return content.Bytes(), nil
	}
}

// maxFolderFile bounds a file that Folder reads, in bytes.
const maxFolderFile = 64 << 10
