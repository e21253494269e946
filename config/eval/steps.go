package eval

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

// The costs of single operations in steps, as measured.
const (
	lookSteps  = 5  // visit one part of a value; functions visit their arguments several times
	equalSteps = 3  // compare two parts for equality
	orderSteps = 10 // compare two elements when a set is sorted

	convertSteps = 3  // convert one part of a value
	unifySteps   = 10 // this many pairs of types are compared in one step
)

// sortings is how often the library sorts a set that a call or a loop gets, at
// least: it sorts again for each iteration.
const sortings = 4

// weight returns roughly how many steps a visit to every part of a value takes.
// It stops early, with a number over most, when there are more than that: to weigh a value
// must not take longer than the budget allows for using it.
func weight(v cty.Value, most int64) int64 {
	ty := v.Type()
	if v.IsNull() || !v.IsKnown() || ty.IsCapsuleType() || ty == cty.DynamicPseudoType {
		return 0
	}
	if ty == cty.String {
		return int64(len(v.AsString())) / 64
	}
	if ty.IsPrimitiveType() {
		return 0
	}
	if ty.IsSetType() {
		return sortings * setSteps(v.AsValueSlice(), most)
	}
	n := lookSteps * int64(v.LengthInt())
	if ty.IsCollectionType() && ty.ElementType().IsPrimitiveType() && ty.ElementType() != cty.String {
		return n
	}
	for it := v.ElementIterator(); it.Next() && n <= most; {
		_, elem := it.Element()
		n += weight(elem, most-n)
	}
	return n
}

// setSteps returns the cost of one use of a set with these elements: to visit
// each, to tell them apart and to sort them.
func setSteps(elements []cty.Value, most int64) int64 {
	n := int64(len(elements))
	steps := hashSteps(elements, most)
	order := int64(orderSteps)
	if n > 0 && !elements[0].Type().IsPrimitiveType() {
		order = 4*orderSteps + steps/n // the library compares the hash inputs of both
	}
	return steps + n*int64(bits.Len64(uint64(n)))*order
}

// hashSteps returns the cost of making a set. The library's hash of a value is a
// CRC-32 of its text, and of a number's text only ten digits count. An author can
// therefore construct any number of values with the same hash, and the library
// compares each of those with all others.
func hashSteps(elements []cty.Value, most int64) int64 {
	steps := lookSteps * int64(len(elements))
	alike := make(map[int]int64, len(elements))
	seen := make(map[string]bool, len(elements))
	for _, v := range elements {
		if steps > most {
			break
		}
		if !v.IsWhollyKnown() {
			continue
		}
		own := weight(v, most-steps)
		steps += own
		key := string(appendKey(nil, v))
		if seen[key] {
			continue
		}
		seen[key] = true
		h := v.Hash()
		steps += alike[h] * (equalSteps + own)
		alike[h]++
	}
	return steps
}

// appendKey appends a key for a value that two values of one type share exactly
// if they are equal. Unlike the library's comparison it takes linear time.
func appendKey(b []byte, v cty.Value) []byte {
	ty := v.Type()
	switch {
	case v.IsNull():
		return append(b, '~')
	case ty == cty.String:
		return appendText(b, v.AsString())
	case ty == cty.Bool:
		return strconv.AppendBool(b, v.True())
	case ty == cty.Number:
		if n := v.AsBigFloat(); n.Sign() != 0 { // -0 is 0
			return append(n.Append(b, 'p', 0), ';')
		}
		return append(b, "0;"...)
	case ty.IsSetType():
		keys := make([]string, 0, v.LengthInt())
		for _, elem := range v.AsValueSlice() {
			keys = append(keys, string(appendKey(nil, elem)))
		}
		slices.Sort(keys) // the order of the set is not always a total one
		b = append(b, '{')
		for _, key := range keys {
			b = appendText(b, key)
		}
		return append(b, '}')
	}
	b = append(b, '[')
	for it := v.ElementIterator(); it.Next(); {
		name, elem := it.Element()
		if name.Type() == cty.String {
			b = appendText(b, name.AsString())
		}
		b = appendKey(b, elem)
	}
	return append(b, ']')
}

