package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
)

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

// stepRange is the range of step i without the dot before it.
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

// reportNoInstances reports a key behind a block without for_each.
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
