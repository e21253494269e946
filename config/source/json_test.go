package source

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/testenv"
)

// shapes is a small language: top-level apis with scopes, clients and a
// setting block, and references in client and apis.
func shapes(parent []string) Shape {
	switch strings.Join(parent, ".") {
	case "":
		return Shape{Blocks: map[string]int{"api": 1, "client": 1, "settings": 0, "edge": 2}}
	case "api":
		return Shape{Blocks: map[string]int{"scope": 1}}
	case "client":
		return Shape{Blocks: map[string]int{"secret": 1}, Expressions: map[string]bool{"default_api": true, "introspects": true}}
	}
	return Shape{}
}

func loadJSON(t *testing.T, src string) (*File, diag.List) {
	t.Helper()
	tree, l := LoadFS(fstest.MapFS{"a.hcl.json": {Data: []byte(src)}}, Options{Shapes: shapes})
	if len(tree.Files) != 1 {
		t.Fatalf("no file: %v", l)
	}
	return tree.Files[0], l
}

func TestJSONIsNativeSyntax(t *testing.T) {
	for _, tt := range []struct{ name, json, native string }{
		{"nothing", `{}`, ``},
		{"attributes", `{"a": "x", "b": 1.5, "c": true, "d": null, "e": ["x", 2], "f": {"g": "h"}}`,
			"a = \"x\"\nb = 1.5\nc = true\nd = null\ne = [\"x\", 2]\nf = {\"g\" = \"h\"}\n"},
		{"blocks", `{"api": {"orders": {"identifier": "i", "scope": {"read": {"description": "d"}, "write": {}}}, "users": {}}, "settings": {"x": 1}}`,
			"api \"orders\" {\n identifier = \"i\"\n scope \"read\" {\n description = \"d\"\n }\n scope \"write\" {\n }\n}\napi \"users\" {\n}\nsettings {\n x = 1\n}\n"},
		{"arrays of blocks", `{"settings": [{"x": 1}, {"x": 2}], "api": [{"a": {}}, {"b": [{}, {}]}]}`,
			"settings {\n x = 1\n}\nsettings {\n x = 2\n}\napi \"a\" {\n}\napi \"b\" {\n}\napi \"b\" {\n}\n"},
		{"repeated keys are repeated blocks", `{"api": {"a": {}, "a": {}}, "api": {"c": {}}}`, "api \"a\" {\n}\napi \"a\" {\n}\napi \"c\" {\n}\n"},
		{"several labels", `{"edge": {"a": {"b": {}, "c": {}}, "d": null}}`, "edge \"a\" \"b\" {\n}\nedge \"a\" \"c\" {\n}\n"},
		{"several objects", `[{"a": 1}, {"b": 2}]`, "a = 1\nb = 2\n"},
		{"no block", `{"api": null, "settings": []}`, ""},
		{"comments", `{"//": "about", "api": {"a": {"//": ["about"]}}, "m": {"//": "kept"}}`, "api \"a\" {\n}\nm = {\"//\" = \"kept\"}\n"},
		{"templates", `{"a": "x-${local.b}", "c": "$${d}", "e": "100%"}`, "a = \"x-${local.b}\"\nc = \"$${d}\"\ne = \"100%\"\n"},
		{"interpolation alone", `{"a": "${1 + f(local.b)}"}`, "a = 1 + f(local.b)\n"},
		{"templates as keys", `{"a": {"${local.k}": "${local.v}"}}`, "a = {(local.k) = local.v}\n"},
		{"references", `{"client": {"c": {"default_api": "api.orders", "introspects": ["api.a", "${api.b}"], "name": "api.orders"}}}`,
			"client \"c\" {\n default_api = api.orders\n introspects = [api.a, api.b]\n name = \"api.orders\"\n}\n"},
		{"escapes", `{"a": "\u00e9\n\"\\"}`, "a = \"é\\n\\\"\\\\\"\n"},
		{"CRLF", "{\r\n\"a\": 1\r\n}\r\n", "a = 1\n"},
		{"byte order mark in a string", `{"a": "\ufeffx", "b": "\ufeffx${1}"}`, "a = \"x\"\nb = \"x${1}\"\n"},
	} {
		f, l := loadJSON(t, tt.json)
		if l != nil {
			t.Errorf("%s: %v", tt.name, l)
			continue
		}
		native, l := ParseFile("a.hcl", []byte(tt.native), Limits{})
		if l != nil {
			t.Fatalf("%s: %v", tt.name, l)
		}
		got, want := outline(f.Body), outline(native.Body)
		got, want = strings.ReplaceAll(got, "*hclsyntax.ParenthesesExpr", "local.k"), strings.ReplaceAll(want, "*hclsyntax.ParenthesesExpr", "local.k")
		if got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
}

func TestJSONPlaces(t *testing.T) {
	src := "{\n  \"api\": {\n    \"é\": { \"identifier\": \"x\", \"n\": 12 }\n  }\n}\n"
	f, l := loadJSON(t, src)
	if l != nil {
		t.Fatal(l)
	}
	b := f.Body.Blocks[0]
	a := b.Body.Attribute("n")
	text := func(at hcl.Range) string { return src[at.Start.Byte:at.End.Byte] }
	for _, tt := range []struct{ got, want string }{
		{text(b.TypeRange()), `"api"`},
		{text(b.LabelRange(0)), `"é"`},
		{text(a.NameRange()), `"n"`},
		{text(a.Expr.Range()), `12`},
		{a.NameRange().String(), "a.hcl.json:3,31-34"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestJSONMistakes(t *testing.T) {
	testenv.OneByOne(t)
	for _, tt := range []struct{ name, src, code, want string }{
		{"cut", `{"a": `, "syntax", "the file ends"},
		{"empty", ``, "syntax", "the file ends"},
		{"two values", `{} {}`, "syntax", "more behind the end"},
		{"comma", `{"a": 1,}`, "syntax", "invalid character"},
		{"colon", `{"a" 1}`, "syntax", "invalid character"},
		{"word", `{"a": nope}`, "syntax", "invalid character"},
		{"not an object", `3`, "wrong-type", "object"},
		{"attribute twice", `{"a": 1, "a": 2}`, "duplicate-name", `"a" is already set`},
		{"attribute twice below", `{"api": {"x": {"n": 1, "n": 1}}}`, "duplicate-name", `"n" is already set`},
		{"block as text", `{"settings": "x"}`, "wrong-type", "settings block"},
		{"byte order mark", "\ufeff{}", "syntax", "byte order mark"},
		{"block without any label", `{"api": {}}`, "wrong-type", "has a label"},
		{"comment among labels", `{"api": {"//": "about", "a": {}}}`, "wrong-type", "api block"},
		{"block without label", `{"api": {"x": 3}}`, "wrong-type", "api block"},
		{"bad template", `{"a": "${"}`, "syntax", "template"},
		{"bad reference", `{"client": {"c": {"default_api": "api."}}}`, "syntax", "attribute name"},
		{"nesting", `{"a": ` + strings.Repeat("[", 200_000), "limit-exceeded", "64 levels"},
		{"nesting in a mess", `{"a": ` + strings.Repeat("[}", 200_000), "limit-exceeded", "64 levels"},
		{"nesting in a template", `{"a": "${` + strings.Repeat("[", 60_000) + `"}`, "limit-exceeded", "64 levels"},
		{"nesting in a reference", `{"client": {"c": {"default_api": "` + strings.Repeat("(", 60_000) + `"}}}`, "limit-exceeded", "64 levels"},
		{"sum in a reference", `{"client": {"c": {"default_api": "1` + strings.Repeat("\\n+1", 5_000) + `"}}}`, "limit-exceeded", "1000 operators"},
		{"closers in a reference", `{"client": {"c": {"default_api": "a)))}}"}}}`, "syntax", "extra characters"},
		{"sequences", `{"a": [1` + strings.Repeat(`, "`+strings.Repeat("${1}", 100)+`"`, 2000) + `]}`, "limit-exceeded", "100000 ${ }"},
		{"words of templates", `{"a": [1` + strings.Repeat(`, "${`+strings.Repeat("1+", 900)+`1}"`, 500) + `]}`, "limit-exceeded", "400000 words"},
		{"values", `{"a": [1` + strings.Repeat(`, [`+strings.Repeat("1,", 999)+`1]`, 1000) + `]}`, "limit-exceeded", "250000 values"},
		{"exponent", `{"a": 1e10000000}`, "limit-exceeded", "3 digits"},
		{"exponent in a template", `{"a": "${1e10000000}"}`, "limit-exceeded", "3 digits"},
		{"digits", `{"a": ` + strings.Repeat("9", 100) + `}`, "limit-exceeded", "32 characters"},
		{"string", `{"a": "` + strings.Repeat("x", 70_000) + `"}`, "limit-exceeded", "65536 bytes"},
		{"long string", `{"a": "` + strings.Repeat("x", 700_000) + `"}`, "limit-exceeded", "65536 bytes"},
		{"elements", `{"a": [1` + strings.Repeat(",1", 100_000) + `]}`, "limit-exceeded", "100000 elements"},
		{"UTF-8", "{\"a\": \"caf\xe9\"}", "syntax", "UTF-8"},
	} {
		within(t, time.Minute, func() {
			f, l := loadJSON(t, tt.src)
			if len(l) != 1 || l[0].Code != tt.code || !strings.Contains(l[0].Detail, tt.want) {
				t.Fatalf("%s: got %.300v, want %s with %q", tt.name, l, tt.code, tt.want)
			}
			if r := l[0].Range; f.Body == nil || r.Filename != "a.hcl.json" || r.End.Byte > len(tt.src) {
				t.Errorf("%s: %v", tt.name, r)
			}
		})
	}
}

func TestCheckJSON(t *testing.T) {
	if err := CheckJSON([]byte(`{"a": [1, "]", {"b": "\"]"}]}`), Limits{}); err != nil {
		t.Error(err)
	}
	if err := CheckJSON(slices.Repeat([]byte("["), 65), Limits{}); err == nil {
		t.Error("65 levels pass")
	}
}
