package eval_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
)

// FuzzEval looks for an expression that brings evaluation down, and holds it
// to its promise: errors or a known value, never both or neither.
func FuzzEval(f *testing.F) {
	for _, s := range []string{
		`"x-${v.s}" == "y" ? [for x in v.l : upper(x) if x != "a"] : []`,
		`{ for k, x in v.m : k => format("%s-%05d", k, x)... }`,
		`v.l[*] == v.l.*.name ? try(v.nothing, 1) : can(v.m["k"])`,
		`"%{for x in v.l}${x}%{if x == "a"}!%{else}?%{endif}%{endfor}"`,
		`merge(v.m, jsondecode("{\"a\":[1e3,null]}"), yamldecode("a: &b [1]\nc: *b"))`,
		`setproduct(range(100), range(100), range(1000))`,
		`replace(join("", v.l), "/(a)/", "$1$1") + pow(2, 1000) % 7 - -3`,
		`regexall("(a|b)*c?", "abcabc")[0]`,
		`flatten([v.l, [v.l, [chunklist(v.l, 1)]]])`,
		`csvdecode("a,b\n1,2")[0].a`,
		`substr(strrev(title(v.s)), -1, 2)`,
		`zipmap(v.l, v.l)[v.s]`,
	} {
		f.Add(s)
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"v": cty.ObjectVal(map[string]cty.Value{
		"s": cty.StringVal("a"),
		"l": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}),
		"m": cty.MapVal(map[string]cty.Value{"k": cty.NumberIntVal(1)}),
	})}}
	f.Fuzz(func(t *testing.T, src string) {
		file, l := source.ParseFile("f.hcl", []byte("v = "+src+"\n"), source.Limits{})
		if l.HasErrors() || file.Body.Attribute("v") == nil {
			t.Skip()
		}
		e := eval.New(source.Limits{Steps: 200_000}, nil)
		v, l := e.Value(file.Body.Attribute("v").Expr.Syntax(), ctx)
		switch {
		case l.HasErrors() && v != cty.NilVal:
			t.Fatalf("%q: %#v beside %v", src, v, l)
		case l.HasErrors():
			return
		case v == cty.NilVal || !v.IsWhollyKnown():
			t.Fatalf("%q: %#v is not known", src, v)
		}
		if l := e.Admit(v, hcl.Range{}); l != nil && l[0].Summary != "Too much work" && l[0].Summary != "Too large value" {
			t.Fatalf("%q: result past the limits: %v", src, l)
		}
	})
}
