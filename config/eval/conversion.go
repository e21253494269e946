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

// Convert brings a value to a type, as the library's convert.Convert does, and
// takes the steps of it first. Its error says what does not fit, or which limit
// it is past: see LimitOf.
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
	as := resolved(v.Type(), ty)
	if v.Type().Equals(as) {
		return v, nil
	}
	if as.HasDynamicTypes() || convert.GetConversionUnsafe(v.Type(), as) == nil {
		steps, _ := unifyingSteps(v, false, e.left())
		if err := e.spend(steps); err != nil {
			return cty.NilVal, err
		}
		if err := e.spend(becomingSteps(v, ty, e.left())); err != nil {
			return cty.NilVal, err
		}
		return convert.Convert(v, ty)
	}
	ty = as
	listed, err := arranged(v, withoutSets(ty))
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
		return convert.Convert(v, ty) // says why
	}
	return made, nil
}

// LimitOf returns the diagnostic of an error of Convert that is a limit, and
// false for every other error.
func LimitOf(err error, at hcl.Range) (diag.Diagnostic, bool) {
	le, ok := errors.AsType[*limitError](err)
	if !ok {
		return diag.Diagnostic{}, false
	}
	return excess{le, at}.diagnostic(), true
}

// becomes takes what the sets take that a value is made into when it is brought
// to a type: it may hold them at any level.
func (e *Evaluator) becomes(v cty.Value, ty cty.Type, at hclsyntax.Expression) {
	e.take(becomingSteps(v, ty, e.left()), at)
}

// becomingSteps returns what the sets take that a value is made into when it is
// brought to a type, and soon stops when that is more than most. It makes lists
// first, whose elements are what those of the sets will be.
func becomingSteps(v cty.Value, ty cty.Type, most int64) int64 {
	if !isStructural(v) {
		return 0
	}
	ty = resolved(v.Type(), ty)
	if !holdsSet(ty) || v.Type().Equals(ty) || convert.GetConversionUnsafe(v.Type(), ty) == nil {
		return 0 // makes no set, or fails before it makes one
	}
	m := setMaker{left: most}
	listed, err := arranged(v, withoutSets(ty))
	if err != nil { // some of the sets may be made before that is found
		_, parts := conversionSteps(v, most)
		return parts * parts
	}
	m.make(listed, ty)
	return most - m.left
}

// arranged brings a value to a type without sets and without any. The library
// does too, and then looks for the common type of elements that have one.
func arranged(v cty.Value, ty cty.Type) (cty.Value, error) {
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
			if elems[i], err = arranged(elem, ty.ElementType()); err != nil {
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
			if elems[i], err = arranged(elem, ty.TupleElementType(i)); err != nil {
				return cty.NilVal, err
			}
		}
		return cty.TupleVal(elems), nil
	case ty.IsMapType() && v.LengthInt() > 0 && (from.IsMapType() || from.IsObjectType()):
		attrs := v.AsValueMap()
		for name, attr := range attrs {
			var err error
			if attrs[name], err = arranged(attr, ty.ElementType()); err != nil {
				return cty.NilVal, err
			}
		}
		if cty.CanMapVal(attrs) {
			return cty.MapVal(attrs), nil
		}
	case ty.IsObjectType() && (from.IsMapType() || from.IsObjectType()):
		return arrangedObject(v.AsValueMap(), ty)
	}
	return convert.Convert(v, ty)
}

