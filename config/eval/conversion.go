package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/writ-auth/writ/config/diag"
)

// Convert converts a value to a type as convert.Convert does, and takes the steps
// for it first. The error says what does not fit or which limit is exceeded;
// LimitOf tells the two apart.
func (e *Evaluator) Convert(v cty.Value, ty cty.Type) (cty.Value, error) {
	if !isStructural(v) {
		if err := e.spend(primitiveSteps(v)); err != nil {
			return cty.NilVal, err
		}
		return convert.Convert(v, ty)
	}
	steps := plainSteps(v, e.left())
	if ty.HasDynamicTypes() {
		steps, _ = conversionSteps(v, e.left())
	}
	if err := e.spend(steps); err != nil {
		return cty.NilVal, err
	}
	as := resolvedType(v.Type(), ty)
	if v.Type().Equals(as) {
		return v, nil
	}
	if as.HasDynamicTypes() || convert.GetConversionUnsafe(v.Type(), as) == nil {
		steps, _ := unifyingSteps(v, false, e.left())
		if err := e.spend(steps); err != nil {
			return cty.NilVal, err
		}
		if err := e.spend(setMakingSteps(v, ty, e.left())); err != nil {
			return cty.NilVal, err
		}
		return convert.Convert(v, ty)
	}
	ty = as
	listed, err := withLists(v, withoutSets(ty))
	if err != nil {
		return cty.NilVal, err
	}
	m := setMaker{left: e.left()}
	before := m.left
	made, ok := m.make(listed, ty)
	if err := e.spend(before - m.left); err != nil {
		return cty.NilVal, err
	}
	if !ok {
		return convert.Convert(v, ty) // for its error
	}
	return made, nil
}

// LimitOf returns the diagnostic for an error of Convert that is an exceeded
// limit, and false for every other error.
func LimitOf(err error, at hcl.Range) (diag.Diagnostic, bool) {
	le, ok := errors.AsType[*limitError](err)
	if !ok {
		return diag.Diagnostic{}, false
	}
	return limitPanic{le, at}.diagnostic(), true
}

// takeSets takes the steps of making the sets that conversion of a value to a
// type makes, at any level of it.
func (e *Evaluator) takeSets(v cty.Value, ty cty.Type, at hclsyntax.Expression) {
	e.take(setMakingSteps(v, ty, e.left()), at)
}

// setMakingSteps returns the cost of the sets that a conversion of v to ty makes.
// It stops early, with a number over most, when there are more steps than that.
// It makes lists in place of the sets first: their elements are those that the
// sets will hash.
func setMakingSteps(v cty.Value, ty cty.Type, most int64) int64 {
	if !isStructural(v) {
		return 0
	}
	ty = resolvedType(v.Type(), ty)
	if !holdsSet(ty) || v.Type().Equals(ty) || convert.GetConversionUnsafe(v.Type(), ty) == nil {
		return 0 // makes no set, or fails before it makes one
	}
	m := setMaker{left: most}
	listed, err := withLists(v, withoutSets(ty))
	if err != nil { // some of the sets may be made before that is found
		_, parts := conversionSteps(v, most)
		return parts * parts
	}
	m.make(listed, ty)
	return most - m.left
}

// withLists converts a value to a type that has lists in place of sets and is
// fully known. convert.Convert would do it too, but searches for a common type
// even where all elements have one.
func withLists(v cty.Value, ty cty.Type) (cty.Value, error) {
	from := v.Type()
	if !isStructural(v) || from.Equals(ty) {
		return convert.Convert(v, ty)
	}
	switch {
	case ty.IsListType() && !from.IsMapType() && !from.IsObjectType():
		if v.LengthInt() == 0 {
			break
		}
		elems := v.AsValueSlice()
		for i, elem := range elems {
			var err error
			if elems[i], err = withLists(elem, ty.ElementType()); err != nil {
				return cty.NilVal, err
			}
		}
		if cty.CanListVal(elems) {
			return cty.ListVal(elems), nil
		}
	case ty.IsTupleType() && from.IsTupleType() && from.Length() == ty.Length():
		elems := v.AsValueSlice()
		for i, elem := range elems {
			var err error
			if elems[i], err = withLists(elem, ty.TupleElementType(i)); err != nil {
				return cty.NilVal, err
			}
		}
		return cty.TupleVal(elems), nil
	case ty.IsMapType() && v.LengthInt() > 0 && (from.IsMapType() || from.IsObjectType()):
		attrs := v.AsValueMap()
		for name, attr := range attrs {
			var err error
			if attrs[name], err = withLists(attr, ty.ElementType()); err != nil {
				return cty.NilVal, err
			}
		}
		if cty.CanMapVal(attrs) {
			return cty.MapVal(attrs), nil
		}
	case ty.IsObjectType() && (from.IsMapType() || from.IsObjectType()):
		return withListsObject(v.AsValueMap(), ty)
	}
	return convert.Convert(v, ty)
}

