package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// unifying are functions that convert any tuple or object to a list, set or map
// first, although their parameters accept any type, or a collection of any type: their
// signatures do not tell.
var unifying = map[string]bool{
	"chunklist": true, "compact": true, "distinct": true, "setintersection": true, "setproduct": true, "setsubtract": true,
	"setunion": true, "tolist": true, "tomap": true, "toset": true,
}

// unifies reports whether argument i of a function is converted to a list, set or
// map if it is a tuple or an object.
func (c *guarder) unifies(name string, i int) bool {
	if _, known := c.e.functions[name]; !known || unifying[name] {
		return known
	}
	return c.parameter(name, i).IsCollectionType()
}

// parameter returns the type of a function's parameter i, or any type if there is
// none.
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

// argumentType returns the type that argument i of such a function is converted
// to.
func (c *guarder) argumentType(call *hclsyntax.FunctionCallExpr, i int) cty.Type {
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

// A collectionArgument is an argument that its function converts to a list, set
// or map. It takes the steps of the conversion. If all elements have one type, as
// is nearly always so, it converts the value itself and so spares the library's
// search for a common type. The result of the function is the same.
type collectionArgument struct {
	hclsyntax.Expression
	e    *Evaluator
	to   cty.Type
	many bool // each of its elements is an argument
}

// Up to fewElements elements, the search for a common type is cheap enough to be
// neither avoided nor charged.
const fewElements = 64

// Value evaluates the argument, and converts it if that spares the library a search.
func (x *collectionArgument) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() || !isStructural(v) {
		return v, diags
	}
	x.e.takeConversion(v, x.Expression)
	if x.many && argumentSteps(v.LengthInt()) > x.e.left() {
		throw(x.e.outOfSteps(), x.Expression) // before it makes something of each
	}
	v = asCollection(v)
	x.e.takeSets(v, x.to, x.Expression)
	return v, diags
}

// isStructural reports whether a value has elements: it is a known collection,
// tuple or object.
func isStructural(v cty.Value) bool {
	return !v.IsNull() && v.IsKnown() && v.CanIterateElements()
}

// takeConversion takes the steps of converting a value to another type.
func (e *Evaluator) takeConversion(v cty.Value, at hclsyntax.Expression) {
	steps, _ := conversionSteps(v, e.left())
	e.take(steps, at)
}

// asCollection converts a long tuple to a list, and a large object to a map, if
// all elements have one type. It returns every other value unchanged.
func asCollection(v cty.Value) cty.Value {
	ty := v.Type()
	if !ty.IsTupleType() && !ty.IsObjectType() || v.LengthInt() <= fewElements || !isOneType(elementTypes(ty)) {
		return v
	}
	if ty.IsTupleType() {
		return cty.ListVal(v.AsValueSlice())
	}
	return cty.MapVal(v.AsValueMap())
}

// A conditionalNode guards hclsyntax.ConditionalExpr, which converts both results
// to a common type. It takes the steps of that, and avoids the library's search
// for the type where the outcome is certain.
type conditionalNode struct {
	*hclsyntax.ConditionalExpr
	e *Evaluator
}

// Value evaluates both results, as the library does: their common type depends on both.
func (x *conditionalNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	yes, yesDiags := x.TrueResult.Value(ctx)
	no, noDiags := x.FalseResult.Value(ctx)
	if yesDiags.HasErrors() || noDiags.HasErrors() || !isStructural(yes) || !isStructural(no) {
		for _, v := range []cty.Value{yes, no} {
			x.e.take(primitiveSteps(v), x) // it may become text
		}
		return x.choose(ctx, &evaluatedNode{x.TrueResult, yes, yesDiags}, &evaluatedNode{x.FalseResult, no, noDiags})
	}
	spared := yes.Type().Equals(no.Type()) || !holdsCollection(yes.Type()) && !holdsCollection(no.Type())
	for _, v := range []cty.Value{yes, no} {
		steps, _ := unifyingSteps(v, spared || becomeCollections(yes.Type(), no.Type()), x.e.left())
		x.e.take(steps, x)
	}
	likeYes, likeNo := yes, no
	if becomeCollections(yes.Type(), no.Type()) {
		likeYes, likeNo = asCollection(yes), asCollection(no)
	}
	if yesType, noType := likeYes.Type(), likeNo.Type(); holdsSet(yesType) || holdsSet(noType) {
		if common, _ := convert.UnifyUnsafe([]cty.Type{yesType, noType}); common != cty.NilType {
			x.e.takeSets(likeYes, common, x.TrueResult)
			x.e.takeSets(likeNo, common, x.FalseResult)
		}
	}
	return x.choose(ctx, &evaluatedNode{x.TrueResult, likeYes, yesDiags}, &evaluatedNode{x.FalseResult, likeNo, noDiags})
}

// choose lets the library choose between results that are evaluated already.
func (x *conditionalNode) choose(ctx *hcl.EvalContext, yes, no hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	y := *x.ConditionalExpr
	y.TrueResult, y.FalseResult = yes, no
	return y.Value(ctx)
}

// An evaluatedNode returns the result of an earlier evaluation.
type evaluatedNode struct {
	hclsyntax.Expression
	v     cty.Value
	diags hcl.Diagnostics
}

// Value returns the earlier result.
func (x *evaluatedNode) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) { return x.v, x.diags }

// becomeCollections reports whether a conditional converts its results to lists
// or maps instead of keeping them tuples or objects: it does for tuples of
// different lengths and for objects with different names.
func becomeCollections(a, b cty.Type) bool {
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
