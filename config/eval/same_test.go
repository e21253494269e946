package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
)

// plainly evaluates an expression with the HCL library alone.
func plainly(t *testing.T, src string, vars map[string]cty.Value) (cty.Value, bool) {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "plain.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v, diags := expr.Value(&hcl.EvalContext{Variables: vars, Functions: map[string]function.Function{
		"chunklist": stdlib.ChunklistFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "join": stdlib.JoinFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"keys": stdlib.KeysFunc, "merge": stdlib.MergeFunc, "reverse": stdlib.ReverseListFunc, "setproduct": stdlib.SetProductFunc,
		"setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc,
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "zipmap": stdlib.ZipmapFunc,
	}})
	return v, !diags.HasErrors()
}

// TestNumberOfElementsChangesNothing evaluates what depends on whether a value is
// a tuple or a list, an object or a map, for few and for many elements, beside
// the HCL library: what spares the search for a common type must not be seen.
func TestNumberOfElementsChangesNothing(t *testing.T) {
	for _, n := range []int{3, 64, 65, 100} {
		seq, other, objects, mixed := make([]cty.Value, n), make([]cty.Value, n), make([]cty.Value, n), make([]cty.Value, n)
		attrs, others := map[string]cty.Value{}, map[string]cty.Value{}
		for i := range n {
			seq[i], other[i] = cty.StringVal(fmt.Sprint("s", i)), cty.NumberIntVal(int64(i))
			objects[i] = cty.ObjectVal(map[string]cty.Value{"n": other[i]})
			if mixed[i] = seq[i]; i%2 == 0 {
				mixed[i] = other[i]
			}
			attrs[fmt.Sprint("k", i)], others[fmt.Sprint("j", i)] = seq[i], other[i]
		}
		vars := map[string]cty.Value{"v": cty.ObjectVal(map[string]cty.Value{
			"yes": cty.True, "no": cty.False,
			"t": cty.TupleVal(seq), "u": cty.TupleVal(other), "ts": cty.TupleVal(objects), "x": cty.TupleVal(mixed),
			"l": cty.ListVal(seq), "s": cty.SetVal(seq), "o": cty.ObjectVal(attrs), "p": cty.ObjectVal(others), "m": cty.MapVal(attrs),
		})}
		for _, src := range []string{
			`(v.yes ? v.t : null) == v.t`, `(v.no ? null : v.t) == v.t`, `(v.yes ? v.t : null) != v.t`, `(v.yes ? v.o : null) == v.o`,
			`(v.yes ? v.t : v.t) == v.t`, `(v.yes ? v.o : v.o) == v.o`,
			`v.yes ? v.t : null`, `v.yes ? v.o : null`, `v.yes ? null : v.o`,
			`v.yes ? v.t : v.u`, `v.no ? v.t : v.u`, `v.yes ? v.t : []`, `v.no ? v.t : []`, `v.yes ? v.t : ["a"]`, `v.no ? v.u : ["a"]`, `v.yes ? v.u : ["a"]`,
			`v.yes ? v.t : v.l`, `v.no ? v.u : v.l`, `v.yes ? v.u : v.l`, `v.yes ? v.t : v.s`, `v.no ? v.u : v.s`, `v.yes ? v.u : v.s`,
			`v.yes ? v.o : {}`, `v.yes ? v.o : v.p`, `v.yes ? v.o : v.m`, `v.no ? v.p : v.m`, `v.yes ? v.p : v.m`, `v.yes ? v.o : { a = 1 }`,
			`v.yes ? v.ts : []`, `v.yes ? v.ts : [{ n = "a" }]`, `v.yes ? v.ts : v.t`, `v.yes ? v.x : []`, `v.yes ? v.x : v.t`, `v.yes ? v.t : v.o`, `v.yes ? v.t : "a"`,
			`v.yes ? [v.t, 1] : null`, `v.yes ? [true] : v.u`,
			`contains([v.yes ? v.t : null], v.t)`, `[v.yes ? v.t : null] == [v.t]`, `distinct([v.yes ? v.t : null, v.t])`,
			`keys(v.yes ? v.o : null) == keys(v.o)`, `values(v.yes ? v.o : null) == values(v.o)`, `values(v.o)`, `keys(v.o)`,
			`reverse(v.yes ? v.t : null) == reverse(v.t)`, `reverse(v.t)`, `slice(v.yes ? v.t : null, 0, 2) == slice(v.t, 0, 2)`, `slice(v.t, 0, 2)`,
			`merge(v.yes ? v.o : null, { z = 1 })`, `concat(v.yes ? v.t : null, [1])`, `flatten([v.yes ? v.t : null, [1]])`, `element(v.yes ? v.t : null, 1)`,
			`tolist(v.t)`, `tolist(v.ts)`, `tolist(v.x)`, `toset(v.t)`, `toset(v.u)`, `toset(v.ts)`, `toset(v.x)`, `tomap(v.o)`, `distinct(v.t)`, `distinct(v.ts)`, `sort(v.t)`, `sort(v.u)`,
			`chunklist(v.t, 2)`, `setunion(v.t, v.u)`, `setproduct(v.t, ["a"])`, `setproduct(v.s, ["a"])`, `zipmap(v.t, v.u)`, `join(",", v.u)`, `jsonencode(v.yes ? v.o : null)`,
		} {
			want, wantOK := plainly(t, src, vars)
			got, l := eval.New(source.Limits{Steps: 1 << 40}, nil).Value(parse(t, src), &hcl.EvalContext{Variables: vars})
			switch {
			case wantOK == l.HasErrors():
				t.Errorf("%d elements: %s: %v, HCL says %t", n, src, l, wantOK)
			case wantOK && (!got.Type().Equals(want.Type()) || !got.RawEquals(want)):
				t.Errorf("%d elements: %s is %s, HCL says %s", n, src, got.Type().FriendlyName(), want.Type().FriendlyName())
			case !wantOK && strings.Contains(l[0].Detail, "panic"):
				t.Errorf("%d elements: %s: %v", n, src, l)
			}
		}
		got, l := eval.New(source.Limits{}, nil).Value(parse(t, `lookup(v.yes ? v.o : null, "missing", [])`), &hcl.EvalContext{Variables: vars})
		if l != nil || !got.RawEquals(cty.EmptyTupleVal) {
			t.Errorf("%d elements: lookup: %#v %v", n, got, l)
		}
	}
}

