package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// fields decodes the attributes of one block by the language table. Each method reads
// one attribute and applies its rules. It returns the zero value where there is none, and
// where it is wrong, which it has then reported.
//
// Decoding goes on after a mistake, so that one run reports as many as it can. bad says
// that there was one, for rules that compare attributes: they would report it again.
type fields struct {
	*loader
	spec  *schema.Block
	block *source.Block
	where string // for messages: `api.orders`, `secret "a" of client.billing`
	scope scope
	main  bool // the block is the object's own, not one nested in it: its attributes can be referred to
	bad   bool // something was wrong
}

// fieldsOf begins the decoding of a block that is, or belongs to, o; nil for a block of a
// kind that nothing refers to. It reports the attributes and blocks that do not belong there.
func (l *loader) fieldsOf(spec *schema.Block, b *source.Block, where string, o *object) *fields {
	f := &fields{loader: l, spec: spec, block: b, where: where, scope: scope{object: o}}
	f.main = o != nil && o.decl.block == b
	before := l.problems.list.Total() // of the diagnostics, those beyond the bound included
	l.unknownAttributes(&b.Body, spec, where)
	for _, nested := range b.Body.Blocks {
		if _, known := spec.Block(nested.Type); !known {
			l.unknownBlock(nested, &b.Body, spec, where)
		}
	}
	f.bad = l.problems.list.Total() > before
	return f
}

// nested begins the decoding of each nested block of one type, in order. Two
// with one label, or two of a type that stands once, are reported.
func (f *fields) nested(typ string, each func(n *fields, label string)) {
	spec, _ := f.spec.Block(typ)
	seen := map[string]*source.Block{}
	for _, b := range f.block.Body.Blocks {
		if b.Type != typ || !f.checkLabels(b, spec) {
			continue
		}
		label, what := "", typ
		if spec.Label != "" {
			label = b.Labels[0]
			what = fmt.Sprintf("%s %q", typ, label)
		}
		if other := seen[label]; other != nil && (spec.Label != "" || !spec.Repeats) {
			f.duplicateNested(what, b, other)
			continue
		}
		seen[label] = b
		each(f.fieldsOf(spec, b, what+" of "+f.where, f.scope.object), label)
	}
}

// duplicateNested reports a nested block that stands twice; scopes have a code of their own.
func (f *fields) duplicateNested(what string, b, other *source.Block) {
	code := "duplicate-name"
	if b.Type == "scope" {
		code = "duplicate-scope"
	}
	f.problems.related(code, b.DefRange(), related("the other "+what, other.DefRange()),
		"%s stands twice in %s. Leave one of them out.", what, f.where)
}

// errorf reports a problem with an attribute's value.
func (f *fields) errorf(code string, at hcl.Range, format string, args ...any) {
	f.bad = true
	f.problems.errorf(code, at, format, args...)
}

// secretf is errorf where the value that was written may be a secret: the diagnostic
// shows no line of the source.
func (f *fields) secretf(code string, at hcl.Range, format string, args ...any) {
	f.bad = true
	f.problems.secretf(code, at, format, args...)
}

// row returns the row of the language table about an attribute of the block. It panics for a
// name that has none: names come from this package and not from the configuration.
func (f *fields) row(name string) *schema.Attribute {
	spec, ok := f.spec.Attr(name)
	if !ok {
		panic("config: the language has no attribute " + f.spec.Type + "." + name)
	}
	return spec
}

// read decodes an attribute that no struct of package schema has. Where it was not set,
// the result is the language's default, or the zero value without one.
func read[T any](f *fields, name string) T {
	spec := f.row(name)
	v := f.decode(spec)
	if v == nil {
		v = spec.DefaultValue()
	}
	t, _ := v.(T)
	return t
}

// fill decodes the attributes of the block into the struct that has them, such as a
// *schema.API. What is not set, or is wrong, gets the language's default, unless something
// that is known only to package compiler comes before it.
func (f *fields) fill(object any) {
	if len(f.spec.OneOf) > 0 {
		f.oneOf(f.spec.OneOf...)
	}
	for i := range f.spec.Attributes {
		a := &f.spec.Attributes[i]
		if !a.IsStored() || a.Deferred {
			continue
		}
		var v any
		if a.Required || f.block.Body.Attribute(a.Name) != nil {
			v = f.decode(a)
		}
		if v == nil {
			v = f.unsetValue(a)
		}
		// A list that is written as empty is not one that is not written: it replaces the
		// default.
		if !schema.IsZero(v) || v != nil && a.Type == schema.TypeStrings {
			a.Set(object, v)
		}
	}
	// Only now, as the time that another must follow may stand after it in the table.
	for i := range f.spec.Attributes {
		if a := &f.spec.Attributes[i]; a.After != "" {
			f.checkAfter(a, object)
		}
	}
}

