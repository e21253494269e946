package diag

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

const (
	maxSnippetLines = 8
	maxSnippetLine  = 240       // bytes of one line
	maxContextBytes = 256 << 10 // how far a block's header is looked for
)

// A line is one line of source, ready to print, with the part to underline as
// a byte range of its text.
type line struct {
	number     int
	text       string
	start, end int
}

// snippet returns the lines of rng, as many as fit, and whether there are more.
func snippet(src []byte, rng hcl.Range) (lines []line, more bool) {
	start := clamp(rng.Start.Byte, 0, len(src))
	end := clamp(rng.End.Byte, start, len(src))
	at := bytes.LastIndexByte(src[:start], '\n') + 1
	for number := rng.Start.Line; ; number++ {
		next := len(src)
		if n := bytes.IndexByte(src[at:], '\n'); n >= 0 {
			next = at + n
		}
		lines = append(lines, cutLine(number, src[at:next], start-at, end-at))
		at = next + 1
		if at >= end || at >= len(src) {
			return lines, false
		}
		if len(lines) == maxSnippetLines {
			return lines, true
		}
	}
}

// cutLine makes a line printable, and shortens a long one around its range.
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

func printable(b []byte) string {
	return visible(strings.ReplaceAll(string(b), "\t", "    "), "")
}

func clamp(v, low, high int) int { return min(max(v, low), high) }

var blockHeader = regexp.MustCompile(`^([a-z][a-z0-9_]*)((?: "[^"\\$%]*")*) *\{`)

// blockAround returns the header of the top-level block that holds offset, as
// in `api "orders"`, or "". It goes by the canonical layout, in which such a
// block begins and ends in the first column; it is there for a reader's
// orientation and nothing depends on it.
func blockAround(src []byte, offset int) string {
	offset = clamp(offset, 0, len(src))
	end := len(src)
	if n := bytes.IndexByte(src[offset:], '\n'); n >= 0 {
		end = offset + n
	}
	for first, far := true, end-maxContextBytes; end > max(far, 0); first = false {
		start := bytes.LastIndexByte(src[:end], '\n') + 1
		text := src[start:end]
		if m := blockHeader.FindSubmatch(text); m != nil {
			return printable(text[:len(m[1])+len(m[2])])
		}
		if !first && bytes.HasPrefix(text, []byte("}")) {
			return ""
		}
		end = start - 1
	}
	return ""
}
