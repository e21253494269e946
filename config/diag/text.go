package diag

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
)

// WriteText writes the list for people, sorted and without duplicates, in the
// layout of hcl.NewDiagnosticTextWriter: the source with what is meant
// underlined, the code in brackets after the summary, related places below
// with their own source. Sources are the files by the name that ranges give
// them. Width is the terminal's, 0 when it is not known. What an author wrote
// cannot act on the terminal. Of many warnings with one code the first few are
// shown, and the number of the others.
func WriteText(w io.Writer, l List, sources map[string][]byte, width int, color bool) error {
	t := &textWriter{sources: newLibrary(l, sources), width: width, color: color}
	warnings := map[string]int{}
	for _, d := range l.Sorted() {
		if d.Severity == Warning {
			if warnings[d.Code]++; warnings[d.Code] > maxSameWarnings {
				continue
			}
		}
		t.diagnostic(d)
	}
	for _, code := range slices.Sorted(maps.Keys(warnings)) {
		if more := warnings[code] - maxSameWarnings; more > 0 {
			fmt.Fprintf(&t.out, "%s: %s\n\n", t.styled(yellow, "Warning"), t.styled(bold, fmt.Sprintf("%d more like this [%s]", more, code)))
		}
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

type textWriter struct {
	out     bytes.Buffer
	sources *library
	width   int
	color   bool
}

// maxSameWarnings is how many warnings of one code are shown in full: a tree of
// thousands has one habit, not thousands of news. Errors are all shown.
const maxSameWarnings = 20

const (
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
	bold      = "\x1b[1m"
	underline = "\x1b[1;4m"
	reset     = "\x1b[0m"
)

func (t *textWriter) diagnostic(d Diagnostic) {
	heading, hue := "Error", red
	if d.Severity == Warning {
		heading, hue = "Warning", yellow
	}
	fmt.Fprintf(&t.out, "%s: %s\n\n", t.styled(hue, heading), t.styled(bold, Visible(d.Summary, "")+" ["+d.Code+"]"))
	if d.Range.Filename != "" {
		t.place("on "+place(d.Range), d.Range, true)
	}
	if d.Detail != "" {
		fmt.Fprintf(&t.out, "%s\n\n", t.wrapped(Inert(Visible(d.Detail, "\n\t"))))
	}
	for _, rel := range d.Related {
		t.place(place(rel.Range)+", "+Visible(rel.Message, ""), rel.Range, false)
	}
}

func (t *textWriter) styled(style, text string) string {
	if !t.color {
		return text
	}
	return style + text + reset
}

// wrapped breaks the lines of a text that are too long, but not one that begins
// with two spaces: that is a command, which a shell would run in parts.
func (t *textWriter) wrapped(text string) string {
	if t.width < 20 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  ") {
			line = wordwrap.WrapString(line, uint(t.width-1))
		}
		b.WriteString(line)
	}
	return b.String()
}

func place(rng hcl.Range) string {
	if rng.Start == rng.End && rng.Start.Byte == 0 {
		return Visible(rng.Filename, "")
	}
	return fmt.Sprintf("%s line %d", Visible(rng.Filename, ""), rng.Start.Line)
}

// place writes where something is, and the source that stands there.
func (t *textWriter) place(where string, rng hcl.Range, context bool) {
	src := t.sources.source(rng.Filename)
	if src == nil || len(src.text) == 0 {
		fmt.Fprintf(&t.out, "  %s:\n\n", where)
		return
	}
	if around := src.blockAround(rng.Start.Byte); context && around != "" {
		where += ", in " + around
	}
	fmt.Fprintf(&t.out, "  %s:\n", where)
	lines, more := src.snippet(rng)
	for i, l := range lines {
		t.line(l, i == 0)
	}
	if more {
		t.out.WriteString("      ...\n")
	}
	t.out.WriteByte('\n')
}

// line writes one line of source. Without color, carets below the first line
// are the underline.
func (t *textWriter) line(l line, first bool) {
	if t.color {
		fmt.Fprintf(&t.out, "%4d: %s%s%s\n", l.number, l.text[:l.start], t.styled(underline, l.text[l.start:l.end]), l.text[l.end:])
		return
	}
	fmt.Fprintf(&t.out, "%4d: %s\n", l.number, l.text)
	if first {
		indent := utf8.RuneCountInString(l.text[:l.start])
		length := max(1, utf8.RuneCountInString(l.text[l.start:l.end]))
		fmt.Fprintf(&t.out, "      %s%s\n", strings.Repeat(" ", indent), strings.Repeat("^", length))
	}
}
