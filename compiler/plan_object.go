package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/writ-auth/writ/schema"
)

// An Object is one side of a change: the attributes of an object in the order
// of the language reference. The zero Object is the absence of one. It holds
// what it was made from and lists attributes only when it is asked, as a first
// plan may create a million objects.
type Object struct {
	of any // a pointer to a type of package schema, or []Attribute
}

// An Attribute is a name and a value of an Object. The value is a string, bool,
// int64 (seconds of a duration), float64, json.Number (read from a file),
// []string, map[string]string, json.RawMessage, Object or []Object.
type Attribute struct {
	Name  string
	Value any
}

// IsZero reports whether there is no object.
func (o Object) IsZero() bool { return o.of == nil }

// Objects goes through the objects of a document as a plan shows them, by their addresses.
func Objects(doc *schema.Document) iter.Seq2[string, Object] {
	return func(yield func(string, Object) bool) {
		_ = yield(Address(KindIssuer, ""), Object{&doc.Issuer}) &&
			yieldObjects(yield, KindAPI, doc.APIs, func(a *schema.API) string { return a.Label }) &&
			yieldObjects(yield, KindClient, doc.Clients, func(c *schema.Client) string { return c.Label }) &&
			yieldObjects(yield, KindAuthorization, doc.Authorizations, func(a *schema.Authorization) string { return a.Label }) &&
			yieldObjects(yield, KindTrustedIssuer, doc.TrustedIssuers, func(t *schema.TrustedIssuer) string { return t.Label }) &&
			yieldObjects(yield, KindSigningKey, doc.SigningKeys, func(k *schema.SigningKey) string { return k.Label })
	}
}

// yieldObjects yields a list, and reports whether to go on.
func yieldObjects[T any](yield func(string, Object) bool, kind Kind, list []T, label func(*T) string) bool {
	for i := range list {
		if !yield(Address(kind, label(&list[i])), Object{&list[i]}) {
			return false
		}
	}
	return true
}

// Attributes lists what is set.
func (o Object) Attributes() []Attribute {
	if list, ok := o.of.([]Attribute); ok {
		return list
	}
	return attributesOf(o.of)
}

