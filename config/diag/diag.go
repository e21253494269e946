// Package diag is how the compiler's side of writ speaks of mistakes: as data,
// with a stable code, an exact range and the way out. Author mistakes are
// diagnostics; mistakes of the calling program panic.
//
// It owns the type, its two renderings, for people and as JSON, and the catalogue
// of codes: what each means, an example and the way out. It knows no
// rule: each rule has its text where it is checked.
package diag

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// A Severity says whether a diagnostic refuses the configuration.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Diagnostic is one problem in what an author wrote.
type Diagnostic struct {
	Severity Severity
	Code     string    // stable, kebab-case: "duplicate-identifier"
	Summary  string    // three or four words, capital first, no period
	Detail   string    // full sentences, ending with the way out
	Range    hcl.Range // zero when there is no place to show
	Related  []Related // further places, each with its own snippet
	Secret   bool      // what stands at Range may be a secret: no snippet shows it
}

// Related is a second place that a diagnostic involves.
type Related struct {
	Message string // "api.orders is declared here"
	Range   hcl.Range
}

// A List is every problem that one run found.
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

// Errors leaves out the warnings.
func (l List) Errors() List {
	return slices.DeleteFunc(slices.Clone(l), func(d Diagnostic) bool { return d.Severity != Error })
}
