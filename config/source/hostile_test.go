package source

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
)

// within fails a test that hangs, which a limit was to prevent. It is generous:
// a test machine may be busy.
func within(t *testing.T, d time.Duration, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("still at it after %v", d)
	}
}

var hostile = []struct {
	name, code string
	src        func() string
}{
	{"brackets", "limit-exceeded", func() string { return "a = " + strings.Repeat("[", 200_000) }},
	{"closed brackets", "limit-exceeded", func() string { return "a = " + strings.Repeat("[", 65) + strings.Repeat("]", 65) + "\n" }},
	{"parentheses", "limit-exceeded", func() string { return "a = " + strings.Repeat("(", 200_000) }},
	{"calls", "limit-exceeded", func() string { return "a = " + strings.Repeat("f(", 200_000) }},
	{"objects", "limit-exceeded", func() string { return "a = " + strings.Repeat("{a=", 200_000) }},
	{"indexes", "limit-exceeded", func() string { return "a = " + strings.Repeat("b[", 200_000) }},
	{"interpolations", "limit-exceeded", func() string { return "a = " + strings.Repeat(`"${`, 200_000) }},
	{"trimmed interpolations", "limit-exceeded", func() string { return "a = " + strings.Repeat(`"${~`, 200_000) }},
	{"heredocs", "limit-exceeded", func() string { return "a = " + strings.Repeat("<<E\n${", 200_000) }},
	{"blocks", "limit-exceeded", func() string { return strings.Repeat("a {\n", 200_000) }},
	{"for expressions", "limit-exceeded", func() string { return "a = " + strings.Repeat("[for x in ", 200_000) }},
	{"bangs", "limit-exceeded", func() string { return "a = " + strings.Repeat("!", 200_000) + "true\n" }},
	{"minuses", "limit-exceeded", func() string { return "a = " + strings.Repeat("-", 200_000) + "1\n" }},
	{"minuses on lines", "limit-exceeded", func() string { return "a = (" + strings.Repeat("-\n", 200_000) + "1)\n" }},
	{"conditionals", "limit-exceeded", func() string { return "a = " + strings.Repeat("b ? c : ", 200_000) + "d\n" }},
	{"conditionals inside", "limit-exceeded", func() string { return "a = " + strings.Repeat("b ? ", 200_000) }},
	{"sums", "limit-exceeded", func() string { return "a = 1" + strings.Repeat("+1", 200_000) + "\n" }},
	{"sums on lines", "limit-exceeded", func() string { return "a = [1" + strings.Repeat("+\n1", 200_000) + "]\n" }},
	{"sums in a for", "limit-exceeded", func() string { return "a = {\nfor x in y : x => 1" + strings.Repeat("+\n1", 200_000) + "}\n" }},
	{"traversal", "limit-exceeded", func() string { return "a = b" + strings.Repeat(".a", 200_000) + "\n" }},
	{"index chain", "limit-exceeded", func() string { return "a = b" + strings.Repeat("[c]", 200_000) + "\n" }},
	{"splats", "limit-exceeded", func() string { return "a = b" + strings.Repeat("[*]", 200_000) + "\n" }},
	{"namespaces", "limit-exceeded", func() string { return "a = b" + strings.Repeat("::b", 200_000) + "()\n" }},
	{"directives", "limit-exceeded", func() string { return `a = "` + strings.Repeat("%{if b}", 200_000) + "\"\n" }},
	{"loops in a template", "limit-exceeded", func() string { return "a = <<E\n" + strings.Repeat("%{for b in c}\n", 200_000) + "E\n" }},
	{"directives beyond ASCII", "limit-exceeded", func() string { return `a = "` + strings.Repeat("%{if→}", 200_000) + "\"\n" }},
	{"long string", "limit-exceeded", func() string { return `a = "` + strings.Repeat("x", 65_537) + "\"\n" }},
	{"long heredoc", "limit-exceeded", func() string { return "a = <<E\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", 700) + "E\n" }},
	{"pieces of a string", "limit-exceeded", func() string { return `a = "` + strings.Repeat("$a", 30_000) + "\"\n" }},
	{"sequences of a string", "limit-exceeded", func() string { return `a = "` + strings.Repeat("${1}", 100_000) + "\"\n" }},
	{"sequences of a heredoc", "limit-exceeded", func() string { return "a = <<E\n" + strings.Repeat("${1}", 200_000) + "\nE\n" }},
	{"directives of a string", "limit-exceeded", func() string { return `a = "` + strings.Repeat("%{if true}%{endif}", 100_000) + "\"\n" }},
	{"sequences of a file", "limit-exceeded", func() string { return strings.Repeat("a {\nb = \"${c}\"\n}\n", 100_001) }},
	{"one name", "limit-exceeded", func() string { return strings.Repeat("x", 15_000_000) }},
	{"one name behind a digit", "limit-exceeded", func() string { return "a = 1" + strings.Repeat("x", 15_000_000) }},
	{"labels of a block", "limit-exceeded", func() string { return "a " + strings.Repeat(`"x" `, 300_000) + "{}\n" }},
	{"line ends", "limit-exceeded", func() string { return strings.Repeat("\n", 15_000_000) }},
	{"line ends of a block", "limit-exceeded", func() string { return "a {\n" + strings.Repeat("\n", 15_000_000) + "}\n" }},
	{"comments", "limit-exceeded", func() string { return strings.Repeat("#\n", 7_500_000) }},
	{"blocks of a file", "limit-exceeded", func() string { return strings.Repeat("a {}\n", 1_500_000) }},
	{"lists of a file", "limit-exceeded", func() string { return strings.Repeat("a {\nb = ["+strings.Repeat("1,", 99_000)+"]\n}\n", 60) }},
	{"lines of a heredoc", "limit-exceeded", func() string { return "a = <<E\n" + strings.Repeat("\n", 60_000) + "E\n" }},
	{"digits", "limit-exceeded", func() string { return "a = " + strings.Repeat("9", 1<<20) + "\n" }},
	{"exponent", "limit-exceeded", func() string { return "a = \"${1e10000000}\"\n" }},
	{"negative exponent", "limit-exceeded", func() string { return "a = 1e-1000\n" }},
	{"elements", "limit-exceeded", func() string { return "a = [" + strings.Repeat("1,", 100_002) + "]\n" }},
	{"attributes of an object", "limit-exceeded", func() string { return "a = {\n" + strings.Repeat("b=1\n", 100_001) + "}\n" }},
	{"attributes of a block", "limit-exceeded", func() string { return "a {\n" + strings.Repeat("b=1\n", 100_001) + "}\n" }},
	{"words", "limit-exceeded", func() string { return "a = [" + strings.Repeat("b c d e f g h i j k l,", 99_000) + "]\n" }},
	{"blocks in a block", "limit-exceeded", func() string { return "a {\n" + strings.Repeat("b {}\n", 10_001) + "}\n" }},
	{"mistakes that keep blocks open", "syntax", func() string { return strings.Repeat("a {\nx = ) }\n", 50_000) }},
	{"mistakes in one block", "limit-exceeded", func() string { return "q {\n" + strings.Repeat("b {\nx = 1 1 }\n", 300_000) + "}\n" }},
	{"block that is never closed", "syntax", func() string { return "q {\n" + strings.Repeat("b {}\n", 100_000) }},
	{"open comments", "syntax", func() string { return strings.Repeat("/* ", 300_000) }},
	{"strange characters", "syntax", func() string { return strings.Repeat("→", 300_000) }},
	{"symbols", "syntax", func() string { return strings.Repeat("@", 300_000) }},
	{"newlines in a string", "syntax", func() string { return `a = "` + strings.Repeat("\n", 300_000) }},
	{"wrong lines", "syntax", func() string { return strings.Repeat("a a\n", 300_000) }},
	{"wrong closers", "syntax", func() string { return "a = [" + strings.Repeat(")", 300_000) }},
	{"invalid UTF-8", "syntax", func() string { return "a = \"caf\xe9\"\n" }},
	{"cut UTF-8", "syntax", func() string { return "a = \"\xe2\x82" }},
	{"escape character", "syntax", func() string { return "# \x1b[2J\n" }},
	{"NUL", "syntax", func() string { return "a = \"\x00\"\n" }},
	{"lone carriage return", "syntax", func() string { return "a = <<E\nb\rc\nE\n" }},
}

