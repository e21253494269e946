package source

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/testenv"
)

// Only the block changes, and what is put behind it; what cannot be edited is an error.
func TestEditBlock(t *testing.T) {
	const next = "b \"y\" {\nv=1\n}\n"
	edit := func(src string) (string, error) {
		out, err := EditBlock("x.hcl", []byte(src), BlockEdit{Type: "b", Label: "x", Set: []AttributeEdit{{"until", `"now"`, "from"}}, Behind: next})
		return string(out), err
	}
	for src, want := range map[string]string{
		"b \"x\" {\n  from = 1\n}":                               "b \"x\" {\n  from  = 1\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
		"a {}\nb x {\n from=1 # c\n}\n\n\n c  {}":                "a {}\nb x {\n  from  = 1 # c\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n\n\n c  {}",
		"b \"x\" {\n  from  = 1\n  until = 2 // two\n}\n# end\n": "b \"x\" {\n  from  = 1\n  until = \"now\" // two\n}\n\nb \"y\" {\n  v = 1\n}\n# end\n",
		"b \"x\" {\n  to = 1\n  c {}\n}\n":                       "b \"x\" {\n  to    = 1\n  until = \"now\"\n  c {}\n}\n\nb \"y\" {\n  v = 1\n}\n",
		"b \"x\" { from = 1 }\n":                                 "b \"x\" {\n  from  = 1\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
		"b \"x\" {}":                                             "b \"x\" {\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
		"b \"x\" {\n  from = <<-T\n  }\n  T\n}\n":                "b \"x\" {\n  from  = <<-T\n  }\n  T\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
	} {
		if got, err := edit(src); err != nil || got != want {
			t.Errorf("%q\n got %q, %v\nwant %q", src, got, err, want)
		}
	}
	for src, says := range map[string]string{
		"b \"z\" {\n  from = 1\n}\n":               "has no b \"x\"",
		"c {\n  b \"x\" {\n    from = 1\n  }\n}\n": "has no b \"x\"",
	} {
		if _, err := edit(src); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", src, err)
		}
	}
	for _, src := range []string{"b \"x\" {", strings.Repeat("[", 100_000)} {
		if _, err := edit(src); err == nil {
			t.Errorf("%.20q was edited", src)
		} else if _, ok := errors.AsType[*diag.Problems](err); !ok {
			t.Errorf("%.20q: %v", src, err)
		}
	}
}

// An attribute goes with its line, a block with the comment right above it; nothing else does.
func TestEditBlockRemoves(t *testing.T) {
	for _, c := range []struct {
		src, want string
		edit      BlockEdit
	}{
		{"b \"x\" {\n  a = 1 # one\n  # two\n  c = 2\n}\n", "b \"x\" {\n  # two\n  c = 2\n}\n", BlockEdit{Set: []AttributeEdit{{Name: "a"}}}},
		{"b \"x\" { a = 1 }\n", "b \"x\" {}\n", BlockEdit{Set: []AttributeEdit{{Name: "a"}}}},
		{"b \"x\" {\n  a = [\n    1,\n  ]\n  c = 2\n}\n", "b \"x\" {\n  a = [3]\n}\n", BlockEdit{Set: []AttributeEdit{{"a", "[3]", ""}, {Name: "c"}, {Name: "d"}}}},
		{"# top\nb \"x\" {}\n", "# top\n", BlockEdit{Remove: true}},
		{"a {}\n\n# of x\n// too\nb \"x\" {\n}\n\nc {}\n", "a {}\n\nc {}\n", BlockEdit{Remove: true}},
		{"a {}\n# of a\n\nb \"x\" {}", "a {}\n# of a\n", BlockEdit{Remove: true}},
		{"b \"x\" {}\n\nc {}\n", "c {}\n", BlockEdit{Remove: true}},
		{"b \"x\" {}\n", "", BlockEdit{Remove: true}},
	} {
		c.edit.Type, c.edit.Label = "b", "x"
		if got, err := EditBlock("x.hcl", []byte(c.src), c.edit); err != nil || string(got) != c.want {
			t.Errorf("%q\n got %q, %v\nwant %q", c.src, got, err, c.want)
		}
	}
}

// A block that is added stands behind an empty line, and alone in a new file.
func TestAppendBlocks(t *testing.T) {
	for src, want := range map[string]string{"": "b {\n  v = 1\n}\n", "a {}": "a {}\n\nb {\n  v = 1\n}\n", "a {}\n# end\n\n\n": "a {}\n# end\n\nb {\n  v = 1\n}\n"} {
		if got, err := AppendBlocks("x.hcl", []byte(src), "b {\nv=1\n}\n"); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", src, got, err)
		}
	}
	if out, err := AppendBlocks("x.hcl", []byte("a {"), "b {}\n"); err == nil {
		t.Errorf("a file that does not parse became %q", out)
	}
}

