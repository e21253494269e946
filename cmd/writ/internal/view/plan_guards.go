package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// This file holds what a change is held to: the checks of the command line, policies and
// expectations.

// A CheckResult is the answer to one --check, as --json prints it.
type CheckResult struct {
	Check           string                    `json:"check"` // as it was asked
	Holds           bool                      `json:"holds"`
	Counterexamples []compiler.Counterexample `json:"counterexamples"` // as sentences; empty where it holds
}

// Sentences are the counterexamples in words, none for a check that holds.
func (r *CheckResult) Sentences() []string {
	sentences := make([]string, len(r.Counterexamples))
	for i := range r.Counterexamples {
		sentences[i] = r.Counterexamples[i].Text
	}
	return sentences
}

// Guards are how policies and expectations came out, and what no expectation exercises,
// which nobody would notice if it changed.
type Guards struct {
	Policies     int       `json:"policies"`       // that were evaluated
	Expectations int       `json:"expectations"`   // that were decided
	Failed       []Finding `json:"failed"`         // policies and expectations that do not hold, errors before warnings
	Exercisable  int       `json:"authorizations"` // in all
	Unexercised  []string  `json:"unexercised"`    // addresses of those that no expectation exercises

	Refusal *diag.Problems `json:"-"` // everything that is wrong, where the plan may not be applied; else nil
}

// A Finding is a policy or an expectation that does not hold. A policy that many objects do
// not satisfy has one for each.
type Finding struct {
	Guard   string // its address
	Text    string // sentences
	Place   Place  // of the object, or of the expectation
	Warning bool   // it stops nothing
}

// MarshalJSON writes the finding with the members of a diagnostic, so that a script reads
// both in one way.
func (f Finding) MarshalJSON() ([]byte, error) {
	out := struct {
		Guard    string            `json:"guard"`
		Severity diag.Severity     `json:"severity"`
		Detail   string            `json:"detail"`
		Range    *diag.ReportRange `json:"range,omitempty"`
	}{f.Guard, diag.Error, diag.Visible(f.Text, ""), nil}
	if f.Warning {
		out.Severity = diag.Warning
	}
	if at := f.Place.Range; at.Filename != "" {
		r := diag.ReportRangeOf(at)
		out.Range = &r
	}
	return json.Marshal(out)
}

// Errors counts the findings that fail the plan. g may be nil, for guards that were not asked.
func (g *Guards) Errors() int {
	n := 0
	if g != nil {
		for i := range g.Failed {
			if !g.Failed[i].Warning {
				n++
			}
		}
	}
	return n
}

// checks writes what --check was asked, with each counterexample: its sentence has the
// address and the line.
func (c *planComment) checks(checks []CheckResult) {
	var lines []line
	for _, check := range checks {
		answer := "holds"
		if !check.Holds {
			answer = "**does not hold**"
		}
		lines = append(lines, c.text("- ", codeSpan(check.Check)+" "+answer, nil))
		for _, sentence := range check.Sentences() {
			lines = append(lines, c.text("  - ", sentence, markdownText))
		}
	}
	c.list("Checks", lines, 0, c.room(roomForGuards))
}

// guards prints how policies and expectations came out, and which of them changed. Where
// there are none, there is nothing to say but that some were removed. At most most of each
// are printed.
func (out *planPrinter) guards(g *Guards, s *section, most int) {
	if g == nil || g.Policies+g.Expectations == 0 {
		out.section(s, most)
		return
	}
	out.line(cli.Bold, s.heading+":")
	out.line("", "")
	// What fails comes before what was changed: it stops the apply.
	for _, f := range g.Failed[:min(len(g.Failed), most)] {
		mark, c := "✗", cli.Red
		if f.Warning {
			mark, c = "!", cli.Yellow
		}
		fmt.Fprintf(out, "  %s %s\n", out.paint(c, mark), diag.OneLine(f.Guard+remark(f.Place.Line())+": "+f.Text))
	}
	if more := len(g.Failed) - most; more > 0 {
		fmt.Fprintf(out, "    and %d more.\n", more)
	}
	out.statements(s, most)
	if summary := g.summary(); summary != "" {
		fmt.Fprintf(out, "    %s\n", strings.TrimPrefix(summary, "✅ "))
	}
	out.line("", "")
}

// guards writes how policies and expectations came out, which of them changed, and a count
// of those that hold.
func (c *planComment) guards(g *Guards, s *section) {
	var lines []line
	if g != nil {
		for _, f := range g.Failed {
			mark := "❌ "
			if f.Warning {
				mark = "⚠️ "
			}
			where := c.where(f.Place)
			lines = append(lines, c.text("- ", f.Text, func(text string) string { return mark + codeSpan(f.Guard) + where + ": " + codeSpan(text) }))
		}
	}
	for i := range s.statements {
		lines = append(lines, c.line(s.statements[i]))
	}
	if g != nil {
		if summary := g.summary(); summary != "" {
			lines = append(lines, c.text("- ", plainText(summary), nil))
		}
	}
	c.list(s.heading, lines, 0, c.room(roomForGuards))
}

// summary counts what holds: "✅ 3 policies hold · 6 expectations pass · ...". What fails is
// listed and not counted here. The mark is only there if something holds.
func (g *Guards) summary() string {
	// A policy that many objects do not satisfy has a finding for each, and is one policy.
	failed := map[bool]int{} // expectations, policies
	seen := map[string]bool{}
	for _, f := range g.Failed {
		if !seen[f.Guard] {
			seen[f.Guard] = true
			failed[isExpectation(f.Guard)]++
		}
	}
	var parts []string
	switch n := g.Policies - failed[false]; n {
	case 0:
	case 1:
		parts = append(parts, "1 policy holds")
	default:
		parts = append(parts, fmt.Sprintf("%d policies hold", n))
	}
	switch n := g.Expectations - failed[true]; n {
	case 0:
	case 1:
		parts = append(parts, "1 expectation passes")
	default:
		parts = append(parts, fmt.Sprintf("%d expectations pass", n))
	}
	mark := "✅ "
	if len(parts) == 0 {
		mark = ""
	}
	switch {
	case g.Exercisable == 0:
	case g.Expectations == 0:
		parts = append(parts, "there are no expectations")
	case len(g.Unexercised) > 0:
		parts = append(parts, fmt.Sprintf("no expectation exercises %d of %s", len(g.Unexercised), schema.Plural(g.Exercisable, "authorization")))
	}
	return mark + strings.Join(parts, " · ")
}
