package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A scope is what an expression may refer to beside the names of the tree.
type scope struct {
	object   *object  // for each.key and each.value; nil where there are none
	self     *selfUse // notes what is read of self; nil where there is no self
	constant string   // why no reference may stand here; "" where it may
}

// value evaluates an expression. It returns false when it could not, which has
// then been reported.
func (l *loader) value(expr *source.Expr, s scope) (cty.Value, bool) {
	if v, ok := expr.Literal(); ok {
		return v, true
	}
	return l.evaluate(expr.Syntax(), s)
}

func (l *loader) evaluate(expr hclsyntax.Expression, s scope) (cty.Value, bool) {
	if len(l.problems.broken) > 0 && isBroken(expr) {
		return cty.NilVal, false
	}
	ctx, ok := l.context(expr, s)
	if !ok {
		return cty.NilVal, false
	}
	v, problems := l.eval.Value(expr, ctx)
	l.problems.addAll(problems)
	return v, !problems.HasErrors()
}

// isBroken reports whether an expression is the rest of a syntax error: the
// parser puts unknown values where it could not read.
func isBroken(expr hclsyntax.Expression) bool {
	broken := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if v, ok := n.(*hclsyntax.LiteralValueExpr); ok && !v.Val.IsKnown() {
			broken = true
		}
		return nil
	})
	return broken
}

// context makes the variables that an expression reads, and no others.
func (l *loader) context(expr hclsyntax.Expression, s scope) (*hcl.EvalContext, bool) {
	traversals := expr.Variables()
	if len(traversals) == 0 {
		return &hcl.EvalContext{}, true
	}
	c := contextBuilder{loader: l, scope: s}
	ok := true
	for _, t := range traversals {
		ok = c.add(t) && ok
	}
	if !ok {
		return nil, false
	}
	return &hcl.EvalContext{Variables: c.variables()}, true
}

// A contextBuilder gathers the values that the traversals of one expression
// need: as much of each object as they read, so that two objects may read one
// another's attributes without a cycle.
type contextBuilder struct {
	*loader
	scope   scope
	plain   map[string]map[string]cty.Value // var, local, each
	objects [numKinds]map[string]*need
	wholes  [numKinds]cty.Value // the kind as one value, where api[...] is read
}

// A need is what an expression reads of one block.
type need struct {
	whole cty.Value            // all of it; NilVal when parts suffice
	attrs map[string]cty.Value // or these attributes
	keys  map[string]*need     // or these instances
}

func (n *need) value() cty.Value {
	if n.whole != cty.NilVal {
		return n.whole
	}
	parts := make(map[string]cty.Value, len(n.attrs)+len(n.keys))
	for name, v := range n.attrs {
		parts[name] = v
	}
	for key, sub := range n.keys {
		parts[key] = sub.value()
	}
	return cty.ObjectVal(parts)
}

func (c *contextBuilder) variables() map[string]cty.Value {
	out := make(map[string]cty.Value, len(c.plain)+2)
	for root, attrs := range c.plain {
		out[root] = cty.ObjectVal(attrs)
	}
	for k, needs := range c.objects {
		if c.wholes[k] != cty.NilVal {
			out[kindNames[k]] = c.wholes[k]
			continue
		}
		if needs == nil {
			continue
		}
		parts := make(map[string]cty.Value, len(needs))
		for label, n := range needs {
			parts[label] = n.value()
		}
		out[kindNames[k]] = cty.ObjectVal(parts)
	}
	return out
}

func (c *contextBuilder) put(root, name string, v cty.Value, ok bool) bool {
	if !ok {
		return false
	}
	if c.plain == nil {
		c.plain = map[string]map[string]cty.Value{}
	}
	if c.plain[root] == nil {
		c.plain[root] = map[string]cty.Value{}
	}
	c.plain[root][name] = v
	return true
}

// add resolves one traversal.
func (c *contextBuilder) add(t hcl.Traversal) bool {
	root := t.RootName()
	if c.scope.constant != "" {
		c.problems.errorf("unknown-reference", t.SourceRange(), "%s", c.scope.constant)
		return false
	}
	switch root {
	case "var":
		return c.addVariable(t)
	case "local":
		return c.addLocal(t)
	case "each":
		return c.addEach(t)
	case "self":
		if c.scope.self != nil {
			return c.scope.self.note(c.loader, t)
		}
		c.problems.errorf("unknown-reference", c.stepRange(t, 0), "self stands in claims and in policies only. Name the object that is meant, such as api.orders.")
		return false
	}
	if k, ok := kindOf(root); ok {
		return c.addObject(k, t)
	}
	if o := c.scope.object; root == "count" && o != nil && o.decl.isCounted() {
		return false
	}
	c.unknownRoot(t)
	return false
}

