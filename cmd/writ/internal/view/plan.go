// Package view prints the results of commands, for people and for machines: plans,
// snapshots, explanations, graphs. It decides nothing. Text of authors is printed on one
// line, with the characters escaped that a terminal would act on.
package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
)

// A Plan prints a plan in one format.
type Plan interface {
	Render(w io.Writer, r *Review) error
}

// A Review is a plan and what is known about it beside. The zero value of each
// other member adds nothing.
type Review struct {
	*compiler.Plan
	Notes  map[string][]Note // about a change, by its address
	Checks []CheckResult     // what "plan --check" was asked
	Guards *Guards           // how policies and expectations came out; nil when they were not asked

	Environment string   // of the issuer
	Base, Head  string   // the commits that are compared, in full; "" when there is none
	Dirty       bool     // the files are not those of Head
	Unchecked   []string // what could not be compared, as nouns
	Warning     string   // a sentence that a reader must know first
	Refactored  bool     // the files differ from those that they are compared with

	// Place says where an attribute of the object at an address is written, or one of a
	// nested block with a label. It may be nil.
	Place func(address, attribute, label string) Place
}

// A Note is a sentence about a change that is known from elsewhere than the configuration.
// It stands below the statements that it is about, and with the object.
type Note struct {
	Text string
	Name string          // of the scope or the nested block that it is about; "" for the whole change
	Of   compiler.Effect // EffectWiden where it is about what widens alone, EffectNarrow likewise; "" for either
}

// texts are the notes as sentences.
func texts(notes []Note) []string {
	var list []string
	for _, note := range notes {
		list = append(list, note.Text)
	}
	return list
}

// about returns, of the notes of a change, the sentences about a statement with an effect.
// names are the scopes or the nested block of the statement; nil for the whole change.
func about(notes []Note, names []string, effect compiler.Effect) []string {
	directed := effect == compiler.EffectWiden || effect == compiler.EffectNarrow
	var list []string
	for _, note := range notes {
		if (note.Name == "" || names == nil || slices.Contains(names, note.Name)) && (note.Of == "" || note.Of == effect || !directed) {
			list = append(list, note.Text)
		}
	}
	return list
}

// A Place is where something is written, and who answers for it. Each may be "".
type Place struct {
	Owner string    // of the object, as its metadata has it
	Range hcl.Range // zero where several things stand in several places
	URL   string    // of the line where it begins, at a commit
	Gone  bool      // it is written in what is compared with alone
}

// Line is the file and the line, as in "payments/clients.hcl:12"; "" for no place.
func (p Place) Line() string {
	if p.Range.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.Range.Filename, p.Range.Start.Line)
}

// PlanOf is the view for the command's output format and terminal. With full it prints
// every object and statement, without at most MaxObjects of each; JSON has all of them
// either way.
func PlanOf(env *cli.Env, full bool) Plan {
	if env.JSON {
		return PlanJSON{}
	}
	return wrappedPlan{PlanText{Color: env.Color(env.Out), Full: full}, cli.Width(env.Out)}
}

// A wrappedPlan breaks the lines of a plan at words, for a terminal of a width in columns.
type wrappedPlan struct {
	Plan
	width int
}

// Render writes the plan as the view inside does, line by line.
func (v wrappedPlan) Render(w io.Writer, r *Review) error {
	return v.Plan.Render(cli.NewWrapper(w, v.width), r)
}

// PlanJSON prints a plan for machines.
type PlanJSON struct{}

// Render writes the plan as it is saved, with the notes inside the changes that they are
// about, the checks, and how policies and expectations came out. Where these refuse the
// plan, it is not valid, and the diagnostics that say why are among its members. A plan
// about which nothing beside is known is written as it is, which is what a saved plan
// holds.
func (v PlanJSON) Render(w io.Writer, r *Review) error {
	guards := r.Guards
	if guards != nil && guards.Policies+guards.Expectations == 0 {
		guards = nil
	}
	refused := r.Guards != nil && r.Guards.Refusal != nil
	if len(r.Notes) == 0 && len(r.Checks) == 0 && guards == nil && !refused {
		return cli.WriteJSON(w, r.Plan)
	}
	type change struct {
		*compiler.Change
		Notes []string `json:"notes,omitempty"`
	}
	full := struct {
		*compiler.Plan
		Changes []change      `json:"changes"` // in the place of the plan's own
		Checks  []CheckResult `json:"checks,omitempty"`
		Guards  *Guards       `json:"guards,omitempty"`
		*refusal
	}{Plan: r.Plan, Changes: make([]change, len(r.Changes)), Checks: slices.Clone(r.Checks), Guards: guards}
	if refused {
		report := diag.NewReport(r.Guards.Refusal.List, r.Guards.Refusal.Sources)
		full.refusal = &refusal{report.Valid, report.ErrorCount, report.WarningCount, report.Diagnostics}
	}
	for i := range full.Checks {
		full.Checks[i].Counterexamples = append([]compiler.Counterexample{}, full.Checks[i].Counterexamples...) // never null
	}
	for i := range r.Changes {
		full.Changes[i] = change{&r.Changes[i], texts(r.Notes[r.Changes[i].Address])}
	}
	return cli.WriteJSON(w, full)
}

