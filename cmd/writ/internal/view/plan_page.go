package view

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// A PlanPage is a plan as data, for a page that lays it out itself. It has the words, the
// sections and the order of PlanText, so that the two cannot say different things.
type PlanPage struct {
	Summary  string // who gains, who is cut off: what a reader may stop after
	Guards   string // how many policies and expectations hold; "" for none
	Sections []PlanSection
	Objects  []ObjectDiff
	More     int    // objects beyond Objects
	Count    string // "Plan: 1 to add, ..."
}

// A PlanSection is one section of a plan with at least one sentence.
type PlanSection struct {
	Heading   string
	Widens    bool
	CutsOff   bool // or breaks verifiers: somebody has to act before it is applied
	Sentences []PlacedSentence
	More      int // sentences beyond Sentences
}

// A PlacedSentence is one consequence, and where it is written.
type PlacedSentence struct {
	Sentence
	Place Place
	Notes []string
}

// An ObjectDiff is one object as the plan prints it.
type ObjectDiff struct {
	Address, What string // "api.orders", "will be updated"
	Lines         []DiffLine
}

// A DiffLine is a line of an object without its indent of the plan: its sign is "+", "-", "~"
// or " ", for a line that does not change.
type DiffLine struct{ Sign, Text string }

// NewPlanPage makes the page of a review, with at most most sentences in a section and as
// many objects. More says of each how many are left out.
func NewPlanPage(r *Review, most int) PlanPage {
	m := meaningOf(r)
	page := PlanPage{Summary: schema.UpperFirst(strings.TrimSuffix(m.consequences(), ".")) + ".", Count: planSummary(r.Plan)}
	if files := planFiles(r.Plan); files != "" {
		page.Summary = files
	}
	if r.Guards != nil {
		page.Guards = strings.TrimPrefix(r.Guards.summary(), "✅ ")
	}
	// Empty sections are left out here, as every other view does. Policies and expectations
	// that fail stand before those that were changed: they stop an apply.
	for i := range m.sections {
		from := &m.sections[i]
		s := PlanSection{Heading: from.heading, Widens: from.widens, CutsOff: i == sectionCutOff || i == sectionVerifiers}
		for _, statement := range from.statements[:min(len(from.statements), most)] {
			s.Sentences = append(s.Sentences, PlacedSentence{statement.sentence(), statement.place, statement.notes})
		}
		if i == sectionGuards {
			s.Sentences = append(r.Guards.sentences(), s.Sentences...)
		}
		if s.More = max(0, len(from.statements)-most); len(s.Sentences) > 0 {
			page.Sections = append(page.Sections, s)
		}
	}
	for i := range r.Changes[:min(len(r.Changes), most)] {
		page.Objects = append(page.Objects, objectDiff(&r.Changes[i]))
	}
	page.More = max(0, len(r.Changes)-most)
	return page
}

// sentences are the policies and expectations that do not hold, as a section of a page has
// them. g may be nil.
func (g *Guards) sentences() []PlacedSentence {
	if g == nil {
		return nil
	}
	var all []PlacedSentence
	for _, f := range g.Failed {
		sign := "✕"
		if f.Warning {
			sign = "!"
		}
		all = append(all, PlacedSentence{Sentence{Sign: sign, Text: f.Guard + ": " + f.Text}, f.Place, nil})
	}
	return all
}

// objectDiff prints an object as a comment does, whose lines begin with their signs.
func objectDiff(c *compiler.Change) ObjectDiff {
	// The printer's own lines are taken apart again: a second way to print attributes,
	// lists and nested blocks would drift from it.
	var text bytes.Buffer
	out := &planPrinter{Writer: bufio.NewWriter(&text), diff: true}
	out.change(c)
	out.Flush() // into memory
	d := ObjectDiff{Address: c.Address, What: actionPhrase(c)}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "", strings.HasPrefix(line, "@@ "):
		case line[0] == '!':
			d.Lines = append(d.Lines, DiffLine{"~", strings.TrimPrefix(line[1:], " ")})
		case line[0] == '+', line[0] == '-':
			d.Lines = append(d.Lines, DiffLine{line[:1], strings.TrimPrefix(line[1:], " ")})
		default:
			d.Lines = append(d.Lines, DiffLine{" ", strings.TrimPrefix(line, "    ")})
		}
	}
	return d
}