func TestHostileFiles(t *testing.T) {
	testenv.OneByOne(t)
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte(tt.src())
			within(t, time.Minute, func() {
				f, l := ParseFile("hostile.hcl", src, Limits{})
				if f == nil || f.Body == nil {
					t.Error("no body")
				}
				if len(l) == 0 || l[0].Code != tt.code {
					t.Fatalf("got %.300s, want %s", fmt.Sprint(l), tt.code)
				}
				if len(l) > 2*maxFileDiagnostics {
					t.Errorf("%d diagnostics", len(l))
				}
				if r := l[0].Range; r.Filename != "hostile.hcl" || r.Start.Line < 1 || r.Start.Column < 1 || r.End.Byte > len(src) {
					t.Errorf("range %#v", r)
				}
			})
		})
	}
}

// TestWithinLimits makes sure that what is just within a limit is let through.
func TestWithinLimits(t *testing.T) {
	for name, src := range map[string]string{
		"brackets":           "a = " + strings.Repeat("[", 64) + strings.Repeat("]", 64) + "\n",
		"blocks":             strings.Repeat("a {\n", 64) + strings.Repeat("}\n", 64),
		"conditionals":       "a = " + strings.Repeat("true ? 1 : ", 64) + "1\n",
		"sum":                "a = 1" + strings.Repeat("+1", 1000) + "\n",
		"sums":               "a = [" + strings.Repeat("1+1,", 5000) + "]\n",
		"sums on lines":      strings.Repeat("a {\n b = 1+1\n}\n", 5000),
		"sums in an object":  "a = {\n" + strings.Repeat("  b = 1+1\n", 5000) + "}\n",
		"string":             `a = "` + strings.Repeat("x", 65_536) + "\"\n",
		"number":             "a = " + strings.Repeat("9", 32) + "\nb = 1e999\n",
		"elements":           "a = [" + strings.Repeat("1,", 100_000) + "]\n",
		"chosen elements":    "a = {\n" + strings.Repeat("  b = true ? 1 : 2\n", 49_999) + "}\n",
		"blocks in a block":  "a {\n" + strings.Repeat("b {}\n", 10_000) + "}\n",
		"PEM in a heredoc":   "a = <<E\n" + strings.Repeat(strings.Repeat("x", 64)+"\n", 900) + "E\n",
		"directives in turn": `a = "` + strings.Repeat("%{if true}x%{endif}", 600) + "\"\n",
		"byte order mark":    "\ufeffa = 1\n",
		"CRLF":               "a = 1\r\nb {\r\n  c = \"d\"\r\n}\r\n",
		"no end of line":     "a = 1",
		"nothing":            "",
		"comments":           "# ♥\n// \u202e\n/* x */\n",
	} {
		if _, l := ParseFile("a.hcl", []byte(src), Limits{}); l != nil {
			t.Errorf("%s: %.300s", name, fmt.Sprint(l))
		}
	}
}

