package source

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The syntax tree of this package holds what hclsyntax's does, in a quarter of the
// memory. That matters because a configuration stays in memory until its last
// reference is resolved, and the garbage collector walks it again and again.
// A piece of a file is packed as soon as it is parsed; of hclsyntax's own tree,
// only the expressions remain that have to be evaluated.

// A Body is the content of a file or of a block between its braces.
type Body struct {
	Attributes []Attribute // by place, each name once
	Blocks     []*Block    // by place
}

// Attribute returns the attribute of that name, nil when it was not written.
func (b *Body) Attribute(name string) *Attribute {
	for i := range b.Attributes {
		if b.Attributes[i].Name == name {
			return &b.Attributes[i]
		}
	}
	return nil
}

// An Attribute is a name and the expression that is assigned to it.
type Attribute struct {
	Name string
	Expr Expr
	name span
}

// NameRange is the range of the attribute's name.
func (a *Attribute) NameRange() hcl.Range { return a.name.in(a.Expr.file) }

// Header returns the attribute as a block without a body. In JSON syntax the two
// look alike, so a diagnostic about one may have to treat it as the other.
func (a *Attribute) Header() *Block {
	return &Block{Type: a.Name, file: a.Expr.file, header: []span{a.name}}
}

// A Block is a block with its labels and its body.
type Block struct {
	Type   string
	Labels []string
	Body   Body
	file   *string
	header []span // of the type and of each label
}

// TypeRange is the range of the block's type.
func (b *Block) TypeRange() hcl.Range { return b.header[0].in(b.file) }

// LabelRange is the range of label i, quotes included.
func (b *Block) LabelRange(i int) hcl.Range { return b.header[1+i].in(b.file) }

// DefRange is the range of the block's header, up to but without its brace.
func (b *Block) DefRange() hcl.Range {
	return span{b.header[0].start, b.header[len(b.header)-1].end}.in(b.file)
}

// An Expr is an expression in the form in which it was written. Use the methods
// that need no evaluation where they answer, and Syntax otherwise.
type Expr struct {
	file *string
	at   span
	form any // string; cty.Value, any other literal; name; []Expr, a list of these; or hclsyntax.Expression
}

// A name is a reference of two words without spaces, client.billing: the most
// common expression after literals.
type name struct{ root, attr string }

// Range is the range of the expression.
func (e *Expr) Range() hcl.Range { return e.at.in(e.file) }

// Literal returns the value of a string without interpolation, a number, a bool
// or null, and false for every other expression.
func (e *Expr) Literal() (cty.Value, bool) {
	switch form := e.form.(type) {
	case string:
		return cty.StringVal(form), true
	case cty.Value:
		return form, true
	}
	return cty.NilVal, false
}

// Text returns the value of a string without interpolation, and false for every
// other expression.
func (e *Expr) Text() (string, bool) {
	text, ok := e.form.(string)
	return text, ok
}

// IsNull reports whether the expression is the word null.
func (e *Expr) IsNull() bool {
	v, ok := e.form.(cty.Value)
	return ok && v.IsNull()
}

// Name returns the two words of client.billing. It returns false for any other
// expression, whatever it may evaluate to.
func (e *Expr) Name() (root, attr string, ok bool) {
	n, ok := e.form.(name)
	return n.root, n.attr, ok
}

// Elements returns the expressions between the brackets of a list, and false for
// every other expression.
func (e *Expr) Elements() ([]Expr, bool) {
	switch form := e.form.(type) {
	case []Expr:
		return form, true
	case *hclsyntax.TupleConsExpr:
		return newPacker(e.file).all(form.Exprs), true
	}
	return nil, false
}

// Syntax returns the expression as a node of hclsyntax. For an expression that
// takes work to evaluate it is the same node each time, so that package eval can
// cache by it. A literal, a name, or a list of these is built anew by each call.
func (e *Expr) Syntax() hclsyntax.Expression {
	switch form := e.form.(type) {
	case hclsyntax.Expression:
		return form
	case name:
		return e.traversal(form)
	case []Expr:
		open := span{e.at.start, e.at.start.right(1)}
		list := &hclsyntax.TupleConsExpr{Exprs: make([]hclsyntax.Expression, len(form)), SrcRange: e.Range(), OpenRange: open.in(e.file)}
		for i := range form {
			list.Exprs[i] = form[i].Syntax()
		}
		return list
	}
	v, _ := e.Literal()
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
}

// traversal builds the node that the parser had for a name.
func (e *Expr) traversal(n name) hclsyntax.Expression {
	dot := e.at.start.right(len(n.root))
	return &hclsyntax.ScopeTraversalExpr{
		Traversal: hcl.Traversal{
			hcl.TraverseRoot{Name: n.root, SrcRange: span{e.at.start, dot}.in(e.file)},
			hcl.TraverseAttr{Name: n.attr, SrcRange: span{dot, e.at.end}.in(e.file)},
		},
		SrcRange: e.Range(),
	}
}

// A span is an hcl.Range without its file, in half the memory. Files are small
// enough for it, see Limits.FileBytes.
type span struct{ start, end point }

