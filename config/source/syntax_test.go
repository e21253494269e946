package source

import (
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestExpr holds what can be read of an expression without evaluating it.
// FuzzParseFile holds that its syntax is hclsyntax's.
func TestExpr(t *testing.T) {
	for src, want := range map[string]struct {
		text, root, attr string
		literal, null    bool
		elements         int
		tree             bool
	}{
		`"plain"`:                         {text: "plain", literal: true},
		`"caf\u00e9"`:                     {text: "café", literal: true},
		`""`:                              {literal: true},
		`42`:                              {literal: true},
		`null`:                            {literal: true, null: true},
		`client.billing`:                  {root: "client", attr: "billing"},
		`client . billing`:                {tree: true},
		`client.billing.name`:             {tree: true},
		`client["billing"]`:               {tree: true},
		`"a ${b}"`:                        {tree: true},
		`[]`:                              {},
		`["a", 1, api.x, ["b"]]`:          {elements: 4},
		`["a", "${b}"]`:                   {elements: 2, tree: true},
		`[for x in ["a"] : upper(x)]`:     {tree: true},
		`{ a = "b" }`:                     {tree: true},
		"[\n  \"a\", # one\n  \"b\",\n]":  {elements: 2},
		"<<E\none line\nE":                {text: "one line\n", literal: true},
		`(client.billing)`:                {tree: true},
		`client.a-b`:                      {root: "client", attr: "a-b"},
		`client.é`:                        {tree: true}, // not as wide as long
		`var.flag ? client.a : client.b`:  {tree: true},
		`"$${literal} and %%{directive}"`: {text: "${literal} and %{directive}", literal: true},
	} {
		f, l := ParseFile("a.hcl", []byte("x = "+src+"\n"), Limits{})
		if l != nil {
			t.Fatalf("%s: %v", src, l)
		}
		e := &f.Body.Attribute("x").Expr
		text, _ := e.Text()
		root, attr, _ := e.Name()
		_, literal := e.Literal()
		elements, _ := e.Elements()
		if text != want.text || root != want.root || attr != want.attr || literal != want.literal || e.IsNull() != want.null ||
			len(elements) != want.elements || isUnpacked(*e) != want.tree {
			t.Errorf("%s: text %q, name %q.%q, literal %v, null %v, %d elements, tree %v", src, text, root, attr, literal, e.IsNull(), len(elements), isUnpacked(*e))
		}
		if again := e.Syntax(); isUnpacked(*e) && again != e.Syntax() {
			t.Errorf("%s: another tree each time", src)
		}
	}
}

// BenchmarkKept reports how many bytes live for each byte of configuration, in
// the syntax of this package and in hclsyntax's.
func BenchmarkKept(b *testing.B) {
	tree := generated(1000)
	for name, parse := range map[string]func() any{
		"packed": func() any { t, _ := LoadFS(tree, Options{}); return t },
		"tree":   func() any { return parsed(b, tree) },
	} {
		b.Run(name, func(b *testing.B) {
			var kept uint64
			for b.Loop() {
				before := heap()
				syntax := parse()
				kept += heap() - before
				runtime.KeepAlive(syntax)
			}
			b.ReportMetric(float64(kept)/float64(b.N)/float64(size(tree)), "kept/byte")
		})
	}
}

func parsed(b *testing.B, tree fstest.MapFS) (files []*hcl.File) {
	for name, f := range tree {
		file, diags := hclsyntax.ParseConfig(f.Data, name, hcl.InitialPos)
		if diags.HasErrors() {
			b.Fatal(diags)
		}
		files = append(files, file)
	}
	return files
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
