package diag_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

const orders = `# Orders.
api "orders" {
  name       = "Orders"
  identifier = "https://api.example.com/orders"

  scope "read:orders" { description = "Read orders" }
}
`

// at returns the range of the first occurrence of text in src.
func at(t *testing.T, name, src, text string) hcl.Range {
	t.Helper()
	i := strings.Index(src, text)
	if i < 0 {
		t.Fatalf("no %q", text)
	}
	pos := func(i int) hcl.Pos {
		line := strings.Count(src[:i], "\n") + 1
		return hcl.Pos{Line: line, Column: len([]rune(src[strings.LastIndexByte(src[:i], '\n')+1:i])) + 1, Byte: i}
	}
	return hcl.Range{Filename: name, Start: pos(i), End: pos(i + len(text))}
}

func sample(t *testing.T) (diag.List, map[string][]byte) {
	sources := map[string][]byte{
		"apis/orders.hcl": []byte(orders),
		"apis/old.hcl":    []byte("api \"old\" {\n\tidentifier = \"https://api.example.com/orders\"\n}\n"),
		"hostile.hcl":     []byte("client \"c\" {\n  name = \"\x1b[2J\u202eé\ufeff\u0007\"\n}\n"),
		"long.hcl":        []byte("a = \"" + strings.Repeat("x", 1000) + "HERE" + strings.Repeat("y", 1000) + "\"\n"),
		"many.hcl":        []byte("a = [\n" + strings.Repeat("  1,\n", 20) + "]\n"),
	}
	identifier := `"https://api.example.com/orders"`
	duplicate := diag.Diagnostic{
		Severity: diag.Error, Code: "duplicate-identifier", Summary: "Duplicate identifier",
		Detail:  "The identifier \"https://api.example.com/orders\" is that of api.old as well. Every API has an identifier of its own: change one of the two.",
		Range:   at(t, "apis/orders.hcl", orders, identifier),
		Related: []diag.Related{{Message: "api.old has it", Range: at(t, "apis/old.hcl", string(sources["apis/old.hcl"]), identifier)}},
	}
	return diag.List{
		{Severity: diag.Warning, Code: "unused-client", Summary: "Unused client", Detail: "Said \x1b[31mred\x1b[0m.", Range: at(t, "hostile.hcl", string(sources["hostile.hcl"]), "\"\x1b[2J\u202eé\ufeff\u0007\"")},
		duplicate,
		{Severity: diag.Error, Code: "wrong-type", Summary: "Wrong type", Detail: "It is long.", Range: at(t, "long.hcl", string(sources["long.hcl"]), "HERE")},
		{Severity: diag.Error, Code: "wrong-type", Summary: "Wrong type", Detail: "It is many lines.", Range: at(t, "many.hcl", string(sources["many.hcl"]), string(sources["many.hcl"][4:len(sources["many.hcl"])-1]))},
		{Severity: diag.Error, Code: "unreadable-file", Summary: "Unreadable file", Detail: "\"gone.hcl\" cannot be read: permission denied.",
			Range: hcl.Range{Filename: "gone.hcl", Start: hcl.InitialPos, End: hcl.InitialPos}},
		{Severity: diag.Error, Code: "missing-issuer", Summary: "Missing issuer", Detail: "Add an issuer block."},
		duplicate,
	}, sources
}

// golden compares with a file below testdata, or writes it with WRIT_UPDATE=1.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("WRIT_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWriteText(t *testing.T) {
	l, sources := sample(t)
	for name, tt := range map[string]struct {
		width int
		color bool
	}{"plain.txt": {}, "narrow.txt": {width: 60}, "color.txt": {width: 80, color: true}} {
		var b strings.Builder
		if err := diag.WriteText(&b, l, sources, tt.width, tt.color); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
		if !tt.color && strings.ContainsAny(b.String(), "\x1b\x07\u202e\ufeff") {
			t.Errorf("%s: what acts on a terminal gets through", name)
		}
	}
}

