package eval

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/writ-auth/writ/config/source"
)

// slack is the factor by which an estimated size may exceed the limit of a string
// before a function is refused. Estimates are rough, and too high rather than too low; the
// result itself is measured. At the default limits a call may so allocate 4 MiB at most.
const slack = 64

// checkEstimate refuses a call that would make a string of about n bytes.
func checkEstimate(n int64, limits source.Limits) error {
	if n > slack*int64(limits.StringBytes) {
		return exceeded("Too long string", "a string has %d bytes at most, this call would make one of about %d", limits.StringBytes, n)
	}
	return nil
}

// checkLength refuses a call that would make a collection of about n elements.
func checkLength(n int64, limits source.Limits) error {
	if n > int64(limits.Collection) {
		return exceeded("Too large collection", "a collection has %d elements at most, this call would make one of about %d", limits.Collection, n)
	}
	return nil
}

// boundParseInt bounds the digits: parsing takes time with the square of their
// number.
func boundParseInt(limits source.Limits, args []cty.Value) (int64, error) {
	if args[0].Type() == cty.String && len(args[0].AsString()) > 2000 {
		return 0, exceeded("Too large number", "the exponent of a number has %d digits at most", limits.ExponentDigits)
	}
	return 0, nil
}

// verb matches a verb of a format up to its letter.
var verb = regexp.MustCompile(`%[^a-zA-Z%]*`)

// widths returns how many bytes the widths and precisions of a format add, and
// how many verbs it has.
func widths(format string, limits source.Limits) (total, verbs int64, err error) {
	for _, v := range verb.FindAllString(format, -1) {
		verbs++
		for _, digits := range strings.FieldsFunc(v, func(r rune) bool { return r < '0' || r > '9' }) {
			n, convErr := strconv.ParseInt(digits, 10, 64)
			if convErr != nil || n > int64(limits.StringBytes) {
				return 0, 0, exceeded("Too long string", "a string has %d bytes at most, and so a width in a format", limits.StringBytes)
			}
			total += n
		}
	}
	return total, verbs, nil
}

// boundFormat assumes that every verb writes the longest argument: which one it
// takes depends on the format's argument indexes.
func boundFormat(limits source.Limits, args []cty.Value) (int64, error) {
	format := args[0].AsString()
	total, verbs, err := widths(format, limits)
	if err != nil {
		return 0, err
	}
	longest, err := longestText(args[1:], limits)
	if err != nil {
		return 0, err
	}
	n := int64(len(format)) + total + verbs*longest
	steps := n/textBytes + total/8
	for _, v := range args[1:] {
		steps += max(verbs, 1) * writtenSteps(v)
	}
	return steps, checkEstimate(n, limits)
}

// longestText returns roughly the length of the longest argument when it is
// written out.
func longestText(args []cty.Value, limits source.Limits) (int64, error) {
	longest := int64(0)
	for _, v := range args {
		if err := checkNumberTexts(v, limits); err != nil {
			return 0, err
		}
		longest = max(longest, textSize(v))
	}
	return longest, nil
}

// checkNumberTexts refuses text that is a number over the limits, at any level of
// a value: a verb for numbers would convert it. "1e999999999" has eleven characters and
// would be written out as a gigabyte.
func checkNumberTexts(v cty.Value, limits source.Limits) error {
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() && v.Type() != cty.String {
		return nil
	}
	if v.Type() == cty.String {
		if n, err := cty.ParseNumberVal(v.AsString()); err == nil {
			return magnitude(n, limits)
		}
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		_, elem := it.Element()
		if err := checkNumberTexts(elem, limits); err != nil {
			return err
		}
	}
	return nil
}

// textSize returns roughly how many bytes a value has when it is written out, by JSON or by
// a verb. A number within the limits has about a thousand digits at most, one of 64 bits 20.
func textSize(v cty.Value) int64 {
	switch {
	case v.IsNull() || !v.IsKnown():
		return 8
	case v.Type() == cty.String:
		return int64(len(v.AsString()))
	case isSmall(v):
		return 20
	case v.Type() == cty.Number:
		return 1200
	case !v.CanIterateElements():
		return 8
	}
	n := int64(2)
	for it := v.ElementIterator(); it.Next(); {
		key, elem := it.Element()
		if key.Type() == cty.String {
			n += textSize(key)
		}
		n += 4 + textSize(elem)
	}
	return n
}

