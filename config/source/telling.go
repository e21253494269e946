package source

import (
	"bytes"
	"strings"

	"github.com/writ-auth/writ/config/diag"
)

// telling leaves of a file's syntax errors those that tell something: one mistake
// makes the parser stumble several times.
func (f *File) telling(l diag.List) diag.List {
	if len(l) == 0 {
		return l
	}
	if d, found := f.notHCL(l[0]); found {
		return diag.List{d}
	}
	var out diag.List
	line := 0
	for _, d := range byPlace(l) {
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
			f.closing(&d)
		}
		out = append(out, d)
	}
	return out
}

// closing says more where the library stumbles over a closing bracket.
func (f *File) closing(d *diag.Diagnostic) {
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

// notHCL recognises, once a file did not parse, what is something else altogether.
func (f *File) notHCL(d diag.Diagnostic) (diag.Diagnostic, bool) {
	if start, end, found := conflictMarker(f.Bytes); found {
		d.Code, d.Summary = "syntax", "Unresolved merge conflict"
		d.Detail = "Git left a conflict in this file. Keep one side or join both, and remove the lines that git put in."
		d.Range = rangeOf(f.Name, f.Bytes, start, end)
		return d, true
	}
	if text := bytes.TrimSpace(f.Bytes); len(text) > 0 && text[0] == '{' && !f.JSON {
		d.Code, d.Summary = "syntax", "JSON in HCL file"
		d.Detail = "This looks like JSON, and the name says HCL. Give the file a name that ends in .hcl.json."
		if !strings.HasSuffix(f.Name, ".hcl") { // a file of variables has any name
			d.Detail = "This looks like JSON. Write it in HCL, each on a line of its own: name = \"value\""
		}
		start := bytes.IndexByte(f.Bytes, '{')
		d.Range = rangeOf(f.Name, f.Bytes, start, start+1)
		return d, true
	}
	return d, false
}

// conflictMarker finds the line that begins a conflict of git's.
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
