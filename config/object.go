package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// An attrKey names one attribute of one object, or of the issuer's defaults where object is
// nil. It also names what is derived from an attribute, such as "api.token_lifetime" of an
// authorization: see inheritedFromAPI.
type attrKey struct {
	object *object
	name   string
}

// sensitiveScopes is what expressions call the names of an API's scopes that are declared
// sensitive.
const sensitiveScopes = "sensitive_scopes"

// spec returns the block of the language that describes objects of the kind.
func (k kind) spec() *schema.Block {
	switch k {
	case kindFederated:
		return schema.BlockOf(&schema.Federated{})
	case kindChange:
		return &schema.PolicyChange
	}
	spec, _ := schema.LanguageBlock(kindNames[k])
	return spec
}

// attributeNames returns what an expression may read of an object: what identifies it, what
// is derived from its nested blocks, and each attribute that a document stores.
func attributeNames(k kind) []string {
	spec := k.spec()
	if k == kindChange {
		out := make([]string, len(spec.Attributes))
		for i := range spec.Attributes {
			out[i] = spec.Attributes[i].Name
		}
		return out
	}
	out := []string{"address", "label"}
	switch k {
	case kindAPI:
		out = append(out, "scopes", sensitiveScopes)
	case kindFederated:
		out = append(out, "client")
	}
	for i := range spec.Attributes {
		if a := &spec.Attributes[i]; a.IsStored() && !a.Deferred {
			out = append(out, a.Name)
		}
	}
	return out
}

// wholeNames returns the attributes that an object has as one value. The slice is shared:
// callers must not change it.
func wholeNames(k kind) []string { return wholeNamesByKind[k] }

// wholeNamesByKind is made once, since a policy over all objects asks for each of them.
var wholeNamesByKind = func() (names [numPolicyKinds][]string) {
	for k := range names {
		names[k] = makeWholeNames(kind(k))
	}
	return names
}()

// makeWholeNames makes wholeNames of a kind. References are left out, so that two objects
// may refer to one another. Authorizations and federated blocks have them, as no attribute
// of another object refers to one of these. What has another type in each object, such as
// subject_claims, is left out too: a conditional requires one type of both its results.
func makeWholeNames(k kind) []string {
	out := []string{}
	spec := k.spec()
	for _, name := range attributeNames(k) {
		a, _ := spec.Attr(name)
		refers := a != nil && (a.Type == schema.TypeReference || a.Type == schema.TypeReferences)
		if a != nil && a.Type == schema.TypeObject && k != kindChange || refers && k != kindAuthorization && k != kindFederated {
			continue
		}
		out = append(out, name)
	}
	return out
}

// raw evaluates an attribute of an object once, as it was written: no default applied, no
// type checked. Decoding and references share the result, and so the report of a mistake.
func (l *loader) raw(o *object, a *source.Attribute) (cty.Value, bool) {
	if v, ok := a.Expr.Literal(); ok {
		return v, true
	}
	return l.once(o, a.Name, a.Expr.Range(), func() (cty.Value, bool) {
		return l.value(&a.Expr, scope{object: o})
	})
}

// once computes a value that belongs to an attribute of an object, the first
// time that it is asked for. The nil object is the issuer's defaults. Problems that compute
// finds belong to o, whichever object asked.
func (l *loader) once(o *object, name string, at hcl.Range, compute func() (cty.Value, bool)) (cty.Value, bool) {
	key := attrKey{o, name}
	t := l.memo[key]
	if t == nil {
		t = new(thunk)
		l.memo[key] = t
	}
	address := "issuer.defaults"
	if o != nil {
		address = o.address()
	}
	return l.force(t, address+"."+name, at, func() (cty.Value, bool) {
		defer l.setOwner(o)()
		return compute()
	})
}

// setOwner makes o the owner of the problems reported until restore is called. A problem
// without an owner is reported wherever it is found; see problems.owner.
func (l *loader) setOwner(o *object) (restore func()) {
	owner, decoding := l.problems.owner, l.decoding
	l.problems.owner, l.decoding = nil, o
	if o != nil && o.isInstance() {
		l.problems.owner = o
	}
	return func() { l.problems.owner, l.decoding = owner, decoding }
}

