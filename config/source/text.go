package source

import (
	"bytes"
	"unicode/utf8"

	"github.com/writ-auth/writ/config/diag"
)

// A textError is a place where a file is not text.
type textError struct {
	offset          int
	summary, detail string
}

// checkText refuses what no configuration holds: bytes that are not UTF-8, and
// control characters, which can hide in a review what a file says. A byte
// order mark at the start is accepted and skipped. Lines end with LF or CRLF:
// Files reads either as LF, so that a heredoc has the same value in every
// checkout.
func checkText(b []byte) *textError {
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
			return &textError{i, "Control character", "A configuration holds no control characters besides tabs and line ends. In a quoted string, write an escape such as \"\\u001b\" instead."}
		default:
			_, n := utf8.DecodeRune(b[i:])
			if n == 1 {
				return &textError{i, "Invalid character encoding", "All files must be UTF-8. Ensure that UTF-8 encoding is selected in your editor."}
			}
			i += n
		}
	}
	return nil
}

func (e *textError) diagnostic(name string, src []byte) diag.Diagnostic {
	return diag.New("syntax", rangeOf(name, src, e.offset, e.offset+1), e.detail).Titled(e.summary)
}
