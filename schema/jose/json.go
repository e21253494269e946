package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may nest, the outermost being 1. The reader
// recurses, and no header, claim set or key that is worth reading goes half as deep.
const maxDepth = 8

// An Object is a JSON object as it was sent, read by ReadObject: UTF-8, no
// name twice in it or in any object below, nothing around it. Names are
// compared byte by byte, unlike encoding/json, which folds their case and
// keeps the last of two.
type Object []Member

// A Member is one member; value is its JSON text.
type Member struct{ Name, Value []byte }

// Why a text is refused. None says where: the sender may be probing.
var (
	errJSON      = errors.New("not a JSON object")
	errJSONUTF8  = errors.New("not UTF-8")
	errJSONDepth = errors.New("JSON nested too deep")
	errJSONTwice = errors.New("a JSON member stands twice")
)

// ReadObject reads text, which must be one JSON object (RFC 8259) and may have
// whitespace around it. The result shares text's memory.
func ReadObject(text []byte) (Object, error) {
	if !utf8.Valid(text) {
		return nil, errJSONUTF8
	}
	r := reader{text: text}
	if r.space(); r.peek() != '{' {
		return nil, errJSON
	}
	object, err := r.object()
	if err != nil {
		return nil, err
	}
	if r.space(); r.at != len(text) {
		return nil, errJSON
	}
	return object, nil
}

// Get returns the JSON text of a member, or nil when there is none.
func (o Object) Get(name string) []byte {
	for _, m := range o {
		if string(m.Name) == name {
			return m.Value
		}
	}
	return nil
}

// Text returns a member that is a string; ok is false when it is absent or is
// something else.
func (o Object) Text(name string) (s string, ok bool) { return Text(o.Get(name)) }

