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

// maxFileDiagnostics bounds the mistakes that are reported for one file. After
// the first few, syntax errors mostly repeat themselves.
const maxFileDiagnostics = 100

// ParseFile checks and parses one file in native syntax. Zero limits are the
// defaults. The file and its body are never nil: after mistakes the body holds
// what could be read.
func ParseFile(name string, b []byte, limits Limits) (*File, diag.List) {
	f := &File{Name: name, Bytes: b, Body: new(Body)}
	m, l := checkNative(f, limits.OrDefaults())
	if l != nil {
		return f, l
	}
	return f, parseNative(f, m.cuts)
}

// checkNative applies every check that needs no parser, and finds where the file
// can be cut into pieces. The list is nil exactly when the file may be parsed.
// The parser recurses with its input and cannot be stopped, so nothing reaches it
// that has not passed here.
func checkNative(f *File, limits Limits) (*limitChecker, diag.List) {
	if l := checkBytes(f, limits); l != nil {
		return nil, l
	}
	m := checkLimits(f.Bytes, modeFile, limits)
	if m.found != nil {
		return nil, diag.List{m.found.diagnostic(f.Name, f.Bytes)}
	}
	return m, nil
}

// checkBytes checks what holds for both syntaxes: the size and the encoding.
func checkBytes(f *File, limits Limits) diag.List {
	if int64(len(f.Bytes)) > limits.FileBytes {
		return diag.List{fileTooLarge(f.Name, limits.FileBytes)}
	}
	if bad := checkText(f.Bytes); bad != nil {
		return diag.List{bad.diagnostic(f.Name, f.Bytes)}
	}
	return nil
}

// parseNative parses a checked file piece by piece and joins the pieces.
func parseNative(f *File, cuts []cut) diag.List {
	pieces := make([]piece, 0, len(cuts))
	for i := range cuts {
		body, l := parsePiece(f, cuts, i)
		pieces = append(pieces, piece{body, l})
		if pieces[i].hasTooManyErrors() {
			break
		}
	}
	return f.join(pieces)
}

// parsePiece parses piece i of a file. A panic in the parser is a bug of the
// parser, but the author's file caused it and the author can work around it, so
// it becomes a diagnostic at that place.
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
	l = withCodes(diags, whole, f.Bytes)
	if len(l) > maxFileDiagnostics {
		l = slices.Clone(sortedByPlace(l)[:maxFileDiagnostics+1])
	}
	return pack(whole, f.Name), l
}

// parserFailure is the diagnostic for a panic of the parser somewhere after pos.
func parserFailure(name string, pos hcl.Pos, cause any) diag.Diagnostic {
	return diag.Newf("syntax", hcl.Range{Filename: name, Start: pos, End: pos},
		"The HCL parser gave up somewhere behind this place: %v. Simplify what stands there.", cause).Titled("Unparsable input")
}

// join makes the body of a file from its pieces, up to and including the first
// piece with too many errors. Which later pieces were parsed depends on timing,
// and the result must not. Each piece was parsed alone, so an attribute that is
// set in two of them is found here.
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
		if p.hasTooManyErrors() {
			break
		}
	}
	return capped(f.firstErrors(l))
}

// duplicateAttribute is the diagnostic for an attribute that is set twice in one body,
// whichever of the three places finds it: the parser, join, or the converter of JSON.
func duplicateAttribute(name string, first, again hcl.Range) diag.Diagnostic {
	return diag.New("duplicate-name", again,
		fmt.Sprintf("The attribute %q is already set on line %d. Each attribute may be set once: remove one of the two.", name, first.Start.Line),
		diag.Related{Message: "first set here", Range: first}).Titled("Attribute set twice")
}

// withCodes turns the parser's diagnostics into ours. An attribute that is set
// twice gets the words that join uses, as an author cannot see whether the two
// were parsed in one piece.
func withCodes(diags hcl.Diagnostics, body *hclsyntax.Body, src []byte) diag.List {
	l := diag.FromHCL(diags, "syntax")
	for i := range l {
		if d, ok := redefinedAttribute(diags[i], body, src); ok {
			l[i] = d
		}
	}
	return l
}

// capped returns the first maxFileDiagnostics of a file, by place, and a note
// that there are more.
func capped(l diag.List) diag.List {
	if len(l) <= maxFileDiagnostics {
		return l
	}
	l = sortedByPlace(l)[:maxFileDiagnostics:maxFileDiagnostics]
	more := diag.New("syntax", l[len(l)-1].Range, "The file has more mistakes below. Mend these first.")
	return append(l, more.Titled("Too many mistakes"))
}

// sortedByPlace sorts the diagnostics of one file, in place. Those at one place stay in the
// order in which they were found: the first of them is most often the cause of the others.
func sortedByPlace(l diag.List) diag.List {
	slices.SortStableFunc(l, func(a, b diag.Diagnostic) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	return l
}

func fileTooLarge(name string, limit int64) diag.Diagnostic {
	return diag.Newf("limit-exceeded", wholeFile(name), "%q is past a limit: a file has %d bytes at most. Split it.", name, limit).Titled("Too large file")
}

// wholeFile is the range for a problem with a file as a whole, where there is no
// source to show.
func wholeFile(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// Format returns src in canonical layout; formatting the result again changes
// nothing. A file that does not parse is returned unchanged, with the diagnostics
// that say why. Another layout would give a few files another meaning, as "a = 1.
// 0". Such a file is returned unchanged without a diagnostic.
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

// sameTokens reports whether two inputs consist of the same tokens, so that they
// differ in layout alone.
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
