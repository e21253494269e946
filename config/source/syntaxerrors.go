package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
)

// firstErrors drops follow-on errors: after one mistake HCL's parser reports
// several more that the author did not make. It keeps one syntax error a line,
// stops after an unclosed string, and rewords errors whose cause the source
// shows.
func (f *File) firstErrors(l diag.List) diag.List {
	if len(l) == 0 {
		return l
	}
	if d, found := f.otherFormat(l[0]); found {
		return diag.List{d}
	}
	var out diag.List
	line := 0
	for _, d := range sortedByPlace(l) {
		if d.Code == "syntax" && d.Range.Start.Line == line {
			continue
		}
		if d.Summary == "Invalid multi-line string" {
			d.Summary = "Unclosed quoted string"
			d.Detail = "This line ends inside a string. Close it with a double quote; for a line break inside a string write \\n, or use a heredoc."
			return append(out, d) // from here on, what is a string is read as code and the reverse
		}
		if d.Summary == "Invalid single-argument block definition" {
			d.Summary = "Several attributes on one line"
			d.Detail = "A block that stands on one line holds one attribute. Write each attribute on a line of its own, and the closing brace too."
		}
		if d.Code == "syntax" {
			line = d.Range.Start.Line
			f.explainBracket(&d)
			f.explainLikelyCause(&d)
		}
		out = append(out, d)
	}
	return out
}

// explainBracket rewords an error at a closing bracket, where the parser reports
// what it expected and not that nothing is open, or that a list is still open.
func (f *File) explainBracket(d *diag.Diagnostic) {
	at := d.Range.Start.Byte
	if at >= len(f.Bytes) || f.Bytes[at] != '}' && f.Bytes[at] != ']' {
		return
	}
	switch d.Summary {
	case "Argument or block definition required":
		d.Summary = "Nothing to close"
		d.Detail = "This brace closes nothing that is open. Remove it, or write the opening brace that it belongs to."
	case "Missing item separator":
		d.Summary = "Unclosed list"
		d.Detail = "A list that begins above is still open here. Close it with ]; a comma stands between its items."
	}
}

// What explainLikelyCause looks for: 90m without quotes, a label that begins with a digit
// without quotes, and name "value" without an equals sign.
var (
	unquotedUnit = regexp.MustCompile(`= *([0-9]+[a-z]+)$`)
	bareLabel    = regexp.MustCompile(`^\s*([a-z_]+) +([0-9][A-Za-z0-9._-]*) *\{`)
	barePair     = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_-]*) +("[^"]*")\s*$`)
)

