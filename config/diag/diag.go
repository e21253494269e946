// Package diag is how the compiler reports mistakes: as data with a stable code,
// an exact range and a way out. Mistakes of an author are diagnostics; mistakes
// of the calling program panic.
//
// It owns the type, its renderings, for people, as JSON and in the formats that hosts of
// repositories read, and the catalogue of codes: what each means, an example and what to
// do. It knows no rule of the language: the text of a diagnostic is written where its rule
// is checked.
//
// What an author wrote may be hostile to whoever reads a diagnostic: it can hold what acts on
// a terminal, commands to a CI runner, or a secret. Diagnostics hold it as it is, and every
// rendering here makes it harmless (Visible, Inert, masked).
package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A Severity says whether a diagnostic refuses the configuration.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Notice  Severity = "notice" // worth knowing; only of what a plan means, see Findings.Changes
)

// A Diagnostic is one problem in what an author wrote.
type Diagnostic struct {
	Severity Severity
	Code     string    // stable, kebab-case: "duplicate-identifier"
	Summary  string    // three or four words, capital first, no period
	Detail   string    // full sentences, ending with the way out
	Range    hcl.Range // zero when there is no place to show
	Related  []Related // further places, each with its own snippet
	Secret   bool      // the source at Range may be a secret: no snippet shows it
	Accepted bool      // a warning that the configuration acknowledges: it is recorded, and asks for nothing
}

// Related is a second place that a diagnostic involves.
type Related struct {
	Message string // "api.orders is declared here"
	Range   hcl.Range
}

// A List is every problem that one run found, in the order in which it was found, until it
// is Sorted. Lists are passed around and kept, so nothing changes the elements of one that
// it did not make.
type List []Diagnostic

// HasErrors reports whether any diagnostic refuses the configuration.
func (l List) HasErrors() bool {
	for i := range l {
		if l[i].Severity == Error {
			return true
		}
	}
	return false
}

// Unaccepted leaves out the warnings that the configuration acknowledges.
func (l List) Unaccepted() List {
	return slices.DeleteFunc(slices.Clone(l), func(d Diagnostic) bool { return d.Accepted })
}

// Errors leaves out the warnings.
func (l List) Errors() List {
	return slices.DeleteFunc(slices.Clone(l), func(d Diagnostic) bool { return d.Severity != Error })
}

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

// projectPage is where writ is.
const projectPage = "https://github.com/writ-auth/writ"

// codesPage is the address of docs/codes.md, which is the output of "writ schema --codes".
const codesPage = projectPage + "/blob/main/docs/codes.md"

// URL is the address of the code's page.
func (c Code) URL() string { return urlOf(c.Name) }

// urlOf is the address of a code's section: GitHub makes an anchor of each heading.
func urlOf(name string) string { return codesPage + "#" + name }

// IsCommand reports whether the example consists of commands. The configuration
// alone does not cause such a code.
func (c Code) IsCommand() bool { return strings.HasPrefix(c.Example, "$ ") }

// Codes returns a copy of the catalogue, sorted by name.
func Codes() []Code { return slices.Clone(codes[:]) }

// LookUp returns the row of a code, and false if the catalogue has none.
func LookUp(name string) (Code, bool) {
	i, found := slices.BinarySearchFunc(codes[:], name, func(c Code, name string) int { return strings.Compare(c.Name, name) })
	if !found {
		return Code{}, false
	}
	return codes[i], true
}

// mustLookUp returns the row of a code. It panics for a code without a row, since
// users are sent to the page of every code that they see.
func mustLookUp(name string) Code {
	c, found := LookUp(name)
	if !found {
		panic(fmt.Sprintf("diag: no code %q in the catalogue", name))
	}
	return c
}

// New makes a diagnostic with the severity and the summary of its code's row. It
// panics for a code that the catalogue lacks. The range is zero if there is no
// place to show. The detail is full sentences and ends with the way out.
func New(code string, at hcl.Range, detail string, related ...Related) Diagnostic {
	c := mustLookUp(code)
	return Diagnostic{Severity: c.Severity, Code: c.Name, Summary: c.Summary, Detail: detail, Range: at, Related: related}
}

// Newf is New with a format for the detail.
func Newf(code string, at hcl.Range, format string, args ...any) Diagnostic {
	return New(code, at, fmt.Sprintf(format, args...))
}

// WithSeverity returns the diagnostic with another severity than its row's. It
// panics for a code that has one severity: its page says which, and a pipeline may rely on it.
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

// FromHCL converts diagnostics of the HCL library, with one code for all and the
// library's summaries. All become errors: the library's parser and evaluator
// report nothing else.
func FromHCL(diags hcl.Diagnostics, code string) List {
	l := make(List, 0, len(diags))
	for _, d := range diags {
		l = append(l, fromHCL(d, code))
	}
	return l
}

// fromHCL converts one diagnostic of the HCL library.
func fromHCL(d *hcl.Diagnostic, code string) Diagnostic {
	out := New(code, hcl.Range{}, d.Detail).Titled(d.Summary)
	if d.Subject != nil {
		out.Range = Forward(*d.Subject)
	}
	return out
}

// Forward returns a range that ends no earlier than it begins. The parser reports
// ranges without an end for what the end of the file cuts off.
func Forward(r hcl.Range) hcl.Range {
	if r.End.Byte < r.Start.Byte {
		r.End = r.Start
	}
	return r
}