// withListsObject is withLists for an object. Optional attributes that are
// missing become null.
func withListsObject(given map[string]cty.Value, ty cty.Type) (cty.Value, error) {
	attrs := make(map[string]cty.Value, len(given))
	for name, attrType := range ty.AttributeTypes() {
		v, ok := given[name]
		switch {
		case ok:
			var err error
			if v, err = withLists(v, attrType); err != nil {
				return cty.NilVal, err
			}
		case ty.AttributeOptional(name):
			v = cty.NullVal(attrType.WithoutOptionalAttributesDeep())
		default:
			return cty.NilVal, fmt.Errorf("attribute %q is required", name)
		}
		attrs[name] = v
	}
	return cty.ObjectVal(attrs), nil
}

// A setMaker makes the sets of a value, the innermost first, as long as steps are
// left.
type setMaker struct{ left int64 }

// make converts the lists of v to sets where ty has sets. It returns false when
// no steps are left or a part cannot be converted.
func (m *setMaker) make(v cty.Value, ty cty.Type) (cty.Value, bool) {
	switch {
	case !holdsSet(ty):
		return v, true
	case !isStructural(v) || v.LengthInt() == 0:
		v, err := convert.Convert(v, ty.WithoutOptionalAttributesDeep())
		return v, err == nil
	case ty.IsObjectType() || ty.IsMapType():
		attrs := v.AsValueMap()
		for name, attr := range attrs {
			made, ok := m.make(attr, memberType(ty, name))
			if !ok {
				return cty.NilVal, false
			}
			attrs[name] = made
		}
		if ty.IsMapType() {
			return cty.MapVal(attrs), true
		}
		return cty.ObjectVal(attrs), true
	}
	elems := v.AsValueSlice()
	for i, elem := range elems {
		made, ok := m.make(elem, elementType(ty, i))
		if !ok {
			return cty.NilVal, false
		}
		elems[i] = made
	}
	switch {
	case ty.IsTupleType():
		return cty.TupleVal(elems), true
	case ty.IsListType():
		return cty.ListVal(elems), true
	}
	if m.left -= hashSteps(elems, m.left); m.left < 0 {
		return cty.NilVal, false
	}
	return cty.SetVal(elems), true
}

// elementType returns the type of element i of a tuple or a collection.
func elementType(ty cty.Type, i int) cty.Type {
	if ty.IsTupleType() {
		return ty.TupleElementType(i)
	}
	return ty.ElementType()
}

// memberType returns the type of a member of a map or object.
func memberType(ty cty.Type, name string) cty.Type {
	if ty.IsMapType() {
		return ty.ElementType()
	}
	return ty.AttributeType(name)
}

// resolvedType returns the type that a value of type from has after its
// conversion to a type that contains "any", as the library finds it. A type without "any"
// is returned as it is, and so is one whose elements have no common type: converting to it
// then fails.
func resolvedType(from, to cty.Type) cty.Type {
	switch {
	case to == cty.DynamicPseudoType:
		return from
	case !to.HasDynamicTypes():
	case to.IsTupleType() && from.IsTupleType() && to.Length() == from.Length():
		types := make([]cty.Type, to.Length())
		for i := range types {
			types[i] = resolvedType(from.TupleElementType(i), to.TupleElementType(i))
		}
		return cty.Tuple(types)
	case to.IsObjectType() && (from.IsObjectType() || from.IsMapType()):
		return resolvedObjectType(from, to)
	case to.IsCollectionType():
		elem, ok := resolvedElementType(from, to.ElementType())
		switch {
		case !ok:
		case to.IsListType():
			return cty.List(elem)
		case to.IsSetType():
			return cty.Set(elem)
		case to.IsMapType():
			return cty.Map(elem)
		}
	}
	return to
}

// resolvedObjectType is resolvedType for an object type.
func resolvedObjectType(from, to cty.Type) cty.Type {
	attrs, optional := map[string]cty.Type{}, []string{}
	for name, attr := range to.AttributeTypes() {
		attrs[name] = attr
		if from.IsMapType() || from.HasAttribute(name) {
			attrs[name] = resolvedType(memberType(from, name), attr)
		}
		if to.AttributeOptional(name) {
			optional = append(optional, name)
		}
	}
	return cty.ObjectWithOptionalAttrs(attrs, optional)
}