// boundFormatList is boundFormat for each element of the listed arguments. There are as
// many calls as the longest list has elements: lists of other lengths are an error, which
// the function finds.
func boundFormatList(limits source.Limits, args []cty.Value) (int64, error) {
	longest := int64(1)
	for _, v := range args[1:] {
		if isListed(v) {
			longest = max(longest, int64(v.LengthInt()))
		}
	}
	format := args[0].AsString()
	total, verbs, err := widths(format, limits)
	if err != nil {
		return 0, err
	}
	n, steps := (total+int64(len(format)))*longest, int64(0)
	for _, v := range args[1:] {
		if err := checkNumberTexts(v, limits); err != nil {
			return 0, err
		}
		size, written := textSize(v), writtenSteps(v)
		if !isListed(v) { // it is written out once for each element of the others
			size *= longest
			written *= longest
		}
		n += verbs * size
		steps += max(verbs, 1) * written
	}
	return steps + n/textBytes, checkEstimate(n, limits)
}

// writtenSteps returns the cost of writing out the numbers in a value.
func writtenSteps(v cty.Value) int64 {
	if !isStructural(v) {
		return primitiveSteps(v)
	}
	steps := int64(0)
	for it := v.ElementIterator(); it.Next(); {
		_, elem := it.Element()
		steps += writtenSteps(elem)
	}
	return steps
}

// isListed reports whether formatlist takes a value element by element.
func isListed(v cty.Value) bool {
	return isStructural(v) && !v.Type().IsObjectType() && !v.Type().IsMapType()
}

// isSmall reports whether a value is an integer of 64 bits, which is written out
// quickly.
func isSmall(v cty.Value) bool {
	if v.Type() != cty.Number {
		return false
	}
	_, accuracy := v.AsBigFloat().Int64()
	return accuracy == big.Exact
}

// textBytes is how many bytes of text are written in one step.
const textBytes = 16

// boundIndent counts the spaces that each line of the text gets.
func boundIndent(limits source.Limits, args []cty.Value) (int64, error) {
	spaces, _ := args[0].AsBigFloat().Int64()
	if spaces > int64(limits.StringBytes) {
		return 0, checkEstimate(slack*spaces+1, limits)
	}
	n := spaces * int64(strings.Count(args[1].AsString(), "\n")+1)
	return n / 64, checkEstimate(n, limits)
}

// boundJoin counts the elements and the separators between them.
func boundJoin(limits source.Limits, args []cty.Value) (int64, error) {
	n := int64(0)
	for _, list := range args[1:] {
		if !list.CanIterateElements() {
			continue
		}
		n += int64(list.LengthInt())*int64(len(args[0].AsString())) + textSize(list)
	}
	return n / textBytes, checkEstimate(n, limits)
}

// characterBytes is how many bytes of text are divided into characters in one
// step: the rules of grapheme clusters take about a tenth of a microsecond a byte.
const characterBytes = 1

// boundCharacters is for functions that visit each character (grapheme cluster)
// of a text.
func boundCharacters(_ source.Limits, args []cty.Value) (int64, error) {
	return int64(len(args[0].AsString())) / characterBytes, nil
}

// boundNumber is for functions that convert between numbers and text. They do so
// twice, for the type of the result and for its value.
func boundNumber(limits source.Limits, args []cty.Value) (int64, error) {
	switch v := args[0]; {
	case v.Type() == cty.String:
		return 2 * readingSteps(v.AsString()), nil
	case v.Type() == cty.Number && !isSmall(v):
		if err := magnitude(v, limits); err != nil {
			return 0, err
		}
		return 2 * writingSteps(v), nil
	}
	return 0, nil
}

// boundTrim multiplies: each character of the text is looked up in the other
// argument.
func boundTrim(_ source.Limits, args []cty.Value) (int64, error) {
	return int64(len(args[0].AsString())) * int64(1+len(args[1].AsString())/256), nil
}

// boundRegex multiplies: matching takes time with the product of text and program
// (RE2, as package regexp documents).
func boundRegex(limits source.Limits, args []cty.Value) (int64, error) {
	steps, _, err := regexSteps(args[0].AsString(), args[1].AsString())
	return steps, err
}

