package lockfile

import (
	"fmt"

	"github.com/writ-auth/writ/config/diag"
)

// checkDuplicates refuses what two merged branches leave behind when both
// recorded something: one label with two values, or one value under two labels,
// in use or retired. The sections are sorted.
func checkDuplicates(f *File) diag.List {
	var l diag.List
	sections := f.sections()
	for _, s := range sections {
		l = append(l, duplicateLabels(s)...)
	}
	l = append(l, duplicateValues("duplicate-identifier", sections[0], sections[2])...)
	return append(l, duplicateValues("duplicate-client-id", sections[1], sections[3])...)
}

// duplicateLabels reports labels with two records in a section. Retired records may share one:
// an object may have been retired, and another of the same label after it.
func duplicateLabels(s section) diag.List {
	var l diag.List
	entries := *s.entries
	for i := 1; i < len(entries); i++ {
		before, e := entries[i-1], entries[i]
		if before.Label != e.Label || s.retired {
			continue
		}
		twice := diag.New("duplicate-name", e.Range,
			fmt.Sprintf("%s %q is recorded twice in the lockfile, which is what two merged branches leave behind. "+
				"Keep the record of the %s that is in use and run \"writ lock\".", s.blockType, e.Label, s.attribute),
			diag.Related{Message: "the other record", Range: before.Range})
		l = append(l, twice.Titled("Recorded twice"))
	}
	return l
}

// duplicateValues looks at the objects in use and at the retired ones together:
// an identifier that is in use again is no longer retired.
func duplicateValues(code string, sections ...section) diag.List {
	type place struct {
		Entry
		blockType string
	}
	var l diag.List
	first := make(map[string]place, len(*sections[0].entries))
	for _, s := range sections {
		for _, e := range *s.entries {
			before, found := first[e.Value]
			if !found {
				first[e.Value] = place{e, s.blockType}
				continue
			}
			if before.blockType == s.blockType && before.Label == e.Label {
				continue // duplicateLabels says so
			}
			twice := diag.New(code, e.ValueRange,
				fmt.Sprintf("%s %q is recorded for %s %q and for %s %q in the lockfile, which is what two merged branches leave behind. "+
					"Keep one of the two records and run \"writ lock\".", s.attribute, e.Value, before.blockType, before.Label, s.blockType, e.Label),
				diag.Related{Message: "the other record", Range: before.ValueRange})
			l = append(l, twice.Titled("Recorded for two objects"))
		}
	}
	return l
}
