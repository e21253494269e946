package source

import (
	"bytes"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// generated returns a configuration of n APIs with ten scopes and ten
// authorizations each, a hundred APIs to a file.
func generated(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "api \"api_%06d\" {\n  identifier     = \"https://api-%06d.example.com/v1/\"\n  token_profile  = \"rfc9068\"\n  token_lifetime = \"%dm\"\n", i, i, 60+i%1000)
		for s := range 10 {
			fmt.Fprintf(&b, "  scope \"read:res%d\" { description = \"Read resource %d\" }\n", s, s)
		}
		b.WriteString("}\n\n")
		for g := range 10 {
			fmt.Fprintf(&b, "authorization \"a%06d-%d\" {\n  client = client.client_%06d\n  api    = api.api_%06d\n  scopes = [\"read:res0\", \"read:res%d\"]\n}\n\n", i, g, (i*31+g*7919)%n, i, 1+g%9)
		}
		if i%100 == 99 || i == n-1 {
			tree[fmt.Sprintf("part-%05d.hcl", i/100)] = &fstest.MapFile{Data: bytes.Clone(b.Bytes())}
			b.Reset()
		}
	}
	return tree
}

func size(tree fstest.MapFS) (n int64) {
	for _, f := range tree {
		n += int64(len(f.Data))
	}
	return n
}

// BenchmarkLoad is to be at most 1.3 times BenchmarkBareParse.
func BenchmarkLoad(b *testing.B) {
	tree := generated(1000)
	b.SetBytes(size(tree))
	b.ReportAllocs()
	for b.Loop() {
		if _, l := LoadFS(tree, Options{}); l != nil {
			b.Fatal(l)
		}
	}
}

// BenchmarkBareParse is hclsyntax alone on as many cores.
func BenchmarkBareParse(b *testing.B) {
	tree := generated(1000)
	var names []string
	for name := range tree {
		names = append(names, name)
	}
	b.SetBytes(size(tree))
	b.ReportAllocs()
	for b.Loop() {
		each(Options{}.workers(), len(names), func(i int) {
			if _, diags := hclsyntax.ParseConfig(tree[names[i]].Data, names[i], hcl.InitialPos); diags.HasErrors() {
				b.Error(diags)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	tree := generated(100)
	b.SetBytes(size(tree))
	for b.Loop() {
		for _, f := range tree {
			if m := checkLimits(f.Data, modeFile, DefaultLimits()); m.found != nil {
				b.Fatal(m.found)
			}
		}
	}
}

func BenchmarkCheckText(b *testing.B) {
	tree := generated(100)
	b.SetBytes(size(tree))
	for b.Loop() {
		for _, f := range tree {
			if checkText(f.Data) != nil {
				b.Fatal("not text")
			}
		}
	}
}