// resolvedElementType returns the common type of all elements after each is
// converted to a type, and false if they have none.
func resolvedElementType(from, to cty.Type) (cty.Type, bool) {
	if from.IsCollectionType() {
		return resolvedType(from.ElementType(), to), true
	}
	if !from.IsTupleType() && !from.IsObjectType() {
		return cty.NilType, false
	}
	types := slices.Clone(elementTypes(from))
	if len(types) == 0 {
		return cty.NilType, false
	}
	if isOneType(types) {
		return resolvedType(types[0], to), true
	}
	for i, ty := range types {
		types[i] = resolvedType(ty, to)
	}
	common, _ := convert.UnifyUnsafe(types)
	return common, common != cty.NilType
}

// holdsSet reports whether a type is a set or contains one.
func holdsSet(ty cty.Type) bool { return holds(ty, cty.Type.IsSetType) }

// holdsCollection reports whether a type is a list, set or map or contains one.
func holdsCollection(ty cty.Type) bool { return holds(ty, cty.Type.IsCollectionType) }

// holds reports whether a type, or one inside it, has a property.
func holds(ty cty.Type, is func(cty.Type) bool) bool {
	switch {
	case is(ty):
		return true
	case ty.IsCollectionType():
		return holds(ty.ElementType(), is)
	case ty.IsTupleType():
		return slices.ContainsFunc(ty.TupleElementTypes(), func(elem cty.Type) bool { return holds(elem, is) })
	case ty.IsObjectType():
		for _, attr := range ty.AttributeTypes() {
			if holds(attr, is) {
				return true
			}
		}
	}
	return false
}

// withoutSets returns the type with a list in place of each set.
func withoutSets(ty cty.Type) cty.Type {
	switch {
	case !holdsSet(ty):
		return ty
	case ty.IsSetType() || ty.IsListType():
		return cty.List(withoutSets(ty.ElementType()))
	case ty.IsMapType():
		return cty.Map(withoutSets(ty.ElementType()))
	case ty.IsTupleType():
		types := make([]cty.Type, ty.Length())
		for i, elem := range ty.TupleElementTypes() {
			types[i] = withoutSets(elem)
		}
		return cty.Tuple(types)
	}
	attrs, optional := map[string]cty.Type{}, []string{}
	for name, attr := range ty.AttributeTypes() {
		attrs[name] = withoutSets(attr)
		if ty.AttributeOptional(name) {
			optional = append(optional, name)
		}
	}
	return cty.ObjectWithOptionalAttrs(attrs, optional)
}

// fractionSteps is the cost of writing out a number that is not a small integer.
const fractionSteps = 300

// primitiveSteps returns the cost of converting between numbers and text.
func primitiveSteps(v cty.Value) int64 {
	switch {
	case v.IsNull() || !v.IsKnown():
	case v.Type() == cty.Number && !isSmall(v):
		return writingSteps(v)
	case v.Type() == cty.String:
		return readingSteps(v.AsString())
	}
	return 0
}

// writingSteps returns the cost of writing out a number. The time grows with the
// square of its digits, and faster for digits after the point.
func writingSteps(v cty.Value) int64 {
	bits := int64(v.AsBigFloat().MantExp(nil))
	if bits < 0 {
		return fractionSteps + bits*bits/640
	}
	return fractionSteps + bits*bits/8000
}

// readingSteps returns the cost of finding out whether text is a number. The time
// grows with the square of its length.
func readingSteps(text string) int64 {
	n := int64(len(text))
	if n == 0 || strings.IndexByte("+-.0123456789", text[0]) < 0 {
		return 0
	}
	steps := 10 + n/5 + n*n/25_000
	if strings.ContainsAny(text, "eE") {
		steps += fractionSteps
	}
	return steps
}

// A primitiveNode is an argument, operand or key that the library converts to
// text or a number. It takes the steps of that conversion.
type primitiveNode struct {
	hclsyntax.Expression
	e  *Evaluator
	to cty.Type // string or number; any where it can be either
}

// Value evaluates the expression and takes the steps of the conversion that follows.
func (x *primitiveNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() {
		return v, diags
	}
	switch {
	case isStructural(v): // the arguments of a call with an ellipsis
		x.e.takeConversion(v, x.Expression)
	case v.Type() != x.to:
		x.e.takePrimitive(v, x.Expression)
	}
	return v, diags
}

// takePrimitive takes the steps of converting a value to another primitive type.
// A number is held against the limits before it may be written out.
func (e *Evaluator) takePrimitive(v cty.Value, at hclsyntax.Expression) {
	if v.Type() == cty.Number {
		throw(checkSize(v, e.limits), at)
	}
	e.take(primitiveSteps(v), at)
}
