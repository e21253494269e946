package eval

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

// What it takes to look at one part of a value, as functions look at their
// arguments several times, to find out whether two are equal, and to compare two
// elements when a set is sorted.
const (
	lookSteps  = 5
	equalSteps = 3
	orderSteps = 10
)

// sortings is how often a call or a loop has the library sort a set that it is
// given, at least.
const sortings = 4

// weight returns about how many steps it takes to look at every part of a
// value, and soon stops when that is more than most.
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

// setSteps returns what a set of these elements takes whenever it is used: to
// look at each, to tell them apart and to sort them.
func setSteps(elements []cty.Value, most int64) int64 {
	n := int64(len(elements))
	steps := hashSteps(elements, most)
	order := int64(orderSteps)
	if n > 0 && !elements[0].Type().IsPrimitiveType() {
		order = 4*orderSteps + steps/n // compares what both would be hashed by
	}
	return steps + n*int64(bits.Len64(uint64(n)))*order
}

// hashSteps returns what it takes to make a set of elements. The library's hash
// is a CRC-32 of what is written of a value, which is ten digits of a number, so
// that an author can choose as many values with one hash as he likes: each of
// them is compared with all others.
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

// appendKey appends what tells a value from every other one of its type: equal
// values, and no others, have equal keys.
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

func appendText(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	return append(append(b, ':'), s...)
}

// What converting a part of a value takes, and what a number takes that may have
// to be written out.
const (
	convertSteps = 3
	unifySteps   = 10 // pairs of types that are compared in one step
)

// conversionSteps returns what it takes to bring a value to another type. For
// the common type of the elements of a tuple or an object, the library compares
// the type of each with that of every other, unless it is spared: as all have one.
func conversionSteps(v cty.Value, most int64) (steps, parts int64) {
	return unifyingSteps(v, true, most)
}

// unifyingSteps is conversionSteps for what is brought to a type with others: a
// tuple in it that becomes a list is spared nothing.
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

// plainSteps is conversionSteps for a type that is known: no common type is
// looked for.
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

// isOneType reports whether all types are equal.
func isOneType(types []cty.Type) bool {
	for _, ty := range types {
		if !ty.Equals(types[0]) {
			return false
		}
	}
	return true
}

// areAligned reports whether the types are plain, tuples of one length or
// objects with the same names, which are compared name by name.
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
