package main

import (
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

// diagnosed is the outcome of a command that stopped at the author's mistakes.
type diagnosed struct {
	list    diag.List
	sources map[string][]byte
	exit    int // 0 stands for exitError
}

func (d *diagnosed) Error() string { return fmt.Sprintf("%d diagnostics", len(d.list)) }

// add takes in the diagnostics of one file.
func (d *diagnosed) add(list diag.List, name string, source []byte) {
	if len(list) == 0 {
		return
	}
	d.list = append(d.list, list...)
	if _, ok := d.sources[name]; !ok {
		d.sources = maps.Clone(d.sources)
		d.sources[name] = source
	}
}

// report shows why a command failed: as diagnostics on standard error, or with
// --json as the one object on standard output.
func (a *app) report(err error) {
	if err == nil {
		return
	}
	if _, said := errors.AsType[exitStatus](err); said {
		return
	}
	if usage, ok := errors.AsType[*usageError](err); ok && !a.json {
		fmt.Fprintf(a.err, "writ: %s\n%s\n", usage.message, usage.hint)
		return
	}
	problems, ok := errors.AsType[*diagnosed](err)
	if !ok {
		problems = &diagnosed{list: diag.List{withoutPlace(err)}}
	}
	if a.json {
		a.showReport(a.out, problems)
		return
	}
	a.showDiagnostics(problems)
}

// withoutPlace makes a diagnostic of an error that no line of the configuration caused.
func withoutPlace(err error) diag.Diagnostic {
	if failed, ok := errors.AsType[*failure](err); ok {
		detail := sentence(err.Error())
		if failed.hint != "" {
			detail += " " + failed.hint
		}
		return diag.New(failed.code, hcl.Range{}, detail)
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		return diag.New("usage", hcl.Range{}, sentence(usage.message)+" "+usage.hint)
	}
	return diag.New("command-failed", hcl.Range{}, sentence(err.Error()))
}

// sentence makes a sentence of an error text.
func sentence(text string) string {
	if text == "" {
		return text
	}
	if last := text[len(text)-1]; last != '.' && last != '?' && last != '!' {
		text += "."
	}
	return upperFirst(text)
}

// manyWarnings is how many warnings a command shows whose subject is another.
const manyWarnings = 10

// remind shows the warnings of a tree beside a result that is about something
// else: a few in full, many as a number.
func (a *app) remind(t *tree) {
	if len(t.warnings) <= manyWarnings || a.json {
		a.warn(t.warnings, t.sources)
		return
	}
	fmt.Fprintf(a.err, "%d warnings: \"writ validate\" shows them.\n\n", len(t.warnings))
}

// warn shows warnings beside a result: on standard error in either form, so
// that standard output holds the result alone.
func (a *app) warn(list diag.List, sources map[string][]byte) {
	if len(list) == 0 {
		return
	}
	problems := &diagnosed{list: list, sources: sources}
	if a.json {
		a.showReport(a.err, problems)
		return
	}
	a.showDiagnostics(problems)
}

func (a *app) showDiagnostics(problems *diagnosed) {
	diag.WriteText(a.err, problems.list.Sorted(), problems.sources, a.errWidth, a.errColor)
}

func (a *app) showReport(w io.Writer, problems *diagnosed) {
	writeJSON(w, diag.NewReport(problems.list.Sorted(), problems.sources))
}