// boundRegexAll counts the matches too, as each makes a value for each group.
func boundRegexAll(limits source.Limits, args []cty.Value) (int64, error) {
	return matchSteps(args[0].AsString(), args[1].AsString(), 0, limits)
}

// The costs of what a regular expression finds, beside finding it.
const (
	matchedSteps = 8 // one match
	groupSteps   = 8 // each of its groups
)

// matchSteps returns the cost of finding all matches of a pattern and keeping
// their groups. Each match may be replaced by a text of length by. The matches
// are counted first: a pattern with a thousand groups that can be empty matches
// everywhere.
func matchSteps(pattern, text string, by int, limits source.Limits) (int64, error) {
	steps, re, err := regexSteps(pattern, text)
	if err != nil || re == nil || steps > limits.Steps {
		return steps, err
	}
	groups := int64(re.NumSubexp())
	most := maxParts * int64(limits.Collection)
	matches := int64(len(re.FindAllStringIndex(text, int(most/max(groups, 1))+1)))
	if matches*groups > most {
		return 0, exceeded("Too large value", "a value has %d parts at most, all groups of all matches would be more", most)
	}
	return 2*steps + matches*(matchedSteps+groups*groupSteps+int64(by)/4), nil
}

// maxPattern is the longest regular expression, in bytes.
const maxPattern = 4096

// regexSteps returns the cost of matching a pattern against a text once, and the
// compiled pattern. For an invalid pattern it returns nil and no error: the
// function itself reports it. The size of the program decides, and not that of the pattern:
// x{1000} is short and compiles to a thousand instructions.
func regexSteps(pattern, text string) (int64, *regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return 0, nil, exceeded("Too long pattern", "a regular expression has %d bytes at most", maxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, nil, nil
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, nil, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return 0, nil, nil
	}
	runes := 0
	for _, inst := range prog.Inst {
		runes += len(inst.Rune)
	}
	return 50 + 2*int64(len(prog.Inst)) + int64(runes)/4 + int64(len(text)+1)*int64(len(prog.Inst))/16, re, nil
}

// boundReplace counts the occurrences, of a text or of a pattern between slashes.
func boundReplace(limits source.Limits, args []cty.Value) (int64, error) {
	text, sub, by := args[0].AsString(), args[1].AsString(), args[2].AsString()
	if pattern, ok := asPattern(sub); ok {
		return matchSteps(pattern, text, len(by), limits)
	}
	n := int64(strings.Count(text, sub)) * int64(len(by))
	return n / 64, checkEstimate(n, limits)
}

// boundConcat adds up the elements of the arguments.
func boundConcat(limits source.Limits, args []cty.Value) (int64, error) {
	n := int64(0)
	for _, v := range args {
		if v.CanIterateElements() {
			n += int64(v.LengthInt())
		}
	}
	return n, checkLength(n, limits)
}

// boundFlatten counts what flattening keeps: every element that is no list, set
// or tuple.
func boundFlatten(limits source.Limits, args []cty.Value) (int64, error) {
	n := flatLength(args[0], int64(limits.Collection))
	return n, checkLength(n, limits)
}

// flatLength counts the elements that flattening keeps, up to about most.
func flatLength(v cty.Value, most int64) int64 {
	ty := v.Type()
	if v.IsNull() || !v.IsKnown() || !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return 1
	}
	n := int64(0)
	for it := v.ElementIterator(); it.Next() && n <= most; {
		_, elem := it.Element()
		n += flatLength(elem, most-n)
	}
	return n
}

// boundSets returns the cost of a set of all elements of all arguments, after
// conversion to their common type.
func boundSets(limits source.Limits, args []cty.Value) (int64, error) {
	var all []cty.Value
	var types []cty.Type
	for _, v := range args {
		if v.LengthInt() > 0 {
			types = append(types, v.Type().ElementType())
		}
	}
	if len(types) == 0 {
		return 0, nil
	}
	common, _ := convert.UnifyUnsafe(types)
	if common == cty.NilType {
		return 0, nil // the function itself says what is wrong
	}
	steps := int64(0)
	for _, v := range args {
		if v.LengthInt() == 0 {
			continue
		}
		if !v.Type().ElementType().Equals(common) {
			more, _ := conversionSteps(v, limits.Steps)
			if steps += more; steps > limits.Steps {
				return steps, nil
			}
			steps += setMakingSteps(v, cty.List(common), limits.Steps)
		}
		if steps > limits.Steps {
			return steps, nil
		}
		list, err := convert.Convert(v, cty.List(common))
		if err != nil {
			return 0, nil
		}
		all = append(all, list.AsValueSlice()...)
	}
	if err := checkLength(int64(len(all)), limits); err != nil {
		return 0, err
	}
	return steps + 3*hashSteps(all, limits.Steps), nil
}