// What is cut goes with the comments above it and leaves no hole; all else stays as it is.
func TestPrune(t *testing.T) {
	prune := func(src string, cuts ...Cut) (string, error) {
		out, err := Prune("x.hcl", []byte(src), cuts)
		return string(out), err
	}
	block, nested := Cut{Type: "b", Label: "x"}, Cut{Type: "b", Label: "x", Nested: "n", NestedLabel: "m"}
	list := Cut{Type: "b", Label: "x", List: "l", Strings: []string{"p", `q"${`}}
	none := Cut{Type: "b", Label: "x", List: "l"}
	for _, test := range []struct {
		src, want string
		cuts      []Cut
	}{
		{"a {}\n\n# of x\n// too\nb \"x\" {\n  v = 1\n} # end\n\nc  {}\n", "a {}\n\nc  {}\n", []Cut{block}},
		{"# of the file\n\nb \"x\" {}\n\nc  {}\n", "# of the file\n\nc  {}\n", []Cut{block}},
		{"b \"x\" {}\n\n\nc  {}\n", "c  {}\n", []Cut{block}},
		{"c  {}\n\n\nb x {}", "c  {}\n", []Cut{block}},
		{"b x {}\n", "", []Cut{block}},
		{"c {}\nb x {}\nd {}\n", "c {}\nd {}\n", []Cut{block}},
		{"b x {\n\n  n \"m\" { v = 1 }\n\n  n k {}\n}\n", "b x {\n\n  n k {}\n}\n", []Cut{nested}},
		{"b x {\n  n k {}\n  # of m\n  n \"m\" {\n  }\n}\n", "b x {\n  n k {}\n}\n", []Cut{nested}},
		{"b x {\n  l = [ # why\n    \"p\",\n  ]\n  v=1\n}\n", "b x {\n  l = [\"p\", \"q\\\"$${\"]\n  v=1\n}\n", []Cut{list}},
		{"b x {\n  l = c.d # all\n  n \"m\" {}\n}\n", "b x {\n  l = [] # all\n}\n", []Cut{nested, none}},
		{"b x {\n  n \"m\" {}\n}\nc {}\n", "c {}\n", []Cut{nested, block}},
		{"# of the file\nb x {}\n\nc {}\n", "# of the file\n\nc {}\n", []Cut{block}},
		{"c {} # of c\nb x {}\n", "c {} # of c\n", []Cut{block}},
		{"c {}\n/* of x,\n# and more */\nb x {} /* too\n */ // end\nd {}\n", "c {}\nd {}\n", []Cut{block}},
		{"c {}\n/* a\n\n# b */ b x {}\n", "c {}\n/* a\n\n# b */ \n", []Cut{block}},
		{"c {\n  t = <<T\n# text\nT\n}\nb x {}\n", "c {\n  t = <<T\n# text\nT\n}\n", []Cut{block}},
		{"b x {\n  t = <<T\n# text\nT\n  n m {}\n}\n", "b x {\n  t = <<T\n# text\nT\n}\n", []Cut{nested}},
	} {
		if got, err := prune(test.src, test.cuts...); err != nil || got != test.want {
			t.Errorf("%q\n got %q, %v\nwant %q", test.src, got, err, test.want)
		}
	}
	for src, cut := range map[string]Cut{"b y {}\n": block, "b x {}\n": nested, "b x {\n v = 1\n}\n": list, "b x {": block} {
		if out, err := prune(src, cut); err == nil {
			t.Errorf("%q became %q", src, out)
		}
	}
}

