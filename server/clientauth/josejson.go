package clientauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// maxJSONDepth is how deep objects and arrays may nest, the outermost being 1.
const maxJSONDepth = 8

// A jsonObject is a JSON object as it was sent, read by readObject: UTF-8, no
// name twice in it or in any object below, nothing around it. Names are
// compared byte by byte, unlike encoding/json, which folds their case and
// keeps the last of two.
type jsonObject []jsonMember

// A jsonMember is one member; value is its JSON text.
type jsonMember struct{ name, value []byte }

var (
	errJSON      = errors.New("not a JSON object")
	errJSONUTF8  = errors.New("not UTF-8")
	errJSONDepth = errors.New("JSON nested too deep")
	errJSONTwice = errors.New("a JSON member stands twice")
)

// readObject reads text, which must be one JSON object (RFC 8259) and may have
// whitespace around it. The result shares text's memory.
func readObject(text []byte) (jsonObject, error) {
	if !utf8.Valid(text) {
		return nil, errJSONUTF8
	}
	r := jsonReader{text: text}
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

// get returns the JSON text of a member, or nil when there is none.
func (o jsonObject) get(name string) []byte {
	for _, m := range o {
		if string(m.name) == name {
			return m.value
		}
	}
	return nil
}

// text returns a member that is a string; ok is false when it is absent or is
// something else.
func (o jsonObject) text(name string) (s string, ok bool) { return jsonText(o.get(name)) }

// seconds returns a member that is a time as writ takes one: a whole number of
// seconds since 1970, without fraction or exponent, before the year 10000.
func (o jsonObject) seconds(name string) (n int64, ok bool) {
	raw := o.get(name)
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

// texts returns a member that is an array of strings, or one string as an array
// of one.
func (o jsonObject) texts(name string) (list []string, ok bool) {
	raw := o.get(name)
	if s, ok := jsonText(raw); ok {
		return []string{s}, true
	}
	values, ok := jsonElements(raw)
	if !ok {
		return nil, false
	}
	for _, value := range values {
		s, ok := jsonText(value)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// jsonText decodes the JSON text of a string that a jsonReader has seen.
func jsonText(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// jsonElements splits the JSON text of an array that a jsonReader has seen.
func jsonElements(raw []byte) (elements [][]byte, ok bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	r := jsonReader{text: raw}
	err := r.array(func(value []byte) { elements = append(elements, value) })
	return elements, err == nil
}

// repeats reports whether a name stands twice. Few members are compared with
// each other; many go through a map, so that the cost stays linear.
func (o jsonObject) repeats() bool {
	if len(o) > 16 {
		seen := make(map[string]bool, len(o))
		for _, m := range o {
			if seen[string(m.name)] {
				return true
			}
			seen[string(m.name)] = true
		}
		return false
	}
	for i, m := range o {
		for _, other := range o[:i] {
			if bytes.Equal(m.name, other.name) {
				return true
			}
		}
	}
	return false
}
