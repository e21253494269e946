package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
)

// TestConvertIsTheLibrarys holds Convert against the library's conversion, for
// values and types of every shape.
func TestConvertIsTheLibrarys(t *testing.T) {
	var values []cty.Value
	for _, src := range []string{
		`null`, `"a"`, `"1"`, `1`, `true`, `[]`, `{}`, `["a"]`, `["b", "a", "b"]`, `[1, "2", true]`, `[null, "a"]`, `[null]`, `[[], ["a"]]`, `[["a"], ["b", "a"]]`,
		`[["1", "1"], [1]]`, `toset(["b", "a"])`, `toset([])`, `tolist([1, 2])`, `tomap({ a = 1 })`, `[toset(["a"]), ["b", "b"]]`, `[tolist(["a"]), []]`,
		`{ a = "x" }`, `{ a = "x", b = 1 }`, `{ a = ["x", "x"], b = [1, 1] }`, `{ a = { b = ["c"] } }`, `[{ a = "x" }, { a = "y", b = 2 }]`, `[{ a = 1 }, { a = "1" }]`,
		`[{ a = null }, { a = "x", b = null }]`, `{ a = toset([{ n = 1 }]) }`, `[for i in range(100) : "k${i % 7}"]`, `{ for i in range(100) : "k${i}" => [i, i] }`,
	} {
		v, l := eval.New(source.Limits{}, nil).Value(parse(t, src), nil)
		if l != nil {
			t.Fatal(src, l)
		}
		values = append(values, v)
	}
	for _, src := range []string{
		`any`, `string`, `number`, `bool`, `list(string)`, `set(string)`, `set(number)`, `map(string)`, `map(set(string))`, `list(list(string))`, `list(set(string))`,
		`set(set(string))`, `set(list(set(number)))`, `list(any)`, `set(any)`, `map(any)`, `map(list(any))`, `list(set(any))`, `tuple([string, set(string)])`, `tuple([any])`,
		`object({ a = string })`, `object({ a = string, b = optional(number) })`, `object({ a = set(string), b = optional(set(number)) })`, `object({ a = any })`,
		`list(object({ a = string, b = optional(number) }))`, `set(object({ a = string, b = optional(number) }))`, `map(object({ b = list(string) }))`, `object({ a = set(object({ n = string })) })`,
	} {
		ty, _, diags := typeexpr.TypeConstraintWithDefaults(parse(t, src))
		if diags.HasErrors() {
			t.Fatal(src, diags)
		}
		for _, v := range values {
			want, wantErr := convert.Convert(v, ty)
			got, err := eval.New(source.Limits{}, nil).Convert(v, ty)
			switch {
			case (err == nil) != (wantErr == nil):
				t.Errorf("%#v to %s: %v, the library says %v", v, src, err, wantErr)
			case err == nil && !got.RawEquals(want):
				t.Errorf("%#v to %s: %#v, the library says %#v", v, src, got, want)
			}
		}
	}
}

// TestConvertCounts brings to a type what takes much longer than it is: each is
// refused before the work is done.
func TestConvertCounts(t *testing.T) {
	alike := []string{""}
	for range 14 {
		var next []string
		for _, s := range alike {
			next = append(next, s+"xs4ibwwl", s+"adwoqc8j")
		}
		alike = next
	}
	strs := func(s []string) cty.Value {
		vals := make([]cty.Value, len(s))
		for i, s := range s {
			vals[i] = cty.StringVal(s)
		}
		return cty.TupleVal(vals)
	}
	digits := make([]string, 32_000)
	for i := range digits {
		digits[i] = fmt.Sprint(1_000_000_000_000_000 + i)
	}
	long := make([]string, 1000)
	for i := range long {
		long[i] = "0." + strings.Repeat("7", 60_000)
	}
	in := func(name string, v cty.Value) cty.Value { return cty.ObjectVal(map[string]cty.Value{name: v}) }
	for name, c := range map[string]struct {
		v    cty.Value
		ty   cty.Type
		want bool
	}{
		"a list of them":         {strs(alike), cty.List(cty.String), true},
		"few":                    {strs(alike[:64]), cty.Set(cty.String), true},
		"strings of one hash":    {strs(alike), cty.Set(cty.String), false},
		"of any":                 {strs(alike), cty.Set(cty.DynamicPseudoType), false},
		"numbers of one hash":    {strs(digits), cty.Set(cty.Number), false},
		"numbers as text":        {strs(digits), cty.Set(cty.String), true},
		"in a map":               {in("a", strs(alike)), cty.Map(cty.Set(cty.String)), false},
		"in an object":           {in("a", in("b", strs(alike))), cty.Object(map[string]cty.Type{"a": cty.Map(cty.Set(cty.String))}), false},
		"beside a set":           {cty.TupleVal([]cty.Value{cty.SetVal([]cty.Value{cty.StringVal("a")}), strs(alike)}), cty.List(cty.DynamicPseudoType), false},
		"numbers of many digits": {strs(long), cty.List(cty.Number), false},
	} {
		_, err := eval.New(source.Limits{}, nil).Convert(c.v, c.ty)
		d, limit := eval.LimitOf(err, hcl.Range{})
		if (err == nil) != c.want || err != nil && (!limit || !eval.IsExhausted(d)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
