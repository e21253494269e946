package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// literal evaluates what most of a configuration is made of without any
// context: strings, numbers, bools, null, and tuples of these. Package source
// has sized them.
func literal(expr hclsyntax.Expression) (cty.Value, bool) {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return x.Val, x.Val.IsKnown()
	case *hclsyntax.TemplateExpr:
		if !x.IsStringLiteral() {
			return cty.NilVal, false
		}
		return literal(x.Parts[0])
	case *hclsyntax.TupleConsExpr:
		return literalTuple(x)
	}
	return cty.NilVal, false
}

func literalTuple(x *hclsyntax.TupleConsExpr) (cty.Value, bool) {
	vals := make([]cty.Value, len(x.Exprs))
	for i, item := range x.Exprs {
		v, ok := literal(item)
		if !ok {
			return cty.NilVal, false
		}
		vals[i] = v
	}
	return cty.TupleVal(vals), true
}

// staticKey returns the key of an object's item if it is written out.
func staticKey(key hclsyntax.Expression) (string, bool) {
	if k, ok := key.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return word, true
		}
		key = k.Wrapped
	}
	v, ok := literal(key)
	if !ok || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}