// boundSetProduct makes the product as a list, if one of the arguments is a set
// and the product therefore becomes a set: only its elements tell what that set
// costs.
func boundSetProduct(limits source.Limits, args []cty.Value) (int64, error) {
	n, isSet := int64(1), false
	for _, v := range args {
		if !v.CanIterateElements() {
			continue
		}
		isSet = isSet || v.Type().IsSetType()
		n *= int64(v.LengthInt())
		if err := checkLength(n, limits); err != nil {
			return 0, err
		}
	}
	steps := n * int64(len(args)+1) * 4
	if !isSet || n == 0 || steps > limits.Steps {
		return steps, nil
	}
	lists := make([]cty.Value, len(args))
	for i, v := range args {
		list, err := convert.Convert(v, cty.List(cty.DynamicPseudoType))
		if err != nil {
			return steps, nil // the function itself says what is wrong
		}
		lists[i] = list
	}
	product, err := stdlib.SetProduct(lists...)
	if err != nil {
		return steps, nil
	}
	return 2*steps + 2*hashSteps(product.AsValueSlice(), limits.Steps), nil
}

// The costs of decoding CSV, JSON or YAML, as measured.
const (
	partSteps   = 16 // one part of the text: a value, a name or a field
	numberSteps = 40 // what it costs more if it is a number
)

// decodingSteps bounds the parts of a text to decode by counting the characters
// that separate them. Those inside strings count as well, so it never counts too few.
func decodingSteps(text, separators string, limits source.Limits) (int64, error) {
	n, numbers, exponents := int64(1), int64(0), int64(0)
	begins := true // a part
	for i := range len(text) {
		switch c := text[i]; {
		case strings.IndexByte(separators, c) >= 0:
			n++
			begins = true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		default:
			if begins && c >= '0' && c <= '9' {
				numbers++
			}
			if (c == 'e' || c == 'E') && i > 0 && text[i-1] >= '0' && text[i-1] <= '9' {
				exponents++
			}
			begins = false
		}
	}
	if most := maxParts * int64(limits.Collection); n > most {
		return 0, exceeded("Too large value", "a decoded text has %d parts at most, this one has about %d", most, n)
	}
	return n*partSteps + numbers*numberSteps + exponents*fractionSteps + int64(len(text))/16, nil
}

// boundCSV counts the fields.
func boundCSV(limits source.Limits, args []cty.Value) (int64, error) {
	return decodingSteps(args[0].AsString(), ",\n", limits)
}

// boundJSON checks the text as package source checks JSON files: the library's decoder has no
// limits of its own.
func boundJSON(limits source.Limits, args []cty.Value) (int64, error) {
	text := args[0].AsString()
	if err := source.CheckJSON([]byte(text), limits); err != nil {
		return 0, &limitError{"Limit exceeded", fmt.Sprintf("The JSON text cannot be decoded. %s", err)}
	}
	return decodingSteps(text, ",[{:", limits)
}

// boundJSONEncode charges for the text and for the numbers in it.
func boundJSONEncode(limits source.Limits, args []cty.Value) (int64, error) {
	n := textSize(args[0])
	return n/64 + writtenSteps(args[0]), checkEstimate(n, limits)
}

// boundSum charges for elements that are text, which sum converts to numbers.
func boundSum(limits source.Limits, args []cty.Value) (int64, error) {
	steps, _ := conversionSteps(args[0], limits.Steps)
	return steps, nil
}

// boundCoalesce charges for converting all arguments to their common type.
func boundCoalesce(limits source.Limits, args []cty.Value) (int64, error) {
	types := make([]cty.Type, len(args))
	for i, v := range args {
		types[i] = v.Type()
	}
	if isOneType(types) {
		return 0, nil
	}
	steps := int64(0)
	for _, v := range args {
		more, _ := unifyingSteps(v, false, limits.Steps)
		steps += more
	}
	if steps > limits.Steps {
		return steps, nil
	}
	common, _ := convert.UnifyUnsafe(types)
	if common == cty.NilType {
		return steps, nil
	}
	for _, v := range args {
		steps += setMakingSteps(v, common, limits.Steps)
	}
	return steps, nil
}

