package token

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/server/remedy"
)

// A Folder is a Storage on disk. Files that do not begin with "managed-" are somebody
// else's.
type Folder struct {
	dir    string
	log    *slog.Logger
	warned map[string]fs.FileMode // by name: the mode of which the log has warned
}

// NewFolder does not look whether the folder is there: Read does, every time.
func NewFolder(dir string, log *slog.Logger) *Folder {
	return &Folder{dir: dir, log: log, warned: map[string]fs.FileMode{}}
}

// String implements Storage.
func (f *Folder) String() string { return strconv.Quote(f.dir) }

// Read implements Storage. Other processes add and remove files meanwhile, and a
// listing may be older than they are: it counts when the names are the same after the
// files were read.
func (f *Folder) Read(ctx context.Context) ([]Entry, error) {
	names, err := f.list()
	for range readAttempts {
		if err != nil {
			break
		}
		entries := f.read(names)
		var again []string
		if again, err = f.list(); err == nil && slices.Equal(names, again) {
			return entries, nil
		}
		if names = again; err == nil {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = errors.New("it changes faster than it can be read")
	}
	return nil, remedy.Folder(err, f.dir)
}

// readAttempts is how often a folder that changes meanwhile is read.
const readAttempts = 20

// list returns the names that begin like ours, sorted.
func (f *Folder) list() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), namePrefix) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// read reads the files of these names that are still there. Of a marker the name says
// everything.
func (f *Folder) read(names []string) (entries []Entry) {
	for _, name := range names {
		entry := Entry{Name: name}
		if n, ok := parseName(name); ok && n.lifetime == 0 {
			path := filepath.Join(f.dir, name)
			entry.Content, entry.Err = readKeyFile(path)
			if errors.Is(entry.Err, fs.ErrNotExist) {
				continue
			}
			_, entry.Blocks = errors.AsType[*fs.PathError](entry.Err) // only the disk or its owner knows what it is
			if entry.Err == nil {
				f.checkMode(name, path)
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// checkMode warns of a private key that others may read.
func (f *Folder) checkMode(name, path string) {
	mode, exposed := Exposed(path)
	if !exposed {
		delete(f.warned, name)
	} else if f.warned[name] != mode {
		f.warned[name] = mode
		f.log.Warn("KEY FILE IS READABLE BY OTHERS: chmod 600 it, and delete it if somebody may have read it", "file", name, "mode", mode.String())
	}
}

// Exposed reports whether a private key's file can be read or written by others
// than its owner.
func Exposed(path string) (mode fs.FileMode, exposed bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/'
}

// Create implements Storage. It writes the file under another name and links it to its
// own, which fails when another process was first: a reader sees a whole file or none.
func (f *Folder) Create(_ context.Context, name string, content []byte) error {
	now := time.Now().Unix()
	f.sweep(now)
	staged := filepath.Join(f.dir, stagedName(name, now))
	if err := durable.Stage(durable.OS{}, staged, content, 0o600, false); err != nil {
		return err
	}
	defer os.Remove(staged)
	if err := os.Link(staged, filepath.Join(f.dir, name)); err != nil {
		return err
	}
	return durable.SyncFolder(f.dir)
}

// sweep removes files that were being written when a process ended: nobody has
// seen them.
func (f *Folder) sweep(now int64) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if since, ok := parseStaged(entry.Name()); ok && now > since+removalGrace {
			os.Remove(filepath.Join(f.dir, entry.Name()))
		}
	}
}

// stagedName is .managed-ALG-SINCE-RANDOM.
func stagedName(name string, now int64) string {
	n, _ := parseName(name)
	return fmt.Sprintf(".%s%s-%d-%s", namePrefix, n.alg, now, rand.Text())
}

// parseStaged reads the name of a staging file, and returns the Unix seconds in it. Only such
// names are ever removed as left over.
func parseStaged(name string) (since int64, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 4 || parts[0]+"-" != "."+namePrefix || !alphanumeric(parts[1]) || !decimal(parts[2], 1, 12) || !alphanumeric(parts[3]) {
		return 0, false
	}
	since, err := strconv.ParseInt(parts[2], 10, 64)
	return since, err == nil
}

// Remove implements Storage.
func (f *Folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncFolder(f.dir)
}

// readKeyFile reads a regular file of bounded size.
func readKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxEntry {
		return nil, fmt.Errorf("%q is not a regular file of at most %d bytes", filepath.Base(path), MaxEntry)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxEntry))
}