// A point is an hcl.Pos: line and column are counted from one, the byte from zero.
type point struct{ line, column, byte int32 }

func spanOf(r hcl.Range) span { return span{pointOf(r.Start), pointOf(r.End)} }

func pointOf(p hcl.Pos) point { return point{int32(p.Line), int32(p.Column), int32(p.Byte)} }

func (s span) in(file *string) hcl.Range {
	return hcl.Range{Filename: *file, Start: s.start.pos(), End: s.end.pos()}
}

func (p point) pos() hcl.Pos {
	return hcl.Pos{Line: int(p.line), Column: int(p.column), Byte: int(p.byte)}
}

// right returns the point n bytes of ASCII further on the same line.
func (p point) right(n int) point {
	return point{p.line, p.column + int32(n), p.byte + int32(n)}
}

// pack returns a body of hclsyntax's as a Body.
func pack(body *hclsyntax.Body, file string) *Body {
	out := newPacker(&file).body(body)
	return &out
}

// A packer packs one piece of a file. Equal strings share one allocation:
// attribute names, types and many values repeat in every block.
type packer struct {
	file  *string
	texts map[string]any
}

func newPacker(file *string) *packer { return &packer{file, map[string]any{}} }

// body packs the content of a file or block. hclsyntax has attributes in a map, so they are
// sorted by place; blocks are in that order already, and are allocated together.
func (p *packer) body(body *hclsyntax.Body) Body {
	var out Body
	if n := len(body.Attributes); n > 0 {
		out.Attributes = make([]Attribute, 0, n)
		for _, a := range body.Attributes {
			out.Attributes = append(out.Attributes, Attribute{Name: p.word(a.Name), Expr: p.expr(a.Expr), name: spanOf(a.NameRange)})
		}
		slices.SortFunc(out.Attributes, func(a, b Attribute) int { return int(a.name.start.byte - b.name.start.byte) })
	}
	if n := len(body.Blocks); n > 0 {
		blocks := make([]Block, n)
		out.Blocks = make([]*Block, n)
		for i, b := range body.Blocks {
			blocks[i] = p.block(b)
			out.Blocks[i] = &blocks[i]
		}
	}
	return out
}

func (p *packer) block(b *hclsyntax.Block) Block {
	out := Block{Type: p.word(b.Type), Body: p.body(b.Body), file: p.file, header: make([]span, 1, 1+len(b.Labels))}
	out.header[0] = spanOf(b.TypeRange)
	if len(b.Labels) > 0 {
		out.Labels = make([]string, len(b.Labels))
	}
	for i, label := range b.Labels {
		out.Labels[i] = p.word(label)
		out.header = append(out.header, spanOf(b.LabelRanges[i]))
	}
	return out
}

func (p *packer) all(exprs []hclsyntax.Expression) []Expr {
	out := make([]Expr, len(exprs))
	for i, x := range exprs {
		out[i] = p.expr(x)
	}
	return out
}

// expr packs an expression, if it has one of the forms of Expr. Otherwise the node stays as
// it is, to be evaluated by package eval.
func (p *packer) expr(x hclsyntax.Expression) Expr {
	e := Expr{file: p.file, at: spanOf(x.Range()), form: x}
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		if x.Val.IsKnown() { // the parser puts an unknown value where it failed
			e.form = p.literal(x.Val)
		}
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			e.form = p.literal(x.Parts[0].(*hclsyntax.LiteralValueExpr).Val)
		}
	case *hclsyntax.ScopeTraversalExpr:
		if n, ok := p.name(&e, x.Traversal); ok {
			e.form = n
		}
	case *hclsyntax.TupleConsExpr:
		if list := p.all(x.Exprs); !slices.ContainsFunc(list, isUnpacked) {
			e.form = list
		}
	}
	return e
}

// isUnpacked reports whether an expression still holds a node of hclsyntax.
func isUnpacked(e Expr) bool {
	_, tree := e.form.(hclsyntax.Expression)
	return tree
}

// literal returns a value as the form of an expression: strings as Go strings,
// which take less memory than a cty.Value, and all other values as they are.
func (p *packer) literal(v cty.Value) any {
	if v.Type() == cty.String && !v.IsNull() {
		return p.text(v.AsString())
	}
	return v
}

// name recognises client.billing, if the two words and the dot are written
// without spaces. With spaces, the ranges of the two words could not be derived
// from the range of the whole.
func (p *packer) name(e *Expr, t hcl.Traversal) (any, bool) {
	if len(t) != 2 {
		return nil, false
	}
	root, _ := t[0].(hcl.TraverseRoot)
	attr, ok := t[1].(hcl.TraverseAttr)
	if !ok || e.at.start.right(len(root.Name)+1+len(attr.Name)) != e.at.end {
		return nil, false
	}
	return name{p.word(root.Name), p.word(attr.Name)}, true
}

// text returns a string as the form of an expression, shared with earlier equal
// ones.
func (p *packer) text(s string) any {
	form, known := p.texts[s]
	if !known {
		form = s
		p.texts[s] = form
	}
	return form
}

func (p *packer) word(s string) string { return p.text(s).(string) }