func TestReport(t *testing.T) {
	l, sources := sample(t)
	b, err := json.MarshalIndent(diag.NewReport(l, sources), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", string(b)+"\n")
	b, err = json.Marshal(diag.NewReport(nil, nil))
	if want := `{"format_version":"1","valid":true,"error_count":0,"warning_count":0,"diagnostics":[]}`; string(b) != want || err != nil {
		t.Errorf("empty: %s %v", b, err)
	}
}

func TestSorted(t *testing.T) {
	place := func(file string, byte int) hcl.Range {
		return hcl.Range{Filename: file, Start: hcl.Pos{Byte: byte}, End: hcl.Pos{Byte: byte}}
	}
	l := diag.List{
		{Code: "c", Range: place("b", 1)}, {Code: "a", Range: place("b", 1)}, {Code: "z"}, {Code: "c", Range: place("b", 1)},
		{Code: "c", Range: place("a", 9)}, {Code: "c", Range: place("a", 10)}, {Code: "c", Range: place("b", 1), Detail: "other"},
	}
	var got []string
	for _, d := range l.Sorted() {
		got = append(got, d.Range.Filename+d.Code+d.Detail)
	}
	if want := "z ac ac ba bc bcother"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if l[0].Code != "c" || l[1].Code != "a" {
		t.Error("the list itself has changed")
	}
}

// TestAnyRange makes sure that no range, however wrong, brings rendering down.
func TestAnyRange(t *testing.T) {
	for _, src := range []string{"", "\n", "a", "a\nb", "é\r\n", "\xff"} {
		for start := -1; start < 8; start++ {
			for end := -1; end < 8; end++ {
				l := diag.List{{Severity: diag.Error, Code: "x", Range: hcl.Range{Filename: "f", Start: hcl.Pos{Line: 1, Byte: start}, End: hcl.Pos{Line: 9, Byte: end}}}}
				sources := map[string][]byte{"f": []byte(src)}
				if err := diag.WriteText(new(strings.Builder), l, sources, 1, start%2 == 0); err != nil {
					t.Fatal(err)
				}
				if r := diag.NewReport(l, sources); r.ErrorCount != 1 {
					t.Fatal(r)
				}
			}
		}
	}
}

func TestFromHCL(t *testing.T) {
	rng := hcl.Range{Filename: "f"}
	l := diag.FromHCL(hcl.Diagnostics{
		{Severity: hcl.DiagError, Summary: "S", Detail: "D", Subject: &rng},
		{Severity: hcl.DiagError, Summary: "W"},
	}, "syntax")
	want := diag.List{{Severity: diag.Error, Code: "syntax", Summary: "S", Detail: "D", Range: rng}, {Severity: diag.Error, Code: "syntax", Summary: "W"}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
}

func TestManyWarningsOfOneCode(t *testing.T) {
	var list diag.List
	for i := range 25 {
		at := hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: i + 1, Column: 1, Byte: i}}
		list = append(list,
			diag.Diagnostic{Severity: diag.Warning, Code: "habit", Summary: "A habit", Range: at},
			diag.Diagnostic{Severity: diag.Error, Code: "mistake", Summary: "A mistake", Range: at})
	}
	var out strings.Builder
	if err := diag.WriteText(&out, list, nil, 0, false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "Warning: A habit [habit]"); n != 1 {
		t.Errorf("%d warnings in full", n)
	}
	if n := strings.Count(out.String(), "Error: A mistake"); n != 25 {
		t.Errorf("%d errors", n)
	}
	if !strings.Contains(out.String(), "on a.hcl line 1:\n\nAnd 24 more like this (writ validate --all).\n") {
		t.Errorf("no count of the others:\n%s", out.String())
	}
	out.Reset()
	strict := slices.Repeat(diag.List{{Severity: diag.Error, Code: "unused-client", Summary: "Unused client"}}, 3)
	for i := range strict {
		strict[i].Range = hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: i + 1, Column: 1, Byte: i}}
	}
	if err := diag.WriteText(&out, strict, nil, 0, false); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "Error: Unused client") != 1 || !strings.Contains(out.String(), "And 2 more like this") {
		t.Errorf("warnings that --strict makes errors:\n%s", out.String())
	}
	for i := range list {
		list[i].Accepted = list[i].Severity == diag.Warning && i > 0
	}
	out.Reset()
	if err := diag.WriteText(&out, list, nil, 0, false); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "habit") != 2 || strings.Contains(out.String(), "more like this") {
		t.Errorf("what is accepted is shown:\n%s", out.String())
	}
	out.Reset()
	if err := diag.WriteAllText(&out, list, nil, 0, false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "Accepted: A habit [habit]"); n != 24 {
		t.Errorf("of 24 accepted warnings %d are shown when all are", n)
	}
	if r := diag.NewReport(list, nil); r.WarningCount != 1 || r.AcceptedCount != 24 || r.ErrorCount != 25 {
		t.Errorf("%d warnings, %d accepted, %d errors", r.WarningCount, r.AcceptedCount, r.ErrorCount)
	}
}

