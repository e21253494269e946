package cli

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A wrapper breaks lines that are too long for a terminal between words, where the
// terminal would break them within one. It is made for text that is laid out in lines:
// tables, plans and examples keep their columns.
type wrapper struct {
	to    io.Writer
	width int
	line  []byte // without its end, so far
}

// NewWrapper returns a writer that breaks lines at words, for a terminal of a width in
// columns. What follows a break is indented under the text of its line. With a width of 0
// the lines stay as they are, for files and for other programs, and so they do on
// terminals too narrow for text. Lines are written when they are whole, so the text has to
// end with a line break.
func NewWrapper(w io.Writer, width int) io.Writer {
	if width < 20 {
		return w
	}
	return &wrapper{to: w, width: width}
}

// Text is the output for sentences and tables, whose lines are broken as NewWrapper does
// where the output is a terminal. What people paste or save goes to Out itself, and JSON is
// never broken.
func (e *Env) Text() io.Writer {
	if e.JSON {
		return e.Out
	}
	return NewWrapper(e.Out, Width(e.Out))
}

// maxWrapped is the longest line that is broken, in bytes. A longer one is data.
const maxWrapped = 16 << 10

// Write writes the lines that p completes, and keeps the rest for the next call.
func (w *wrapper) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.line = append(w.line, rest...)
			break
		}
		w.line = append(w.line, rest[:end+1]...)
		rest = rest[end+1:]
		_, err := io.WriteString(w.to, wrapLine(string(w.line), w.width))
		w.line = w.line[:0]
		if err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// What a line is made of, as far as breaking it depends on that.
var (
	sequence  = regexp.MustCompile(`\x1b\[[0-9;]*m`)        // a colour, which takes no column
	spaceWord = regexp.MustCompile(`[ \t]*[^ \t\n]+`)       // a word with the space before it
	sign      = regexp.MustCompile(`^(?:[+~-]|-/\+|\$|#) `) // what a plan or an example begins a line with
	gap       = regexp.MustCompile(`[^ ]  +`)               // between the columns of a table
)

// columns is how many columns a text takes, if none of its characters is wide.
func columns(text string) int {
	return utf8.RuneCountInString(sequence.ReplaceAllString(text, ""))
}

// hang is the column under which the rest of a broken line stands: that of the line's
// text, or of the last column of a table, unless that leaves less than half of the width.
func hang(line string, width int) int {
	plain := sequence.ReplaceAllString(line, "")
	column := len(plain) - len(strings.TrimLeft(plain, " "))
	column += len(sign.FindString(plain[column:]))
	for _, at := range gap.FindAllStringIndex(plain, -1) {
		if end := utf8.RuneCountInString(plain[:at[1]]); at[0] > 0 && end <= width/2 {
			column = max(column, end)
		}
	}
	return min(column, width/2)
}

// wrapLine breaks one line, which ends with a line break. A word that is longer than the
// terminal is wide stays whole: it is an address, a token or a digest, to be copied. So
// does a line that a reader pastes into a shell.
func wrapLine(line string, width int) string {
	if columns(line) <= width || len(line) > maxWrapped || strings.HasPrefix(strings.TrimLeft(line, " "), "$ ") {
		return line // the line break is a column: the last one stays free
	}
	var out strings.Builder
	indent, at := hang(line, width), 0
	for _, word := range spaceWord.FindAllString(line, -1) {
		bare := strings.TrimLeft(word, " \t")
		if n := columns(word); at <= indent || at+n < width {
			out.WriteString(word)
			at += n
			continue
		}
		out.WriteString("\n" + strings.Repeat(" ", indent) + bare)
		at = indent + columns(bare)
	}
	out.WriteByte('\n')
	return out.String()
}
