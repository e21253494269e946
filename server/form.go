package server

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxParameters bounds the parameters of a body. Go's own parser stops at ten
// thousand, and keeps what it has read so far when it meets an error.
const maxParameters = 64

// Why a body is not a set of parameters.
var (
	errMalformed = errors.New("the body is malformed")
	errDuplicate = errors.New("a parameter is given twice")
	errTooMany   = errors.New("too many parameters")
)

// A form is the parameters of one request body, each at most once (RFC 6749
// section 3.2).
type form struct {
	n      int
	names  [maxParameters]string
	values [maxParameters]string
}

// forms are those that are done. On the stack, below RSA's arithmetic, one would
// have each connection hold 32 KiB of stack instead of 16.
var forms = sync.Pool{New: func() any { return new(form) }}

// newForm returns an empty form, for done to take back.
func newForm() *form { return forms.Get().(*form) }

// done forgets the parameters: a secret was among them.
func (f *form) done() {
	clear(f.names[:f.n])
	clear(f.values[:f.n])
	f.n = 0
	forms.Put(f)
}

// get returns a parameter's value, "" when it is absent: an empty value counts
// as omitted (RFC 6749 section 3.2).
func (f *form) get(name string) string {
	for i := range f.n {
		if f.names[i] == name {
			return f.values[i]
		}
	}
	return ""
}

// add takes a decoded parameter. Unknown ones are kept too: they may not come
// twice either.
func (f *form) add(name, value string) error {
	for i := range f.n {
		if f.names[i] == name {
			return errDuplicate
		}
	}
	if f.n == maxParameters {
		return errTooMany
	}
	if !plainText(name) || !plainText(value) {
		return errMalformed
	}
	f.names[f.n], f.values[f.n] = name, value
	f.n++
	return nil
}

// parse reads application/x-www-form-urlencoded, all of it or nothing: a bad
// escape, a semicolon, a NUL or bytes that are not UTF-8 refuse the body. It
// decodes in place, in body, so that all names and values are one string.
func (f *form) parse(body []byte) error {
	var ends [2 * (maxParameters + 1)]int // of names and values in turn
	n, written, malformed := 0, 0, false
	for rest := body; len(rest) > 0 && n < len(ends) && !malformed; {
		var pair []byte
		if pair, rest = cut(rest, '&'); len(pair) == 0 {
			continue
		}
		name, value := cut(pair, '=')
		for _, encoded := range [][]byte{name, value} {
			length, ok := unescape(body[written:], encoded)
			malformed = malformed || !ok
			written += length
			ends[n] = written
			n++
		}
	}
	if malformed {
		n -= 2
	}
	text, start := string(body[:written]), 0
	for i := 0; i < n; i += 2 {
		if err := f.add(text[start:ends[i]], text[ends[i]:ends[i+1]]); err != nil {
			return err
		}
		start = ends[i+1]
	}
	if malformed {
		return errMalformed
	}
	return nil
}

// cut is what stands before the first sep and what stands after it.
func cut(s []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, nil
}

// unescape undoes the form encoding of s, into dst, which may be where s begins
// or before it. It returns how many bytes there are.
func unescape(dst, s []byte) (n int, ok bool) {
	if bytes.IndexByte(s, '%') < 0 && bytes.IndexByte(s, '+') < 0 && bytes.IndexByte(s, ';') < 0 {
		return copy(dst, s), true // as tokens are, the long ones
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case ';':
			return n, false
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(s) {
				return n, false
			}
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return n, false
			}
			c = high<<4 | low
			i += 2
		}
		dst[n] = c
		n++
	}
	return n, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// plainText reports whether s is UTF-8 without a NUL.
func plainText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}
