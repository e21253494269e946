package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
)

// A scope is what an expression may refer to beside the names of the tree.
type scope struct {
	object   *object  // for each.key and each.value; nil where there are none
	self     *selfUse // notes what is read of self; nil where there is no self
	constant string   // why no reference may stand here; "" where it may
}

// value evaluates an expression. It returns false when it could not, which has
// then been reported.
func (l *loader) value(expr *source.Expr, s scope) (cty.Value, bool) {
	if v, ok := expr.Literal(); ok {
		return v, true
	}
	return l.evaluate(expr.Syntax(), s)
}

// evaluate evaluates syntax with the variables that it reads. An expression that a syntax
// error has cut short is passed over: the error has been reported.
func (l *loader) evaluate(expr hclsyntax.Expression, s scope) (cty.Value, bool) {
	if len(l.problems.broken) > 0 && isBroken(expr) {
		return cty.NilVal, false
	}
	ctx, ok := l.context(expr, s)
	if !ok {
		return cty.NilVal, false
	}
	v, problems := l.eval.Value(expr, ctx)
	l.problems.addAll(problems)
	return v, !problems.HasErrors()
}

// isBroken reports whether an expression is the rest of a syntax error: the
// parser puts unknown values where it could not read.
func isBroken(expr hclsyntax.Expression) bool {
	broken := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if v, ok := n.(*hclsyntax.LiteralValueExpr); ok && !v.Val.IsKnown() {
			broken = true
		}
		return nil
	})
	return broken
}

// context makes the variables that an expression reads, and no others: building all would
// evaluate the whole tree for each expression, and every object would depend on itself.
func (l *loader) context(expr hclsyntax.Expression, s scope) (*hcl.EvalContext, bool) {
	traversals := expr.Variables()
	if len(traversals) == 0 {
		return &hcl.EvalContext{}, true
	}
	c := contextBuilder{loader: l, scope: s}
	ok := true
	for _, t := range traversals {
		ok = c.add(t) && ok
	}
	if !ok {
		return nil, false
	}
	return &hcl.EvalContext{Variables: c.variables()}, true
}
