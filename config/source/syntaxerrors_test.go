package source_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/writ-auth/writ/config/source"
)

// TestOneMistakeOneDiagnostic breaks a file at one place: the answer is one
// diagnostic, on the guilty line.
func TestOneMistakeOneDiagnostic(t *testing.T) {
	for name, c := range map[string]struct {
		src, want string
		line      int
	}{
		"quote forgotten": {"a {\n  b = \"x\n  c = \"y\"\n}\nd {\n  e = \"z\"\n}\n", "Close it with a double quote", 2},
		"single quotes":   {"a {\n  b = 'x'\n}\n", "Use double quotes", 2},
		"curly quotes":    {"a {\n  b = “x”\n}\n", "straight quote", 2},
		"conflict":        {"a {\n<<<<<<< HEAD\n  b = 1\n=======\n  b = 2\n>>>>>>> theirs\n}\n", "Git left a conflict", 2},
		"conflict first":  {"<<<<<<< HEAD\na {\n}\n=======\nb {\n}\n>>>>>>> theirs\n", "Git left a conflict", 1},
		"json":            {"{\"api\": {\"x\": {}}}\n", ".hcl.json", 1},
		"on one line":     {"a { b = 1 c = 2 }\n", "each attribute on a line of its own", 1},
		"brace too many":  {"a {\n  b = 1\n}\n}\n", "This brace closes nothing", 4},
		"list not closed": {"a {\n  b = [1\n}\n", "Close it with ]", 3},
		"set twice":       {"a {\n  b = 1\n  b = 2\n}\n", "remove one of the two", 3},
		"bare duration":   {"a {\n  b = 15m\n  c = 2\n}\n", `stands in quotes: "15m"`, 2},
		"wrong order":     {"a {\n  b = c =< 900\n}\n", "Comparisons are written ==", 2},
		"no equals sign":  {"a {\n  name \"Carts\"\n}\n", `with an equals sign: name = "Carts"`, 2},
		"bare label":      {"a 1 {\n}\n", `in quotes: a "1" {.`, 1},
		"no-break space":  {"a {\n\u00a0 b = 1\n}\n", "U+00A0", 2},
		"zero-width":      {"a {\n  b\u200b = 1\n}\n", "U+200B", 2},
		"trailing comma":  {"a {\n  b = 1,\n  c = 2\n}\n", "not commas", 2},
	} {
		_, l := source.ParseFile("a.hcl", []byte(c.src), source.Limits{})
		_, loaded := source.LoadFS(fstest.MapFS{"a.hcl": {Data: []byte(c.src)}}, source.Options{})
		if len(loaded) != len(l) || len(l) > 0 && loaded[0].Detail != l[0].Detail {
			t.Errorf("%s: in a tree there are %d diagnostics: %v", name, len(loaded), loaded)
		}
		if len(l) != 1 || l[0].Range.Start.Line != c.line || !strings.Contains(l[0].Detail, c.want) {
			t.Errorf("%s: want one diagnostic on line %d that says %q", name, c.line, c.want)
			for _, d := range l {
				t.Logf("  %d: %s: %s", d.Range.Start.Line, d.Summary, d.Detail)
			}
		}
	}
}

// A file of variables has any name.
func TestJSONOfVariables(t *testing.T) {
	_, l := source.ParseFile("prod.tfvars.json", []byte("{\"environment\": \"prod\"}\n"), source.Limits{})
	if len(l) != 1 || !strings.Contains(l[0].Detail, "Write it in HCL") {
		t.Errorf("got %v", l)
	}
}

// Mistakes of their own are each reported, and a heredoc may hold what looks
// like a conflict.
func TestSeveralMistakes(t *testing.T) {
	_, l := source.ParseFile("a.hcl", []byte("a {\n  b = 'x'\n}\nc {\n  d = 'y'\n}\n"), source.Limits{})
	if len(l) != 2 {
		t.Errorf("got %d diagnostics, want 2: %v", len(l), l)
	}
	_, l = source.ParseFile("a.hcl", []byte("a = <<T\n<<<<<<< HEAD\nT\n"), source.Limits{})
	if len(l) != 0 {
		t.Errorf("a heredoc: %v", l)
	}
}
