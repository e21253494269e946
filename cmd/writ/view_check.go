package main

import (
	"fmt"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
)

// showChecks prints the outcome of "writ check". Expectations that hold are counted and not
// listed: what is listed has to be mended.
func showChecks(env *cli.Env, report *checkReport, coverage bool) error {
	if env.JSON {
		return env.PrintJSON(report)
	}
	var text strings.Builder
	for _, result := range report.Tests {
		if !result.Passed {
			writeFailure(env, &text, result)
		}
	}
	// No expectations is no failure, but "0 passed" alone would look like success.
	if len(report.Tests) == 0 {
		fmt.Fprintln(env.Err, "There are no expectations: write some in a *.test.hcl file.")
	}
	fmt.Fprintf(&text, "%d passed, %d failed.\n", report.Passed, report.Failed)
	if coverage {
		writeCoverage(&text, report.Uncovered)
	}
	_, err := fmt.Fprint(env.Text(), text.String())
	return err
}

// writeFailure prints one expectation that does not hold, with the line at which it stands.
func writeFailure(env *cli.Env, text *strings.Builder, result testResult) {
	fmt.Fprintf(text, "%s  %s (%s:%d)\n", env.Paint(cli.Red, "FAIL"), diag.OneLine(result.Name), diag.OneLine(result.File), result.Line)
	for line := range strings.Lines(result.failure()) {
		text.WriteString("      " + line)
	}
	text.WriteString("\n")
}

// failure says in lines why an expectation is not met: what was expected, why it was
// refused, and the block that decided. It is also the text of the failure in JUnit and
// SARIF.
func (r *testResult) failure() string {
	var text strings.Builder
	for _, m := range r.Failures {
		fmt.Fprintf(&text, "%s: expected %s, got %s\n", diag.OneLine(m.What), diag.OneLine(m.Expected), diag.OneLine(m.Actual))
	}
	if r.Reason != "" {
		fmt.Fprintf(&text, "refused: %s\n", diag.OneLine(r.Reason))
	}
	for _, sentence := range r.Why {
		fmt.Fprintf(&text, "%s\n", diag.OneLine(sentence))
	}
	switch {
	case r.Decided == "":
	case r.DecidedAt == "":
		fmt.Fprintf(&text, "decided by %s\n", diag.OneLine(r.Decided))
	default:
		fmt.Fprintf(&text, "decided by %s (%s)\n", diag.OneLine(r.Decided), diag.OneLine(r.DecidedAt))
	}
	return text.String()
}

// writeCoverage lists what no expectation exercises.
func writeCoverage(text *strings.Builder, gaps []gap) {
	if len(gaps) == 0 {
		text.WriteString("Every authorization and scope is exercised.\n")
		return
	}
	text.WriteString("\nNot exercised:\n")
	for _, g := range gaps {
		place := ""
		if g.Place != "" {
			place = " (" + diag.OneLine(g.Place) + ")"
		}
		if g.Whole {
			fmt.Fprintf(text, "  %s%s\n", g.Address, place)
		} else {
			fmt.Fprintf(text, "  %s%s: %s\n", g.Address, place, strings.Join(g.Scopes, " "))
		}
	}
}