// Seconds returns a member that is a time as writ takes one: a whole number of
// seconds since 1970, without fraction or exponent, before the year 10000.
func (o Object) Seconds(name string) (n int64, ok bool) {
	raw := o.Get(name)
	if len(raw) == 0 || len(raw) > len("253402300799") {
		return 0, false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil && n <= 253402300799
}

// Texts returns a member that is an array of strings, or one string as an array
// of one.
func (o Object) Texts(name string) (list []string, ok bool) {
	raw := o.Get(name)
	if s, ok := Text(raw); ok {
		return []string{s}, true
	}
	values, ok := Elements(raw)
	if !ok {
		return nil, false
	}
	for _, value := range values {
		s, ok := Text(value)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// Text decodes the JSON text of a string that a reader has seen.
func Text(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// Elements splits the JSON text of an array that a reader has seen.
func Elements(raw []byte) (elements [][]byte, ok bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	r := reader{text: raw}
	err := r.array(func(value []byte) { elements = append(elements, value) })
	return elements, err == nil
}

// repeats reports whether a name stands twice. Few members are compared with
// each other; many go through a map, so that the cost stays linear.
func (o Object) repeats() bool {
	if len(o) > 16 {
		seen := make(map[string]bool, len(o))
		for _, m := range o {
			if seen[string(m.Name)] {
				return true
			}
			seen[string(m.Name)] = true
		}
		return false
	}
	for i, m := range o {
		for _, other := range o[:i] {
			if bytes.Equal(m.Name, other.Name) {
				return true
			}
		}
	}
	return false
}

// A reader is a recursive descent over text; peek is 0 at its end.
type reader struct {
	text  []byte
	at    int
	depth int
}

// peek returns the next byte without reading it, 0 at the end. A zero byte in the text is no
// JSON outside of strings and an error in them, so the two need not be told apart.
func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// space skips white space, which for JSON is these four characters (RFC 8259 section 2).
func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next skips whitespace and the byte c, or reports that something else stands
// there.
func (r *reader) next(c byte) bool {
	r.space()
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// value reads a value of any type and returns its text, without white space around it.
func (r *reader) value() ([]byte, error) {
	r.space()
	start := r.at
	var err error
	switch c := r.peek(); {
	case c == '"':
		err = r.str()
	case c == '{':
		_, err = r.object()
	case c == '[':
		err = r.array(func([]byte) {})
	case c == '-' || c >= '0' && c <= '9':
		err = r.number()
	case !r.word("true") && !r.word("false") && !r.word("null"):
		err = errJSON
	}
	if err != nil {
		return nil, err
	}
	return r.text[start:r.at], nil
}

// object reads an object whose brace is next. Names are compared once all are read.
func (r *reader) object() (Object, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, errJSONDepth
	}
	r.at++ // {
	if r.next('}') {
		r.depth--
		return Object{}, nil
	}
	object := make(Object, 0, 8)
	for {
		m, err := r.member()
		if err != nil {
			return nil, err
		}
		object = append(object, m)
		if r.next(',') {
			continue
		}
		if !r.next('}') {
			return nil, errJSON
		}
		r.depth--
		if object.repeats() {
			return nil, errJSONTwice
		}
		return object, nil
	}
}

// member reads a name and its value. A name with escapes is decoded, as two spellings of one
// name would pass for two names.
func (r *reader) member() (m Member, err error) {
	r.space()
	start := r.at
	if err := r.str(); err != nil {
		return m, err
	}
	m.Name = r.text[start+1 : r.at-1]
	if bytes.IndexByte(m.Name, '\\') >= 0 {
		name, ok := Text(r.text[start:r.at])
		if !ok {
			return m, errJSON
		}
		m.Name = []byte(name)
	}
	if !r.next(':') {
		return m, errJSON
	}
	m.Value, err = r.value()
	return m, err
}

// array reads an array whose bracket is next, and hands over the text of each element.
func (r *reader) array(each func(value []byte)) error {
	if r.depth++; r.depth > maxDepth {
		return errJSONDepth
	}
	r.at++ // [
	if r.next(']') {
		r.depth--
		return nil
	}
	for {
		value, err := r.value()
		if err != nil {
			return err
		}
		each(value)
		if r.next(',') {
			continue
		}
		if !r.next(']') {
			return errJSON
		}
		r.depth--
		return nil
	}
}

// word reads w if it is next. What follows is the caller's to check.
func (r *reader) word(w string) bool {
	if !bytes.HasPrefix(r.text[r.at:], []byte(w)) {
		return false
	}
	r.at += len(w)
	return true
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (r *reader) number() error {
	if r.peek() == '-' {
		r.at++
	}
	if r.peek() == '0' {
		r.at++
	} else if !r.digits() {
		return errJSON
	}
	if r.peek() == '.' {
		if r.at++; !r.digits() {
			return errJSON
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		if r.at++; r.peek() == '+' || r.peek() == '-' {
			r.at++
		}
		if !r.digits() {
			return errJSON
		}
	}
	return nil
}

// digits reads decimal digits, and reports whether there was one.
func (r *reader) digits() bool {
	start := r.at
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.at++
	}
	return r.at > start
}

// str reads a string with its quotes. A \u escape of half a surrogate pair is
// refused: two readers would make two different names of it.
func (r *reader) str() error {
	if r.peek() != '"' {
		return errJSON
	}
	r.at++
	for {
		switch c := r.peek(); {
		case c == '"':
			r.at++
			return nil
		case c < 0x20: // also the end of the text
			return errJSON
		case c != '\\':
			r.at++
		default:
			if !r.escape() {
				return errJSON
			}
		}
	}
}

// escape reads what a backslash begins, both halves of a surrogate pair included.
func (r *reader) escape() bool {
	r.at++ // \
	c := r.peek()
	r.at++
	if c != 'u' {
		return bytes.IndexByte([]byte(`"\/bfnrt`), c) >= 0
	}
	unit, ok := r.hex4()
	switch {
	case !ok || unit >= 0xdc00 && unit < 0xe000:
		return false
	case unit < 0xd800 || unit >= 0xe000:
		return true
	}
	if !r.word(`\u`) {
		return false
	}
	low, ok := r.hex4()
	return ok && low >= 0xdc00 && low < 0xe000
}

// hex4 reads the four digits of a \u escape, which are one unit of UTF-16.
func (r *reader) hex4() (unit uint64, ok bool) {
	if len(r.text)-r.at < 4 {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(r.text[r.at:r.at+4]), 16, 16) // takes no sign and no prefix
	r.at += 4
	return unit, err == nil
}