// A refusal has the members of a report of diagnostics, see diag.Report.
type refusal struct {
	Valid        bool                    `json:"valid"`
	ErrorCount   int                     `json:"error_count"`
	WarningCount int                     `json:"warning_count"`
	Diagnostics  []diag.ReportDiagnostic `json:"diagnostics"`
}

// actionSign is the mark of an action, as in Terraform's plans, which reviewers know: "+",
// "-", "~", and "-/+" for what is destroyed and created.
func actionSign(action compiler.Action) string {
	switch action {
	case compiler.ActionCreate:
		return "+"
	case compiler.ActionDelete:
		return "-"
	case compiler.ActionReplace:
		return "-/+"
	}
	return "~"
}

// actionPhrase says what happens to an object, in the words of Terraform's plans.
func actionPhrase(c *compiler.Change) string {
	switch c.Action {
	case compiler.ActionCreate:
		return "will be created"
	case compiler.ActionDelete:
		return "will be destroyed"
	case compiler.ActionReplace:
		return "will be replaced"
	case compiler.ActionRename:
		return "is renamed from " + c.PreviousAddress
	}
	return "will be updated"
}

// planSummary is the line that counts the changes. A policy that is gone gives nobody access,
// so it is counted by itself.
func planSummary(p *compiler.Plan) string {
	if p.Empty() {
		return "No changes."
	}
	var line strings.Builder
	fmt.Fprintf(&line, "Plan: %d to add, %d to change, %d to destroy", p.Summary.Add, p.Summary.Change, p.Summary.Destroy)
	if p.Summary.Rename > 0 {
		fmt.Fprintf(&line, ", %d to rename", p.Summary.Rename)
	}
	line.WriteString(". ")
	widen := 0
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Effect == compiler.EffectWiden && !isGuard(c.Address) {
			widen++
		}
	}
	switch widen {
	case 0:
		line.WriteString("No change widens access")
	case 1:
		line.WriteString("1 change widens access")
	default:
		fmt.Fprintf(&line, "%d changes widen access", widen)
	}
	if guards := loosened(p); guards != "" {
		line.WriteString(", and " + guards)
	}
	return line.String() + "."
}

// planFiles says which files will be written when no object changes, "" when one does or
// nothing is written. The snapshot may have other bytes although no object changes, as
// after a comment that moved every line: it records where objects are declared.
func planFiles(p *compiler.Plan) string {
	switch {
	case len(p.Changes) > 0 || p.Empty():
		return ""
	case p.LockChanged && p.PriorDigest == p.Digest:
		return "Nothing that servers see changes. The lockfile will be written."
	case p.LockChanged:
		return "No object changes. The lockfile and the snapshot will be written."
	}
	return "No object changes, but the snapshot has other bytes and will be written."
}

// atMost is a remaining time such as 22h30m. Above an hour it is rounded up to minutes, so
// that it never says too little: somebody may wait for the last token to expire.
func atMost(seconds int64) string {
	if seconds > 3600 {
		seconds = (seconds + 59) / 60 * 60
	}
	var b strings.Builder
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}} {
		if n := seconds / unit.seconds; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			seconds %= unit.seconds
		}
	}
	return b.String()
}

// accessPeriod says from when to when access changes, "" for from now on and without end.
func accessPeriod(a *compiler.AccessChange) string {
	var words []string
	if a.From != "" {
		words = append(words, "from "+a.From)
	}
	if a.Until != "" {
		words = append(words, "until "+a.Until)
	}
	return strings.Join(words, " ")
}

// remark puts remarks in brackets, with a space before them; empty ones are left out, and
// "" is for none.
func remark(remarks ...string) string {
	remarks = slices.DeleteFunc(remarks, func(r string) bool { return r == "" })
	if len(remarks) == 0 {
		return ""
	}
	return " (" + strings.Join(remarks, "; ") + ")"
}
