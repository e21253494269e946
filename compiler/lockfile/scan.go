package lockfile

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A scanner reads the canonical layout line by line, without the HCL parser: a
// lockfile of 200,000 records is read by every plan, and there is exactly one
// way to write it. Whatever the scanner does not recognise is left to the
// parser, which says what is wrong with it.
type scanner struct {
	name string
	rest []byte
	pos  hcl.Pos // of rest
}

// scanCanonical reads a canonical file. It reports false when the bytes are
// anything else, or hold what only the parser should judge.
func scanCanonical(name string, b []byte) (*File, bool) {
	first := (&File{}).Bytes()
	if !bytes.HasPrefix(b, first) {
		return nil, false
	}
	sc := &scanner{name, b[len(first):], hcl.Pos{Line: bytes.Count(first, []byte("\n")) + 1, Column: 1, Byte: len(first)}}
	f := &File{Name: name, Source: b}
	for _, s := range f.sections() {
		if !sc.opens(s) {
			continue
		}
		for {
			e, ok := sc.entry(s)
			if !ok {
				break
			}
			if n := len(*s.entries); n > 0 && compareEntries((*s.entries)[n-1], e) >= 0 {
				return nil, false
			}
			*s.entries = append(*s.entries, e)
		}
	}
	return f, len(sc.rest) == 0
}

// opens steps over the empty line before a section that has entries, or leaves
// the scanner where it was.
func (sc *scanner) opens(s section) bool {
	return bytes.HasPrefix(sc.rest, []byte("\n"+s.blockType+" ")) && sc.literal("\n")
}

// entry reads one line of a section, or leaves the scanner where it was.
func (sc *scanner) entry(s section) (Entry, bool) {
	start := *sc
	var e Entry
	ok := sc.literal(s.blockType+" ") && sc.quoted(&e.Label)
	e.Range = hcl.Range{Filename: sc.name, Start: start.pos, End: sc.pos}
	ok = ok && sc.literal(" { "+s.attribute+" = ")
	valueStart := sc.pos
	ok = ok && sc.quoted(&e.Value)
	e.ValueRange = hcl.Range{Filename: sc.name, Start: valueStart, End: sc.pos}
	if ok = ok && sc.literal(" }\n"); !ok {
		*sc = start
	}
	return e, ok
}

// literal steps over text, which has a line break at its end or nowhere.
func (sc *scanner) literal(text string) bool {
	if len(sc.rest) < len(text) || string(sc.rest[:len(text)]) != text {
		return false
	}
	sc.advance(len(text))
	if text[len(text)-1] == '\n' {
		sc.pos.Line++
		sc.pos.Column = 1
	}
	return true
}

// quoted steps over a string of printable ASCII, where a column is a byte.
func (sc *scanner) quoted(value *string) bool {
	if len(sc.rest) == 0 || sc.rest[0] != '"' {
		return false
	}
	end, plain := 1, true
	for ; end < len(sc.rest) && sc.rest[end] != '"'; end++ {
		switch c := sc.rest[end]; {
		case c < ' ' || c >= 0x7f:
			return false
		case c == '\\':
			end++ // whatever follows, the comparison below judges it
			plain = false
		case c == '$' || c == '%':
			plain = false
		}
	}
	if end == 1 || end >= len(sc.rest) { // no record is empty
		return false
	}
	raw := string(sc.rest[:end+1])
	*value = raw[1:end]
	if !plain {
		*value = unescape.Replace(*value)
		if string(appendQuoted(nil, *value)) != raw {
			return false
		}
	}
	sc.advance(end + 1)
	return true
}

// advance steps over n bytes of one line, each a column.
func (sc *scanner) advance(n int) {
	sc.rest = sc.rest[n:]
	sc.pos.Byte += n
	sc.pos.Column += n
}

// unescape undoes what appendQuoted does to printable ASCII.
var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `$${`, `${`, `%%{`, `%{`)
