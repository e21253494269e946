package diag

import "github.com/hashicorp/hcl/v2"

// A configuration that is wrong everywhere is not reported to its end: the
// first errors and warnings are, and how many more there are.
const (
	maxErrors   = 1000
	maxWarnings = 10_000
)

// Bounded collects the diagnostics of one run, up to 1,000 errors and 10,000
// warnings. The zero value is empty.
type Bounded struct {
	kept             List
	errors, warnings int
	atError, atMore  hcl.Range // of the first that is not kept
}

// Add takes one diagnostic in, or counts it when there are enough of its severity.
func (b *Bounded) Add(d Diagnostic) {
	n, most, at := &b.errors, maxErrors, &b.atError
	if d.Severity != Error {
		n, most, at = &b.warnings, maxWarnings, &b.atMore
	}
	switch *n++; {
	case *n <= most:
		b.kept = append(b.kept, d)
	case *n == most+1:
		*at = d.Range
	}
}

// AddAll is Add for each of a list.
func (b *Bounded) AddAll(l List) {
	for _, d := range l {
		b.Add(d)
	}
}

// Total returns how many diagnostics there were, kept or not.
func (b *Bounded) Total() int { return b.errors + b.warnings }

// Sorted returns what was kept, by place, and says how much more there was. That
// note is of the severity of what it counts.
func (b *Bounded) Sorted() List {
	l := b.kept
	if more := b.errors - maxErrors; more > 0 {
		l = append(l[:len(l):len(l)], tooMany(Error, "errors", maxErrors, more, b.atError))
	}
	if more := b.warnings - maxWarnings; more > 0 {
		l = append(l[:len(l):len(l)], tooMany(Warning, "warnings", maxWarnings, more, b.atMore))
	}
	return l.Sorted()
}

const tooManySummary = "Too many problems"

func tooMany(severity Severity, what string, kept, more int, at hcl.Range) Diagnostic {
	d := Newf("limit-exceeded", at, "Only the first %d %s are reported, and there are %d more. Correct these and run again.", kept, what, more)
	return d.Titled(tooManySummary).WithSeverity(severity)
}

// IsCut reports whether the list lacks errors that there were too many of.
func (l List) IsCut() bool {
	for i := range l {
		if l[i].Severity == Error && l[i].Code == "limit-exceeded" && l[i].Summary == tooManySummary {
			return true
		}
	}
	return false
}
