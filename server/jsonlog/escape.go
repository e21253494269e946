package jsonlog

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/writ-auth/writ/schema"
)

// appendString appends s as a JSON string. The names and ids that log lines are
// full of need no escaping, so the copy is the common case.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		size := 1
		dst, size = appendEscaped(dst, s[i:])
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain are the bytes that stand for themselves whatever follows.
var plain = func() (set [256]bool) {
	for b := range byte(utf8.RuneSelf) {
		set[b] = b != '"' && b != '\\' && !schema.IsHidden(rune(b))
	}
	return set
}()

// appendEscaped appends the first character of s, which is not plain, and returns
// how many bytes of s it took.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	switch b := s[0]; b {
	case '"', '\\':
		return append(dst, '\\', b), 1
	case '\n':
		return append(dst, `\n`...), 1
	case '\r':
		return append(dst, `\r`...), 1
	case '\t':
		return append(dst, `\t`...), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return append(dst, `\ufffd`...), 1
	case schema.IsHidden(r):
		return appendHidden(dst, r), size
	}
	return append(dst, s[:size]...), size
}

// appendHidden appends the escape of a hidden character, beyond U+FFFF as the two
// halves that JSON has for it (RFC 8259 section 7).
func appendHidden(dst []byte, r rune) []byte {
	if first, second := utf16.EncodeRune(r); first != utf8.RuneError {
		return appendHidden(appendHidden(dst, first), second)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// appendVisible appends the text of a line of JSON with what is hidden escaped. Such
// characters stand in its strings only: elsewhere it has neither white space nor
// anything beyond ASCII.
func appendVisible(dst, text []byte) []byte {
	for {
		n := seen(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			return dst
		}
		r, size := utf8.DecodeRune(text)
		dst, text = appendHidden(dst, r), text[size:]
	}
}

// seen is how many bytes of the text come before the first hidden character.
func seen(text []byte) int {
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		if schema.IsHidden(r) {
			return i
		}
		i += size
	}
	return len(text)
}
