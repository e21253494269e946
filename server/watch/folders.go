package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// watchedFolders is how many folders upwards from the path are watched. A watch on
// the file itself ends when another file is renamed over it, so its folder is
// watched instead. The folders above report when that folder is replaced.
const watchedFolders = 3

// A feed is the events of the folders that lead to a path.
type feed struct {
	watcher *fsnotify.Watcher // nil: no events
	folders []folder
	stale   bool // a watched folder may have been replaced
}

// A folder is a path and the identity of the folder found there. Another folder
// can take the same name later.
type folder struct {
	path string
	info fs.FileInfo
}

// arm starts a feed. If the system gives no events (too many watchers, no
// inotify), it says so in the log and the watcher only polls.
func (w *Watcher) arm() feed {
	if w.NoEvents {
		return feed{}
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.Logger.Warn("watch without events", "path", w.Path, "error", err)
		return feed{}
	}
	f := feed{watcher: watcher, folders: w.folders()}
	for i, folder := range f.folders {
		if err := watcher.Add(folder.path); err != nil {
			w.Logger.Warn("watch without events", "path", folder.path, "error", err)
			f.folders[i].info = nil // unequal to any folder, so that rearm tries again
		}
	}
	return f
}

// rearm starts a new feed if the paths lead to other folders than those watched.
func (w *Watcher) rearm(f feed) feed {
	if w.NoEvents || f.watcher != nil && f.watches(w.folders()) {
		return f
	}
	f.close()
	return w.arm()
}

// watches reports whether the feed still watches exactly these folders.
func (f feed) watches(folders []folder) bool {
	if f.stale || len(folders) != len(f.folders) {
		return false
	}
	for i, folder := range folders {
		known := f.folders[i]
		if known.path != folder.path || known.info == nil || !os.SameFile(known.info, folder.info) {
			return false
		}
	}
	return true
}

// leadsOver reports whether a path is one of the watched folders. An event for it
// may mean that it was replaced, even if the identity is the same: a file system
// may give a new folder the inode number of the old one.
func (f feed) leadsOver(path string) bool {
	return slices.ContainsFunc(f.folders, func(known folder) bool { return known.path == path })
}

// folders returns the existing folders at and above the path, innermost first.
func (w *Watcher) folders() []folder {
	var found []folder
	path := filepath.Clean(w.Path)
	for range watchedFolders {
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

func (f feed) events() <-chan fsnotify.Event {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Events
}

func (f feed) errors() <-chan error {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Errors
}

func (f feed) close() {
	if f.watcher != nil {
		f.watcher.Close()
	}
}
