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

// ErrSame is the error of a Reader that knows without reading that the content is
// the same as last time.
var ErrSame = errors.New("the content has not changed")

// A Reader returns the content that is watched.
type Reader func() ([]byte, error)

// settled is how old a file's last change must be before an equal status proves
// equal content. The kernel's clock for change times is coarse: a second write
// right after the first may leave the same time.
const settled = 2 * time.Second

// maxFile bounds the content that File reads, in bytes: sixteen times a
// snapshot of a million authorizations. Reading much more would exhaust the
// process's memory.
const maxFile = 1 << 30

// File reads one file of at most 1 GiB, and follows links. It does not read a file
// again whose size, change time and identity are those of the last time: a
// program can set a file's modification time back, but not its change time.
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
			return nil, ErrSame
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

// untouched reports whether the status of a file proves that its content is the one
// read at that time.
func untouched(last, now fs.FileInfo, read time.Time) bool {
	before, ok1 := changeTime(last)
	after, ok2 := changeTime(now)
	return ok1 && ok2 && before.Equal(after) && os.SameFile(last, now) && last.Size() == now.Size() &&
		last.ModTime().Equal(now.ModTime()) && read.Sub(after) > settled
}

// maxFolderFile bounds a file that Folder reads, in bytes.
const maxFolderFile = 64 << 10

// Folder reads the names and digests of the regular files in a folder, in the
// order of names, and follows links. It is for folders of secrets and keys: a
// change is noticed, and no secret is kept in memory.
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
				continue // it counts as missing until it can be read
			}
			sum := sha256.Sum256(file)
			content.WriteString(entry.Name())
			content.WriteByte(0)
			content.Write(sum[:])
		}
		return content.Bytes(), nil
	}
}

// An observation is the outcome of the last look.
type observation struct {
	seen   bool // digest is that of content that was read
	failed bool // the last read failed, and that was reported
	digest [sha256.Size]byte
}

// update reads once and calls changed if the content, or whether it can be read,
// differs from the last look.
func (l *observation) update(read Reader, changed func([]byte, error)) {
	content, err := read()
	if errors.Is(err, ErrSame) {
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

// digestOf hashes in chunks. The hash of a large snapshot is one long loop in
// assembly that the scheduler cannot interrupt, and requests would wait for its end.
func digestOf(content []byte) (sum [sha256.Size]byte) {
	const step = 64 << 10
	hash := sha256.New()
	for chunk := range slices.Chunk(content, step) {
		hash.Write(chunk)
	}
	hash.Sum(sum[:0])
	return sum
}
