package eval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/testenv"
)

// parse returns the expression that src gives to the attribute v.
func parse(t testing.TB, src string) hcl.Expression {
	t.Helper()
	f, l := source.ParseFile("test.hcl", []byte("v = "+src+"\n"), source.Limits{})
	if l.HasErrors() {
		t.Fatalf("parse %q: %v", src, l)
	}
	return f.Body.Attribute("v").Expr.Syntax()
}

func evaluate(t testing.TB, src string) (cty.Value, diag.List) {
	t.Helper()
	return evaluateWithin(t, src, source.Limits{})
}

func evaluateWithin(t testing.TB, src string, limits source.Limits) (cty.Value, diag.List) {
	t.Helper()
	files := source.FSFiles(fstest.MapFS{
		"keys/a.json": {Data: []byte(`{"keys":[]}`)},
		"rows.csv":    {Data: []byte("id,name\n1,one\n2,two\n")},
		"long.txt":    {Data: []byte(strings.Repeat("x", 70_000))},
		"latin1.txt":  {Data: []byte("caf\xe9")},

		"numbers.json": {Data: []byte("[" + strings.Repeat("1, ", 30_000) + "1]")},
		"many.csv":     {Data: []byte("a,b\n" + strings.Repeat("1,2\n", 15_000))},
	}, source.Limits{})
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"local": cty.ObjectVal(map[string]cty.Value{
			"a":    cty.StringVal("A"),
			"list": cty.TupleVal([]cty.Value{cty.StringVal("x"), cty.StringVal("y")}),
			"long": cty.StringVal(strings.Repeat("s", 60_000)),
			"map":  cty.MapVal(map[string]cty.Value{"k": cty.NumberIntVal(1)}),
		}),
	}}
	return eval.New(limits, files).Value(parse(t, src), ctx)
}

