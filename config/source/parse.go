package source

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/writ-auth/writ/config/diag"
)

// maxFileDiagnostics is how many mistakes of one file are reported: behind the
// first few, syntax errors mostly repeat themselves.
const maxFileDiagnostics = 100

// ParseFile checks and parses one file in native syntax. The file is never
// nil, and its body is never nil: after mistakes it holds what could be read.
func ParseFile(name string, b []byte, limits Limits) (*File, diag.List) {
	f := &File{Name: name, Bytes: b, Body: new(Body)}
	m, l := checkNative(f, limits.OrDefaults())
	if l != nil {
		return f, l
	}
	return f, parseNative(f, m.cuts)
}

// checkNative holds everything that is known without parsing.
func checkNative(f *File, limits Limits) (*measure, diag.List) {
	if l := checkBytes(f, limits); l != nil {
		return nil, l
	}
	m := measureInput(f.Bytes, modeFile, limits)
	if m.found != nil {
		return nil, diag.List{m.found.diagnostic(f.Name, f.Bytes)}
	}
	return m, nil
}

func checkBytes(f *File, limits Limits) diag.List {
	if int64(len(f.Bytes)) > limits.FileBytes {
		return diag.List{fileTooLarge(f.Name, limits.FileBytes)}
	}
	if bad := checkText(f.Bytes); bad != nil {
		return diag.List{bad.diagnostic(f.Name, f.Bytes)}
	}
	return nil
}

func (f *finding) diagnostic(name string, src []byte) diag.Diagnostic {
	code := "syntax"
	if f.limit {
		code = "limit-exceeded"
	}
	return diag.New(code, rangeOf(name, src, f.start, f.end), f.detail).Titled(f.summary)
}

// parseNative parses the pieces of a file that was checked and joins them.
func parseNative(f *File, cuts []cut) diag.List {
	pieces := make([]piece, 0, len(cuts))
	for i := range cuts {
		body, l := parsePiece(f, cuts, i)
		pieces = append(pieces, piece{body, l})
		if pieces[i].hopeless() {
			break
		}
	}
	return f.join(pieces)
}

// parsePiece parses one piece. A panic of the parser is a mistake of the
// parser, but an author's file led to it, so it is reported there.
func parsePiece(f *File, cuts []cut, i int) (body *Body, l diag.List) {
	start, end := cuts[i].offset, len(f.Bytes)
	if i+1 < len(cuts) {
		end = cuts[i+1].offset
	}
	pos := hcl.Pos{Line: cuts[i].line, Column: 1, Byte: start}
	defer func() {
		if r := recover(); r != nil {
			l = diag.List{parserFailure(f.Name, pos, r)}
		}
	}()
	parsed, diags := hclsyntax.ParseConfig(f.Bytes[start:end:end], f.Name, pos)
	whole := parsed.Body.(*hclsyntax.Body)
	l = syntaxList(diags, whole, f.Bytes)
	if len(l) > maxFileDiagnostics {
		l = slices.Clone(byPlace(l)[:maxFileDiagnostics+1])
	}
	return pack(whole, f.Name), l
}

func parserFailure(name string, pos hcl.Pos, cause any) diag.Diagnostic {
	return diag.Newf("syntax", hcl.Range{Filename: name, Start: pos, End: pos},
		"The HCL parser gave up somewhere behind this place: %v. Simplify what stands there.", cause).Titled("Unparsable input")
}

// join makes the body of a file out of its pieces, up to a hopeless one.
func (f *File) join(pieces []piece) (l diag.List) {
	first := map[string]hcl.Range{}
	for _, p := range pieces {
		if p.body != nil {
			f.Body.Blocks = append(f.Body.Blocks, p.body.Blocks...)
			for _, a := range p.body.Attributes {
				if other, again := first[a.Name]; again {
					l = append(l, duplicateAttribute(a.Name, other, a.NameRange()))
					continue
				}
				first[a.Name] = a.NameRange()
				f.Body.Attributes = append(f.Body.Attributes, a)
			}
		}
		l = append(l, p.l...)
		if p.hopeless() {
			break
		}
	}
	return capList(f.telling(l))
}

func duplicateAttribute(name string, first, again hcl.Range) diag.Diagnostic {
	return diag.New("duplicate-name", again,
		fmt.Sprintf("The attribute %q is already set on line %d. Each attribute may be set once: remove one of the two.", name, first.Start.Line),
		diag.Related{Message: "first set here", Range: first}).Titled("Attribute set twice")
}

// syntaxList gives the parser's diagnostics their codes.
func syntaxList(diags hcl.Diagnostics, body *hclsyntax.Body, src []byte) diag.List {
	l := diag.FromHCL(diags, "syntax")
	for i := range l {
		if d, ok := repeated(diags[i], body, src); ok {
			l[i] = d
		}
	}
	return l
}

// capList keeps the first diagnostics of a file.
func capList(l diag.List) diag.List {
	if len(l) <= maxFileDiagnostics {
		return l
	}
	l = byPlace(l)[:maxFileDiagnostics:maxFileDiagnostics]
	more := diag.New("syntax", l[len(l)-1].Range, "The file has more mistakes below. Mend these first.")
	return append(l, more.Titled("Too many mistakes"))
}

func byPlace(l diag.List) diag.List {
	slices.SortStableFunc(l, func(a, b diag.Diagnostic) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	return l
}

func fileTooLarge(name string, limit int64) diag.Diagnostic {
	return diag.Newf("limit-exceeded", wholeFile(name), "%q is past a limit: a file has %d bytes at most. Split it.", name, limit).Titled("Too large file")
}

// wholeFile is the range of a file of which nothing can be shown.
func wholeFile(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// Format returns src in canonical layout, which it leaves as it is when
// applied again. A file that does not parse is returned unchanged, with the
// diagnostics that say why. So is, without any, the odd file to which another
// layout would give another meaning, as to "a = 1. 0".
func Format(name string, src []byte, limits Limits) ([]byte, diag.List) {
	if _, l := ParseFile(name, src, limits); l.HasErrors() {
		return src, l
	}
	out := hclwrite.Format(src)
	if !sameTokens(src, out) {
		return src, nil
	}
	return out, nil
}

// sameTokens reports whether two inputs differ in layout alone.
func sameTokens(a, b []byte) bool {
	left, right := newScanner(a, modeFile), newScanner(b, modeFile)
	for {
		l, r := left.next(), right.next()
		if l.kind != r.kind {
			return false
		}
		was, is := a[l.start:l.end], b[r.start:r.end]
		if l.kind != tokText { // a comment may lose space at its end
			was, is = bytes.TrimSpace(was), bytes.TrimSpace(is)
		}
		if !bytes.Equal(was, is) {
			return false
		}
		if l.kind == tokEOF {
			return true
		}
	}
}
