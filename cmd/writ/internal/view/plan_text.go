package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// PlanText prints a plan for people at a terminal, in the order of a comment on a pull
// request: what it means, then what happens to each object.
type PlanText struct {
	Color bool
	Full  bool // prints more than MaxObjects
}

// A planPrinter writes lines. The buffered writer keeps the first error, which Flush
// returns: no line has to check.
type planPrinter struct {
	*bufio.Writer
	color bool
	diff  bool              // signs begin their lines, as in a ```diff block
	notes map[string][]Note // of the objects, by address
}

// planBuffer is large, in bytes, because a first plan may be a hundred megabytes and each
// write is a call of the system.
const planBuffer = 64 << 10

// Render writes the plan. It buffers little, as a plan may be larger than memory should hold
// twice.
func (v PlanText) Render(w io.Writer, r *Review) error {
	out := &planPrinter{Writer: bufio.NewWriterSize(w, planBuffer), color: v.Color, notes: r.Notes}
	most := len(r.Changes) + len(r.Access)
	if !v.Full {
		most = MaxObjects
	}
	// The line of consequences comes first, and the count of objects last, where a terminal stands
	// when the command has ended.
	m := meaningOf(r)
	if len(r.Changes) > 0 || r.Guards.Errors() > 0 || r.brokenChecks() != "" {
		out.line(cli.Bold, schema.UpperFirst(strings.TrimSuffix(m.consequences(), "."))+".")
		out.line("", "")
	}
	for i := range m.sections {
		switch i {
		case sectionCutOff:
			out.checks(r.Checks)
			out.section(&m.sections[i], most)
		case sectionGuards:
			out.guards(r.Guards, &m.sections[i], most)
		default:
			out.section(&m.sections[i], most)
		}
	}
	if len(r.Changes) > 0 {
		out.line(cli.Bold, "writ will do this:")
		for i := range r.Changes[:min(len(r.Changes), most)] {
			out.change(&r.Changes[i])
		}
		out.line("", "")
		if more := len(r.Changes) - most; more > 0 {
			fmt.Fprintf(out, "    and %s. --full prints all.\n\n", schema.Plural(more, "more object"))
		}
	} else if files := planFiles(r.Plan); files != "" {
		out.line("", files)
		out.line("", "")
	}
	out.line(cli.Bold, planSummary(r.Plan))
	return out.Flush()
}

// MaxObjects is how many objects, and statements of one section, a plan for people prints
// where it is not asked for all.
const MaxObjects = 1000

// Capped reports whether a plan for people is longer than it prints unless it is asked for
// all, so that a command line that is to print all of it needs --full.
func Capped(p *compiler.Plan) bool { return max(len(p.Changes), len(p.Access)) > MaxObjects }

// paint colours a text if the output takes colours.
func (out *planPrinter) paint(c cli.Color, text string) string {
	if !out.color {
		return text
	}
	return c.Paint(text)
}

// line writes a text and a line break; c may be "" for no colour.
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

// section prints a heading and at most most statements of a section.
func (out *planPrinter) section(s *section, most int) {
	if len(s.statements) == 0 {
		return
	}
	heading := cli.Bold
	if s.widens {
		heading += cli.Yellow
	}
	out.line(heading, s.heading+":")
	out.line("", "")
	out.statements(s, most)
	out.line("", "")
}

// statements prints at most most statements of a section, and how many more there are.
func (out *planPrinter) statements(s *section, most int) {
	for i := range s.statements[:min(len(s.statements), most)] {
		out.statement(s.statements[i])
	}
	if more := len(s.statements) - most; more > 0 {
		fmt.Fprintf(out, "    and %d more. --full prints all.\n", more)
	}
}

// statement prints one statement, with where it is written and what is noted about it.
func (out *planPrinter) statement(s *statement) {
	text, owner := s.text(), s.place.Owner
	if owner != "" && s.place.Line() != "" {
		owner += ", "
	}
	if where := remark(owner + s.place.Line()); where != "" {
		text = strings.TrimSuffix(text, ".") + diag.OneLine(where) // the place ends the sentence
	}
	fmt.Fprintf(out, "%s %s\n", out.sign(s.sign), text)
	for _, note := range s.notes {
		fmt.Fprintf(out, "        %s\n", diag.OneLine(note))
	}
}

// Widening repeats what widens, right before somebody is asked to approve it: nobody should have to
// scroll back for it. It prints at most 20 statements, and nothing where nothing widens.
func Widening(w io.Writer, r *Review, color bool) error {
	const most = 20
	out := &planPrinter{Writer: bufio.NewWriter(w), color: color}
	shown, total := 0, 0
	for _, s := range meaningOf(r).sections {
		if !s.widens {
			continue
		}
		for i := range s.statements {
			if total++; shown < most {
				if shown++; shown == 1 {
					out.line(cli.Bold+cli.Yellow, "\nThis widens access:")
				}
				out.statement(s.statements[i])
			}
		}
	}
	if total > shown {
		fmt.Fprintf(out, "    and %d more, above.\n", total-shown)
	}
	return out.Flush()
}

// checks prints what --check was asked, with each counterexample, before what narrows access:
// a check is about gains.
func (out *planPrinter) checks(checks []CheckResult) {
	for _, c := range checks {
		answer := "holds"
		if !c.Holds {
			answer = "does not hold"
		}
		out.line(cli.Bold, diag.OneLine(fmt.Sprintf("--check %s %s.", c.Check, answer)))
		for _, sentence := range c.Sentences() {
			fmt.Fprintf(out, "    %s\n", diag.OneLine(sentence))
		}
		out.line("", "")
	}
}
