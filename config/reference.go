package config

import (
	"cmp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// reference resolves an expression that names an object: client.billing,
// client.worker["eu"], client.worker[each.key], or anything that evaluates to
// an object. The object is nil where the expression is null; ok is false where
// it names none, which has then been reported.
func (l *loader) reference(expr *source.Expr, of kind, s scope) (o *object, ok bool) {
	// Nearly all references have two words and name an object without instances: these take
	// one look into the table, and no syntax is built for them.
	if root, label, isName := expr.Name(); isName {
		if d := l.kinds[of].byLabel[label]; d != nil && d.forEach == nil && root == kindNames[of] {
			return &d.single, true
		}
	}
	return l.syntaxReference(expr.Syntax(), of, s)
}

// syntaxReference resolves the forms of a reference by their syntax, so that naming an
// object does not evaluate it: two objects may name one another.
func (l *loader) syntaxReference(expr hclsyntax.Expression, of kind, s scope) (o *object, ok bool) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return l.syntaxReference(e.Expression, of, s)
	case *hclsyntax.ScopeTraversalExpr:
		if k, isKind := kindOf(e.Traversal.RootName()); isKind && k != kindAuthorization {
			return l.traversedReference(e.Traversal, k, of)
		}
	case *hclsyntax.IndexExpr: // client.worker[each.key]: a key that is no literal
		if t, isName := e.Collection.(*hclsyntax.ScopeTraversalExpr); isName {
			if k, isKind := kindOf(t.Traversal.RootName()); isKind && k == of && len(t.Traversal) <= 2 {
				return l.indexedReference(t.Traversal, e.Key, of, s)
			}
		}
	}
	v, ok := l.evaluate(expr, s)
	if !ok {
		return nil, false
	}
	return l.referenceValue(v, expr.Range(), of)
}

// traversedReference resolves client.billing and client.worker["eu"].
func (l *loader) traversedReference(t hcl.Traversal, k, of kind) (*object, bool) {
	if len(t) == 1 {
		return nil, l.needsName(t, article(kindNames[k]))
	}
	d, ok := l.lookup(k, t, 1)
	if !ok {
		return nil, false
	}
	o, next := &d.single, 2
	if d.forEach != nil {
		if len(t) == 2 {
			l.problems.errorf("wrong-type", t.SourceRange(), "%s has for_each, so it is several objects. Name one by its key: %s[\"...\"].", d.address(), d.address())
			return nil, false
		}
		if o, ok = l.instance(d, t, 2); !ok {
			return nil, false
		}
		next = 3
	}
	if len(t) > next {
		return l.attributeAsReference(t, next, o, of)
	}
	return l.ofKind(o, of, t.SourceRange())
}

// attributeAsReference resolves what follows an object: client.billing.default_api
// is a reference, client.billing.client_id is none. A mistake of the second kind has a
// message of its own, as .id after a name is a habit from Terraform.
func (l *loader) attributeAsReference(t hcl.Traversal, i int, o *object, of kind) (*object, bool) {
	c := contextBuilder{loader: l}
	if !c.add(t) {
		return nil, false
	}
	v, diags := t.TraverseAbs(&hcl.EvalContext{Variables: c.variables()})
	if diags.HasErrors() {
		l.problems.errorf("unknown-reference", t[i:].SourceRange(), "%s has nothing of that name. Write %s.", o.address(), o.address())
		return nil, false
	}
	if !v.IsNull() && !v.Type().IsObjectType() && o.decl.kind == of {
		l.problems.errorf("wrong-type", t.SourceRange(), "This takes the %s itself, not one of its attributes. Write %s.", kindNames[of], o.address())
		return nil, false
	}
	return l.referenceValue(v, t.SourceRange(), of)
}

// indexedReference resolves client.worker[expr] and client[expr]. Only the key is evaluated:
// to evaluate client.worker would need every instance, perhaps this one too.
func (l *loader) indexedReference(t hcl.Traversal, key hclsyntax.Expression, of kind, s scope) (*object, bool) {
	v, ok := l.evaluate(key, s)
	if !ok {
		return nil, false
	}
	if v.IsNull() || v.Type() != cty.String {
		l.problems.errorf("wrong-type", key.Range(), "The key of %s must be a string, not %s.", article(kindNames[of]), typeName(v.Type()))
		return nil, false
	}
	if len(t) == 1 {
		return l.labelledReference(v.AsString(), of, key.Range())
	}
	d, ok := l.lookup(of, t, 1)
	if !ok {
		return nil, false
	}
	if d.forEach == nil {
		l.reportNoInstances(d, key.Range())
		return nil, false
	}
	return l.instanceByKey(d, v.AsString(), key.Range())
}

// labelledReference finds an object by its label or, with for_each, by its
// label and key: worker["eu"]. A key holds no quote (schema.CheckInstanceKey), so cutting at
// the brackets is exact.
func (l *loader) labelledReference(label string, of kind, at hcl.Range) (*object, bool) {
	name, key, indexed := strings.Cut(strings.TrimSuffix(label, `"]`), `["`)
	d, found := l.kinds[of].byLabel[name]
	switch {
	case !found:
		l.unknownObject(of, name, at)
		return nil, false
	case d.forEach == nil && !indexed:
		return &d.single, true
	case d.forEach != nil && indexed:
		return l.instanceByKey(d, key, at)
	case indexed:
		l.reportNoInstances(d, at)
	default:
		l.problems.errorf("wrong-type", at, "%s has for_each, so it is several objects. Name one by its key: %s[\"...\"].", d.address(), d.address())
	}
	return nil, false
}

