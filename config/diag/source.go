package diag

import (
	"bytes"
	"regexp"
	"slices"
	"sort"

	"github.com/hashicorp/hcl/v2"
)

// A source is a file that diagnostics point into. It knows its lines, so that
// thousands of diagnostics in one long file, or on one long line, cost no more
// than as many in many files.
type source struct {
	text   []byte
	starts []int    // where each line begins, and where the one behind the last would
	blocks []header // in order
}

// A header is where what stands around a place changes.
type header struct {
	from int    // offset
	text string // `api "orders"`, or "" behind the end of a block
}

// A library holds the files that a list points into, each looked through once
// and as far as the list reaches.
type library struct {
	files map[string][]byte
	reach map[string]int
	known map[string]*source
}

func newLibrary(l List, files map[string][]byte) *library {
	lib := &library{files: masked(l, files), reach: map[string]int{}, known: map[string]*source{}}
	for _, d := range l {
		lib.extend(d.Range)
		for _, r := range d.Related {
			lib.extend(r.Range)
		}
	}
	return lib
}

func (lib *library) extend(r hcl.Range) {
	lib.reach[r.Filename] = max(lib.reach[r.Filename], r.Start.Byte, r.End.Byte)
}

// source returns nil for a file that is not at hand.
func (lib *library) source(name string) *source {
	if src, ok := lib.known[name]; ok {
		return src
	}
	var src *source
	if text, ok := lib.files[name]; ok {
		src = newSource(text, lib.reach[name])
	}
	lib.known[name] = src
	return src
}

var blockHeader = regexp.MustCompile(`^([a-z][a-z0-9_]*)((?: "[^"\\$%]*")*) *\{`)

// maxHeader is the longest header that is shown, in bytes.
const maxHeader = 400

// newSource finds the lines up to the one that holds the offset reach, and the
// top-level blocks that begin there. It goes by the canonical layout, in which
// such a block begins and ends in the first column; what it finds is there for
// a reader's orientation and nothing depends on it.
func newSource(text []byte, reach int) *source {
	s := &source{text: text}
	for at := 0; ; {
		s.starts = append(s.starts, at)
		end := len(text)
		n := bytes.IndexByte(text[at:], '\n')
		if n >= 0 {
			end = at + n
		}
		s.header(at, text[at:end])
		if at = end + 1; n < 0 || at > reach {
			s.starts = append(s.starts, at)
			return s
		}
	}
}

func (s *source) header(at int, line []byte) {
	switch {
	case len(line) == 0:
	case line[0] == '}':
		s.blocks = append(s.blocks, header{from: at + len(line) + 1})
	case line[0] >= 'a' && line[0] <= 'z':
		if m := blockHeader.FindSubmatch(line[:min(len(line), maxHeader)]); m != nil {
			s.blocks = append(s.blocks, header{at, printable(line[:len(m[1])+len(m[2])])})
		}
	}
}

// lineOf returns the index of the line that holds offset.
func (s *source) lineOf(offset int) int {
	i, found := slices.BinarySearch(s.starts, offset)
	if found {
		return i
	}
	return i - 1
}

// line returns where a line begins, and where it ends without its newline.
func (s *source) line(i int) (start, end int) { return s.starts[i], s.starts[i+1] - 1 }

// blockAround returns the header of the top-level block that holds offset, as
// in `api "orders"`, or "".
func (s *source) blockAround(offset int) string {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].from > offset })
	if i == 0 {
		return ""
	}
	return s.blocks[i-1].text
}
