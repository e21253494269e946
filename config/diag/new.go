package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A Code is one row of the catalogue: a kind of problem, and what its page says.
type Code struct {
	Name     string   // lower-case words with hyphens: "duplicate-identifier"
	Severity Severity // of a diagnostic unless WithSeverity says otherwise
	Either   bool     // some diagnostics of the code are errors and some are warnings
	Summary  string   // of a diagnostic unless Titled says otherwise
	Meaning  string   // full sentences: what holds, and why it matters
	Example  string   // what causes it: HCL, files of a txtar archive, or commands after "$ "
	Remedy   string   // full sentences: what to do
}

// codesPage is the document that "writ schema --codes" prints, as it is published.
const codesPage = "https://github.com/writ-auth/writ/blob/main/docs/codes.md"

// URL is the address of the code's page.
func (c Code) URL() string { return urlOf(c.Name) }

func urlOf(name string) string { return codesPage + "#" + name }

// IsCommand reports whether commands cause the code, not a configuration alone.
func (c Code) IsCommand() bool { return strings.HasPrefix(c.Example, "$ ") }

// Codes returns the catalogue, sorted by name.
func Codes() []Code { return slices.Clone(codes[:]) }

// LookUp returns the row of a code.
func LookUp(name string) (Code, bool) {
	i, found := slices.BinarySearchFunc(codes[:], name, func(c Code, name string) int { return strings.Compare(c.Name, name) })
	if !found {
		return Code{}, false
	}
	return codes[i], true
}

// mustLookUp panics for a code that the catalogue lacks: each code has a page.
func mustLookUp(name string) Code {
	c, found := LookUp(name)
	if !found {
		panic(fmt.Sprintf("diag: no code %q in the catalogue", name))
	}
	return c
}

// New makes a diagnostic of a code, with the severity and the summary of its
// row. It panics for a code that the catalogue lacks. The range is zero when
// there is no place to show; the detail is full sentences, ending with the way out.
func New(code string, at hcl.Range, detail string, related ...Related) Diagnostic {
	c := mustLookUp(code)
	return Diagnostic{Severity: c.Severity, Code: c.Name, Summary: c.Summary, Detail: detail, Range: at, Related: related}
}

// Newf is New with a detail to format.
func Newf(code string, at hcl.Range, format string, args ...any) Diagnostic {
	return New(code, at, fmt.Sprintf(format, args...))
}

// WithSeverity returns the diagnostic with another severity than its row's. It
// panics for a code that has one severity.
func (d Diagnostic) WithSeverity(s Severity) Diagnostic {
	if c := mustLookUp(d.Code); s != c.Severity && !c.Either {
		panic(fmt.Sprintf("diag: %s is never of severity %s", d.Code, s))
	}
	d.Severity = s
	return d
}

// Titled returns the diagnostic with a summary that says more than its row's.
func (d Diagnostic) Titled(summary string) Diagnostic {
	d.Summary = summary
	return d
}
