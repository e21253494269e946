package source

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// pack returns a body of hclsyntax's as a Body.
func pack(body *hclsyntax.Body, file string) *Body {
	out := newPacker(&file).body(body)
	return &out
}

// A packer packs one piece of a file. Of equal strings it keeps one.
type packer struct {
	file  *string
	texts map[string]any
}

func newPacker(file *string) *packer { return &packer{file, map[string]any{}} }

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

func (p *packer) expr(x hclsyntax.Expression) Expr {
	e := Expr{file: p.file, at: spanOf(x.Range()), form: x}
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		if x.Val.IsKnown() { // else it stands for what could not be parsed
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
		if list := p.all(x.Exprs); !slices.ContainsFunc(list, isTree) {
			e.form = list
		}
	}
	return e
}

func isTree(e Expr) bool {
	_, tree := e.form.(hclsyntax.Expression)
	return tree
}

func (p *packer) literal(v cty.Value) any {
	if v.Type() == cty.String && !v.IsNull() {
		return p.text(v.AsString())
	}
	return v
}

// name recognises client.billing, written without any space.
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

// text is a string as the form of an expression.
func (p *packer) text(s string) any {
	form, known := p.texts[s]
	if !known {
		form = s
		p.texts[s] = form
	}
	return form
}

func (p *packer) word(s string) string { return p.text(s).(string) }
