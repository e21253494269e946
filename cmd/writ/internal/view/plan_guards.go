package view

import (
	"fmt"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// This file holds what a change is held to: the checks of the command line, policies and
// expectations.

// A CheckResult is the answer to one --check.
type CheckResult struct {
	Check           string   `json:"check"` // as it was asked
	Holds           bool     `json:"holds"`
	Counterexamples []string `json:"counterexamples"` // sentences; empty where it holds
}

// Guards are how policies and expectations came out, and what nobody holds a change to.
type Guards struct {
	Policies     int       // that were evaluated
	Expectations int       // that were decided
	Failed       []Finding // policies and expectations that do not hold, errors before warnings
	Exercisable  int       // authorizations in all
	Unexercised  []string  // addresses of those that no expectation exercises
}

// A Finding is a policy or an expectation that does not hold.
type Finding struct {
	Guard   string // its address
	Text    string // sentences
	Line    string // "payments/clients.hcl:12"
	URL     string
	Warning bool // it stops nothing
}

// Errors counts the findings that fail the plan.
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

// checks writes what --check was asked, with each counterexample.
func (c *planComment) checks(checks []CheckResult) {
	var lines []line
	for _, check := range checks {
		answer := "holds"
		if !check.Holds {
			answer = "**does not hold**"
		}
		lines = append(lines, c.text("- ", codeSpan(check.Check)+" "+answer, nil))
		for _, sentence := range check.Counterexamples {
			lines = append(lines, c.text("  - ", sentence, markdownText))
		}
	}
	c.list("Checks", lines, 0, c.room(roomForGuards))
}

// guards writes how policies and expectations came out, and which of them changed.
func (c *planComment) guards(g *Guards, s *section) {
	var lines []line
	if g != nil {
		for _, f := range g.Failed {
			mark := "❌ "
			if f.Warning {
				mark = "⚠️ "
			}
			where := c.where(Place{Line: f.Line, URL: f.URL})
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

// summary counts what holds: "✅ 3 policies hold · 6 expectations pass · ...".
func (g *Guards) summary() string {
	failed := map[bool]int{} // expectations, policies
	seen := map[string]bool{}
	for _, f := range g.Failed {
		if !seen[f.Guard] {
			seen[f.Guard] = true
			failed[strings.HasPrefix(f.Guard, "expect ")]++
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