// explainLikelyCause rewords an error whose line shows a common slip, such as a
// duration or a label without quotes. The parser says only what it expected.
func (f *File) explainLikelyCause(d *diag.Diagnostic) {
	at := min(d.Range.Start.Byte, len(f.Bytes))
	line := f.Bytes[bytes.LastIndexByte(f.Bytes[:at], '\n')+1:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	rest := f.Bytes[at:]
	switch d.Summary {
	case "Missing newline after argument":
		word := len(rest) - len(bytes.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		if m := unquotedUnit.FindSubmatch(f.Bytes[at-min(at, 40) : at+word]); m != nil {
			d.Summary = "Duration without quotes"
			d.Detail = fmt.Sprintf("A duration is text and stands in quotes: %q. A number alone is of seconds.", m[1])
		}
		if bytes.HasPrefix(rest, []byte("=")) {
			d.Summary = "Unexpected equals sign"
			d.Detail = "The expression ends before this equals sign. Comparisons are written ==, !=, <= and >=; each attribute stands on a line of its own."
		}
	case "Invalid block definition":
		if m := barePair.FindSubmatch(line); m != nil {
			d.Summary = "Missing equals sign"
			d.Detail = fmt.Sprintf("An attribute is written with an equals sign: %s = %s. A block goes on with { on the same line.", m[1], m[2])
		}
	case "Invalid character", "Argument or block definition required":
		if m := bareLabel.FindSubmatch(line); m != nil {
			d.Summary = "Label without quotes"
			d.Detail = fmt.Sprintf("A label stands in quotes: %s %q {.", m[1], m[2])
		}
		f.explainInvisible(d, line)
	}
}

// explainInvisible points at an invisible character of the line, such as a
// no-break space, before any string or comment. The parser's error would show an
// author a line that looks right.
func (f *File) explainInvisible(d *diag.Diagnostic, line []byte) {
	text := line
	if i := bytes.IndexAny(line, `"#/`); i >= 0 {
		text = line[:i]
	}
	i := bytes.IndexFunc(text, func(c rune) bool {
		return c >= utf8.RuneSelf && (unicode.IsSpace(c) || unicode.In(c, unicode.Cf))
	})
	if i < 0 {
		return
	}
	c, n := utf8.DecodeRune(text[i:])
	d.Summary = "Invisible character"
	d.Detail = fmt.Sprintf("This is %U, which looks like a space or like nothing. Replace it by a plain space, or remove it.", c)
	at := bytes.LastIndexByte(f.Bytes[:min(d.Range.Start.Byte, len(f.Bytes))], '\n') + 1 + i
	d.Range = rangeOf(f.Name, f.Bytes, at, at+n)
}

// otherFormat recognises a file that failed to parse as something else
// altogether: one with a merge conflict, or JSON under a name that says HCL.
func (f *File) otherFormat(d diag.Diagnostic) (diag.Diagnostic, bool) {
	if start, end, found := conflictMarker(f.Bytes); found {
		at := rangeOf(f.Name, f.Bytes, start, end)
		d = diag.New("syntax", at, "Git left a conflict in this file. Keep one side or join both, and remove the lines that git put in.")
		return d.Titled("Unresolved merge conflict"), true
	}
	if text := bytes.TrimSpace(f.Bytes); len(text) > 0 && text[0] == '{' && !f.JSON {
		detail := "This looks like JSON, and the name says HCL. Give the file a name that ends in .hcl.json."
		if !strings.HasSuffix(f.Name, ".hcl") { // a file of variables has any name
			detail = "This looks like JSON. Write it in HCL, each on a line of its own: name = \"value\""
		}
		start := bytes.IndexByte(f.Bytes, '{')
		return diag.New("syntax", rangeOf(f.Name, f.Bytes, start, start+1), detail).Titled("JSON in HCL file"), true
	}
	return d, false
}

// conflictMarker returns the offsets of the first line that begins a conflict
// written by git.
func conflictMarker(src []byte) (start, end int, found bool) {
	const marker = "<<<<<<< "
	if !bytes.HasPrefix(src, []byte(marker)) {
		if start = bytes.Index(src, []byte("\n"+marker)) + 1; start == 0 {
			return 0, 0, false
		}
	}
	if n := bytes.IndexByte(src[start:], '\n'); n >= 0 {
		return start, start + n, true
	}
	return start, len(src), true
}

// redefinedAttribute rewords the parser's "Attribute redefined" as
// duplicateAttribute, which also points at the first of the two. It returns false
// for every other error.
func redefinedAttribute(d *hcl.Diagnostic, body *hclsyntax.Body, src []byte) (diag.Diagnostic, bool) {
	if d.Summary != "Attribute redefined" || d.Subject == nil || !d.Subject.CanSliceBytes(src) {
		return diag.Diagnostic{}, false
	}
	name := string(d.Subject.SliceBytes(src))
	first, found := innermostBody(body, d.Subject.Start.Byte).Attributes[name]
	if !found {
		return diag.Diagnostic{}, false
	}
	return duplicateAttribute(name, first.NameRange, *d.Subject), true
}

// innermostBody returns the body of the innermost block around an offset.
func innermostBody(body *hclsyntax.Body, at int) *hclsyntax.Body {
	for _, b := range body.Blocks {
		if b.OpenBraceRange.Start.Byte <= at && at < b.CloseBraceRange.End.Byte {
			return innermostBody(b.Body, at)
		}
	}
	return body
}

// checkText refuses bytes that are not UTF-8, and control characters, which can
// hide from a reviewer what a file says. A byte order mark at the start is
// accepted and skipped. Lines may end with LF or CRLF: Files reads both as LF, so
// that a heredoc has the same value in every checkout.
func checkText(b []byte) *violation {
	for i := 0; i < len(b); {
		c := b[i]
		if c >= 0x20 && c < utf8.RuneSelf {
			i++
			continue
		}
		switch {
		case c == '\n' || c == '\t' || c == '\r' && bytes.HasPrefix(b[i+1:], []byte("\n")):
			i++
		case c < utf8.RuneSelf:
			return textViolation(i, "Control character", "A configuration holds no control characters besides tabs and line ends. In a quoted string, write an escape such as \"\\u001b\" instead.")
		default:
			_, n := utf8.DecodeRune(b[i:])
			if n == 1 {
				return textViolation(i, "Invalid character encoding", "All files must be UTF-8. Ensure that UTF-8 encoding is selected in your editor.")
			}
			i += n
		}
	}
	return nil
}

func textViolation(at int, summary, detail string) *violation {
	return &violation{start: at, end: at + 1, summary: summary, detail: detail}
}

// lineOf returns the line that holds an offset, counted from one, and the offset
// at which that line begins.
func lineOf(src []byte, offset int) (line, start int) {
	before := src[:min(offset, len(src))]
	return bytes.Count(before, []byte("\n")) + 1, bytes.LastIndexByte(before, '\n') + 1
}

// rangeOf returns the range between two offsets. Columns count characters as a
// reader sees them (grapheme clusters), as everywhere in HCL.
func rangeOf(name string, src []byte, start, end int) hcl.Range {
	line, lineStart := lineOf(src, start)
	first := positionAfter(hcl.Pos{Line: line, Column: 1, Byte: lineStart}, src[lineStart:start])
	return hcl.Range{Filename: name, Start: first, End: positionAfter(first, src[start:min(end, len(src))])}
}

// positionAfter returns the position after text that begins at pos.
func positionAfter(pos hcl.Pos, text []byte) hcl.Pos {
	if len(text) == 0 {
		return pos
	}
	whole := func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil }
	sc := hcl.NewRangeScannerFragment(text, "", hcl.Pos{Line: pos.Line, Column: pos.Column}, whole)
	sc.Scan()
	end := sc.Range().End
	end.Byte += pos.Byte
	return end
}