func arrangedObject(given map[string]cty.Value, ty cty.Type) (cty.Value, error) {
	attrs := make(map[string]cty.Value, len(given))
	for name, attrType := range ty.AttributeTypes() {
		v, ok := given[name]
		switch {
		case ok:
			var err error
			if v, err = arranged(v, attrType); err != nil {
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

// A setMaker makes the sets of a value, the innermost first, as long as there
// are steps left to do so.
type setMaker struct{ left int64 }

// make returns what v becomes, which has lists where ty has sets. It returns false
// when no steps are left.
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

func elementType(ty cty.Type, i int) cty.Type {
	if ty.IsTupleType() {
		return ty.TupleElementType(i)
	}
	return ty.ElementType()
}

func memberType(ty cty.Type, name string) cty.Type {
	if ty.IsMapType() {
		return ty.ElementType()
	}
	return ty.AttributeType(name)
}

// resolved returns the type that a value of one type has once it is brought to
// another, in which any may stand.
func resolved(from, to cty.Type) cty.Type {
	switch {
	case to == cty.DynamicPseudoType:
		return from
	case !to.HasDynamicTypes():
	case to.IsTupleType() && from.IsTupleType() && to.Length() == from.Length():
		types := make([]cty.Type, to.Length())
		for i := range types {
			types[i] = resolved(from.TupleElementType(i), to.TupleElementType(i))
		}
		return cty.Tuple(types)
	case to.IsObjectType() && (from.IsObjectType() || from.IsMapType()):
		return resolvedObject(from, to)
	case to.IsCollectionType():
		elem, ok := resolvedElement(from, to.ElementType())
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

func resolvedObject(from, to cty.Type) cty.Type {
	attrs, optional := map[string]cty.Type{}, []string{}
	for name, attr := range to.AttributeTypes() {
		attrs[name] = attr
		if from.IsMapType() || from.HasAttribute(name) {
			attrs[name] = resolved(memberType(from, name), attr)
		}
		if to.AttributeOptional(name) {
			optional = append(optional, name)
		}
	}
	return cty.ObjectWithOptionalAttrs(attrs, optional)
}

// resolvedElement returns the type that all elements have once each is brought
// to a type, false where there is none.
func resolvedElement(from, to cty.Type) (cty.Type, bool) {
	if from.IsCollectionType() {
		return resolved(from.ElementType(), to), true
	}
	if !from.IsTupleType() && !from.IsObjectType() {
		return cty.NilType, false
	}
	types := slices.Clone(elementTypes(from))
	if len(types) == 0 {
		return cty.NilType, false
	}
	if isOneType(types) {
		return resolved(types[0], to), true
	}
	for i, ty := range types {
		types[i] = resolved(ty, to)
	}
	common, _ := convert.UnifyUnsafe(types)
	return common, common != cty.NilType
}

// holdsSet reports whether a type is a set or has one in it.
func holdsSet(ty cty.Type) bool { return holds(ty, cty.Type.IsSetType) }

// holdsCollection reports whether a type is a list, set or map or has one in it.
func holdsCollection(ty cty.Type) bool { return holds(ty, cty.Type.IsCollectionType) }

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

// withoutSets returns a type with a list for each set in it.
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

// fractionSteps is what writing out a number takes that is not a small integer.
const fractionSteps = 300

// primitiveSteps returns what it takes to write a number out as text, or to read
// one from it.
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

// writingSteps returns what it takes to write a number out: time with the square
// of its digits, those behind the point more than those before it.
func writingSteps(v cty.Value) int64 {
	bits := int64(v.AsBigFloat().MantExp(nil))
	if bits < 0 {
		return fractionSteps + bits*bits/640
	}
	return fractionSteps + bits*bits/8000
}

// readingSteps returns what it takes to find out whether text is a number: time
// with the square of its digits.
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

// A primitive expression is an argument, an operand or a key that the library
// makes text or a number of where it is the other. It takes the steps of that.
type primitive struct {
	hclsyntax.Expression
	e  *Evaluator
	to cty.Type // string, number, or any where it may be either
}

func (x *primitive) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if diags.HasErrors() {
		return v, diags
	}
	switch {
	case isStructural(v): // the arguments of a call with an ellipsis
		x.e.convertible(v, x.Expression)
	case v.Type() != x.to:
		x.e.takePrimitive(v, x.Expression)
	}
	return v, diags
}

// takePrimitive takes what it takes to bring a value to another primitive type. A
// number is held against its limit before it may be written out.
func (e *Evaluator) takePrimitive(v cty.Value, at hclsyntax.Expression) {
	if v.Type() == cty.Number {
		throw(shallow(v, e.limits), at)
	}
	e.take(primitiveSteps(v), at)
}
