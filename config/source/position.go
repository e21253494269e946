package source

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
)

// lineOf returns the line that offset is in, from one, and where it begins.
func lineOf(src []byte, offset int) (line, start int) {
	before := src[:min(offset, len(src))]
	return bytes.Count(before, []byte("\n")) + 1, bytes.LastIndexByte(before, '\n') + 1
}

// rangeOf returns the range of two offsets. Columns count characters as a
// reader sees them, as everywhere in HCL.
func rangeOf(name string, src []byte, start, end int) hcl.Range {
	line, lineStart := lineOf(src, start)
	first := advance(hcl.Pos{Line: line, Column: 1, Byte: lineStart}, src[lineStart:start])
	return hcl.Range{Filename: name, Start: first, End: advance(first, src[start:min(end, len(src))])}
}

// advance returns the position behind text that begins at pos.
func advance(pos hcl.Pos, text []byte) hcl.Pos {
	if len(text) == 0 {
		return pos
	}
	whole := func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil }
	sc := hcl.NewRangeScannerFragment(text, "", hcl.Pos{Line: pos.Line, Column: pos.Column}, whole)
	sc.Scan()
	end := sc.Range().End
	end.Byte += pos.Byte
	return end
}
