package clientauth

import "bytes"

// A jsonReader is a recursive descent over text; peek is 0 at its end.
type jsonReader struct {
	text  []byte
	at    int
	depth int
}

func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) space() {
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
func (r *jsonReader) next(c byte) bool {
	r.space()
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value() ([]byte, error) {
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

func (r *jsonReader) object() (jsonObject, error) {
	if r.depth++; r.depth > maxJSONDepth {
		return nil, errJSONDepth
	}
	r.at++ // {
	if r.next('}') {
		r.depth--
		return jsonObject{}, nil
	}
	object := make(jsonObject, 0, 8)
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

func (r *jsonReader) member() (m jsonMember, err error) {
	r.space()
	start := r.at
	if err := r.str(); err != nil {
		return m, err
	}
	m.name = r.text[start+1 : r.at-1]
	if bytes.IndexByte(m.name, '\\') >= 0 {
		name, ok := jsonText(r.text[start:r.at])
		if !ok {
			return m, errJSON
		}
		m.name = []byte(name)
	}
	if !r.next(':') {
		return m, errJSON
	}
	m.value, err = r.value()
	return m, err
}

func (r *jsonReader) array(each func(value []byte)) error {
	if r.depth++; r.depth > maxJSONDepth {
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

func (r *jsonReader) word(w string) bool {
	if !bytes.HasPrefix(r.text[r.at:], []byte(w)) {
		return false
	}
	r.at += len(w)
	return true
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (r *jsonReader) number() error {
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

func (r *jsonReader) digits() bool {
	start := r.at
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.at++
	}
	return r.at > start
}

// str reads a string with its quotes. A \u escape of half a surrogate pair is
// refused: two readers would make two different names of it.
func (r *jsonReader) str() error {
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

func (r *jsonReader) escape() bool {
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

func (r *jsonReader) hex4() (unit uint64, ok bool) {
	if len(r.text)-r.at < 4 {
		return 0, false
	}
	for _, c := range r.text[r.at : r.at+4] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | uint64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			unit = unit<<4 | uint64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	r.at += 4
	return unit, true
}
