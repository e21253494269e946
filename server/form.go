package server

import (
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
// escape, a semicolon, a NUL or bytes that are not UTF-8 refuse the body.
func (f *form) parse(body string) error {
	for body != "" {
		var pair string
		if pair, body, _ = strings.Cut(body, "&"); pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok1 := unescape(rawName)
		value, ok2 := unescape(rawValue)
		if !ok1 || !ok2 {
			return errMalformed
		}
		if err := f.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

// unescape undoes the form encoding. Text without escapes is returned as it
// stands, without a copy.
func unescape(s string) (string, bool) {
	i := 0
	for ; i < len(s); i++ {
		if c := s[i]; c == '%' || c == '+' || c == ';' {
			break
		}
	}
	if i == len(s) {
		return s, true
	}
	decoded := make([]byte, i, len(s))
	copy(decoded, s)
	for ; i < len(s); i++ {
		switch c := s[i]; c {
		case ';':
			return "", false
		case '+':
			decoded = append(decoded, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			decoded = append(decoded, high<<4|low)
			i += 2
		default:
			decoded = append(decoded, c)
		}
	}
	return string(decoded), true
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
