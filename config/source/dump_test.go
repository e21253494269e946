package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// dump writes a body with the place of everything in it.
func dump(body *Body) string {
	d := dumper{places: true}
	d.body(body, "")
	return d.b.String()
}

// dumpTree is dump for a body of hclsyntax's.
func dumpTree(body *hclsyntax.Body) string {
	d := dumper{places: true}
	d.tree(body, "")
	return d.b.String()
}

// outline writes a body without places.
func outline(body *Body) string {
	var d dumper
	d.body(body, "")
	return d.b.String()
}

type dumper struct {
	b      strings.Builder
	places bool
}

func (d *dumper) at(ranges ...hcl.Range) string {
	if !d.places {
		return ""
	}
	return fmt.Sprint(ranges)
}

func (d *dumper) body(body *Body, indent string) {
	names := map[string]*Attribute{}
	for i := range body.Attributes {
		names[body.Attributes[i].Name] = &body.Attributes[i]
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a := names[name]
		fmt.Fprintf(&d.b, "%s%s%s = %s\n", indent, a.Name, d.at(a.NameRange(), a.Expr.Range()), d.expr(a.Expr.Syntax()))
	}
	for _, b := range body.Blocks {
		ranges := []hcl.Range{b.TypeRange(), b.DefRange()}
		for i := range b.Labels {
			ranges = append(ranges, b.LabelRange(i))
		}
		fmt.Fprintf(&d.b, "%s%s %q%s\n", indent, b.Type, b.Labels, d.at(ranges...))
		d.body(&b.Body, indent+"  ")
	}
}

func (d *dumper) tree(body *hclsyntax.Body, indent string) {
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		a := body.Attributes[name]
		fmt.Fprintf(&d.b, "%s%s%s = %s\n", indent, a.Name, d.at(a.NameRange, a.Expr.Range()), d.expr(a.Expr))
	}
	for _, b := range body.Blocks {
		ranges := append([]hcl.Range{b.TypeRange, b.DefRange()}, b.LabelRanges...)
		fmt.Fprintf(&d.b, "%s%s %q%s\n", indent, b.Type, b.Labels, d.at(ranges...))
		d.tree(b.Body, indent+"  ")
	}
}

func (d *dumper) expr(x hclsyntax.Expression) string {
	s := d.bare(x)
	if d.places {
		s += fmt.Sprint(x.Range())
	}
	return s
}

func (d *dumper) bare(x hclsyntax.Expression) string {
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		if x.Val.IsKnown() && !x.Val.IsNull() && x.Val.Type() == cty.Number {
			return x.Val.AsBigFloat().String()
		}
		return x.Val.GoString()
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() { // which a Body has as a literal
			return d.bare(x.Parts[0])
		}
		return "template" + d.all(x.Parts)
	case *hclsyntax.TupleConsExpr:
		return "tuple" + d.all(x.Exprs)
	case *hclsyntax.ObjectConsExpr:
		var parts []hclsyntax.Expression
		for _, item := range x.Items {
			parts = append(parts, item.KeyExpr, item.ValueExpr)
		}
		return "object" + d.all(parts)
	case *hclsyntax.ObjectConsKeyExpr:
		return d.expr(x.Wrapped)
	case *hclsyntax.ScopeTraversalExpr:
		var steps []string
		for _, s := range x.Traversal {
			switch s := s.(type) {
			case hcl.TraverseRoot:
				steps = append(steps, s.Name+d.at(s.SrcRange))
			case hcl.TraverseAttr:
				steps = append(steps, s.Name+d.at(s.SrcRange))
			default:
				steps = append(steps, fmt.Sprintf("%#v", s))
			}
		}
		return strings.Join(steps, ".")
	case *hclsyntax.FunctionCallExpr:
		return x.Name + d.all(x.Args)
	case *hclsyntax.BinaryOpExpr:
		return "(" + d.expr(x.LHS) + " op " + d.expr(x.RHS) + ")"
	}
	return fmt.Sprintf("%T", x)
}

func (d *dumper) all(exprs []hclsyntax.Expression) string {
	var out []string
	for _, x := range exprs {
		out = append(out, d.expr(x))
	}
	return "(" + strings.Join(out, ", ") + ")"
}
