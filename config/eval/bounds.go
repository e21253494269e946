package eval

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
)

// slack is how much larger than the limit of a string an intermediate result
// is estimated before a function is refused outright. Estimates are rough; the
// result itself is measured.
const slack = 64

func estimate(n int64, limits source.Limits) error {
	if n > slack*int64(limits.StringBytes) {
		return past("Too long string", "a string has %d bytes at most, this call would make one of about %d", limits.StringBytes, n)
	}
	return nil
}

func elements(n int64, limits source.Limits) error {
	if n > int64(limits.Collection) {
		return past("Too large collection", "a collection has %d elements at most, this call would make one of about %d", limits.Collection, n)
	}
	return nil
}

// boundParseInt: parsing takes time with the square of the digits.
func boundParseInt(limits source.Limits, args []cty.Value) (int64, error) {
	if args[0].Type() == cty.String && len(args[0].AsString()) > 2000 {
		return 0, past("Too large number", "the exponent of a number has %d digits at most", limits.ExponentDigits)
	}
	return 0, nil
}

var verb = regexp.MustCompile(`%[^a-zA-Z%]*`)

// widths returns how much the verbs of a format add and how many there are.
func widths(format string, limits source.Limits) (total, verbs int64, err error) {
	for _, v := range verb.FindAllString(format, -1) {
		verbs++
		for _, digits := range strings.FieldsFunc(v, func(r rune) bool { return r < '0' || r > '9' }) {
			n, convErr := strconv.ParseInt(digits, 10, 64)
			if convErr != nil || n > int64(limits.StringBytes) {
				return 0, 0, past("Too long string", "a string has %d bytes at most, and so a width in a format", limits.StringBytes)
			}
			total += n
		}
	}
	return total, verbs, nil
}

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
	return n / 64, estimate(n, limits)
}

// longestText returns about how long the longest argument is when written
// out. Text that a verb would read as a number is held against the limit of one.
func longestText(args []cty.Value, limits source.Limits) (int64, error) {
	longest := int64(0)
	for _, v := range args {
		if err := absurdNumbers(v, limits); err != nil {
			return 0, err
		}
		longest = max(longest, textSize(v))
	}
	return longest, nil
}

func absurdNumbers(v cty.Value, limits source.Limits) error {
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
		if err := absurdNumbers(elem, limits); err != nil {
			return err
		}
	}
	return nil
}

// textSize returns about how many bytes a value has when written out.
func textSize(v cty.Value) int64 {
	switch {
	case v.IsNull() || !v.IsKnown():
		return 8
	case v.Type() == cty.String:
		return int64(len(v.AsString()))
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

func boundFormatList(limits source.Limits, args []cty.Value) (int64, error) {
	longest := 1
	for _, v := range args[1:] {
		if v.CanIterateElements() && !v.Type().IsObjectType() && !v.Type().IsMapType() {
			longest = max(longest, v.LengthInt())
		}
	}
	format := args[0].AsString()
	total, verbs, err := widths(format, limits)
	if err != nil {
		return 0, err
	}
	n := total*int64(longest) + int64(len(format))*int64(longest)
	for _, v := range args[1:] {
		if err := absurdNumbers(v, limits); err != nil {
			return 0, err
		}
		n += verbs * textSize(v)
	}
	return n / 16, estimate(n, limits)
}

func boundIndent(limits source.Limits, args []cty.Value) (int64, error) {
	spaces, _ := args[0].AsBigFloat().Int64()
	if spaces > int64(limits.StringBytes) {
		return 0, estimate(slack*spaces+1, limits)
	}
	n := spaces * int64(strings.Count(args[1].AsString(), "\n")+1)
	return n / 64, estimate(n, limits)
}

func boundJoin(limits source.Limits, args []cty.Value) (int64, error) {
	n := int64(0)
	for _, list := range args[1:] {
		if !list.CanIterateElements() {
			continue
		}
		n += int64(list.LengthInt())*int64(len(args[0].AsString())) + textSize(list)
	}
	return n / 64, estimate(n, limits)
}

// boundRegex: matching takes time with the product of text and program.
func boundRegex(limits source.Limits, args []cty.Value) (int64, error) {
	return regexSteps(args[0].AsString(), args[1].AsString())
}

const maxPattern = 4096

func regexSteps(pattern, text string) (int64, error) {
	if len(pattern) > maxPattern {
		return 0, past("Too long pattern", "a regular expression has %d bytes at most", maxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, nil // the function itself says what is wrong
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, nil
	}
	return 50 + int64(len(prog.Inst))/2 + int64(len(text)+1)*int64(len(prog.Inst))/16, nil
}

func boundReplace(limits source.Limits, args []cty.Value) (int64, error) {
	text, sub, by := args[0].AsString(), args[1].AsString(), args[2].AsString()
	if pattern, ok := asPattern(sub); ok {
		return regexSteps(pattern, text)
	}
	n := int64(strings.Count(text, sub)) * int64(len(by))
	return n / 64, estimate(n, limits)
}

func boundConcat(limits source.Limits, args []cty.Value) (int64, error) {
	n := int64(0)
	for _, v := range args {
		if v.CanIterateElements() {
			n += int64(v.LengthInt())
		}
	}
	return n, elements(n, limits)
}

// boundFlatten counts what flattening keeps: everything that is no sequence.
func boundFlatten(limits source.Limits, args []cty.Value) (int64, error) {
	n := flatLength(args[0], int64(limits.Collection))
	return n, elements(n, limits)
}

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

func boundSetProduct(limits source.Limits, args []cty.Value) (int64, error) {
	n := int64(1)
	for _, v := range args {
		if !v.CanIterateElements() {
			continue
		}
		n *= int64(v.LengthInt())
		if err := elements(n, limits); err != nil {
			return 0, err
		}
	}
	return n * int64(len(args)+1), nil
}

// What a part of a decoded text takes, and how much more one that is a number.
const (
	partSteps   = 12
	numberSteps = 40
)

// decoded bounds the parts of a text by the characters that separate them.
func decoded(text, separators string, limits source.Limits) (int64, error) {
	n, numbers := int64(1), int64(0)
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
			begins = false
		}
	}
	if most := maxParts * int64(limits.Collection); n > most {
		return 0, past("Too large value", "a decoded text has %d parts at most, this one has about %d", most, n)
	}
	return n*partSteps + numbers*numberSteps + int64(len(text))/16, nil
}

func boundCSV(limits source.Limits, args []cty.Value) (int64, error) {
	return decoded(args[0].AsString(), ",\n", limits)
}

func boundJSON(limits source.Limits, args []cty.Value) (int64, error) {
	text := args[0].AsString()
	if err := source.CheckJSON([]byte(text), limits); err != nil {
		return 0, &limitError{"Limit exceeded", fmt.Sprintf("The JSON text cannot be decoded. %s", err)}
	}
	return decoded(text, ",[{:", limits)
}

func boundJSONEncode(limits source.Limits, args []cty.Value) (int64, error) {
	n := textSize(args[0])
	return n / 64, estimate(n, limits)
}

// boundRange: numbers take about a microsecond each to count.
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
