package source

import (
	"bytes"
	"sync"
)

// A Cache keeps what was parsed, so that a tree in which little has changed is loaded
// without parsing the rest again. What comes of a file depends on its name and bytes and on
// the limits alone, and what comes of a piece on where it begins, too; both are compared
// whole. The syntax is read by everybody and changed by nobody. A Cache is for one tree and
// one set of limits; it holds the newest version of each file, without errors and in native
// syntax. The zero value is ready, and safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	files map[string]*cachedFile
}

// A cachedFile is a document that was parsed without errors.
type cachedFile struct {
	bytes  []byte
	cuts   []cut
	blocks int
	pieces []piece
}

// look returns what is kept of a file of this name, nil for nothing.
func (c *Cache) look(name string) *cachedFile {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[name]
}

// keep takes over the documents of a load, and forgets files that it has not seen.
func (c *Cache) keep(docs []document) {
	if c == nil {
		return
	}
	kept := make(map[string]*cachedFile, len(docs))
	for i := range docs {
		d := &docs[i]
		if d.file != nil && !d.file.JSON && d.wellFormed() {
			kept[d.entry.name] = &cachedFile{d.file.Bytes, d.cuts, d.blocks, d.pieces}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = kept
}

// wellFormed reports whether a document was parsed whole and without errors.
func (d *document) wellFormed() bool {
	if len(d.l) > 0 || len(d.cuts) == 0 {
		return false
	}
	for i := range d.pieces {
		if len(d.pieces[i].l) > 0 || d.pieces[i].body == nil {
			return false
		}
	}
	return true
}

// whole reports whether a file has the bytes that are kept.
func (f *cachedFile) whole(content []byte) bool { return f != nil && bytes.Equal(f.bytes, content) }

// piece finds the piece that begins at a place and has these bytes.
func (f *cachedFile) piece(at cut, content []byte) (piece, bool) {
	if f == nil {
		return piece{}, false
	}
	for i, c := range f.cuts {
		if c != at {
			continue
		}
		end := len(f.bytes)
		if i+1 < len(f.cuts) {
			end = f.cuts[i+1].offset
		}
		return f.pieces[i], bytes.Equal(f.bytes[c.offset:end], content)
	}
	return piece{}, false
}