// TestMistakeBeforeLimit makes sure that a lost bracket is reported as such,
// not as the limit that it leads to.
func TestMistakeBeforeLimit(t *testing.T) {
	src := "a {\n  b = [1, 2\n}\n" + strings.Repeat("c {\n  d = [1]\n", 80)
	_, l := ParseFile("a.hcl", []byte(src), Limits{})
	if len(l) != 1 || l[0].Code != "syntax" || l[0].Range.Start.Line != 3 || !strings.Contains(l[0].Detail, "line 2") {
		t.Errorf("got %v", l)
	}
}

func TestLimitsCanBeSet(t *testing.T) {
	src := "a = [[\"xyz\", 1 + 1 + 1, 12345, \"${abc}${1}\"]]\n\n"
	for name, limits := range map[string]Limits{
		"nesting":    {Nesting: 1},
		"operators":  {Operators: 1},
		"file":       {FileBytes: 10},
		"string":     {StringBytes: 2},
		"digits":     {NumberDigits: 4},
		"collection": {Collection: 1},
		"tokens":     {Tokens: 5},
		"word":       {WordBytes: 2},
		"sequences":  {Sequences: 1},
		"file words": {FileTokens: 12},
		"file lines": {FileLines: 1},
	} {
		if _, l := ParseFile("a.hcl", []byte(src), limits); len(l) != 1 || l[0].Code != "limit-exceeded" {
			t.Errorf("%s: %v", name, l)
		}
	}
}

// TestLimitsInWords makes sure that no limit is left out of the reference.
func TestLimitsInWords(t *testing.T) {
	n := 0
	for l := range DefaultLimits().All() {
		if n++; l.Most <= 0 || l.What == "" {
			t.Errorf("limit %d: %+v", n, l)
		}
	}
	if fields := reflect.TypeFor[Limits]().NumField(); n != fields {
		t.Errorf("%d limits in words, %d in all", n, fields)
	}
}
