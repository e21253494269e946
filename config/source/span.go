package source

import "github.com/hashicorp/hcl/v2"

// A span is an hcl.Range without its file, in half the memory. Files are small
// enough for it, see Limits.FileBytes.
type span struct{ start, end point }

type point struct{ line, column, byte int32 }

func spanOf(r hcl.Range) span { return span{pointOf(r.Start), pointOf(r.End)} }

func pointOf(p hcl.Pos) point { return point{int32(p.Line), int32(p.Column), int32(p.Byte)} }

func (s span) in(file *string) hcl.Range {
	return hcl.Range{Filename: *file, Start: s.start.pos(), End: s.end.pos()}
}

func (p point) pos() hcl.Pos {
	return hcl.Pos{Line: int(p.line), Column: int(p.column), Byte: int(p.byte)}
}

// right is n characters of ASCII further on the same line.
func (p point) right(n int) point {
	return point{p.line, p.column + int32(n), p.byte + int32(n)}
}
