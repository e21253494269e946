package source

import (
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzParseFile looks for input that brings the parser down, or that it reads
// differently in pieces or behind the scan.
func FuzzParseFile(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
	}
	for _, tt := range hostile {
		if s := tt.src(); len(s) < 300 {
			f.Add([]byte(s))
		}
	}
	f.Add(generated(1)["part-00000.hcl"].Data)
	f.Add([]byte(`{"api": {"a": {"scope": {"s": {}}, "n": ["${x}", 1]}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		checkJSONFile(t, src)
		got, l := ParseFile("a.hcl", src, Limits{})
		for _, d := range l {
			if d.Range.Filename != "a.hcl" || d.Range.Start.Byte > d.Range.End.Byte || d.Range.End.Byte > len(src) {
				t.Fatalf("place of %v in %d bytes", d, len(src))
			}
		}
		if checkText(src) != nil || checkLimits(src, modeFile, DefaultLimits()).found != nil {
			return
		}
		want, diags := hclsyntax.ParseConfig(src, "a.hcl", hcl.InitialPos)
		if diags.HasErrors() != l.HasErrors() {
			t.Fatalf("the parser alone says %v, with the scan %v", diags, l)
		}
		if !l.HasErrors() && dump(got.Body) != dumpTree(want.Body.(*hclsyntax.Body)) {
			t.Fatal("the trees differ")
		}
	})
}

func checkJSONFile(t *testing.T, src []byte) {
	tree, l := LoadFS(fstest.MapFS{"a.hcl.json": {Data: src}}, Options{Shapes: shapes, Workers: 1})
	if len(tree.Files) != 1 || tree.Files[0].Body == nil {
		t.Fatalf("no body: %v", l)
	}
	for _, d := range l {
		if d.Range.Filename != "a.hcl.json" || d.Range.End.Byte > len(src) {
			t.Fatalf("place of %v in %d bytes", d, len(src))
		}
	}
}
