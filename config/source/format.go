package source

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/writ-auth/writ/config/diag"
)

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