// TestDifferencesFromHCL holds what the reference of the language lists beside
// what the HCL library does.
func TestDifferencesFromHCL(t *testing.T) {
	vars := map[string]cty.Value{"m": cty.MapVal(map[string]cty.Value{"a": cty.StringVal("1")})}
	for _, tt := range []struct {
		src, want string // part of the only mistake
		mistakes  int    // that the library finds, -1 where it lacks the function
	}{
		{`[for s in ["a", "b"] : s + 1]`, "number is required", 2},
		{`{ a = 1, a = 2 }`, "already set", 0},
		{`1 / 0`, "numbers are finite", 0},
		{`lookup(m, "z", [])`, "must be like the elements of the map, string", -1},
	} {
		_, l := eval.New(source.Limits{}, nil).Value(parse(t, tt.src), &hcl.EvalContext{Variables: vars})
		if len(l) != 1 || !strings.Contains(l[0].Detail, tt.want) {
			t.Errorf("%s: %v, want one mistake with %q", tt.src, l, tt.want)
		}
		if _, diags := parse(t, tt.src).Value(&hcl.EvalContext{Variables: vars}); tt.mistakes >= 0 && len(diags) != tt.mistakes {
			t.Errorf("%s: the library finds %v", tt.src, diags)
		}
	}
	v, l := eval.New(source.Limits{}, nil).Value(parse(t, `lookup(m, "z", 2)`), &hcl.EvalContext{Variables: vars})
	if l != nil || !v.RawEquals(cty.StringVal("2")) {
		t.Errorf("lookup: %#v %v", v, l)
	}
}
