package watch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// errSame is what a Reader answers when it knows without reading that the
// content is what it was.
var errSame = errors.New("the content has not changed")

// A Reader returns the content that is watched.
type Reader func() ([]byte, error)

// settled is how old a file's last change must be before its status is proof
// that the content is the same: within it a second write may leave no trace.
const settled = 2 * time.Second

// maxFile bounds a file that File reads, in bytes: sixteen times a snapshot of a
// million authorizations. A file that somebody has made longer would end the
// process that reads it.
const maxFile = 1 << 30

// File reads one file of at most 1 GiB, links followed. A file that has not been touched since
// the last time is not read again: size, change time and identity tell, and
// nobody can set a change time back.
func File(path string) Reader { return file(path, time.Now) }

func file(path string, now func() time.Time) Reader {
	var last fs.FileInfo
	var lastRead time.Time
	return func() ([]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			last = nil
			return nil, err
		}
		if !info.Mode().IsRegular() {
			last = nil
			return nil, fmt.Errorf("%q is not a regular file", path)
		}
		if info.Size() > maxFile {
			last = nil
			return nil, fmt.Errorf("%q of %d bytes is longer than %d", path, info.Size(), maxFile)
		}
		if last != nil && untouched(last, info, lastRead) {
			return nil, errSame
		}
		began := now()
		content, err := os.ReadFile(path)
		last, lastRead = info, began
		if err != nil {
			last = nil
		}
		return content, err
	}
}

// untouched reports whether the status proves that nothing changed since read.
func untouched(last, now fs.FileInfo, read time.Time) bool {
	before, ok1 := changeTime(last)
	after, ok2 := changeTime(now)
	return ok1 && ok2 && before.Equal(after) && os.SameFile(last, now) && last.Size() == now.Size() &&
		last.ModTime().Equal(now.ModTime()) && read.Sub(after) > settled
}

// maxFolderFile bounds a file that Folder reads, in bytes.
const maxFolderFile = 64 << 10

// Folder reads the names and digests of the regular files in a folder, links
// followed, in the order of names: for folders of secrets and keys.
func Folder(dir string) Reader {
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

// A looker remembers what was seen last.
type looker struct {
	seen   bool
	failed bool
	digest [sha256.Size]byte
}

func (l *looker) now(read Reader, changed func([]byte, error)) {
	content, err := read()
	if errors.Is(err, errSame) {
		return
	}
	if err != nil {
		report := !l.failed
		l.failed = true
		if report && changed != nil {
			changed(nil, err)
		}
		return
	}
	digest := digestOf(content)
	same := l.seen && digest == l.digest
	l.seen, l.failed, l.digest = true, false, digest
	if !same && changed != nil {
		changed(content, nil)
	}
}

// digestOf hashes in steps: hashing is one long loop that the scheduler cannot
// interrupt, and whoever is served by this process would wait for it.
func digestOf(content []byte) (sum [sha256.Size]byte) {
	const step = 64 << 10
	hash := sha256.New()
	for chunk := range slices.Chunk(content, step) {
		hash.Write(chunk)
	}
	hash.Sum(sum[:0])
	return sum
}
