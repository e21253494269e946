package main

import (
	"fmt"
	"strings"
)

// showChecks prints the outcome of "writ check".
func (a *app) showChecks(report *checkReport, coverage bool) error {
	if a.json {
		return a.printJSON(report)
	}
	var text strings.Builder
	for _, result := range report.Tests {
		if !result.Passed {
			a.writeFailure(&text, result)
		}
	}
	if len(report.Tests) == 0 {
		fmt.Fprintln(a.err, "There are no expectations: write some in a *.test.hcl file.")
	}
	fmt.Fprintf(&text, "%d passed, %d failed.\n", report.Passed, report.Failed)
	if coverage {
		writeCoverage(&text, report.Uncovered)
	}
	_, err := fmt.Fprint(a.out, text.String())
	return err
}

func (a *app) writeFailure(text *strings.Builder, result testResult) {
	fmt.Fprintf(text, "%s  %s (%s:%d)\n", a.paint(red, "FAIL"), visible(result.Name), visible(result.File), result.Line)
	for _, m := range result.Failures {
		fmt.Fprintf(text, "      %s: expected %s, got %s\n", visible(m.What), visible(m.Expected), visible(m.Actual))
	}
	if result.Reason != "" {
		fmt.Fprintf(text, "      refused: %s\n", visible(result.Reason))
	}
	for _, sentence := range result.Why {
		fmt.Fprintf(text, "      %s\n", visible(sentence))
	}
	switch {
	case result.Decided == "":
	case result.DecidedAt == "":
		fmt.Fprintf(text, "      decided by %s\n", visible(result.Decided))
	default:
		fmt.Fprintf(text, "      decided by %s (%s)\n", visible(result.Decided), visible(result.DecidedAt))
	}
	text.WriteString("\n")
}

func writeCoverage(text *strings.Builder, gaps []gap) {
	if len(gaps) == 0 {
		text.WriteString("Every authorization and scope is exercised.\n")
		return
	}
	text.WriteString("\nNot exercised:\n")
	for _, g := range gaps {
		place := ""
		if g.Place != "" {
			place = " (" + visible(g.Place) + ")"
		}
		if g.Whole {
			fmt.Fprintf(text, "  %s%s\n", g.Address, place)
		} else {
			fmt.Fprintf(text, "  %s%s: %s\n", g.Address, place, strings.Join(g.Scopes, " "))
		}
	}
}
