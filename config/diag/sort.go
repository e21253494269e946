package diag

import (
	"cmp"
	"slices"
)

// Sorted returns the list by file, position and code, without duplicates.
// Diagnostics without a place come first. The receiver is not changed.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, compare)
	return slices.CompactFunc(out, func(a, b Diagnostic) bool { return compare(a, b) == 0 })
}

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

// Count returns how many errors and warnings the list holds.
func (l List) Count() (errors, warnings int) {
	for i := range l {
		if l[i].Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}