// boundLookup charges for converting the default to the type of the map's
// elements.
func boundLookup(limits source.Limits, args []cty.Value) (int64, error) {
	if len(args) != 3 || !args[0].Type().IsMapType() {
		return 0, nil
	}
	steps, _ := unifyingSteps(args[2], false, limits.Steps)
	if steps > limits.Steps {
		return steps, nil
	}
	return steps + setMakingSteps(args[2], args[0].Type().ElementType(), limits.Steps), nil
}

// boundRange counts the numbers, which take about a microsecond each.
func boundRange(limits source.Limits, args []cty.Value) (int64, error) {
	const most = 1024 // the library's own limit
	bounds := [3]float64{0, 0, 1}
	switch len(args) {
	case 1:
		bounds[1], _ = args[0].AsBigFloat().Float64()
	default:
		for i := range min(len(args), 3) {
			bounds[i], _ = args[i].AsBigFloat().Float64()
		}
	}
	n := math.Abs((bounds[1] - bounds[0]) / bounds[2])
	if !(n < most) {
		n = most
	}
	return int64(n) * 8, nil
}

// The limits of a YAML text.
const (
	maxYAMLFlow   = 10_000 // [ and { in all
	maxYAMLIndent = 1000   // columns before the first word of a line
	maxYAMLAlias  = 1000
)

// What boundYAML looks for: indentation with the markers of nested sequences and mappings,
// anchors and aliases. Each also matches inside strings.
var (
	yamlIndent = regexp.MustCompile(`(?m)^(?:[ \t]|[-?:][ \t])*`)
	yamlAnchor = regexp.MustCompile(`(?m)(?:^|[\s,\[{:-])&([^\s,\[\]{}]+)`)
	yamlAlias  = regexp.MustCompile(`(?m)(?:^|[\s,\[{:-])\*([^\s,\[\]{}]+)`)
)

// boundYAML bounds a YAML text by its characters alone, since the decoder
// recurses for every level, has no limit of its own, and expands aliases. Where a
// string looks like structure, it counts too much.
func boundYAML(limits source.Limits, args []cty.Value) (int64, error) {
	text := args[0].AsString()
	if n := strings.Count(text, "[") + strings.Count(text, "{"); n > maxYAMLFlow {
		return 0, exceeded("Too large value", "a YAML text has %d brackets and braces at most, this one has %d", maxYAMLFlow, n)
	}
	for at := 0; at < len(text); {
		line := text[at:]
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line = line[:n+1]
		}
		at += len(line)
		if len(yamlIndent.FindString(line)) > maxYAMLIndent {
			return 0, exceeded("Too deep nesting", "a line of a YAML text is indented by %d columns at most", maxYAMLIndent)
		}
	}
	steps, err := decodingSteps(text, ",\n[{:-", limits)
	if err != nil {
		return 0, err
	}
	more, err := boundAliases(text, limits)
	return steps + more, err
}

// boundAliases allows aliases only after the last anchor. Then no anchor can
// contain an alias, and what aliases stand for cannot grow exponentially.
func boundAliases(text string, limits source.Limits) (int64, error) {
	names := map[string]bool{}
	anchors := yamlAnchor.FindAllStringSubmatchIndex(text, -1)
	for _, a := range anchors {
		names[text[a[2]:a[3]]] = true
	}
	uses, firstUse := int64(0), 0
	for _, a := range yamlAlias.FindAllStringSubmatchIndex(text, -1) {
		if !names[text[a[2]:a[3]]] {
			continue
		}
		if uses++; uses == 1 {
			firstUse = a[0]
		}
	}
	if uses == 0 {
		return 0, nil
	}
	if uses > maxYAMLAlias || anchors[len(anchors)-1][0] > firstUse {
		return 0, exceeded("Too many aliases", "a YAML text has %d aliases at most, and all of its anchors stand before the first of them", maxYAMLAlias)
	}
	return uses * int64(len(text)), nil
}
