package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

// CheckJSON holds a JSON text against the limits of nesting, collections, values
// and numbers, before it is decoded. The text of its error is a full sentence.
func CheckJSON(b []byte, limits Limits) error {
	if f := checkJSONLimits(b, limits.OrDefaults()); f != nil {
		return errors.New(f.detail)
	}
	return nil
}

// checkJSONLimits returns the first limit that a JSON text exceeds, or nil. It
// does not check the syntax, which the decoder does later. A closing bracket that
// does not match is ignored, so that the level counts as still open.
func checkJSONLimits(b []byte, limits Limits) *violation {
	type level struct {
		open  byte
		items int
	}
	stack := make([]level, 1, 16)
	values := 0
	for i := 0; i < len(b); i++ {
		top := &stack[len(stack)-1]
		switch c := b[i]; c {
		case '"':
			end := jsonStringEnd(b, i)
			if end-i-2 > 6*limits.StringBytes { // the longest escape, \u0000, has six characters
				return limitViolation(i, end, "Too long string", "a string has %d bytes at most", limits.StringBytes)
			}
			i = end - 1
		case '{', '[':
			if len(stack) > limits.Nesting {
				return limitViolation(i, i+1, "Too deep nesting", "objects and arrays nest %d levels deep at most", limits.Nesting)
			}
			stack = append(stack, level{open: c})
			values++
		case '}', ']':
			if top.open == c-2 { // in ASCII a closer is its opener plus two
				stack = stack[:len(stack)-1]
			}
		case ',':
			if top.items++; top.items >= limits.Collection {
				return limitViolation(i, i+1, "Too large collection", "a collection has %d elements at most", limits.Collection)
			}
			values++
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			end := jsonNumberEnd(b, i)
			if end-i > limits.NumberDigits {
				return limitViolation(i, end, "Too long number", "a number has %d characters at most", limits.NumberDigits)
			}
			if exponentDigits(b[i:end]) > limits.ExponentDigits {
				return limitViolation(i, end, "Too large exponent", "the exponent of a number has %d digits at most", limits.ExponentDigits)
			}
			i = end - 1
		}
		if values > limits.Values {
			return limitViolation(i, i+1, "Too long file", "a JSON text has %d values at most; the rest belongs in another", limits.Values)
		}
	}
	return nil
}

// limitViolation returns the violation of a limit, worded as limitChecker.exceed words it.
func limitViolation(start, end int, summary, format string, limit int) *violation {
	return &violation{limit: true, start: start, end: end, summary: summary, detail: limitDetail(format, limit)}
}

// jsonStringEnd returns the offset after the string that begins at start.
func jsonStringEnd(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// jsonNumberEnd returns the offset after the characters that can belong to the
// number that begins at start.
func jsonNumberEnd(b []byte, start int) int {
	end := start + 1
	for end < len(b) && strings.IndexByte("0123456789.eE+-", b[end]) >= 0 {
		end++
	}
	return end
}

// A jsonValue is a JSON value with its range in the file.
type jsonValue struct {
	rng     hcl.Range
	token   json.Token // string, json.Number, bool, nil, or a json.Delim for what follows
	members []jsonMember
	items   []jsonValue
}

// A jsonMember is a name with its value. Members of one name are kept, as several blocks of
// one type may be written so.
type jsonMember struct {
	key   jsonValue
	value jsonValue
}

func (v *jsonValue) isObject() bool { return v.token == json.Delim('{') }

func (v *jsonValue) isArray() bool { return v.token == json.Delim('[') }

// A jsonReader reads JSON values with their ranges, which encoding/json does not
// keep. The text has passed checkJSONLimits, so it may recurse.
type jsonReader struct {
	name string
	src  []byte
	dec  *json.Decoder
	pos  hcl.Pos // a place already passed, from which positions are counted on
}

func newJSONReader(name string, src []byte) *jsonReader {
	start := 0
	if bytes.HasPrefix(src, byteOrderMark) {
		start = len(byteOrderMark)
	}
	r := &jsonReader{name: name, src: src, dec: json.NewDecoder(bytes.NewReader(src[start:])), pos: hcl.Pos{Line: 1, Column: 1, Byte: start}}
	r.dec.UseNumber()
	return r
}

// document reads the one value of a file. encoding/json reads a stream of values, so what
// follows the first has to be refused here.
func (r *jsonReader) document() (jsonValue, error) {
	v, err := r.next()
	if err != nil {
		return v, err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return v, errors.New("there is more behind the end of the first value")
	}
	return v, nil
}

// next reads one value with all that is in it. The decoder checks the syntax as it goes.
func (r *jsonReader) next() (jsonValue, error) {
	token, err := r.dec.Token()
	if err != nil {
		return jsonValue{}, err
	}
	v := jsonValue{token: token, rng: r.tokenRange(r.end())}
	switch token {
	case json.Delim('{'):
		return v, r.object(&v)
	case json.Delim('['):
		return v, r.array(&v)
	}
	return v, nil
}

func (r *jsonReader) object(v *jsonValue) error {
	for r.dec.More() {
		key, err := r.next()
		if err != nil {
			return err
		}
		value, err := r.next()
		if err != nil {
			return err
		}
		v.members = append(v.members, jsonMember{key, value})
	}
	return r.close(v)
}

func (r *jsonReader) array(v *jsonValue) error {
	for r.dec.More() {
		item, err := r.next()
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return r.close(v)
}

// close reads the closing bracket of an object or array and sets the end of its
// range.
func (r *jsonReader) close(v *jsonValue) error {
	if _, err := r.dec.Token(); err != nil {
		return err
	}
	v.rng.End = r.at(r.end())
	return nil
}

// end returns the offset after the last token.
func (r *jsonReader) end() int {
	start := 0
	if bytes.HasPrefix(r.src, byteOrderMark) {
		start = len(byteOrderMark)
	}
	return start + int(r.dec.InputOffset())
}

// tokenRange returns the range of the token that ends at end. The decoder does
// not report where a token begins, but only separators can be before it.
func (r *jsonReader) tokenRange(end int) hcl.Range {
	start := r.pos.Byte
	for start < end && strings.IndexByte(" \t\r\n,:", r.src[start]) >= 0 {
		start++
	}
	first := r.at(start)
	return hcl.Range{Filename: r.name, Start: first, End: r.at(end)}
}

// at returns the position of an offset, which must not be before that of the last
// call: each byte is counted once, however many values there are.
func (r *jsonReader) at(offset int) hcl.Pos {
	text := r.src[r.pos.Byte:offset]
	if bytes.IndexFunc(text, func(c rune) bool { return c == '\r' || c >= utf8.RuneSelf }) >= 0 {
		r.pos = positionAfter(r.pos, text)
		return r.pos
	}
	for _, c := range text {
		r.pos.Column++
		if c == '\n' {
			r.pos.Line++
			r.pos.Column = 1
		}
	}
	r.pos.Byte = offset
	return r.pos
}

// mistake is the diagnostic for a text that is not JSON, at the place where the
// decoder stopped.
func (r *jsonReader) mistake(err error) diag.Diagnostic {
	detail := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		detail = "the file ends in the middle of a value"
	}
	offset := min(r.end(), len(r.src))
	return diag.Newf("syntax", rangeOf(r.name, r.src, offset, min(offset+1, len(r.src))), "This is not JSON: %s.", detail).Titled("Invalid JSON")
}
