package diag

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

const (
	maxSnippetLines = 8
	maxSnippetLine  = 240 // bytes of one line
)

// A line is one line of source, ready to print, with the part to underline as
// a byte range of its text.
type line struct {
	number     int
	text       string
	start, end int
}

// snippet returns the lines of rng, as many as fit, and whether there are more.
func (s *source) snippet(rng hcl.Range) (lines []line, more bool) {
	start := clamp(rng.Start.Byte, 0, len(s.text))
	end := clamp(rng.End.Byte, start, len(s.text))
	i := s.lineOf(start)
	for number := rng.Start.Line; ; number++ {
		at, next := s.line(i)
		lines = append(lines, cutLine(number, s.text[at:next], start-at, end-at))
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

// cutLine makes a line printable, and shortens a long one around its range.
func cutLine(number int, text []byte, start, end int) line {
	text = withoutSecrets(bytes.TrimSuffix(text, []byte("\r")))
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
	return Visible(strings.ReplaceAll(string(b), "\t", "    "), "")
}

func clamp(v, low, high int) int { return min(max(v, low), high) }
