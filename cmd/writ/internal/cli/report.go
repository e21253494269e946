package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// Report shows why a command failed: as diagnostics on standard error, or with
// --json as the one object on standard output. A mistake on the command line is two lines of
// text and no diagnostic, as it stands in no file. A Status says nothing.
func (e *Env) Report(err error) {
	if err == nil {
		return
	}
	if _, said := errors.AsType[Status](err); said {
		return
	}
	if usage, ok := usageError(err); ok && !e.JSON {
		fmt.Fprintf(NewWrapper(e.Err, Width(e.Err)), "writ: %s\n%s\n", usage, usage.Hint)
		return
	}
	if past, ok := errors.AsType[*workspace.RevisionError](err); ok {
		e.Warn(past.Problems.List, past.Problems.Sources)
	}
	problems := diag.ProblemsOf(err)
	if e.JSON {
		e.ShowReport(e.Out, problems)
		return
	}
	e.showDiagnostics(problems)
}

// manyWarnings is how many kinds of warnings a command shows whose subject is another.
const manyWarnings = 3

// Remind shows the warnings of a tree beside a result that is about something
// else: of a few kinds the first of each, of many a number. A long list would bury the
// result, and "writ validate" has it.
func (e *Env) Remind(t *workspace.Tree) {
	kinds := map[string]bool{}
	for _, d := range t.Warnings.Unaccepted() {
		kinds[d.Code] = true
	}
	if len(kinds) <= manyWarnings || e.JSON {
		e.Warn(t.Warnings, t.Sources)
		return
	}
	e.find(t.Warnings, t.Sources)
	fmt.Fprintf(NewWrapper(e.Err, Width(e.Err)), "%d warnings of %d kinds: \"writ validate\" shows them.\n\n", len(t.Warnings.Unaccepted()), len(kinds))
}

// Warn shows warnings beside a result: on standard error in either form, so
// that standard output holds the result alone.
func (e *Env) Warn(list diag.List, sources map[string][]byte) {
	if len(list) == 0 {
		return
	}
	problems := &diag.Problems{List: list, Sources: sources}
	if e.JSON {
		e.ShowReport(e.Err, problems)
		return
	}
	e.find(list, sources)
	e.showDiagnostics(problems)
}

// showDiagnostics shows diagnostics to people. Those of the folder that the command was
// run for come first, and after them those of the rest of the configuration.
func (e *Env) showDiagnostics(problems *diag.Problems) {
	write := diag.WriteText
	if e.AllWarnings {
		write = diag.WriteAllText
	}
	var here, elsewhere diag.List
	for _, d := range problems.List {
		if e.inside != "" && strings.HasPrefix(d.Range.Filename, e.inside+"/") {
			here = append(here, d)
		} else {
			elsewhere = append(elsewhere, d)
		}
	}
	for _, list := range []diag.List{here, elsewhere} {
		write(e.Err, list.Sorted(), problems.Sources, Width(e.Err), e.Color(e.Err))
	}
}

// ShowReport prints diagnostics for machines: a diag.Report as one line of JSON.
func (e *Env) ShowReport(w io.Writer, problems *diag.Problems) {
	WriteJSON(w, diag.NewReport(problems.List.Sorted(), problems.Sources))
}

// The exit codes, whose meanings are in exitCodes. A script may tell an answer (2 and 3)
// from a failure, and a command that was typed wrong from one that failed.
const (
	ExitOK      = 0
	ExitError   = 1
	ExitChanges = 2
	ExitStale   = 3
	ExitUsage   = 64 // EX_USAGE of sysexits(3)
	ExitDefect  = 70 // EX_SOFTWARE of sysexits(3)
)

// exitCodes are the exit codes as the manual page explains them.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{ExitOK, "done"},
	{ExitError, "an error, with diagnostics"},
	{ExitChanges, "plan --detailed-exitcode: there are changes; plan --check: one does not hold; explain: refused; who: nobody; fleet: an instance is wrong; usage --unused: something is"},
	{ExitStale, "apply: the plan is stale; fmt --check: something to change"},
	{ExitUsage, "the command line makes no sense"},
	{ExitDefect, "a defect in writ"},
}

// A Status is the error of a command that has said all there is to say: it ends the program
// with that code and prints nothing.
type Status int

// Error names the code. Report shows none of it: see Status.
func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// ExitCode is what the program ends with when a command returned err. Of an error with
// several diagnostics, the first that has a code of its own decides.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if status, ok := errors.AsType[Status](err); ok {
		return int(status)
	}
	for _, d := range diag.ProblemsOf(err).List {
		switch d.Code {
		case diag.CodeUsage:
			return ExitUsage
		case "plan-stale":
			return ExitStale
		}
	}
	return ExitError
}

// usageError finds in an error's chain that of a command line that makes no sense. Its hint
// is set by commandLine.hint, if nothing better is known.
func usageError(err error) (*diag.Failure, bool) {
	failed, ok := errors.AsType[*diag.Failure](err)
	return failed, ok && failed.Code == diag.CodeUsage
}
