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
	if _, known := c.e.functions[name]; !known || unifying[name] {
		return known
	}
	return c.parameter(name, i).IsCollectionType()
}

// parameter returns the type of a function's parameter, any where there is none.
func (c *guarder) parameter(name string, i int) cty.Type {
	fn, known := c.e.functions[name]
	if !known {
		return cty.DynamicPseudoType
	}
	if params := fn.Params(); i < len(params) {
		return params[i].Type
	}
	if last := fn.VarParam(); last != nil {
		return last.Type
	}
	return cty.DynamicPseudoType
}

// becomesOf returns the type that an argument of such a function is brought to.
func (c *guarder) becomesOf(call *hclsyntax.FunctionCallExpr, i int) cty.Type {
	ty := c.parameter(call.Name, i)
	switch {
	case call.Name == "toset":
		ty = cty.Set(cty.DynamicPseudoType)
	case call.Name == "tomap":
		ty = cty.Map(cty.DynamicPseudoType)
	case !ty.IsCollectionType():
		ty = cty.List(cty.DynamicPseudoType)
	}
	if call.ExpandFinal && i == len(call.Args)-1 {
		return cty.List(ty)
	}
	return ty
}

// A uniform expression is the argument of such a function. It takes the steps
// of the conversion, and spares the search for a common type where all elements
// have one type, as nearly always. What the function gives is the same.
type uniform struct {
	hclsyntax.Expression
	e    *Evaluator
	to   cty.Type
	many bool // each of its elements is an argument
}

// fewElements is how many elements are not worth looking at.
const fewElements = 64

func (x *uniform) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() || !isStructural(v) {
		return v, diags
	}
	x.e.convertible(v, x.Expression)
	if x.many && argumentSteps(v.LengthInt()) > x.e.left() {
		throw(x.e.outOfSteps(), x.Expression) // before it makes something of each
	}
	v = uniformly(v)
	x.e.becomes(v, x.to, x.Expression)
	return v, diags
}

// isStructural reports whether a value has elements.
func isStructural(v cty.Value) bool {
	return !v.IsNull() && v.IsKnown() && v.CanIterateElements()
}

// convertible takes what it takes to bring a value to another type.
func (e *Evaluator) convertible(v cty.Value, at hclsyntax.Expression) {
	steps, _ := conversionSteps(v, e.left())
	e.take(steps, at)
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
			x.e.take(primitiveSteps(v), x) // it may become text
		}
		return x.choose(ctx, &given{x.TrueResult, yes, yesDiags}, &given{x.FalseResult, no, noDiags})
	}
	spared := yes.Type().Equals(no.Type()) || !holdsCollection(yes.Type()) && !holdsCollection(no.Type())
	for _, v := range []cty.Value{yes, no} {
		steps, _ := unifyingSteps(v, spared || becomeUniform(yes.Type(), no.Type()), x.e.left())
		x.e.take(steps, x)
	}
	likeYes, likeNo := yes, no
	if becomeUniform(yes.Type(), no.Type()) {
		likeYes, likeNo = uniformly(yes), uniformly(no)
	}
	if yesType, noType := likeYes.Type(), likeNo.Type(); holdsSet(yesType) || holdsSet(noType) {
		if common, _ := convert.UnifyUnsafe([]cty.Type{yesType, noType}); common != cty.NilType {
			x.e.becomes(likeYes, common, x.TrueResult)
			x.e.becomes(likeNo, common, x.FalseResult)
		}
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