func (c *contextBuilder) unknownRoot(t hcl.Traversal) {
	roots := append([]string{"var", "local", "each", "self"}, kindNames[:]...)
	hint := c.problems.didYouMean(t.RootName(), roots)
	switch d := c.labelled(t.RootName()); {
	case len(t) == 1 && d != nil:
		hint = fmt.Sprintf(" Did you mean %s?", d.address())
	case hint != "":
	case isConstantWord(t.RootName()):
		hint = fmt.Sprintf(" Did you mean %s?", strings.ToLower(t.RootName()))
	case c.locals.byName[t.RootName()] != nil:
		hint = fmt.Sprintf(" Did you mean local.%s?", t.RootName())
	case c.loader.variables.byName[t.RootName()] != nil:
		hint = fmt.Sprintf(" Did you mean var.%s?", t.RootName())
	case len(t) == 1:
		hint = " Text stands in quotes: \"" + t.RootName() + "\"."
	default:
		hint = " References begin with " + quoted(roots) + "."
	}
	c.problems.errorf("unknown-reference", c.stepRange(t, 0), "There is nothing called %q.%s", t.RootName(), hint)
}

// isConstantWord reports whether a word is true, false or null in other letters.
func isConstantWord(word string) bool {
	return slices.ContainsFunc([]string{"true", "false", "null"}, func(w string) bool { return strings.EqualFold(w, word) })
}

// labelled returns the first object with that label, whatever its kind.
func (l *loader) labelled(label string) *declared {
	for k := range l.kinds {
		if d := l.kinds[k].byLabel[label]; d != nil {
			return d
		}
	}
	return nil
}

// step returns the name at step i of a traversal: .name or ["name"].
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

// needsName reports a traversal that ends where a name must follow.
func (l *loader) needsName(t hcl.Traversal, what string) bool {
	l.problems.errorf("unknown-reference", t.SourceRange(), "%s by itself is no value. Write the name of %s after it, such as %s.", t.RootName(), what, t.RootName()+".example")
	return false
}

func (c *contextBuilder) addVariable(t hcl.Traversal) bool {
	name, ok := c.step(t, 1)
	if !ok {
		return c.needsName(t, "a variable")
	}
	v, found := c.loader.variables.byName[name]
	if !found {
		c.problems.errorf("unknown-reference", c.stepRange(t, 1), "There is no variable %q.%s", name,
			firstOf(c.problems.didYouMean(name, c.loader.variables.order), " Declare it with a variable block."))
		return false
	}
	return c.put("var", name, v.value, v.ok)
}

func (c *contextBuilder) addLocal(t hcl.Traversal) bool {
	name, ok := c.step(t, 1)
	if !ok {
		return c.needsName(t, "a local value")
	}
	v, found := c.locals.byName[name]
	if !found {
		c.problems.errorf("unknown-reference", c.stepRange(t, 1), "There is no local value %q.%s", name,
			firstOf(c.problems.didYouMean(name, c.locals.order), " Declare it in a locals block."))
		return false
	}
	value, ok := c.local(v)
	return c.put("local", name, value, ok)
}

func (c *contextBuilder) addEach(t hcl.Traversal) bool {
	o := c.scope.object
	if o == nil || !o.isInstance() {
		c.problems.errorf("unknown-reference", t.SourceRange(), "each stands only in a block that has for_each. Add for_each, or write the value itself.")
		return false
	}
	switch name, _ := c.step(t, 1); name {
	case "key":
		return c.put("each", "key", cty.StringVal(o.key), true)
	case "value":
		return c.put("each", "value", o.value, true)
	}
	at := t.SourceRange()
	if len(t) > 1 {
		at = c.stepRange(t, 1)
	}
	c.problems.errorf("unknown-reference", at, "each has key and value. Write each.key or each.value.")
	return false
}