// unsetValue returns the value of an attribute that was not set, or nil if package compiler
// will find it: it is inherited from another block, which may not be decoded yet.
func (f *fields) unsetValue(a *schema.Attribute) any {
	o := f.scope.object
	switch a.Inherit {
	case schema.InheritNone:
		return a.DefaultValue()
	case schema.InheritLabel:
		return o.label()
	case schema.InheritBlockLabel:
	default:
		return nil
	}
	if written := f.block.Body.Attribute(a.Name); written != nil && !written.Expr.IsNull() {
		return nil // it is wrong, and a label in its place would be an identity that nobody asked for
	}
	if o.isInstance() { // all instances would get the label of the block
		f.errorf("missing-attribute", f.block.DefRange(), "A %s with for_each needs a %s for each instance. Write one, such as: %s = \"%s-${each.key}\"",
			f.spec.Type, a.Name, a.Name, o.decl.label)
		return nil
	}
	return o.label()
}

// fillNested decodes the nested blocks into the struct of the block, and applies the rules
// that need more than one attribute of them.
func (f *fields) fillNested(object any) {
	for i := range f.spec.Blocks {
		spec := &f.spec.Blocks[i]
		f.nested(spec.Type, func(n *fields, label string) {
			nested := spec.Add(object, label)
			n.fill(nested)
			switch nested := nested.(type) {
			case *schema.Scope:
				n.checkScope(nested)
			case *schema.Federated:
				n.checkFederated(nested)
			case *schema.RefreshToken:
				n.checkRefreshToken(nested)
			}
		})
	}
}

// decode decodes an attribute into the Go type of its Type, see schema.Attribute.Set. It
// returns nil if the attribute is not set, or is wrong and has been reported. A duration of 0,
// an empty list and an empty map are values: they differ from one that is not set.
func (f *fields) decode(a *schema.Attribute) any {
	switch a.Type {
	case schema.TypeString:
		return nonZero(f.string(a))
	case schema.TypeObject:
		return nonZero(f.object(a))
	case schema.TypeReference:
		return nonZero(f.ref(a))
	case schema.TypeBool:
		return nonZero(f.flag(a))
	case schema.TypeNumber:
		return nonZero(f.number(a))
	case schema.TypeTime:
		return nonZero(f.time(a))
	case schema.TypeDuration:
		if n, ok := f.seconds(a); ok {
			return n
		}
	case schema.TypeStrings:
		if values := f.texts(a); values != nil {
			return values
		}
	case schema.TypeReferences:
		if labels := f.refs(a); labels != nil {
			return labels
		}
	case schema.TypeStringMap:
		if m := f.textMap(a); m != nil {
			return m
		}
	}
	return nil
}

