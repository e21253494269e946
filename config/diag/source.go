package diag

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A source is a file that diagnostics point into, with an index of its lines.
// Thousands of diagnostics in one file, or on one very long line, then cost no
// more than as many in many files.
type source struct {
	text   []byte
	starts []int    // offsets at which lines begin, and at which one after the last would
	blocks []header // in order

	// shown are the lines that were shown, without their secrets, by their index. The search
	// takes time with the length of a line, and a program may have written the whole
	// configuration as one, which every diagnostic shows a part of.
	shown map[int][]byte
}

// A header marks the offset at which the enclosing block changes.
type header struct {
	from int
	text string // of the block from here on: `api "orders"`, or "" outside of blocks
}

// A library holds the files that a list of diagnostics points into. Each is
// indexed once, and only as far as the diagnostics reach.
type library struct {
	files map[string][]byte
	reach map[string]int
	known map[string]*source
}

// newLibrary notes how far into each file the diagnostics reach.
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

// extend makes sure that a file is indexed up to the end of a range.
func (lib *library) extend(r hcl.Range) {
	lib.reach[r.Filename] = max(lib.reach[r.Filename], r.Start.Byte, r.End.Byte)
}

// source returns the file of that name, or nil if it is not at hand.
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

// blockHeader matches the header of a block without interpolation, at the start of a line.
var blockHeader = regexp.MustCompile(`^([a-z][a-z0-9_]*)((?: "[^"\\$%]*")*) *\{`)

// maxHeader is the longest block header that is shown, in bytes.
const maxHeader = 400

// newSource indexes the lines up to the one that holds the offset reach, and the
// top-level blocks that begin there. It assumes the canonical layout, in which a
// top-level block begins and ends in the first column. In any other layout the
// name of the block may be missing or wrong. It is there for orientation, and
// nothing depends on it.
func newSource(text []byte, reach int) *source {
	s := &source{text: text, shown: map[int][]byte{}}
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

// header records where a line begins or ends a top-level block.
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

// line returns the offset of line i and that of its newline.
func (s *source) line(i int) (start, end int) { return s.starts[i], s.starts[i+1] - 1 }

// withoutSecrets returns the text of line i with its secrets overwritten.
func (s *source) withoutSecrets(i int) []byte {
	text, ok := s.shown[i]
	if !ok {
		start, end := s.line(i)
		text = withoutSecrets(s.text[start:end])
		s.shown[i] = text
	}
	return text
}

// blockAround returns the header of the top-level block around an offset, such as
// `api "orders"`, or "".
func (s *source) blockAround(offset int) string {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].from > offset })
	if i == 0 {
		return ""
	}
	return s.blocks[i-1].text
}

// The most of one range that a snippet shows.
const (
	maxSnippetLines = 8   // lines of one range
	maxSnippetLine  = 240 // bytes of one line
)

// A line is one line of source, ready to print. start and end are the byte range
// of text to underline.
type line struct {
	number     int
	text       string
	start, end int
}

// snippet returns the lines of rng, up to maxSnippetLines, and whether there are
// more.
func (s *source) snippet(rng hcl.Range) (lines []line, more bool) {
	start := clamp(rng.Start.Byte, 0, len(s.text))
	end := clamp(rng.End.Byte, start, len(s.text))
	i := s.lineOf(start)
	for number := rng.Start.Line; ; number++ {
		at, next := s.line(i)
		lines = append(lines, cutLine(number, s.withoutSecrets(i), start-at, end-at))
		at = next + 1
		if at >= end || at >= len(s.text) {
			return lines, false
		}
		if len(lines) == maxSnippetLines {
			return lines, true
		}
		i++
	}
}

// cutLine makes a line printable and shortens a long one around the range to
// underline.
func cutLine(number int, text []byte, start, end int) line {
	text = bytes.TrimSuffix(text, []byte("\r"))
	start, end = clamp(start, 0, len(text)), clamp(end, 0, len(text))
	from, to := 0, len(text)
	before, after := "", ""
	if len(text) > maxSnippetLine {
		from = max(0, start-maxSnippetLine/3)
		to = min(len(text), from+maxSnippetLine)
		end = min(end, to)
		if from > 0 {
			before = "..."
		}
		if to < len(text) {
			after = "..."
		}
	}
	head := before + printable(text[from:start])
	mark := printable(text[start:end])
	return line{number: number, text: head + mark + printable(text[end:to]) + after, start: len(head), end: len(head) + len(mark)}
}

// printable returns source for output: tabs become four spaces, so that the
// underline fits, and hidden characters become escapes.
func printable(b []byte) string {
	return Visible(strings.ReplaceAll(string(b), "\t", "    "), "")
}

// clamp keeps an offset inside the text: a range may be of another version of a file.
func clamp(v, low, high int) int { return min(max(v, low), high) }

// masked returns the sources with every secret of the list overwritten. A snippet
// of another diagnostic may show the same line, so the sources are masked and not
// single snippets. Lengths stay the same, and with them all ranges.
func masked(l List, sources map[string][]byte) map[string][]byte {
	out := sources
	copied := map[string]bool{}
	for _, d := range l {
		src, ok := out[d.Range.Filename]
		if !d.Secret || !ok {
			continue
		}
		if !copied[d.Range.Filename] {
			if len(copied) == 0 {
				out = maps.Clone(sources)
			}
			copied[d.Range.Filename] = true
			src = bytes.Clone(src)
			out[d.Range.Filename] = src
		}
		start := clamp(d.Range.Start.Byte, 0, len(src))
		mask(src[start:clamp(d.Range.End.Byte, start, len(src))])
	}
	return out
}

// mask overwrites a secret in place, except for quotes and line breaks, which
// keep the snippet readable.
func mask(secret []byte) {
	for i, c := range secret {
		if c != '\n' && c != '\r' && c != '"' {
			secret[i] = '*'
		}
	}
}

// secretValue finds values in attributes that only hold secrets, by the names
// that writ and similar tools use for them, in HCL and JSON. A reader who pastes a
// diagnostic into an issue must not publish one, so it masks too much rather than too little.
var secretValue = regexp.MustCompile(`\b(?:hash|value|secret|client_secret|client_secret_hash|signing_secret|private_key|password|api_key)"?[ \t]*[=:][ \t]*"((?:[^"\\]|\\.)*)`)

// harmless matches the start of a value that is no secret: a reference, a hash or
// an expression.
var harmless = regexp.MustCompile(`^(?:env:|file:|pkcs11:|sha256:|\$argon2|\$2[aby]\$|\$\{|-?[0-9.]*$)`)

// withoutSecrets returns a line with its secrets overwritten. It is called for every line
// that is shown: a diagnostic about something else may show a line with a secret that nobody
// marked.
func withoutSecrets(line []byte) []byte {
	out := line
	for _, m := range secretValue.FindAllSubmatchIndex(line, -1) {
		if start, end := m[2], m[3]; start < end && !harmless.Match(line[start:end]) {
			if &out[0] == &line[0] {
				out = bytes.Clone(line)
			}
			mask(out[start:end])
		}
	}
	return out
}