// addObject resolves api.orders, api.orders.identifier, client.worker["eu"]
// and what follows.
func (c *contextBuilder) addObject(k kind, t hcl.Traversal) bool {
	if len(t) == 1 {
		v, ok := c.wholeKind(k, t.SourceRange())
		c.wholes[k] = v
		return ok
	}
	d, ok := c.lookup(k, t, 1)
	if !ok {
		return false
	}
	if c.objects[k] == nil {
		c.objects[k] = map[string]*need{}
	}
	n := c.objects[k][d.label]
	if n == nil {
		n = &need{}
		c.objects[k][d.label] = n
	}
	if d.forEach == nil {
		return c.addParts(n, &d.single, t, 2)
	}
	if len(t) == 2 {
		n.whole, ok = c.wholeBlock(d)
		return ok
	}
	o, ok := c.instance(d, t, 2)
	if !ok {
		return false
	}
	if n.keys == nil {
		n.keys = map[string]*need{}
	}
	if n.keys[o.key] == nil {
		n.keys[o.key] = &need{}
	}
	return c.addParts(n.keys[o.key], o, t, 3)
}

// addParts notes what step i of the traversal reads of an object.
func (c *contextBuilder) addParts(n *need, o *object, t hcl.Traversal, i int) bool {
	if i >= len(t) {
		v, ok := c.whole(o)
		n.whole = v
		return ok
	}
	name, isName := c.step(t, i)
	names := c.kinds[o.decl.kind].names
	if _, isAttr := t[i].(hcl.TraverseAttr); !isAttr && o.decl.forEach == nil && !slices.Contains(names, name) {
		c.noInstances(o.decl, c.stepRange(t, i))
		return false
	}
	if !isName || !slices.Contains(names, name) {
		c.problems.related("unknown-reference", c.stepRange(t, i), []diag.Related{{Message: o.address() + " is declared here", Range: o.decl.block.DefRange()}},
			"%s has no attribute %q to refer to.%s", o.address(), name, firstOf(c.problems.didYouMean(name, names), " For itself, write "+o.address()+"; it has "+strings.Join(names, ", ")+"."))
		return false
	}
	v, ok := c.attr(o, name)
	if !ok {
		return false
	}
	if n.attrs == nil {
		n.attrs = map[string]cty.Value{}
	}
	n.attrs[name] = v
	return true
}

// lookup finds the block that step i of a traversal names.
func (l *loader) lookup(k kind, t hcl.Traversal, i int) (*declared, bool) {
	label, ok := l.step(t, i)
	if d, found := l.kinds[k].byLabel[label]; found && ok {
		return d, true
	}
	l.unknownObject(k, label, l.stepRange(t, i))
	return nil, false
}

func (l *loader) unknownObject(k kind, label string, at hcl.Range) {
	t := &l.kinds[k]
	if t.unnamed || l.isTold(k, label, at) {
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

// noInstances reports a key behind an object that is only one.
func (l *loader) noInstances(d *declared, at hcl.Range) {
	if d.isCounted() {
		return
	}
	l.problems.errorf("unknown-reference", at, "%s has no for_each and so no instances. Write %s.", d.address(), d.address())
}

// isCounted reports whether a block is repeated in Terraform's other way, which
// is reported where that stands and nowhere else.
func (d *declared) isCounted() bool { return d.block.Body.Attribute("count") != nil }

// A told is an unknown object in one line: api = api.x, scopes = api.x.scopes is
// one mistake, and so is the same name in one authorization.
type told struct {
	k     kind
	label string
	file  string
	line  int
	owner *object
}

func (l *loader) isTold(k kind, label string, at hcl.Range) bool {
	key := told{k: k, label: label, file: at.Filename, line: at.Start.Line}
	if l.decoding != nil {
		key.owner, key.line = l.decoding, 0
	}
	if l.told[key] {
		return true
	}
	if l.told == nil {
		l.told = map[told]bool{}
	}
	l.told[key] = true
	return false
}

// instance finds the instance that step i of a traversal names.
func (l *loader) instance(d *declared, t hcl.Traversal, i int) (*object, bool) {
	key, ok := l.step(t, i)
	if _, isAttr := t[i].(hcl.TraverseAttr); isAttr || !ok {
		l.problems.errorf("unknown-reference", l.stepRange(t, i), "%s has for_each, so it is several objects. Name one by its key: %s[\"...\"].", d.address(), d.address())
		return nil, false
	}
	return l.instanceByKey(d, key, l.stepRange(t, i))
}

func (l *loader) instanceByKey(d *declared, key string, at hcl.Range) (*object, bool) {
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
