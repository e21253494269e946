package source

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The syntax that this package returns is that of hclsyntax in a quarter of the
// memory: a configuration stays whole until the last reference in it is
// resolved, and whatever stays is walked by the collector again and again. A
// piece of a file is packed as soon as it is parsed, so that of hclsyntax's own
// tree only the expressions live that somebody has to evaluate.

// A Body is what stands in a file or between the braces of a block.
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

// NameRange is where the name stands.
func (a *Attribute) NameRange() hcl.Range { return a.name.in(a.Expr.file) }

// Header is the attribute as a block without a body. Which of the two somebody
// meant cannot be seen in JSON syntax.
func (a *Attribute) Header() *Block {
	return &Block{Type: a.Name, file: a.Expr.file, header: []span{a.name}}
}

// A Block is a block with its labels.
type Block struct {
	Type   string
	Labels []string
	Body   Body
	file   *string
	header []span // of the type and of each label
}

// TypeRange is where the block's type stands.
func (b *Block) TypeRange() hcl.Range { return b.header[0].in(b.file) }

// LabelRange is where label i stands, with its quotes.
func (b *Block) LabelRange(i int) hcl.Range { return b.header[1+i].in(b.file) }

// DefRange is the block's header without its brace.
func (b *Block) DefRange() hcl.Range {
	return span{b.header[0].start, b.header[len(b.header)-1].end}.in(b.file)
}

// An Expr is an expression as it was written.
type Expr struct {
	file *string
	at   span
	form any // string; cty.Value, any other literal; name; []Expr, a list of these; or hclsyntax.Expression
}

// A name is an object of the configuration: client.billing.
type name struct{ root, attr string }

// Range is where the expression stands.
func (e *Expr) Range() hcl.Range { return e.at.in(e.file) }

// Literal returns the value of a string without interpolation, a number, a bool
// or null.
func (e *Expr) Literal() (cty.Value, bool) {
	switch form := e.form.(type) {
	case string:
		return cty.StringVal(form), true
	case cty.Value:
		return form, true
	}
	return cty.NilVal, false
}

// Text returns a string without interpolation.
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

// Elements returns the expressions between the brackets of a list.
func (e *Expr) Elements() ([]Expr, bool) {
	switch form := e.form.(type) {
	case []Expr:
		return form, true
	case *hclsyntax.TupleConsExpr:
		return newPacker(e.file).all(form.Exprs), true
	}
	return nil, false
}

// Syntax returns the expression as hclsyntax has it. It is the same each time
// where evaluating it is any work; a literal, a name or a list of these is made
// anew.
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