func TestExcerpt(t *testing.T) {
	src := "# head\napi \"a\" {}\n\nclient \"b\" { # } in a comment\n  name = \"}\"\n  secret \"x\" {\n    hash = \"sha256:abc\"\n  }\n  public_key \"k\" {\n    jwks = <<-EOT\n      {\"keys\": []}\n    EOT\n  }\n  note = \"" +
		strings.Repeat("long ", 3000) + "\"\n} # behind\nclient \"c\" {}\n"
	hide := func(block, attribute string) bool { return attribute == "hash" || attribute == "jwks" }
	text, ok := Excerpt([]byte(src), strings.Index(src, "client \"b\""), hide)
	if !ok || !strings.HasPrefix(text, "client \"b\" { # }") || !strings.HasSuffix(text, "\"\n}") || strings.Contains(text, "abc") || strings.Contains(text, "keys") {
		t.Errorf("%v %s", ok, text)
	}
	whole := src[strings.Index(src, "client \"b\""):strings.Index(src, " # behind")]
	if got, want := strings.Count(text, "\n"), strings.Count(whole, "\n"); got != want {
		t.Errorf("%d lines instead of %d", got, want)
	}
	for _, start := range []int{-1, 3, len(src), len(src) - 5} {
		if text, ok := Excerpt([]byte(src), start, hide); ok {
			t.Errorf("a block at %d: %q", start, text)
		}
	}
}

// FuzzPrune takes each top-level block out of a file: what is left parses, can be laid out,
// and has every other block byte for byte.
func FuzzPrune(f *testing.F) {
	examples, err := filepath.Glob("../../examples/*/*.hcl")
	if err != nil || len(examples) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, name := range examples {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, src := range []string{
		"# top\na x {}\n/* of b */\nb x {}/* end */ # end\n\n\n// of c\nc x {\n  t = <<-T\n    # no\n    T\n}", "/**/a x {}\n/*\n#*/b x {}\r\n#\r\nc \"x\" {}\r\n",
		"a x {} /*\n*/\n/*\n*/ b x {\n}\n#", "a x {\n  n y {} #\n}\nv = 1 #\nb x {}\n", "\n\n#\n#\n\n#\na \"x\" {}", "a x {}\n \t#\n \tb x {}\n \t\n \t#\n",
	} {
		f.Add([]byte(src))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		f.Add(randomFile(random))
	}
	f.Fuzz(checkPrune)
}

// TestPruneRandomFiles does the same with more files than a fuzzer finds in its time.
func TestPruneRandomFiles(t *testing.T) {
	testenv.OneByOne(t)
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		checkPrune(t, randomFile(random))
	}
}

// randomFile puts blocks, comments and blank lines together as people and generators do.
func randomFile(random *rand.Rand) []byte {
	pieces := []string{
		"# one\n", "// two\n", "/* three */\n", "/* four\n# still four\n*/\n", "\n", "\n\n", "  ", "\t", "/* five */ ", "# \r\n",
		"v%d = 1 # six\n", "t%d = <<T\n# text\nT\n", "b \"x%d\" {}\n", "b \"x%d\" {\n}\n", "b x%d { v = 1 } # seven\n", "b x%d {} /* eight */\n",
		"b x%d {} /* nine\n*/\n", "b x%d {\n  # in it\n  n y {}\n  t = <<-T\n    # no\n    T\n}\n",
	}
	var file []byte
	for i := range 2 + random.IntN(10) {
		piece := pieces[random.IntN(len(pieces))]
		if strings.Contains(piece, "%d") {
			piece = fmt.Sprintf(piece, i)
		}
		file = append(file, piece...)
	}
	if random.IntN(3) == 0 {
		file = bytes.TrimRight(file, "\n")
	}
	return file
}

func checkPrune(t *testing.T, src []byte) {
	blocks := func(src []byte) (texts []string, headers []Cut) {
		file, diags := hclsyntax.ParseConfig(src, "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%q does not parse: %v", src, diags)
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			label := ""
			if len(b.Labels) == 1 {
				label = b.Labels[0]
			}
			texts = append(texts, string(src[b.TypeRange.Start.Byte:b.CloseBraceRange.End.Byte]))
			headers = append(headers, Cut{Type: b.Type, Label: label})
		}
		return texts, headers
	}
	if _, l := ParseFile("x.hcl", src, Limits{}); l.HasErrors() {
		return
	}
	before, headers := blocks(src)
	for i, cut := range headers {
		if slices.IndexFunc(headers, func(c Cut) bool { return c.Type == cut.Type && c.Label == cut.Label }) != i {
			continue // the first of that name is meant
		}
		out, err := Prune("x.hcl", src, []Cut{cut})
		if err != nil {
			if cut.Label != "" {
				t.Errorf("%q without %v: %v", src, cut, err)
			}
			continue
		}
		after, _ := blocks(out)
		if want := slices.Delete(slices.Clone(before), i, i+1); !slices.Equal(after, want) {
			t.Errorf("%q without %v is %q", src, cut, out)
		}
		if _, diags := Format("x.hcl", out, Limits{}); diags.HasErrors() {
			t.Errorf("%q cannot be laid out: %v", out, diags)
		}
	}
}
