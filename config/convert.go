package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// errNotDuration says that a value has a type that no duration is written in.
var errNotDuration = errors.New("neither a string nor a number")

// secondsOf reads a duration in seconds: a whole number of them, or text such as "90m". The
// error is errNotDuration for a value of another type, and a text for the author otherwise.
func secondsOf(v cty.Value) (int64, error) {
	switch v.Type() {
	case cty.Number:
		n, accuracy := v.AsBigFloat().Int64()
		if accuracy != big.Exact {
			return 0, errors.New("duration must be a whole number of seconds")
		}
		return n, nil
	case cty.String:
		n, err := schema.ParseDuration(v.AsString())
		if err != nil {
			return 0, notDuration(v.AsString(), err)
		}
		return n, nil
	}
	return 0, errNotDuration
}

// templateText turns the number or bool of "${...}" into text. HCL unwraps a template of
// one expression, but an author who writes quotes means a string. Values of other types
// stay what they are, for the caller to refuse.
func templateText(expr *source.Expr, v cty.Value) cty.Value {
	if v.Type() == cty.String {
		return v
	}
	if _, isTemplate := expr.Syntax().(*hclsyntax.TemplateWrapExpr); isTemplate {
		if text, err := convert.Convert(v, cty.String); err == nil {
			return text
		}
	}
	return v
}

// stringsOf reads a list, set or tuple of strings. It returns false for any other value,
// and where an element is null. A number is no string: an author who writes 1 for "1" is told
// so, where HCL's own conversion would hide it.
func stringsOf(v cty.Value) ([]string, bool) {
	if ty := v.Type(); !ty.IsTupleType() && !ty.IsListType() && !ty.IsSetType() {
		return nil, false
	}
	out := make([]string, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || e.Type() != cty.String {
			return nil, false
		}
		out = append(out, e.AsString())
	}
	return out, true
}

// stringList is strings as expressions see a list; an empty one keeps its element type.
func stringList(values []string) cty.Value {
	out := make([]cty.Value, len(values))
	for i, s := range values {
		out[i] = cty.StringVal(s)
	}
	return listOf(out)
}

// stringMapOf reads a map or object of strings. A member that is null is left out: in HCL
// null is how a conditional says "not set". It returns false for any other value.
func stringMapOf(v cty.Value) (map[string]string, bool) {
	if ty := v.Type(); !ty.IsMapType() && !ty.IsObjectType() {
		return nil, false
	}
	out := make(map[string]string, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if e.IsNull() {
			continue
		}
		if e.Type() != cty.String {
			return nil, false
		}
		out[k.AsString()] = e.AsString()
	}
	return out, true
}

// stringMap is strings by name as expressions see a map.
func stringMap(m map[string]string) cty.Value {
	if len(m) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	out := make(map[string]cty.Value, len(m))
	for k, s := range m {
		out[k] = cty.StringVal(s)
	}
	return cty.MapVal(out)
}

// canonicalJSON encodes a value without white space and with sorted member
// names, so that equal values have equal bytes: plans, digests and snapshots compare bytes.
// It is close to RFC 8785, but sorts names by bytes. Its errors follow the name of the
// attribute: "holds a number beyond ...".
func canonicalJSON(v cty.Value) (string, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// appendJSON writes one value. A value of a type that JSON lacks is an error.
func appendJSON(b *bytes.Buffer, v cty.Value) error {
	ty := v.Type()
	switch {
	case v.IsNull():
		b.WriteString("null")
	case ty == cty.Bool:
		b.WriteString(strconv.FormatBool(v.True()))
	case ty == cty.String:
		return appendJSONString(b, v.AsString())
	case ty == cty.Number:
		return appendJSONNumber(b, v.AsBigFloat())
	case ty.IsObjectType() || ty.IsMapType():
		return appendJSONObject(b, v)
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return appendJSONArray(b, v)
	default:
		return fmt.Errorf("holds %s, which JSON cannot say", ty.FriendlyName())
	}
	return nil
}

// appendJSONString writes a string without escaping <, > and &: the result is compared
// byte for byte and never stands inside HTML.
func appendJSONString(b *bytes.Buffer, s string) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line feed that Encode appends
	return nil
}

// appendJSONNumber writes integers that every JSON reader keeps exact (RFC 7493
// section 2.2), and other numbers as the shortest decimal of a float64.
func appendJSONNumber(b *bytes.Buffer, n *big.Float) error {
	if i, accuracy := n.Int64(); accuracy == big.Exact && -1<<53 < i && i < 1<<53 {
		b.WriteString(strconv.FormatInt(i, 10))
		return nil
	}
	// 1e300 is a round number below the largest float64, 1.8e308. A fraction that becomes 0
	// has lost its value, and an integer that gets here is beyond 53 bits.
	f, _ := n.Float64()
	if n.IsInt() || n.IsInf() || f == 0 || f > 1e300 || f < -1e300 {
		return errors.New("holds a number beyond what JSON readers keep exact: write it as a string")
	}
	text, err := json.Marshal(f)
	b.Write(text)
	return err
}

// appendJSONObject writes the members sorted by name, so that the order in the source does not count.
func appendJSONObject(b *bytes.Buffer, v cty.Value) error {
	members := v.AsValueMap()
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSONString(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := appendJSON(b, members[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// appendJSONArray writes lists and tuples in their order, and sets in the order that cty
// gives them, which depends on the elements alone.
func appendJSONArray(b *bytes.Buffer, v cty.Value) error {
	b.WriteByte('[')
	first := true
	for it := v.ElementIterator(); it.Next(); first = false {
		if !first {
			b.WriteByte(',')
		}
		_, e := it.Element()
		if err := appendJSON(b, e); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// notDuration is the error of a duration that does not parse. For a number with the name
// of a unit, such as "2 weeks", it says how to write it; otherwise it is err.
func notDuration(s string, err error) error {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(s[len(number):])
	if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32); err == nil { // so that times 7 fits
		for _, u := range unitNames {
			if slices.Contains(u.names, unit) {
				return fmt.Errorf("%q is no duration: write %q", s, strconv.FormatUint(n*u.times, 10)+u.suffix)
			}
		}
	}
	return err
}

// unitNames are what people call units of time. Months and years are left out: they have
// no fixed length.
var unitNames = []struct {
	names  []string
	times  uint64
	suffix string
}{
	{[]string{"s", "sec", "secs", "second", "seconds"}, 1, "s"},
	{[]string{"m", "min", "mins", "minute", "minutes"}, 1, "m"},
	{[]string{"h", "hr", "hrs", "hour", "hours"}, 1, "h"},
	{[]string{"d", "day", "days"}, 1, "d"},
	{[]string{"w", "wk", "week", "weeks"}, 7, "d"},
}

// notTime is the error of a time that does not parse. For a date alone, a time without a
// zone and a fraction of a second it says how to write it; otherwise it is err.
func notTime(s string, err error) error {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return fmt.Errorf("%q has no time of day: write %q", s, t.Format(time.RFC3339))
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return fmt.Errorf("%q has no time zone: write %q, if it is in UTC", s, t.Format(time.RFC3339))
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil && t.Nanosecond() != 0 {
		return fmt.Errorf("%q has a fraction of a second: write %q", s, t.Truncate(time.Second).Format(time.RFC3339))
	}
	if _, malformed := time.Parse(time.RFC3339, s); malformed != nil && dateShape.MatchString(s) {
		return fmt.Errorf("%q is a day or a time of day that does not exist: write another", s)
	}
	return err
}

// dateShape matches text in the form of RFC 3339 whose numbers may be out of range.
var dateShape = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$`)
