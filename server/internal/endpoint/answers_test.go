package endpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// answersPage is docs/answers.md and the anchors of its headings.
func answersPage(t *testing.T) (text string, anchors []string) {
	t.Helper()
	content, err := os.ReadFile("../../../docs/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchors = append(anchors, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-"))
		}
	}
	return string(content), anchors
}

// Every answer leads to a section about it, and says nothing that RFC 6749 section 5.2
// forbids in a description.
func TestEveryAnswerHasASection(t *testing.T) {
	_, anchors := answersPage(t)
	var all []*Error
	for code := range wording {
		all = append(all, refuse(code, "some"))
	}
	for reason, how := range mending {
		all = append(all, refuse(how.code, reason))
	}
	for _, e := range all {
		for _, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
			in := e.In(style)
			if !slices.Contains(anchors, in.page) {
				t.Errorf("%s, %s: no section %q", e.Code, e.Reason, in.page)
			}
			if strings.ContainsFunc(in.Description, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
				t.Errorf("%s, %s: description %q", e.Code, e.Reason, in.Description)
			}
		}
	}
}

// Every reason that the log may have is explained on the page.
func TestEveryReasonIsExplained(t *testing.T) {
	text, anchors := answersPage(t)
	n := 0
	for _, file := range []string{"error.go", "../../decide/refusal.go", "../refresh/families.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				reason, err := strconv.Unquote(literal.Value)
				if n++; err != nil || !slices.Contains(anchors, reason) && !strings.Contains(text, "`"+reason+"`") {
					t.Errorf("%s: %s is not explained", file, literal.Value)
				}
			}
			return true
		})
	}
	for _, row := range authenticationReasons {
		if !slices.Contains(anchors, string(row.reason)) && !strings.Contains(text, "`"+string(row.reason)+"`") {
			t.Errorf("%s is not explained", row.reason)
		}
	}
	if n < 60 {
		t.Errorf("only %d reasons were found", n)
	}
}

// A list in a description is bounded, and leaves out what no description may hold.
func TestNamed(t *testing.T) {
	long := strings.Repeat("a", maxNamed-1)
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, ""}, {[]string{"a", "b"}, ": a b"}, {[]string{`a"`, `b\`, "c", "ä"}, ": c"}, {[]string{long, "b", "c"}, ": " + long + " and 2 more"},
	} {
		if got := named(": ", test.names...); got != test.want {
			t.Errorf("%q: %q", test.names, got)
		}
	}
}