// Get returns the value of an attribute, nil when it is not set.
func (o Object) Get(name string) any {
	for _, a := range o.Attributes() {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

// MarshalJSON writes an object with its attributes in order, or null.
func (o Object) MarshalJSON() ([]byte, error) {
	if o.IsZero() {
		return []byte("null"), nil
	}
	b := []byte{'{'}
	for i, a := range o.Attributes() {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := appendJSON(b, a.Name)
		if err != nil {
			return nil, err
		}
		if b, err = appendJSON(append(name, ':'), a.Value); err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	return append(b, '}'), nil
}

// appendJSON appends a value without escaping HTML: the encoder around it, of which this is a
// part, escapes or does not, as it is set to.
func appendJSON(b []byte, value any) ([]byte, error) {
	out := bytes.NewBuffer(b)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Object) UnmarshalJSON(b []byte) error {
	value, err := decodeValue(b)
	if err != nil {
		return err
	}
	switch value := value.(type) {
	case nil:
		*o = Object{}
	case Object:
		*o = value
	default:
		return errors.New("an object is neither a JSON object nor null")
	}
	return nil
}

// UnmarshalJSON keeps the values of an attribute's change in the types of
// Attribute.
func (a *AttributeChange) UnmarshalJSON(b []byte) error {
	type plain AttributeChange // without this method
	raw := struct {
		*plain
		Before json.RawMessage `json:"before"`
		After  json.RawMessage `json:"after"`
	}{plain: (*plain)(a)}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&raw); err != nil {
		return err
	}
	var err error
	if a.Before, err = decodeValue(raw.Before); err != nil {
		return err
	}
	a.After, err = decodeValue(raw.After)
	return err
}

// decodeValue reads a value into the types of Attribute. Objects keep the order
// of their members.
func decodeValue(b []byte) (any, error) {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return nil, nil
	}
	switch b[0] {
	case '{':
		return decodeObject(b)
	case '[':
		return decodeList(b)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// decodeObject reads the members of an object one by one: a map would lose their order.
func decodeObject(b []byte) (Object, error) {
	attributes := []Attribute{}
	decoder := json.NewDecoder(bytes.NewReader(b))
	if _, err := decoder.Token(); err != nil {
		return Object{}, err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return Object{}, err
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return Object{}, err
		}
		value, err := decodeValue(raw)
		if err != nil {
			return Object{}, err
		}
		attributes = append(attributes, Attribute{name.(string), value})
	}
	return Object{attributes}, nil
}

// decodeList reads a list of strings, or of objects; anything else stays JSON.
func decodeList(b []byte) (any, error) {
	var texts []string
	if json.Unmarshal(b, &texts) == nil {
		return texts, nil
	}
	var objects []Object
	if json.Unmarshal(b, &objects) == nil {
		return objects, nil
	}
	var raw json.RawMessage
	err := json.Unmarshal(b, &raw)
	return raw, err
}

// attributesOf lists what is set of an object of a Document, in the order of the
// language reference, and after it the nested blocks.
func attributesOf(object any) []Attribute {
	block := schema.BlockOf(object)
	if block == nil {
		return nil
	}
	l := rowsOf(block, object, make([]Attribute, 0, len(block.Attributes)+1))
	switch of := object.(type) {
	case *schema.API:
		if len(of.Scopes) > 0 {
			scopes := make([]Object, len(of.Scopes))
			for i := range of.Scopes {
				scopes[i] = scopeObject(&of.Scopes[i])
			}
			l = append(l, Attribute{"scopes", scopes})
		}
	case *schema.Client:
		if credentials := credentialsOf(of); len(credentials) > 0 {
			shown := make([]Object, len(credentials))
			for i := range credentials {
				shown[i] = credentialObject(&credentials[i])
			}
			l = append(l, Attribute{"credentials", shown})
		}
		if of.RefreshToken != nil {
			l = append(l, Attribute{"refresh_token", Object{of.RefreshToken}})
		}
	}
	return l
}

// rowsOf appends the attributes of one block that are set. Hidden ones, with which a client
// authenticates, are left out.
func rowsOf(block *schema.Block, object any, l []Attribute) []Attribute {
	for i := range block.Attributes {
		a := &block.Attributes[i]
		if !a.IsStored() || a.Hidden {
			continue
		}
		if v := planned(a, a.Get(object)); v != nil {
			l = append(l, Attribute{a.Name, v})
		}
	}
	return l
}

// planned returns an attribute's value in the types of Attribute, nil if it is not set. An
// empty list of a required attribute counts as set, since somebody wrote it. Of a key set
// only the key IDs are shown.
func planned(a *schema.Attribute, v any) any {
	zero := schema.IsZero(v)
	switch {
	case zero && a.Required && a.Type == schema.TypeStrings:
		return []string{}
	case zero:
		return nil
	case a.ParseKeys != nil:
		return keyIDs(v.(string))
	case a.Type == schema.TypeTime:
		return schema.FormatTime(v.(int64))
	case a.Type == schema.TypeObject:
		return json.RawMessage(v.(string))
	}
	return v
}

// scopeObject is what a plan shows of a scope.
func scopeObject(s *schema.Scope) Object {
	return Object{rowsOf(schema.BlockOf(s), s, []Attribute{{"name", s.Name}})}
}

// credentialObject is what a plan shows of a credential.
func credentialObject(c *schema.Credential) Object {
	return Object{rowsOf(c.Block, c.Of, []Attribute{{"kind", c.Block.Type}, {"label", c.Label}})}
}

// textsOf lists the values of an enumeration as strings.
func textsOf[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}
