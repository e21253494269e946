package jsonlog

import "unicode/utf8"

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
	for b := byte(' '); b < utf8.RuneSelf; b++ {
		set[b] = b != '"' && b != '\\'
	}
	return set
}()

// appendEscaped appends the first character of s, which is not plain, and returns
// how many bytes of s it took. Line and paragraph separators end a line for some
// readers, so they are escaped too.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch b := s[0]; {
	case b == '"' || b == '\\':
		return append(dst, '\\', b), 1
	case b == '\n':
		return append(dst, `\n`...), 1
	case b == '\r':
		return append(dst, `\r`...), 1
	case b == '\t':
		return append(dst, `\t`...), 1
	case b < ' ':
		return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15]), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return append(dst, `\ufffd`...), 1
	case r == '\u2028' || r == '\u2029':
		return append(dst, `\u202`+string(hex[r&15])...), size
	}
	return append(dst, s[:size]...), size
}