// attr returns an attribute of an object as expressions see it: durations in
// seconds, defaults applied. name is one of attributeNames. It returns false where the
// attribute's own decoding reports why: its rules are checked there and not here.
func (l *loader) attr(o *object, name string) (cty.Value, bool) {
	switch {
	case name == "address":
		return cty.StringVal(o.address()), true
	case name == "label":
		return cty.StringVal(o.label()), true
	case name == "scopes" && o.decl.kind == kindAPI:
		return scopeNames(o.decl.block), true
	case name == sensitiveScopes && o.decl.kind == kindAPI:
		return l.once(o, name, o.decl.block.DefRange(), func() (cty.Value, bool) { return l.sensitiveScopes(o) })
	}
	spec, _ := l.kinds[o.decl.kind].spec.Attr(name)
	a := o.attribute(name)
	if a == nil {
		return l.unsetAttr(o, spec)
	}
	if spec.Type == schema.TypeReference || spec.Type == schema.TypeReferences {
		return l.once(o, name, a.Expr.Range(), func() (cty.Value, bool) {
			return l.attrReferences(o, spec, &a.Expr)
		})
	}
	v, ok := l.raw(o, a)
	if !ok {
		return cty.NilVal, false
	}
	if v.IsNull() {
		return l.unsetAttr(o, spec)
	}
	if spec.Type == schema.TypeString {
		v = templateText(&a.Expr, v)
	}
	return exprValue(spec, v)
}

// scopeNames lists the scopes of an api block. Labels are literals, so that nothing has to
// be evaluated.
func scopeNames(b *source.Block) cty.Value {
	var names []cty.Value
	for _, nested := range b.Body.Blocks {
		if nested.Type == "scope" && len(nested.Labels) == 1 {
			names = append(names, cty.StringVal(nested.Labels[0]))
		}
	}
	return listOf(names)
}

// sensitiveScopes is scopeNames of those that are declared sensitive.
func (l *loader) sensitiveScopes(o *object) (cty.Value, bool) {
	var names []cty.Value
	for _, nested := range o.decl.block.Body.Blocks {
		a := nested.Body.Attribute("sensitive")
		if nested.Type != "scope" || len(nested.Labels) != 1 || a == nil {
			continue
		}
		v, ok := l.value(&a.Expr, scope{object: o})
		if !ok {
			return cty.NilVal, false
		}
		if !v.IsNull() && v.Type() == cty.Bool && v.True() {
			names = append(names, cty.StringVal(nested.Labels[0]))
		}
	}
	return listOf(names), true
}

// listOf returns a list of strings, which may be empty: cty has no empty list without an
// element type.
func listOf(values []cty.Value) cty.Value {
	if len(values) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(values)
}

// exprValue converts a written value to the form that expressions see: durations in
// seconds, sets and tuples of strings as lists. It returns false for a wrong type.
func exprValue(spec *schema.Attribute, v cty.Value) (cty.Value, bool) {
	switch spec.Type {
	case schema.TypeString, schema.TypeTime:
		return v, v.Type() == cty.String
	case schema.TypeBool:
		return v, v.Type() == cty.Bool
	case schema.TypeNumber:
		return v, v.Type() == cty.Number
	case schema.TypeDuration:
		n, err := secondsOf(v)
		return cty.NumberIntVal(n), err == nil
	case schema.TypeStrings:
		list, ok := stringsOf(v)
		return stringList(list), ok
	case schema.TypeStringMap:
		m, ok := stringMapOf(v)
		return stringMap(m), ok
	}
	return v, true
}

// unsetAttr is what expressions see of an attribute that was not written: what it inherits,
// else its default. A required one has no value.
func (l *loader) unsetAttr(o *object, spec *schema.Attribute) (cty.Value, bool) {
	switch {
	case spec.Inherit == schema.InheritLabel, spec.Inherit == schema.InheritBlockLabel && !o.isInstance():
		return cty.StringVal(o.label()), true
	case spec.Inherit == schema.InheritAPI:
		return l.inheritedFromAPI(o, spec)
	case spec.Required:
		return cty.NilVal, false
	case spec.Inherit == schema.InheritDefaults && l.defaults != nil && l.defaults.Attribute(spec.Name) != nil:
		expr := &l.defaults.Attribute(spec.Name).Expr
		v, ok := l.once(nil, spec.Name, expr.Range(), func() (cty.Value, bool) {
			return l.value(expr, scope{})
		})
		if !ok {
			return cty.NilVal, false
		}
		if !v.IsNull() {
			return exprValue(spec, v)
		}
	}
	return valueOf(spec, spec.DefaultValue()), true
}

// inheritedFromAPI returns an attribute of an authorization that has its API's value. It has
// a thunk of its own: the API's value may be an expression that leads back here.
func (l *loader) inheritedFromAPI(o *object, spec *schema.Attribute) (cty.Value, bool) {
	a := o.attribute("api")
	if a == nil {
		return cty.NilVal, false
	}
	return l.once(o, "api."+spec.Name, a.Expr.Range(), func() (cty.Value, bool) {
		api, ok := l.reference(&a.Expr, kindAPI, scope{object: o})
		if !ok || api == nil {
			return cty.NilVal, false
		}
		return l.attr(api, spec.Name)
	})
}