// referenceValue resolves the value of any other expression, such as a conditional between
// two objects or an element of a local. An object as one value has its address as an
// attribute, by which it is found again. A null is no reference, and no mistake.
func (l *loader) referenceValue(v cty.Value, at hcl.Range, of kind) (*object, bool) {
	if v.IsNull() {
		return nil, true
	}
	ty := v.Type()
	if ty == cty.String {
		l.stringAsReference(v.AsString(), at, of)
		return nil, false
	}
	if ty.IsObjectType() && ty.HasAttribute("address") {
		if a := v.GetAttr("address"); a.Type() == cty.String && !a.IsNull() {
			root, label, _ := strings.Cut(a.AsString(), ".")
			if k, isKind := kindOf(root); isKind {
				o, ok := l.labelledReference(label, k, at)
				if !ok {
					return nil, false
				}
				return l.ofKind(o, of, at)
			}
		}
	}
	l.problems.errorf("wrong-type", at, "This takes %s, not %s. Write a reference such as %s.", article(kindNames[of]), typeName(ty), kindNames[of]+".example")
	return nil, false
}

// stringAsReference reports text in place of a reference, and names the object that is most
// likely meant: the one with that identifier, else the one with that label, else the nearest
// label. A reference is never made of text, as a rename could not follow it.
func (l *loader) stringAsReference(text string, at hcl.Range, of kind) {
	label := strings.TrimPrefix(text, kindNames[of]+".")
	if d := l.byIdentifier(of, text); d != nil {
		l.problems.related("wrong-type", at, related(d.address()+" is declared here", d.block.DefRange()),
			"This takes a reference, not text. Write %s without quotes.", d.address())
		return
	}
	if _, found := l.kinds[of].byLabel[label]; found {
		l.problems.errorf("wrong-type", at, "This takes a reference, not text. Write %s.%s without quotes.", kindNames[of], label)
		return
	}
	l.problems.errorf("wrong-type", at, "This takes a reference, not text. Write one such as %s.%s.", kindNames[of],
		cmp.Or(l.problems.nearest(label, l.kinds[of].labels()), "example"))
}

// byIdentifier returns the block whose identifier or client_id is the text, nil for none.
// Authors who come from other tools refer by these. It compares with each block, so it takes
// from the same budget as the search for near names.
func (l *loader) byIdentifier(of kind, text string) *declaredBlock {
	name, ok := map[kind]string{kindAPI: "identifier", kindClient: "client_id"}[of]
	order := l.kinds[of].order
	if l.problems.comparisons += len(order); !ok || l.problems.comparisons > maxComparisons {
		return nil
	}
	for _, d := range order {
		if a := d.block.Body.Attribute(name); a != nil && d.forEach == nil {
			if s, ok := a.Expr.Text(); ok && s == text {
				return d
			}
		}
	}
	return nil
}

// ofKind returns the object if it is of the kind that the attribute takes, and reports it
// otherwise.
func (l *loader) ofKind(o *object, of kind, at hcl.Range) (*object, bool) {
	if o.decl.kind == of {
		return o, true
	}
	l.problems.errorf("wrong-type", at, "This takes %s, and %s is %s. Refer to %s.", article(kindNames[of]), o.address(), article(kindNames[o.decl.kind]), article(kindNames[of]))
	return nil, false
}

// references resolves a list of references. ranges tells where each stands; for a list
// that an expression gives it is the whole expression.
func (l *loader) references(expr *source.Expr, of kind, s scope) (objects []*object, ranges []hcl.Range, ok bool) {
	ok = true
	if elements, isList := expr.Elements(); isList {
		for i := range elements {
			e := &elements[i]
			o, good := l.reference(e, of, s)
			if ok = ok && good; good && o != nil {
				objects, ranges = append(objects, o), append(ranges, e.Range())
			}
		}
		return objects, ranges, ok
	}
	v, ok := l.value(expr, s)
	if !ok || v.IsNull() {
		return nil, nil, ok
	}
	if ty := v.Type(); !ty.IsTupleType() && !ty.IsListType() && !ty.IsSetType() {
		l.problems.errorf("wrong-type", expr.Range(), "This takes a list of references, not %s. Write it in brackets: [%s.example].", typeName(ty), kindNames[of])
		return nil, nil, false
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		o, good := l.referenceValue(element, expr.Range(), of)
		if ok = ok && good; good && o != nil {
			objects, ranges = append(objects, o), append(ranges, expr.Range())
		}
	}
	return objects, ranges, ok
}

// anyLabelled returns the first object with that label, whatever its kind.
func (l *loader) anyLabelled(label string) *declaredBlock {
	for k := range l.kinds {
		if d := l.kinds[k].byLabel[label]; d != nil {
			return d
		}
	}
	return nil
}

