package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"

	"github.com/writ-auth/writ/schema"
)

// WriteText writes the list for people, sorted and without duplicates, in the
// layout of hcl.NewDiagnosticTextWriter. The code is in brackets after the
// summary, and related places follow with source of their own. sources holds the
// files by the names that ranges have. width is that of the terminal, 0 if it is
// not known. Nothing that an author wrote can act on the terminal.
//
// Of the warnings with one code the first is shown, and the number of the others: a large
// configuration often breaks one rule everywhere. Errors are all shown, but for warnings that
// --strict has made errors. Warnings that are accepted are not.
func WriteText(w io.Writer, l List, sources map[string][]byte, width int, color bool) error {
	l = l.Unaccepted().Sorted()
	more := map[string]int{} // by code
	for _, d := range l {
		if isWarning(d) {
			more[d.Code]++
		}
	}
	t := &textWriter{sources: newLibrary(l, sources), width: width, color: color}
	for _, d := range l {
		if isWarning(d) {
			n := more[d.Code] - 1
			if more[d.Code] = 0; n < 0 { // shown
				continue
			}
			t.diagnostic(d)
			if n > 0 {
				fmt.Fprintf(&t.out, "%s\n\n", t.styled(bold, fmt.Sprintf("And %d more like this (writ validate --all).", n)))
			}
			continue
		}
		t.diagnostic(d)
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

// isWarning reports whether a diagnostic is a warning, or would be one without --strict.
func isWarning(d Diagnostic) bool {
	code, _ := LookUp(d.Code)
	return d.Severity == Warning || code.Severity == Warning
}

// WriteAllText is WriteText with every warning in full, those that are accepted too.
func WriteAllText(w io.Writer, l List, sources map[string][]byte, width int, color bool) error {
	l = l.Sorted()
	t := &textWriter{sources: newLibrary(l, sources), width: width, color: color}
	for _, d := range l {
		t.diagnostic(d)
	}
	_, err := w.Write(t.out.Bytes())
	return err
}

// A textWriter is one run of WriteText. It gathers the text in memory, so that what is
// written appears at once and an error of the writer is seen once.
type textWriter struct {
	out     bytes.Buffer
	sources *library
	width   int
	color   bool
}

// The escape sequences of the styles (ECMA-48).
const (
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
	bold      = "\x1b[1m"
	underline = "\x1b[1;4m"
	reset     = "\x1b[0m"
)

// diagnostic writes the heading, the place, the detail and the related places.
func (t *textWriter) diagnostic(d Diagnostic) {
	heading, hue := "Error", red
	switch d.Severity {
	case Warning:
		heading, hue = "Warning", yellow
	case Notice:
		heading, hue = "Notice", bold
	}
	if d.Accepted {
		heading = "Accepted"
	}
	summary, code := Visible(d.Summary, ""), " ["+d.Code+"]"
	if t.width >= 20 && utf8.RuneCountInString(heading+": "+summary+code) > t.width {
		code = "\n" + code[1:] // the code is one word
	}
	fmt.Fprintf(&t.out, "%s: %s\n\n", t.styled(hue, heading), t.styled(bold, summary+code))
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

// styled puts a text into a style if the output takes colors.
func (t *textWriter) styled(style, text string) string {
	if !t.color {
		return text
	}
	return style + text + reset
}

// wrapped breaks long lines at words, one column before the edge, where terminals break by
// themselves. A line that begins with two spaces is a command that a reader copies, and is
// not broken. Terminals under 20 columns get no breaks.
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

// place returns the file and line of a range for people, or the file alone for a
// problem with the whole file.
func place(rng hcl.Range) string {
	if rng.Start == rng.End && rng.Start.Byte == 0 {
		return Visible(rng.Filename, "")
	}
	return fmt.Sprintf("%s line %d", Visible(rng.Filename, ""), rng.Start.Line)
}

// place writes one place: where it is and the source there. context adds the
// enclosing block.
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

// line writes one line of source with the range underlined: by color, or by
// carets below the first line.
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

// Visible makes text safe to print. Hidden characters (schema.IsHidden) become
// escapes, so that text of an author cannot act on a reader's terminal or look
// like other text. Characters in keep, newlines and tabs for example, are not
// escaped.
func Visible(text, keep string) string {
	if isVisible(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !schema.IsHidden(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	return b.String()
}

// isVisible reports whether a text is printable ASCII, which most is.
func isVisible(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// Inert keeps text from giving commands to GitHub's runner, which executes lines
// of a job's output that begin with "::", after spaces too, or contain "##[". The
// text must have passed Visible, which removes other line breaks.
func Inert(text string) string {
	if !strings.Contains(text, "::") && !strings.Contains(text, "##[") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest := strings.TrimLeftFunc(line, unicode.IsSpace)
		if after, found := strings.CutPrefix(rest, "::"); found {
			line = line[:len(line)-len(rest)] + `\u003a:` + after
		}
		b.WriteString(strings.ReplaceAll(line, "##[", `\u0023#[`))
	}
	return b.String()
}

// OneLine makes text of authors fit for one line: line breaks and every character that a
// terminal would act on become escapes.
func OneLine(text string) string { return Visible(text, "") }
