package diag

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// The most diagnostics that a Bounded keeps. Nobody reads more, and the memory for them
// must not grow with the configuration.
const (
	maxErrors   = 1000
	maxWarnings = 10_000
)

// Bounded collects the diagnostics of one run, up to 1,000 errors and 10,000
// warnings, and counts the rest. The zero value is empty. It is not safe for use by several
// goroutines.
type Bounded struct {
	// Accepts reports whether a warning is acknowledged, which is then kept and counted
	// apart from the others. nil acknowledges none.
	Accepts func(d *Diagnostic) bool

	kept             List
	accepted         int
	errors, warnings int
	atError, atMore  hcl.Range // the first error and the first warning not kept
}

// Add adds one diagnostic, or only counts it if enough of its severity are kept.
func (b *Bounded) Add(d Diagnostic) {
	if b.Accepts != nil && b.Accepts(&d) {
		d.Accepted = true
		if b.accepted++; b.accepted <= maxWarnings {
			b.kept = append(b.kept, d)
		}
		return
	}
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

// AddAll adds every diagnostic of a list.
func (b *Bounded) AddAll(l List) {
	for _, d := range l {
		b.Add(d)
	}
}

// HasErrors reports whether an error was added.
func (b *Bounded) HasErrors() bool { return b.errors > 0 }

// Total returns the number of diagnostics added, kept or not.
func (b *Bounded) Total() int { return b.errors + b.warnings + b.accepted }

// Sorted returns the diagnostics that were kept, by place, and a note of how many
// more there were. The note has the severity of those that it counts, so that a
// list of errors keeps the outcome of the run.
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

// tooManySummary marks the note about diagnostics that were not kept, see IsCut.
const tooManySummary = "Too many problems"

// tooMany is the note about diagnostics that were not kept; at is the first of them.
func tooMany(severity Severity, what string, kept, more int, at hcl.Range) Diagnostic {
	d := Newf("limit-exceeded", at, "Only the first %d %s are reported, and there are %d more. Correct these and run again.", kept, what, more)
	return d.Titled(tooManySummary).WithSeverity(severity)
}

// IsCut reports whether errors are missing from the list because there were too
// many. A caller that compares lists must not take such a list for complete.
func (l List) IsCut() bool {
	for i := range l {
		if l[i].Severity == Error && l[i].Code == "limit-exceeded" && l[i].Summary == tooManySummary {
			return true
		}
	}
	return false
}

// Sorted returns the list by file, position and code, without duplicates.
// Diagnostics without a place come first. The receiver is not changed.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, compare)
	return slices.CompactFunc(out, func(a, b Diagnostic) bool { return compare(a, b) == 0 })
}

// compare orders diagnostics. It is 0 exactly when a reader could not tell the
// two apart; related places do not count.
func compare(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Range.Filename, b.Range.Filename),
		cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Range.End.Byte, b.Range.End.Byte),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
	)
}

// Count returns how many errors and warnings the list holds, and how many warnings
// besides that are accepted.
func (l List) Count() (errors, warnings, accepted int) {
	for i := range l {
		switch {
		case l[i].Severity == Error:
			errors++
		case l[i].Accepted:
			accepted++
		case l[i].Severity == Warning:
			warnings++
		}
	}
	return errors, warnings, accepted
}