// nonZero returns v, or nil for the zero value, by which the decoders of single types say that
// an attribute is not set.
func nonZero[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

// attr returns an attribute that was written, nil otherwise. It reports a required one that is
// absent.
func (f *fields) attr(spec *schema.Attribute) *source.Attribute {
	a := f.block.Body.Attribute(spec.Name)
	if a == nil && spec.Required {
		f.missing(spec)
	}
	return a
}

// missing reports a required attribute that is absent or null, unless a misspelled one was
// reported in its place.
func (f *fields) missing(spec *schema.Attribute) {
	if f.isIntended(&f.block.Body, spec.Name) {
		f.bad = true
		return
	}
	at, written := rangeOf(f.block, spec.Name) // a null is as good as absent
	if !written {
		at = f.block.DefRange()
	}
	f.errorf("missing-attribute", at, "%s needs %s. Write one, such as: %s = %s", f.where, spec.Name, spec.Name, spec.Example)
}

// value evaluates an attribute. ok is false when there is none or it failed.
func (f *fields) value(spec *schema.Attribute) (v cty.Value, at hcl.Range, ok bool) {
	a := f.attr(spec)
	if a == nil {
		return cty.NilVal, hcl.Range{}, false
	}
	if f.main { // others may have read it already, and its mistakes are reported once
		v, ok = f.raw(f.scope.object, a)
	} else {
		v, ok = f.loader.value(&a.Expr, f.scope)
	}
	if !ok {
		f.bad = true
		return cty.NilVal, hcl.Range{}, false
	}
	if v.IsNull() {
		if spec.Required {
			f.missing(spec)
		}
		return cty.NilVal, hcl.Range{}, false
	}
	return v, a.Expr.Range(), true
}

// wrongType reports a value of another type than the attribute takes, with an example of
// one that fits. Of a list or map it names the part that does not, if there is one.
func (f *fields) wrongType(spec *schema.Attribute, v cty.Value, at hcl.Range) {
	want := "a " + string(spec.Type)
	switch spec.Type {
	case schema.TypeObject:
		want = "an object"
	case schema.TypeCondition:
		want = "true or false"
	}
	got := typeName(v.Type())
	if spec.Type == schema.TypeStrings || spec.Type == schema.TypeStringMap {
		got = valueName(v)
	}
	f.errorf("wrong-type", at, "%s must be %s, not %s. Write it like: %s = %s", spec.Name, want, got, spec.Name, spec.Example)
}

// string decodes a string, by the rules of those that are more than text.
func (f *fields) string(spec *schema.Attribute) string {
	switch {
	case spec.ParseKeys != nil:
		return f.keys(spec)
	case spec.ASCII:
		return f.ascii(spec)
	}
	return f.text(spec)
}

// text decodes a string and applies the rules of its row. A number or a bool is a wrong type
// and not converted to text, as HCL would do.
func (f *fields) text(spec *schema.Attribute) string {
	v, at, ok := f.value(spec)
	if !ok {
		return ""
	}
	v = templateText(&f.block.Body.Attribute(spec.Name).Expr, v)
	if v.Type() != cty.String {
		f.wrongType(spec, v, at)
		return ""
	}
	s := v.AsString()
	if !f.allowed(spec, s, at) {
		return ""
	}
	return s
}

// allowed applies the rules of a string, or of an element of a list: the enumeration, the
// codes of warnings, then Check. It reports what breaks one.
func (f *fields) allowed(spec *schema.Attribute, s string, at hcl.Range) bool {
	if len(spec.Enum) > 0 && !slices.Contains(spec.Enum, s) {
		f.errorf("invalid-value", at, "%s must be %s, not %q.%s", spec.Name, quoted(spec.Enum), clip(s),
			cmp.Or(afterSpace(schema.ForeignValue(spec.Name, s)), f.problems.didYouMean(s, spec.Enum)))
		return false
	}
	if spec.Of == schema.OfWarning {
		return f.isWarning(s, at)
	}
	if spec.Check == nil {
		return true
	}
	err := spec.Check(s)
	if err == nil {
		return true
	}
	// The code of the attribute is for a value of the right kind that is not good enough. A
	// secret in plain text is worse than that, and a malformed reference to a secret, or no
	// hash at all, is no secret that could be weak.
	code := cmp.Or(spec.Code, "invalid-value")
	switch {
	case errors.Is(err, schema.ErrPlaintext):
		code = "plaintext-secret"
	case strings.HasPrefix(s, "env:"), strings.HasPrefix(s, "file:"), s == "" && code == "weak-secret-hash":
		code = "invalid-value"
	}
	report := f.errorf
	if code == "plaintext-secret" || code == "weak-secret-hash" {
		report = f.secretf
	}
	report(code, at, "%s", schema.Sentence(err.Error()))
	return false
}

// clip shortens a value for a message to 80 bytes: what was written may be a whole key. The
// cut may fall into a character, of which no byte is then shown.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "..."
}

// flag decodes a bool.
func (f *fields) flag(spec *schema.Attribute) bool {
	v, at, ok := f.value(spec)
	if ok && v.Type() != cty.Bool {
		f.wrongType(spec, v, at)
		return false
	}
	return ok && v.True()
}

// number decodes a number that is greater than the attribute's minimum, 0 when there is
// none. The minimum itself is excluded because 0 stands for "not set".
func (f *fields) number(spec *schema.Attribute) float64 {
	v, at, ok := f.value(spec)
	if !ok {
		return 0
	}
	if v.Type() != cty.Number {
		f.wrongType(spec, v, at)
		return 0
	}
	n, _ := v.AsBigFloat().Float64()
	if n <= float64(spec.Min) || n > float64(spec.Max) {
		f.errorf("invalid-value", at, "%s must be more than %d and at most %d.", spec.Name, spec.Min, spec.Max)
		return 0
	}
	return n
}

