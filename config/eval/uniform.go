package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// unifying are the functions that make a list, set or map of any tuple or
// object first, though they do not say so.
var unifying = map[string]bool{
	"chunklist": true, "compact": true, "distinct": true, "setintersection": true, "setproduct": true, "setsubtract": true,
	"setunion": true, "tolist": true, "tomap": true, "toset": true,
}

// unifies reports whether an argument of a function becomes a list, set or map
// where it is a tuple or object.
func (c *guarder) unifies(name string, i int) bool {
	fn, known := c.e.functions[name]
	if !known || unifying[name] {
		return known
	}
	if params := fn.Params(); i < len(params) {
		return params[i].Type.IsCollectionType()
	}
	last := fn.VarParam()
	return last != nil && last.Type.IsCollectionType()
}

// makesSet are the functions that make a set of each argument.
var makesSet = map[string]bool{"setintersection": true, "setsubtract": true, "setunion": true, "toset": true}

// A uniform expression is the argument of such a function. It takes the steps
// of the conversion, and spares the search for a common type where all elements
// have one type, as nearly always. What the function gives is the same.
type uniform struct {
	hclsyntax.Expression
	e     *Evaluator
	asSet bool
}

// fewElements is how many elements are not worth looking at.
const fewElements = 64

func (x *uniform) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() || !isStructural(v) {
		return v, diags
	}
	x.e.convertible(v, x.Expression)
	v = uniformly(v)
	if x.asSet {
		x.e.takeSet(v, x.Expression)
	}
	return v, diags
}

// isStructural reports whether a value has elements.
func isStructural(v cty.Value) bool {
	return !v.IsNull() && v.IsKnown() && v.CanIterateElements()
}

// convertible takes what it takes to bring a value to another type.
func (e *Evaluator) convertible(v cty.Value, at hclsyntax.Expression) {
	if !v.Type().IsSetType() { // else it is what it would become, or it is weighed as a set
		steps, _ := conversionSteps(v, e.left())
		e.take(steps, at)
	}
}

// takeSet takes what it takes to make a set of a value's elements.
func (e *Evaluator) takeSet(v cty.Value, at hclsyntax.Expression) {
	if ty := v.Type(); ty.IsSetType() || ty.IsMapType() || ty.IsObjectType() {
		return
	}
	if list, err := convert.Convert(uniformly(v), cty.List(cty.DynamicPseudoType)); err == nil {
		e.take(hashSteps(list.AsValueSlice(), e.left()), at)
	}
}

// uniformly makes a list of a long tuple and a map of a large object whose elements
// have one type. Others stay as they are.
func uniformly(v cty.Value) cty.Value {
	ty := v.Type()
	if !ty.IsTupleType() && !ty.IsObjectType() || v.LengthInt() <= fewElements || !isOneType(elementTypes(ty)) {
		return v
	}
	if ty.IsTupleType() {
		return cty.ListVal(v.AsValueSlice())
	}
	return cty.MapVal(v.AsValueMap())
}

// A conditional is hclsyntax.ConditionalExpr, which brings both results to a
// common type. It takes the steps of that, and spares the search for it where
// the outcome is certain.
type conditional struct {
	*hclsyntax.ConditionalExpr
	e *Evaluator
}

func (x *conditional) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	yes, yesDiags := x.TrueResult.Value(ctx)
	no, noDiags := x.FalseResult.Value(ctx)
	if yesDiags.HasErrors() || noDiags.HasErrors() || !isStructural(yes) || !isStructural(no) {
		for _, v := range []cty.Value{yes, no} {
			if v.Type() == cty.Number && !v.IsNull() && v.IsKnown() && !isSmall(v) {
				x.e.take(fractionSteps, x) // it may become text
			}
		}
		return x.choose(ctx, &given{x.TrueResult, yes, yesDiags}, &given{x.FalseResult, no, noDiags})
	}
	x.e.convertible(yes, x.TrueResult)
	x.e.convertible(no, x.FalseResult)
	likeYes, likeNo := yes, no
	if becomeUniform(yes.Type(), no.Type()) {
		likeYes, likeNo = uniformly(yes), uniformly(no)
	}
	if yes.Type().IsSetType() != no.Type().IsSetType() {
		x.e.takeSet(yes, x.TrueResult)
		x.e.takeSet(no, x.FalseResult)
	}
	return x.choose(ctx, &given{x.TrueResult, likeYes, yesDiags}, &given{x.FalseResult, likeNo, noDiags})
}

func (x *conditional) choose(ctx *hcl.EvalContext, yes, no hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	y := *x.ConditionalExpr
	y.TrueResult, y.FalseResult = yes, no
	return y.Value(ctx)
}

// A given expression was evaluated before.
type given struct {
	hclsyntax.Expression
	v     cty.Value
	diags hcl.Diagnostics
}

func (x *given) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) { return x.v, x.diags }

// becomeUniform reports whether the results of a conditional become lists or
// maps, rather than to stay the tuples or objects that they are: tuples of
// different lengths and objects with different names do.
func becomeUniform(a, b cty.Type) bool {
	switch {
	case a.IsTupleType() && b.IsTupleType():
		return a.Length() != b.Length()
	case a.IsObjectType() && b.IsObjectType():
		return !sameNames(a, b)
	case a.IsTupleType() || a.IsObjectType():
		return b.IsListType() && a.IsTupleType() || b.IsMapType() && a.IsObjectType()
	}
	return b.IsTupleType() && a.IsListType() || b.IsObjectType() && a.IsMapType()
}