// appendText appends a text with its length before it, so that no two lists of texts have
// one key.
func appendText(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	return append(append(b, ':'), s...)
}

// conversionSteps returns the cost of converting a value to another type, and how
// many parts it has. To find the common type of the elements of a tuple or an
// object, the library compares the type of each with that of every other. Where
// all have one type, this package spares it the search: see asCollection.
func conversionSteps(v cty.Value, most int64) (steps, parts int64) {
	return unifyingSteps(v, true, most)
}

// unifyingSteps is conversionSteps for a value that is converted together with
// others. Unless spared is set, a tuple in it that becomes a list takes the whole
// search.
func unifyingSteps(v cty.Value, spared bool, most int64) (steps, parts int64) {
	ty := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown() || ty.IsCapsuleType() || ty == cty.DynamicPseudoType:
		return 1, 1
	case ty.IsPrimitiveType():
		return convertSteps + primitiveSteps(v), 1
	}
	n := int64(v.LengthInt())
	steps, parts = convertSteps, 1
	if ty.IsSetType() {
		steps += weight(v, most)
	}
	var types []cty.Type
	one := true
	if ty.IsTupleType() || ty.IsObjectType() {
		types = elementTypes(ty)
		one = isOneType(types)
	}
	for it := v.ElementIterator(); it.Next() && steps <= most; {
		_, elem := it.Element()
		s, p := unifyingSteps(elem, spared && one, most-steps)
		steps, parts = steps+s, parts+p
	}
	switch {
	case len(types) == 0:
	case one && spared:
		steps += parts
	case areAligned(types):
		steps += n * parts / unifySteps
	default:
		steps += parts * parts / unifySteps
	}
	return steps, parts
}

// plainSteps is conversionSteps for a fully known target type, for which the
// library searches no common type.
func plainSteps(v cty.Value, most int64) int64 {
	if !isStructural(v) {
		return convertSteps + primitiveSteps(v)
	}
	steps := int64(convertSteps)
	for it := v.ElementIterator(); it.Next() && steps <= most; {
		_, elem := it.Element()
		steps += plainSteps(elem, most-steps)
	}
	return steps
}

// elementTypes lists the types in a tuple or an object.
func elementTypes(ty cty.Type) []cty.Type {
	if ty.IsTupleType() {
		return ty.TupleElementTypes()
	}
	var types []cty.Type
	for _, attr := range ty.AttributeTypes() {
		types = append(types, attr)
	}
	return types
}

// isOneType reports whether all types are equal. There is at least one.
func isOneType(types []cty.Type) bool {
	for _, ty := range types {
		if !ty.Equals(types[0]) {
			return false
		}
	}
	return true
}

// areAligned reports whether the types are all tuples of one length, all objects
// with the same names, or all neither. The library compares such types element by
// element, and not each element with every other.
func areAligned(types []cty.Type) bool {
	first := types[0]
	for _, ty := range types {
		switch {
		case ty.IsTupleType() && first.IsTupleType() && ty.Length() == first.Length():
		case ty.IsObjectType() && first.IsObjectType() && sameNames(ty, first):
		case !ty.IsTupleType() && !ty.IsObjectType() && !first.IsTupleType() && !first.IsObjectType():
		default:
			return false
		}
	}
	return true
}

// sameNames reports whether two object types have the same attributes.
func sameNames(a, b cty.Type) bool {
	attrs := a.AttributeTypes()
	if len(attrs) != len(b.AttributeTypes()) {
		return false
	}
	for name := range b.AttributeTypes() {
		if _, ok := attrs[name]; !ok {
			return false
		}
	}
	return true
}
