package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/writ-auth/writ/schema"
)

// Visible makes text safe to print: what is hidden (schema.IsHidden) becomes an
// escape, so that what an author wrote cannot act on a reader's terminal or
// look like something else. Newlines and tabs stay when keep holds them.
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

func isVisible(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// Inert keeps lines from being workflow commands: GitHub's runner obeys lines of a
// job's output that begin with "::", after spaces too, or hold "##[". Give it text
// that is visible already.
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

// OneLine is text of others as one line may show it: nothing in it breaks the line
// or acts on a terminal.
func OneLine(text string) string { return Visible(text, "") }