// valueOf returns what expressions see of a value that a document stores, by its attribute,
// which names no other object. What stands for "not set" in a document is null, or empty for
// lists and maps: an expression can then use length and contains without asking first.
func valueOf(spec *schema.Attribute, v any) cty.Value {
	switch spec.Type {
	case schema.TypeString:
		if s, _ := v.(string); s != "" {
			return cty.StringVal(s)
		}
		return cty.NullVal(cty.String)
	case schema.TypeTime:
		if unix, _ := v.(int64); unix != 0 {
			return cty.StringVal(schema.FormatTime(unix))
		}
		return cty.NullVal(cty.String)
	case schema.TypeBool:
		on, _ := v.(bool)
		return cty.BoolVal(on)
	case schema.TypeNumber:
		if n, _ := v.(float64); n != 0 {
			return cty.NumberFloatVal(n)
		}
		return cty.NullVal(cty.Number)
	case schema.TypeDuration:
		n, _ := v.(int64)
		return cty.NumberIntVal(n)
	case schema.TypeStrings:
		list, _ := v.([]string)
		return stringList(list)
	case schema.TypeStringMap:
		m, _ := v.(map[string]string)
		return stringMap(m)
	case schema.TypeObject:
		text, _ := v.(string)
		return jsonObject(text)
	case schema.TypeReferences:
		return cty.EmptyTupleVal
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// attrReferences is what expressions see of an attribute that refers to objects.
func (l *loader) attrReferences(o *object, spec *schema.Attribute, expr *source.Expr) (cty.Value, bool) {
	of, _ := kindOf(spec.Of)
	if spec.Type == schema.TypeReference {
		target, ok := l.reference(expr, of, scope{object: o})
		if !ok || target == nil {
			return cty.NullVal(cty.DynamicPseudoType), ok
		}
		return l.whole(target)
	}
	targets, _, ok := l.references(expr, of, scope{object: o})
	if !ok {
		return cty.NilVal, false
	}
	values := make([]cty.Value, len(targets))
	for i, target := range targets {
		if values[i], ok = l.whole(target); !ok {
			return cty.NilVal, false
		}
	}
	return cty.TupleVal(values), true
}

// whole returns an object as one value: an object of cty with its wholeNames.
func (l *loader) whole(o *object) (cty.Value, bool) {
	return l.forceWhole(o, o.address(), o.decl.block.DefRange(), func() (cty.Value, bool) {
		names := l.kinds[o.decl.kind].whole
		attrs := make(map[string]cty.Value, len(names))
		for _, name := range names {
			v, ok := l.attr(o, name)
			if !ok {
				return cty.NilVal, false
			}
			attrs[name] = v
		}
		return cty.ObjectVal(attrs), true
	})
}

// wholeBlock returns all instances of a block with for_each as one value, by key.
func (l *loader) wholeBlock(d *declaredBlock) (cty.Value, bool) {
	return l.forceWhole(d, d.address(), d.block.DefRange(), func() (cty.Value, bool) {
		if !l.expand(d) {
			return cty.NilVal, false
		}
		values := make(map[string]cty.Value, len(d.keys))
		for _, key := range d.keys {
			v, ok := l.whole(d.byKey[key])
			if !ok {
				return cty.NilVal, false
			}
			values[key] = v
		}
		return l.admit(cty.ObjectVal(values), d.block.DefRange())
	})
}

// admit holds a value that is made of many parts against the limits on values.
func (l *loader) admit(v cty.Value, at hcl.Range) (cty.Value, bool) {
	problems := l.eval.Admit(v, at)
	l.problems.addAll(problems)
	return v, !problems.HasErrors()
}

// wholeKind returns every object of a kind as one value, by label; at is where
// it is read. An object of the kind that reads it is in a cycle with itself, which force
// reports.
func (l *loader) wholeKind(k kind, at hcl.Range) (cty.Value, bool) {
	return l.forceWhole(k, kindNames[k], at, func() (cty.Value, bool) {
		values := make(map[string]cty.Value, len(l.kinds[k].order))
		for _, d := range l.kinds[k].order {
			var ok bool
			if d.forEach != nil {
				values[d.label], ok = l.wholeBlock(d)
			} else {
				values[d.label], ok = l.whole(&d.single)
			}
			if !ok {
				return cty.NilVal, false
			}
		}
		return l.admit(cty.ObjectVal(values), at)
	})
}

// forceWhole is force for a value that is made of whole objects; id is the *object,
// *declaredBlock or kind, which are distinct keys of one map.
func (l *loader) forceWhole(id any, name string, at hcl.Range, compute func() (cty.Value, bool)) (cty.Value, bool) {
	t := l.wholes[id]
	if t == nil {
		t = new(thunk)
		l.wholes[id] = t
	}
	return l.force(t, name, at, compute)
}