// step returns the name at step i of a traversal, written .name or ["name"].
func (l *loader) step(t hcl.Traversal, i int) (name string, ok bool) {
	if i >= len(t) {
		return "", false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// stepRange is the range of step i without the dot before it, which HCL counts to the step:
// a diagnostic underlines the name.
func (l *loader) stepRange(t hcl.Traversal, i int) hcl.Range {
	r := t[i].SourceRange()
	src := l.sources[r.Filename]
	if r.Start.Byte < len(src) && src[r.Start.Byte] == '.' {
		r.Start.Byte++
		r.Start.Column++
	}
	return r
}

// needsName reports a traversal that ends where a name must follow. It returns false, for
// its callers to return.
func (l *loader) needsName(t hcl.Traversal, what string) bool {
	l.problems.errorf("unknown-reference", t.SourceRange(), "%s by itself is no value. Write the name of %s after it, such as %s.", t.RootName(), what, t.RootName()+".example")
	return false
}

// lookup finds the block that step i of a traversal names.
func (l *loader) lookup(k kind, t hcl.Traversal, i int) (*declaredBlock, bool) {
	label, ok := l.step(t, i)
	if d, found := l.kinds[k].byLabel[label]; found && ok {
		return d, true
	}
	l.unknownObject(k, label, l.stepRange(t, i))
	return nil, false
}

// unknownObject reports a label that no block of the kind has: with a near label, with a
// block of another kind that has it, or with how to declare it.
func (l *loader) unknownObject(k kind, label string, at hcl.Range) {
	t := &l.kinds[k]
	if t.unnamed || l.wasReported(k, label, at) {
		return
	}
	if near := l.problems.nearest(label, t.labels()); near != "" {
		l.problems.related("unknown-reference", at, []diag.Related{{Message: t.byLabel[near].address() + " is declared here", Range: t.byLabel[near].block.DefRange()}},
			"There is no %s %q. Did you mean %q?", kindNames[k], label, near)
		return
	}
	for other := range l.kinds {
		if d, found := l.kinds[other].byLabel[label]; found {
			l.problems.related("unknown-reference", at, []diag.Related{{Message: d.address() + " is declared here", Range: d.block.DefRange()}},
				"There is no %s %q, but there is %s. Declare the one or refer to the other.", kindNames[k], label, d.address())
			return
		}
	}
	l.problems.errorf("unknown-reference", at, "There is no %s %q. Declare it with a block: %s %q { ... }.", kindNames[k], label, kindNames[k], label)
}

// reportNoInstances reports a key after a block without for_each.
func (l *loader) reportNoInstances(d *declaredBlock, at hcl.Range) {
	if d.hasCount() {
		return
	}
	l.problems.errorf("unknown-reference", at, "%s has no for_each and so no instances. Write %s.", d.address(), d.address())
}

// hasCount reports whether a block has count, Terraform's other way to repeat it. That is
// reported where it stands, so that references into the block say nothing more.
func (d *declaredBlock) hasCount() bool { return d.block.Body.Attribute("count") != nil }

// A reportedName is an unknown object that was reported. The same name again in one
// object, or else on one line, is the same mistake: api = api.x, scopes = api.x.scopes.
// owner is set and line 0 in an object; elsewhere it is the reverse.
type reportedName struct {
	k     kind
	label string
	file  string
	line  int
	owner *object
}

// wasReported reports whether the name was reported here before, and notes that it is.
func (l *loader) wasReported(k kind, label string, at hcl.Range) bool {
	key := reportedName{k: k, label: label, file: at.Filename, line: at.Start.Line}
	if l.decoding != nil {
		key.owner, key.line = l.decoding, 0
	}
	if l.reported[key] {
		return true
	}
	if l.reported == nil {
		l.reported = map[reportedName]bool{}
	}
	l.reported[key] = true
	return false
}

// instance finds the instance that step i of a traversal names.
func (l *loader) instance(d *declaredBlock, t hcl.Traversal, i int) (*object, bool) {
	key, ok := l.step(t, i)
	if _, isAttr := t[i].(hcl.TraverseAttr); isAttr || !ok {
		l.problems.errorf("unknown-reference", l.stepRange(t, i), "%s has for_each, so it is several objects. Name one by its key: %s[\"...\"].", d.address(), d.address())
		return nil, false
	}
	return l.instanceByKey(d, key, l.stepRange(t, i))
}

// instanceByKey finds an instance by its key; at is where the key was written.
func (l *loader) instanceByKey(d *declaredBlock, key string, at hcl.Range) (*object, bool) {
	if !l.expand(d) {
		return nil, false
	}
	if o, found := d.byKey[key]; found {
		return o, true
	}
	hint := l.problems.didYouMean(key, d.keys)
	if n := len(d.keys); hint == "" && n > 0 && n <= 10 {
		hint = " It has " + quoted(d.keys) + "."
	}
	l.problems.related("unknown-reference", at, []diag.Related{{Message: d.address() + " is declared here", Range: d.block.DefRange()}},
		"%s has no instance %q.%s", d.address(), key, hint)
	return nil, false
}
