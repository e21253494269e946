package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// places is where the parts of a block were written. A syntax tree takes
// twenty times the memory of its source; of most blocks only this outlives Load.
type places struct {
	filename string
	attrs    []attrPlace
	nested   []nestedPlace
}

type nestedPlace struct {
	blockType, label string // label is "" for a block without one
	header           span
	attrs            []attrPlace
}

type attrPlace struct {
	name  string
	value span
	null  bool
}

// A span is an hcl.Range without its file, in half the memory.
type span struct{ start, end position }

type position struct{ line, column, byte int32 }

func placesOf(b *hclsyntax.Block) *places {
	p := &places{filename: b.TypeRange.Filename, attrs: attrPlaces(b.Body)}
	if len(b.Body.Blocks) > 0 {
		p.nested = make([]nestedPlace, len(b.Body.Blocks))
	}
	for i, n := range b.Body.Blocks {
		p.nested[i] = nestedPlace{blockType: n.Type, header: spanOf(n.DefRange()), attrs: attrPlaces(n.Body)}
		if len(n.Labels) > 0 {
			p.nested[i].label = n.Labels[0]
		}
	}
	return p
}

func attrPlaces(body *hclsyntax.Body) []attrPlace {
	if len(body.Attributes) == 0 {
		return nil
	}
	attrs := make([]attrPlace, 0, len(body.Attributes))
	for name, a := range body.Attributes {
		attrs = append(attrs, attrPlace{name, spanOf(a.Expr.Range()), isNullLiteral(a.Expr)})
	}
	return attrs
}

func spanOf(r hcl.Range) span {
	at := func(p hcl.Pos) position { return position{int32(p.Line), int32(p.Column), int32(p.Byte)} }
	return span{at(r.Start), at(r.End)}
}

func (s span) in(filename string) hcl.Range {
	at := func(p position) hcl.Pos { return hcl.Pos{Line: int(p.line), Column: int(p.column), Byte: int(p.byte)} }
	return hcl.Range{Filename: filename, Start: at(s.start), End: at(s.end)}
}

// find returns the attribute of a name, nil when it was not written.
func find(attrs []attrPlace, name string) *attrPlace {
	for i := range attrs {
		if attrs[i].name == name {
			return &attrs[i]
		}
	}
	return nil
}

// AttrRange returns the range of an attribute's value, the block's header when
// the attribute was not written.
func (d *Decl) AttrRange(name string) hcl.Range {
	if d.places != nil {
		if a := find(d.places.attrs, name); a != nil {
			return a.value.in(d.places.filename)
		}
	}
	return d.Range
}

// NestedRange returns the range of an attribute's value in a nested block:
// ("secret", "2026-q4", "hash"). Where the attribute was not written, or attr
// is "", it is the nested block's header; without such a block, d.Range. A
// label of "" is the first block of the type.
func (d *Decl) NestedRange(blockType, label, attr string) hcl.Range {
	if d.places == nil {
		return d.Range
	}
	for _, n := range d.places.nested {
		if n.blockType != blockType || label != "" && n.label != label {
			continue
		}
		if a := find(n.attrs, attr); a != nil {
			return a.value.in(d.places.filename)
		}
		return n.header.in(d.places.filename)
	}
	return d.Range
}

// Has reports whether an attribute was written, and not as null.
func (d *Decl) Has(name string) bool {
	if d.places == nil {
		return false
	}
	a := find(d.places.attrs, name)
	return a != nil && !a.null
}
