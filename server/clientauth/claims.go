package clientauth

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/writ-auth/writ/schema/jose"
)

// Claims are what a token says of its subject. The zero value says nothing.
type Claims struct{ object jose.Object }

// ReadClaims reads a JSON object as strictly as the claims of a token: UTF-8, no
// name twice, nothing around it.
func ReadClaims(object string) (Claims, error) {
	read, err := jose.ReadObject([]byte(object))
	return Claims{read}, err
}

// Get returns the JSON text of a claim as it was signed, nil when it is absent.
// The caller must not change it.
func (c Claims) Get(name string) []byte { return c.object.Get(name) }

// Text returns a claim that is a string; ok is false when it is absent or is
// something else.
func (c Claims) Text(name string) (value string, ok bool) { return c.object.Text(name) }

// Object returns the members of a claim that is an object; ok is false when it
// is absent or is something else.
func (c Claims) Object(name string) (members Claims, ok bool) {
	object, err := jose.ReadObject(c.object.Get(name))
	return Claims{object}, err == nil
}

// Says reports whether every member of a JSON object, "" for none, is a claim
// with an equal value, or one that is an array with an equal element. Numbers
// are equal when they are written alike, arrays when their order is, too.
func (c Claims) Says(object string) bool { return satisfied(c.object, object, equalOrHolds) }

// satisfied holds each member of a JSON object, "" for none, against the claim
// of that name.
func satisfied(claims jose.Object, object string, holds func(got, want []byte) bool) bool {
	if object == "" {
		return true
	}
	wanted, err := jose.ReadObject([]byte(object))
	if err != nil {
		return false
	}
	for _, m := range wanted {
		if got := claims.Get(string(m.Name)); got == nil || !holds(got, m.Value) {
			return false
		}
	}
	return true
}

// equalOrHolds reports whether a claim equals want, or is an array with an element that does.
// Claims such as groups are arrays at one issuer and a single text at another.
func equalOrHolds(got, want []byte) bool {
	if equalJSON(got, want) {
		return true
	}
	elements, ok := jose.Elements(got)
	return ok && slices.ContainsFunc(elements, func(element []byte) bool { return equalJSON(element, want) })
}

// equalJSON compares JSON values, without regard to the order of members. Numbers are compared
// as they are written: as float64, different integers above 2^53 would be equal.
func equalJSON(a, b []byte) bool {
	va, ok1 := decodeJSON(a)
	vb, ok2 := decodeJSON(b)
	return ok1 && ok2 && reflect.DeepEqual(va, vb)
}

// decodeJSON decodes JSON and keeps numbers as they are written.
func decodeJSON(text []byte) (value any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return value, dec.Decode(&value) == nil
}
