package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
)

// PlanText prints a plan for people at a terminal: first what it means, then
// what happens to each object, then who gains and loses what.
type PlanText struct{ Color bool }

// A planPrinter writes lines. The first error is kept by the buffered writer.
type planPrinter struct {
	*bufio.Writer
	color bool
	notes map[string][]string // of the objects, by address
}

// planBuffer is large because a first plan may be a hundred megabytes.
const planBuffer = 64 << 10

// Render writes the plan. It buffers little, as a plan may be larger than memory should hold
// twice.
func (v PlanText) Render(w io.Writer, r *Review) error {
	p := r.Plan
	out := &planPrinter{bufio.NewWriterSize(w, planBuffer), v.Color, r.Notes}
	if len(p.Changes) > 0 {
		out.meaning(p)
		out.line(cli.Bold, "writ will do this:")
		for i := range p.Changes {
			out.change(&p.Changes[i])
		}
		out.access(p.Access)
		out.line("", "")
	} else if files := planFiles(p); files != "" {
		out.line("", files)
		out.line("", "")
	}
	out.checks(r.Checks)
	out.line(cli.Bold, planSummary(p))
	return out.Flush()
}

// paint colors a text if the output takes colors.
func (out *planPrinter) paint(c cli.Color, text string) string {
	if !out.color {
		return text
	}
	return c.Paint(text)
}

// line writes a text and a line break.
func (out *planPrinter) line(c cli.Color, text string) {
	out.WriteString(out.paint(c, text))
	out.WriteByte('\n')
}

// sign is the mark before an object or attribute, right-aligned in three
// columns as "-/+" is the widest.
func (out *planPrinter) sign(sign string) string {
	c := cli.Yellow
	switch sign {
	case "+":
		c = cli.Green
	case "-", "-/+":
		c = cli.Red
	}
	return strings.Repeat(" ", 3-len(sign)) + out.paint(c, sign)
}

// meaning prints one section for each effect that the plan has. If the reasons of what widens
// take more than a screen, a list of the addresses comes first.
func (out *planPrinter) meaning(p *compiler.Plan) {
	for _, section := range effectSections {
		lines := linesOf(p.Changes, section.effect)
		if len(lines) == 0 {
			continue
		}
		heading := cli.Bold
		if section.effect == compiler.EffectWiden {
			heading += cli.Yellow
		}
		out.line(heading, section.heading+":")
		out.line("", "")
		if section.effect == compiler.EffectWiden && moreThanAScreen(lines) {
			for _, address := range addressesOf(lines) {
				fmt.Fprintf(out, "    %s\n", diag.OneLine(address))
			}
			out.line("", "")
		}
		for i, line := range lines {
			if i == 0 || lines[i-1].change != line.change {
				fmt.Fprintf(out, "%s %s\n", out.sign(actionSign(line.change.Action)), diag.OneLine(line.change.Address))
			}
			fmt.Fprintf(out, "        %s\n", diag.OneLine(line.reason))
		}
		out.line("", "")
	}
}

// access prints who gains and loses what. Periods of one party share a heading.
func (out *planPrinter) access(changes []compiler.AccessChange) {
	if len(changes) == 0 {
		return
	}
	out.line("", "")
	out.line(cli.Bold, "Who gains and loses what:")
	out.line("", "")
	var before string
	for i := range changes {
		gained, lost := accessLists(&changes[i])
		if party := accessParty(changes, i); party != before { // several periods of one
			fmt.Fprintf(out, "    %s\n", party)
			before = party
		}
		for _, list := range []accessList{gained, lost} {
			if len(list.names) > 0 {
				fmt.Fprintf(out, "      %s %s\n", out.sign(list.sign), list)
			}
		}
	}
}

// checks prints what --check was asked, with each counterexample.
func (out *planPrinter) checks(checks []CheckResult) {
	for _, c := range checks {
		answer := "holds"
		if !c.Holds {
			answer = "does not hold"
		}
		out.line(cli.Bold, diag.OneLine(fmt.Sprintf("--check %s %s.", c.Check, answer)))
		for _, sentence := range c.Counterexamples {
			fmt.Fprintf(out, "    %s\n", diag.OneLine(sentence))
		}
		out.line("", "")
	}
}