func TestValue(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`"plain"`, `"plain"`},
		{`42`, `42`},
		{`null`, `null`},
		{`["a", 1, true]`, `["a",1,true]`},
		{`[]`, `[]`},
		{`{ a = 1, "b" = [2], (local.a) = 3 }`, `{"A":3,"a":1,"b":[2]}`},
		{`local.a`, `"A"`},
		{`"x-${local.a}-${1 + 2}"`, `"x-A-3"`},
		{`"${local.list}"`, `["x","y"]`},
		{`"%{for s in local.list}<${s}>%{endfor}"`, `"\u003cx\u003e\u003cy\u003e"`},
		{`"%{if true}yes%{else}no%{endif}!"`, `"yes!"`},
		{"<<-EOT\n    a\n      b\n    EOT", `"a\n  b\n"`},
		{`[for s in local.list : upper(s) if s != "y"]`, `["X"]`},
		{`{ for i, s in local.list : s => i }`, `{"x":0,"y":1}`},
		{`{ for s in ["a", "b"] : "k" => s... }`, `{"k":["a","b"]}`},
		{`local.list[*]`, `["x","y"]`},
		{`[{n = 1}, {n = 2}][*].n`, `[1,2]`},
		{`1 < 2 ? "a" : "b"`, `"a"`},
		{`-(2 * 3) % 4`, `-2`},
		{`!true || false`, `false`},
		{`local.list == ["x", "y"]`, `true`},
		{`local.map["k"]`, `1`},
		{`try(local.nothing, "fallback")`, `"fallback"`},
		{`can(local.nothing)`, `false`},
		{`format("%s-%03d", "a", 7)`, `"a-007"`},
		{`join(",", local.list)`, `"x,y"`},
		{`replace("a-b", "/-(b)/", "+$1")`, `"a+b"`},
		{`replace("a.b", ".", "-")`, `"a-b"`},
		{`length("héllo") + length(local.list) + length({a = 1})`, `8`},
		{`distinct(["b", "a", "b"])`, `["b","a"]`},
		{`index(["a", "b"], "b")`, `1`},
		{`sum([1, 2.5])`, `3.5`},
		{`alltrue([true, 1 == 1])`, `true`},
		{`anytrue([])`, `false`},
		{`one([])`, `null`},
		{`alltrue([true, null])`, `false`},
		{`anytrue([null, true])`, `true`},
		{`"x${-0}"`, `"x-0"`},
		{`distinct([0, -0])`, `[0]`},
		{`distinct([{ n = 0 }, { n = -0 }])`, `[{"n":0}]`},
		{`coalesce("", "a")`, `"a"`},
		{`coalesce(null, "", 1)`, `"1"`},
		{`[for x in [] : x if x]`, `[]`},
		{`[for x in [] : x if upper(x) == "A" && length([for y in x : y]) > 1]`, `[]`},
		{`sort(setunion(["b"], ["a"]))`, `["a","b"]`},
		{`setproduct(["a"], ["b", "c"])`, `[["a","b"],["a","c"]]`},
		{`flatten([["a"], [["b"]], "c"])`, `["a","b","c"]`},
		{`merge({a = 1}, {b = 2})`, `{"a":1,"b":2}`},
		{`keys({b = 1, a = 2})`, `["a","b"]`},
		{`lookup({a = "x"}, "z", "d")`, `"d"`},
		{`toset(["b", "a", "b"])`, `["a","b"]`},
		{`tonumber("12")`, `12`},
		{`jsondecode("{\"a\":[1,null]}")`, `{"a":[1,null]}`},
		{`jsonencode({a = [1]})`, `"{\"a\":[1]}"`},
		{`yamldecode("a: &x [1, 2]\nb: *x\n")`, `{"a":[1,2],"b":[1,2]}`},
		{`csvdecode(file("rows.csv"))[1].name`, `"two"`},
		{`file("./keys/a.json")`, `"{\"keys\":[]}"`},
		{`base64decode(base64encode("hi"))`, `"hi"`},
		{`length(split("x", file("long.txt"))) > 0`, ``},
		{`formatdate("YYYY", timeadd("2026-12-31T23:00:00Z", "2h"))`, `"2027"`},
		{`max([1, 3, 2]...)`, `3`},
		{`length(true ? [for i in range(1000) : i] : [])`, `1000`},
		{`length(toset(flatten([for i in range(50) : range(1000)])))`, `1000`},
		{`lookup({a = null}, "a", 1)`, `null`},
		{`lookup({"1" = "x"}, 1, null)`, `"x"`},
		{`lookup({"1" = "x"}, 2, null)`, `null`},
		{`lookup({a = "x"}, "a")`, `"x"`},
		{`lookup(tomap({a = "1"}), "b", 2)`, `"2"`},
		{`startswith("abc", "ab") && endswith("abc", "bc") && strcontains("abc", "b")`, `true`},
	} {
		v, l := evaluate(t, tt.src)
		if tt.want == "" {
			if !l.HasErrors() {
				t.Errorf("%s: no error", tt.src)
			}
			continue
		}
		if l != nil {
			t.Errorf("%s: %v", tt.src, l)
			continue
		}
		got, err := ctyjson.Marshal(v, v.Type())
		if err != nil || string(got) != tt.want {
			t.Errorf("%s = %s (%v), want %s", tt.src, got, err, tt.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ src, code, want string }{
		{`uper("a")`, "invalid-function-call", `Did you mean "upper"?`},
		{`[for s in local.list : uper(s)]`, "invalid-function-call", `Did you mean "upper"?`},
		{`timestamp()`, "invalid-function-call", "no function reads a clock"},
		{`upper()`, "invalid-function-call", "Missing value"},
		{`upper("a", "b")`, "invalid-function-call", "only 1 argument"},
		{`upper(null)`, "invalid-function-call", "must not be null"},
		{`regex("(", "a")`, "invalid-function-call", "missing closing )"},
		{`file("../secret")`, "invalid-function-call", "not inside the configuration's folder"},
		{`file("missing.json")`, "invalid-function-call", "file does not exist"},
		{`file("keys")`, "invalid-function-call", "it is a folder"},
		{`file("latin1.txt")`, "invalid-function-call", "not UTF-8"},
		{`try(local.x, local.y)`, "invalid-function-call", "no expression succeeded"},
		{`lookup({a = 1}, "b")`, "invalid-function-call", "no element \"b\""},
		{`lookup({a = 1})`, "invalid-function-call", "Missing value"},
		{`lookup({a = 1}, "a", 2, 3)`, "invalid-function-call", "at most one default"},
		{`length(null)`, "invalid-function-call", "must not be null"},
		{`length(1)`, "invalid-function-call", "must be a string"},
		{`length(lookup(local.nothing, "a"))`, "invalid-expression", ""},
		{`lookup([], "b", 1)`, "invalid-function-call", "must be a map or an object"},
		{`1 + "a"`, "invalid-expression", "number is required"},
		{`[for x in [] : x if 1]`, "invalid-expression", "must be true or false"},
		{`[for x in [] : x if null]`, "invalid-expression", "must be true or false"},
		{`sum([])`, "invalid-function-call", "nothing to add up"},
		{`"${null}x"`, "invalid-expression", "null"},
		{`[for s in [1, 2, 3] : s.name]`, "invalid-expression", ""},
		{`local.list[7]`, "invalid-expression", ""},
		{`local.map.kk`, "invalid-expression", `local.map has no "kk". Did you mean "k"?`},
		{`upper(local.map["other"])`, "invalid-expression", `local.map has no "other". It has "k".`},
		{`"${local.list[0].name}"`, "invalid-expression", ""},
		{`local.nothing.at.all`, "invalid-expression", `local has no "nothing". It has "a", "list", "long", "map".`},
		{`{ a = 1, "a" = 2 }`, "duplicate-name", "already set on line 1"},
		{`{ for s in ["a", "a", "a"] : s => s }`, "invalid-expression", "Two items of this"},
		{`file("long.txt")`, "limit-exceeded", "a string has 65536 bytes at most"},
	} {
		v, l := evaluate(t, tt.src)
		if len(l) != 1 || l[0].Code != tt.code || !strings.Contains(l[0].Detail, tt.want) {
			t.Errorf("%s: got %v %v, want one %s with %q", tt.src, v, l, tt.code, tt.want)
			continue
		}
		if l[0].Range.Filename != "test.hcl" || l[0].Range.Start.Line != 1 {
			t.Errorf("%s: range %v", tt.src, l[0].Range)
		}
		if v != cty.NilVal {
			t.Errorf("%s: a value beside an error: %#v", tt.src, v)
		}
	}
}

// TestBombs holds every way of making much out of little against the limits.
func TestBombs(t *testing.T) {
	testenv.OneByOne(t)
	big := `[for a in range(1000) : a]`
	for _, src := range []string{
		`"${local.long}${local.long}"`,
		`"%{for i in range(1000)}${local.long}%{endfor}"`,
		`[for i in range(1000) : ["${local.long}1${i}", "${local.long}2${i}", "${local.long}3${i}"]]`,
		`[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`,
		`[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1 if false]]]`,
		`try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]], "hidden")`,
		`can([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]])`,
		big + `[*] == [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`,
		`coalesce(flatten([for a in range(10) : range(1000)])...)`,
		`true ? [for a in range(1000) : [a, [for b in range(a % 3) : b]]] : [for a in range(1000) : [for b in range(1000) : {(tostring(a)) = b}]]`,
		`[for a in range(1000) : length(range(1000))]`,
		`setproduct(range(1000), range(1000))`,
		`setproduct(range(100), range(100), range(100), range(100))`,
		`flatten([for a in range(1000) : range(1000)])`,
		`concat([for a in range(200) : range(1000)]...)`,
		`merge([for a in range(200) : {for b in range(1000) : "${a}-${b}" => b}]...)`,
		`format("%1000000000d", 1)`,
		`format("%.1000000000f", 1)`,
		`format("${join("", [for i in range(1000) : "%[1]s"])}", local.long)`,
		`formatlist("%s%s%s%s", [for i in range(1000) : local.long], "", "", "")`,
		`format("%d", "1e10000000")`,
		`formatlist("%d", ["1e10000000"])`,
		`"${"1e10000000" + 1}"`,
		`tostring(tonumber("1e10000000"))`,
		`pow(10, 100000)`,
		`1e999 * 1e999 * 1e999`,
		`log(0, 10)`,
		`parseint(join("", [for i in range(1000) : "999999999999"]), 10)`,
		`indent(1000000000, "a\nb")`,
		`join(local.long, range(1000))`,
		`replace(local.long, "s", local.long)`,
		`replace(local.long, "/s/", "$0$0$0$0$0$0$0$0")`,
		`regexall("(a?){1000}(a?){1000}", local.long)`,
		`jsonencode([for i in range(1000) : local.long])`,
		`jsondecode("${join("", [for i in range(1000) : "["])}")`,
		`jsondecode("1e10000000")`,
		`[for i in range(1000) : jsondecode(file("numbers.json"))]`,
		`[for i in range(1000) : yamldecode(file("numbers.json"))]`,
		`[for i in range(1000) : csvdecode(file("many.csv"))]`,
		`[for i in range(1000) : regexall("(a|s|as)*c", local.long)]`,
		`[for j in range(100) : [for i in range(1000) : "${i / 3}"]]`,
		`yamldecode("${join("", [for i in range(1000) : "- "])}1")`,
		`yamldecode("${join("", [for i in range(1000) : "[[[[[[[[[[["])}1")`,
		"yamldecode(<<E\na: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c]\nE\n)",
		`[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[jsondecode("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`,
	} {
		start := time.Now()
		v, l := evaluateWithin(t, src, source.Limits{Steps: 1_000_000})
		if len(l) != 1 || l[0].Code != "limit-exceeded" {
			t.Errorf("%.100s: got %.200s %v", src, fmt.Sprintf("%#v", v), l)
		}
		if d := time.Since(start); d > 5*time.Minute {
			t.Errorf("%.100s took %v", src, d)
		}
	}
}

// TestManyArguments makes sure that the elements of a list are not compared
// with one another to find their type.
func TestManyArguments(t *testing.T) {
	start := time.Now()
	v, l := evaluate(t, `length(join("", [`+strings.Repeat(`"a",`, 60_000)+`]))`)
	if l != nil || v.AsBigFloat().String() != "60000" {
		t.Errorf("%#v %v", v, l)
	}
	if d := time.Since(start); d > 5*time.Minute { // a hang, however busy the machine is
		t.Errorf("took %v", d)
	}
}

type countingFiles struct{ reads int }

func (c *countingFiles) ReadFile(string) ([]byte, error) {
	c.reads++
	return []byte("text"), nil
}

func TestFileIsReadOnce(t *testing.T) {
	files := new(countingFiles)
	e := eval.New(source.Limits{}, files)
	for _, src := range []string{`[for i in range(100) : file("a.txt")]`, `file("./a.txt")`} {
		if _, l := e.Value(parse(t, src), nil); l != nil {
			t.Fatal(l)
		}
	}
	if files.reads != 1 || len(e.FilesRead()) != 1 {
		t.Errorf("%d reads of %v", files.reads, e.FilesRead())
	}
}

func TestAdmit(t *testing.T) {
	e := eval.New(source.Limits{}, nil)
	huge := cty.MustParseNumberVal("1e10000000")
	deep := cty.StringVal("x")
	for range 100 {
		deep = cty.TupleVal([]cty.Value{deep})
	}
	for name, v := range map[string]cty.Value{"number": huge, "in a list": cty.TupleVal([]cty.Value{huge}), "deep": deep, "long": cty.StringVal(strings.Repeat("x", 1<<17))} {
		if l := e.Admit(v, hcl.Range{}); len(l) != 1 || l[0].Code != "limit-exceeded" {
			t.Errorf("%s: %v", name, l)
		}
	}
	if l := e.Admit(cty.StringVal("x"), hcl.Range{}); l != nil {
		t.Error(l)
	}
}

func TestSpend(t *testing.T) {
	e := eval.New(source.Limits{Steps: 100}, nil)
	if d, ok := e.Spend(100, hcl.Range{}); !ok {
		t.Fatal(d)
	}
	if d, ok := e.Spend(1, hcl.Range{}); ok || d.Code != "limit-exceeded" {
		t.Fatal(d, ok)
	}
}

func TestFilesRead(t *testing.T) {
	files := source.FSFiles(fstest.MapFS{"a.txt": {Data: []byte("a")}}, source.Limits{})
	e := eval.New(source.Limits{}, files)
	for _, src := range []string{`file("a.txt")`, `file("./a.txt")`, `try(file("b.txt"), "")`} {
		if _, l := e.Value(parse(t, src), nil); l != nil {
			t.Fatal(l)
		}
	}
	if got := e.FilesRead(); len(got) != 1 || got["a.txt"] == [32]byte{} {
		t.Errorf("read %v", got)
	}
}

// TestTreeStays makes sure that evaluation leaves the syntax tree alone, which
// others look at for references.
func TestTreeStays(t *testing.T) {
	expr := parse(t, `[for s in ["a"] : "${s}-${upper(s)}"]`)
	loop := expr.(*hclsyntax.ForExpr)
	before := loop.ValExpr
	e := eval.New(source.Limits{}, nil)
	for range 2 {
		if _, l := e.Value(expr, nil); l != nil {
			t.Fatal(l)
		}
	}
	if loop.ValExpr != before || len(expr.Variables()) != 0 {
		t.Error("the tree has changed")
	}
}

type brokenFiles struct{}

func (brokenFiles) ReadFile(string) ([]byte, error) { return nil, errors.New("disk on fire") }

func TestFileErrorIsShown(t *testing.T) {
	_, l := eval.New(source.Limits{}, brokenFiles{}).Value(parse(t, `file("a")`), nil)
	if len(l) != 1 || !strings.Contains(l[0].Detail, "disk on fire") {
		t.Error(l)
	}
}

func TestConcurrent(t *testing.T) {
	e := eval.New(source.Limits{}, nil)
	expr := parse(t, `[{n = 1}, {n = 2}][*].n`)
	done := make(chan diag.List)
	for range 8 {
		go func() {
			var l diag.List
			for range 100 {
				_, more := e.Value(expr, &hcl.EvalContext{})
				l = append(l, more...)
			}
			done <- l
		}()
	}
	for range 8 {
		if l := <-done; l != nil {
			t.Error(l)
		}
	}
}