// TestManyOnOneLine makes sure that a diagnostic does not look through its file
// again, and that a header is shown as far as it makes sense.
func TestManyOnOneLine(t *testing.T) {
	line := "api \"" + strings.Repeat("x", 1<<20) + "\" {}"
	sources := map[string][]byte{"a.hcl": []byte(strings.Repeat("# x\n", 1<<16) + line)}
	var list diag.List
	for i := range 100_000 {
		at := hcl.Pos{Line: 1<<16 + 1, Column: i + 1, Byte: 4<<16 + i}
		list = append(list, diag.Diagnostic{Severity: diag.Error, Code: "x", Range: hcl.Range{Filename: "a.hcl", Start: at, End: at}})
	}
	start := time.Now()
	var out strings.Builder
	if err := diag.WriteText(&out, list, sources, 0, false); err != nil {
		t.Fatal(err)
	}
	report := diag.NewReport(list, sources)
	if took := time.Since(start); took > 5*time.Minute { // a hang, however busy the machine is
		t.Errorf("took %v", took)
	}
	if n := out.Len() / len(list); n > 600 {
		t.Errorf("%d bytes a diagnostic", n)
	}
	if c := report.Diagnostics[0].Snippet.Context; c != "" {
		t.Errorf("context of %d bytes", len(c))
	}
}

func TestBounded(t *testing.T) {
	var b diag.Bounded
	for i := range 1200 {
		at := hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: i + 1, Byte: i}, End: hcl.Pos{Line: i + 1, Byte: i}}
		b.Add(diag.Diagnostic{Severity: diag.Warning, Code: "habit", Range: at})
		if i < 1000 {
			b.Add(diag.Diagnostic{Severity: diag.Error, Code: "mistake", Range: at})
		}
	}
	if l := b.Sorted(); len(l) != 2200 || l.IsCut() || b.Total() != 2200 {
		t.Errorf("%d kept of %d", len(l), b.Total())
	}
	b.AddAll(diag.List{{Severity: diag.Error, Code: "z"}, {Severity: diag.Error, Code: "z"}})
	l := b.Sorted()
	if note := l[0]; len(l) != 2201 || !l.IsCut() || note.Code != "limit-exceeded" || !strings.Contains(note.Detail, "first 1000 errors are reported, and there are 2 more") {
		t.Errorf("%d kept, %+v", len(l), note)
	}
	var warnings diag.Bounded
	for i := range 10_001 {
		warnings.Add(diag.Diagnostic{Severity: diag.Warning, Code: "habit", Range: hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Byte: i}}})
	}
	if l := warnings.Sorted(); len(l) != 10_001 || l.HasErrors() {
		t.Errorf("%d warnings refuse the configuration: %t", len(l), l.HasErrors())
	}
	accepting := diag.Bounded{Accepts: func(*diag.Diagnostic) bool { return true }}
	for i := range 10_001 {
		accepting.Add(diag.Diagnostic{Severity: diag.Warning, Code: "habit", Range: hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Byte: i}}})
	}
	if l := accepting.Sorted(); len(l) != 10_000 || len(l.Unaccepted()) != 0 || accepting.Total() != 10_001 {
		t.Errorf("%d of %d are kept, %d not accepted", len(l), accepting.Total(), len(l.Unaccepted()))
	}
}

func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"plain: a::b\n":               "plain: a::b\n",
		"::error::x":                  `\u003a:error::x`,
		"one\n \u00a0::error::x\nend": "one\n \u00a0" + `\u003a:error::x` + "\nend",
		"a ##[error]b":                `a \u0023#[error]b`,
	} {
		if got := diag.Inert(text); got != want {
			t.Errorf("Inert(%q) = %q, want %q", text, got, want)
		}
	}
}