// seconds decodes a duration into seconds, within the bounds of its row. ok is false if it is
// not set, or is wrong and has been reported.
func (f *fields) seconds(spec *schema.Attribute) (n int64, ok bool) {
	v, at, ok := f.value(spec)
	if !ok {
		return 0, false
	}
	n, err := secondsOf(v)
	switch {
	case errors.Is(err, errNotDuration):
		f.wrongType(spec, v, at)
	case err != nil:
		f.errorf("invalid-lifetime", at, "%s", schema.Sentence(err.Error()))
	case n < spec.Min || n > spec.Max:
		f.errorf("invalid-lifetime", at, "%s must be between %s and %s, not %s.", spec.Name,
			schema.FormatDuration(spec.Min), schema.FormatDuration(spec.Max), schema.FormatDuration(n))
	default:
		return n, true
	}
	return 0, false
}

// time decodes a time into Unix seconds, 0 when there is none. It is written as RFC 3339
// has it, in whole seconds.
func (f *fields) time(spec *schema.Attribute) int64 {
	v, at, ok := f.value(spec)
	if !ok {
		return 0
	}
	if v.Type() != cty.String {
		f.wrongType(spec, v, at)
		return 0
	}
	unix, err := schema.ParseTime(v.AsString())
	if err != nil {
		f.errorf("invalid-time", at, "%s", schema.Sentence(notTime(v.AsString(), err).Error()))
		return 0
	}
	return unix
}

// checkAfter reports a time that is not later than the one that it must follow: a window
// that ends before it begins would accept nothing.
func (f *fields) checkAfter(until *schema.Attribute, object any) {
	from := f.row(until.After)
	begin, _ := from.Get(object).(int64)
	if end, _ := until.Get(object).(int64); end != 0 && end <= begin {
		f.problems.related("invalid-time", f.block.Body.Attribute(until.Name).Expr.Range(), related("it begins here", f.block.Body.Attribute(from.Name).Expr.Range()),
			"%s ends at or before its beginning. Let %s be later than %s.", f.where, until.Name, from.Name)
		f.bad = true
	}
}

// textMap decodes a map of strings, nil if it is not set or is wrong.
func (f *fields) textMap(spec *schema.Attribute) map[string]string {
	v, at, ok := f.value(spec)
	if !ok {
		return nil
	}
	m, isMap := stringMapOf(v)
	if !isMap {
		f.wrongType(spec, v, at)
		return nil
	}
	return m
}

// object decodes an object of JSON values into canonical JSON (see canonicalJSON), so that
// equal objects are equal texts. It is "" for none and for an empty object, which says the
// same as no attribute.
func (f *fields) object(spec *schema.Attribute) string {
	v, at, ok := f.value(spec)
	if !ok {
		return ""
	}
	if ty := v.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		f.wrongType(spec, v, at)
		return ""
	}
	text, err := canonicalJSON(v)
	if err != nil {
		f.errorf("invalid-value", at, "%s %s.", spec.Name, err)
		return ""
	}
	if text == "{}" {
		return ""
	}
	return text
}

// ref decodes a reference into the label of the object, "" for none or a mistake. Documents
// hold labels and not objects, because they are compared and written as JSON.
func (f *fields) ref(spec *schema.Attribute) string {
	a := f.attr(spec)
	if a == nil {
		return ""
	}
	of, _ := kindOf(spec.Of)
	o, ok := f.reference(&a.Expr, of, f.scope)
	if !ok {
		f.bad = true
		return ""
	}
	if o == nil {
		if spec.Required {
			f.missing(spec)
		}
		return ""
	}
	return o.label()
}

// oneOf reports a block that does not have exactly one of these attributes. A null counts as
// absent, so that an expression may choose between them.
func (f *fields) oneOf(names ...string) {
	var written []*source.Attribute
	for _, name := range names {
		if a := f.block.Body.Attribute(name); a != nil && !a.Expr.IsNull() {
			written = append(written, a)
		}
	}
	switch {
	case len(written) == 0 && f.isIntended(&f.block.Body, names...):
		f.bad = true
	case len(written) == 0:
		f.errorf("missing-attribute", f.block.DefRange(), "%s needs one of %s. Write exactly one of them.", f.where, strings.Join(names, ", "))
	case len(written) > 1:
		f.problems.related("invalid-value", written[1].NameRange(), related("the other", written[0].NameRange()),
			"%s takes exactly one of %s. Leave %s out, or %s.", f.where, strings.Join(names, ", "), written[0].Name, written[1].Name)
		f.bad = true
	}
}
