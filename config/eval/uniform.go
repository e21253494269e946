package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// unifying are the functions that make a list, set or map of any tuple or
// object first, though they do not say so.
var unifying = map[string]bool{
	"chunklist": true, "compact": true, "distinct": true, "setintersection": true, "setproduct": true, "setsubtract": true,
	"setunion": true, "tolist": true, "tomap": true, "toset": true,
}

// unifies reports whether an argument of a function becomes a list, set or map
// where it is a tuple or object. The library finds the common type of the
// elements in time that grows with the square of their number.
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

// A uniform expression is the argument of such a function, or what one of a
// conditional's branches gives, which HCL brings to a common type as well.
// Elements of one plain type, as nearly always, need no search; others are
// charged for it.
type uniform struct {
	hclsyntax.Expression
	e *Evaluator
}

// fewElements is how many elements are not worth looking at.
const fewElements = 64

func (x *uniform) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() {
		return v, diags
	}
	ty := v.Type()
	if !ty.IsTupleType() && !ty.IsObjectType() || v.LengthInt() <= fewElements {
		return v, diags
	}
	n := int64(v.LengthInt())
	x.e.take(n, x.Expression)
	if !onePlainType(ty) {
		x.e.take(n*n/10, x.Expression)
		return v, diags
	}
	if ty.IsTupleType() {
		return cty.ListVal(v.AsValueSlice()), diags
	}
	return cty.MapVal(v.AsValueMap()), diags
}

func onePlainType(ty cty.Type) bool {
	var first cty.Type
	same := func(ty cty.Type) bool {
		if first == cty.NilType {
			first = ty
		}
		return ty.IsPrimitiveType() && ty == first
	}
	if ty.IsTupleType() {
		for _, elem := range ty.TupleElementTypes() {
			if !same(elem) {
				return false
			}
		}
		return true
	}
	for _, attr := range ty.AttributeTypes() {
		if !same(attr) {
			return false
		}
	}
	return true
}
