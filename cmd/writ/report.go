package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// report shows why a command failed: as diagnostics on standard error, or with
// --json as the one object on standard output.
func (a *app) report(err error) {
	if err == nil {
		return
	}
	if _, said := errors.AsType[exitStatus](err); said {
		return
	}
	if usage, ok := errors.AsType[*diag.Failure](err); ok && usage.Code == diag.CodeUsage && !a.json {
		fmt.Fprintf(a.err, "writ: %s\n%s\n", usage, usage.Hint)
		return
	}
	if past, ok := errors.AsType[*workspace.RevisionError](err); ok {
		a.warn(past.Problems.List, past.Problems.Sources)
	}
	problems := diag.ProblemsOf(err)
	if a.json {
		a.showReport(a.out, problems)
		return
	}
	a.showDiagnostics(problems)
}

// manyWarnings is how many warnings a command shows whose subject is another.
const manyWarnings = 10

// remind shows the warnings of a tree beside a result that is about something
// else: a few in full, many as a number.
func (a *app) remind(t *workspace.Tree) {
	if len(t.Warnings) <= manyWarnings || a.json {
		a.warn(t.Warnings, t.Sources)
		return
	}
	fmt.Fprintf(a.err, "%d warnings: \"writ validate\" shows them.\n\n", len(t.Warnings))
}

// warn shows warnings beside a result: on standard error in either form, so
// that standard output holds the result alone.
func (a *app) warn(list diag.List, sources map[string][]byte) {
	if len(list) == 0 {
		return
	}
	problems := &diag.Problems{List: list, Sources: sources}
	if a.json {
		a.showReport(a.err, problems)
		return
	}
	a.showDiagnostics(problems)
}

func (a *app) showDiagnostics(problems *diag.Problems) {
	diag.WriteText(a.err, problems.List.Sorted(), problems.Sources, a.errWidth, a.errColor)
}

func (a *app) showReport(w io.Writer, problems *diag.Problems) {
	writeJSON(w, diag.NewReport(problems.List.Sorted(), problems.Sources))
}
