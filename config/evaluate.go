package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A scope says what an expression may refer to in addition to the names that the whole
// configuration has. The zero scope is that of a local.
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

// evaluate evaluates syntax with the variables that it reads. An expression that a syntax
// error has cut short is passed over: the error has been reported. Whether it is cut short
// takes a walk, hence only if there was such an error at all.
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

// context makes the variables that an expression reads, and no others: building all would
// evaluate the whole tree for each expression, and every object would depend on itself.
func (l *loader) context(expr hclsyntax.Expression, s scope) (*hcl.EvalContext, bool) {
	traversals := expr.Variables()
	if len(traversals) == 0 {
		return &hcl.EvalContext{}, true
	}
	c := contextBuilder{loader: l, scope: s}
	ok := true
	for _, t := range traversals { // all, so that each mistake is reported
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
	scope scope
	plain map[string]map[string]cty.Value // var, local, each
	reads [numKinds]blockRead             // of each kind its blocks, by label
}

// A blockRead is what an expression reads of one block, or of all blocks of a kind. If whole
// is set, the rest does not count: whole has every part in it.
type blockRead struct {
	whole cty.Value             // all of it; NilVal when parts suffice
	attrs map[string]cty.Value  // or these attributes
	keys  map[string]*blockRead // or these instances or, of a kind, blocks
}

// put notes one attribute that was read.
func (n *blockRead) put(name string, v cty.Value) {
	if n.attrs == nil {
		n.attrs = map[string]cty.Value{}
	}
	n.attrs[name] = v
}

// at returns what is read of one instance or block, which is noted as read from then on.
func (n *blockRead) at(key string) *blockRead {
	if n.keys == nil {
		n.keys = map[string]*blockRead{}
	}
	if n.keys[key] == nil {
		n.keys[key] = &blockRead{}
	}
	return n.keys[key]
}

// value returns what was read of the block as one value. It has only the parts that were read.
func (n *blockRead) value() cty.Value {
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

// variables returns the values gathered so far, by the first word of a traversal.
func (c *contextBuilder) variables() map[string]cty.Value {
	out := make(map[string]cty.Value, len(c.plain)+2)
	for root, attrs := range c.plain {
		out[root] = cty.ObjectVal(attrs)
	}
	for k := range c.reads {
		if n := &c.reads[k]; n.whole != cty.NilVal || n.keys != nil {
			out[kindNames[k]] = n.value()
		}
	}
	return out
}

// put notes the value of var.name, local.name or each.name; ok false is passed on. A value
// that two traversals read is noted twice, and is the same.
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

// add resolves one traversal and gathers the value that it needs. It returns false where
// there is none, which has then been reported.
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
	case "all":
		if u := c.scope.self; u != nil && u.shape.members == nil {
			return u.noteAll(c.loader, t)
		}
		c.problems.errorf("unknown-reference", c.stepRange(t, 0), "all stands in policies only. Name the objects that are meant, such as api.orders.")
		return false
	case "self":
		if c.scope.self != nil {
			return c.scope.self.noteRead(c.loader, t)
		}
		c.problems.errorf("unknown-reference", c.stepRange(t, 0), "self stands in claims and in policies only. Name the object that is meant, such as api.orders.")
		return false
	}
	if k, ok := kindOf(root); ok {
		return c.addObject(k, t)
	}
	if o := c.scope.object; root == "count" && o != nil && o.decl.hasCount() {
		return false // the attribute count has been reported, and count.index follows from it
	}
	c.unknownRoot(t)
	return false
}

// unknownRoot reports a traversal whose first word is no root. Its hint covers what authors
// write by mistake: a bare label, an environment variable, text without quotes. The first
// that applies is given, from the most certain to the least.
func (c *contextBuilder) unknownRoot(t hcl.Traversal) {
	roots := append([]string{"var", "local", "each", "self", "all"}, kindNames[:]...)
	hint := c.problems.didYouMean(t.RootName(), roots)
	switch d := c.anyLabelled(t.RootName()); {
	case len(t) == 1 && d != nil:
		hint = fmt.Sprintf(" Did you mean %s?", d.address())
	case hint != "":
	case isConstantWord(t.RootName()):
		hint = fmt.Sprintf(" Did you mean %s?", strings.ToLower(t.RootName()))
	case c.locals.byName[t.RootName()] != nil:
		hint = fmt.Sprintf(" Did you mean local.%s?", t.RootName())
	case c.loader.variables.byName[t.RootName()] != nil:
		hint = fmt.Sprintf(" Did you mean var.%s?", t.RootName())
	case environmentName.MatchString(t.RootName()):
		hint = " The environment is not read here: a secret is written \"env:" + t.RootName() + "\", for the server to read; anything else is a variable, set with --var."
	case len(t) == 1:
		hint = " Text stands in quotes: \"" + t.RootName() + "\"."
	default:
		hint = " References begin with " + quoted(roots) + "."
	}
	c.problems.errorf("unknown-reference", c.stepRange(t, 0), "There is nothing called %q.%s", t.RootName(), hint)
}

// environmentName matches what names of environment variables look like. It asks for an
// underscore: a single word in capitals is more likely text without quotes.
var environmentName = regexp.MustCompile(`^[A-Z][A-Z0-9]*_[A-Z0-9_]+$`)

// isConstantWord reports whether a word is true, false or null in other letters.
func isConstantWord(word string) bool {
	return slices.ContainsFunc([]string{"true", "false", "null"}, func(w string) bool { return strings.EqualFold(w, word) })
}

// addVariable resolves var.name.
func (c *contextBuilder) addVariable(t hcl.Traversal) bool {
	name, ok := c.step(t, 1)
	if !ok {
		return c.needsName(t, "a variable")
	}
	v, found := c.loader.variables.byName[name]
	if !found {
		c.problems.errorf("unknown-reference", c.stepRange(t, 1), "There is no variable %q.%s", name,
			cmp.Or(c.problems.didYouMean(name, c.loader.variables.order), " Declare it with a variable block."))
		return false
	}
	return c.put("var", name, v.value, v.ok)
}

// addLocal resolves local.name. Its value may need other locals first; force finds a cycle.
func (c *contextBuilder) addLocal(t hcl.Traversal) bool {
	name, ok := c.step(t, 1)
	if !ok {
		return c.needsName(t, "a local value")
	}
	v, found := c.locals.byName[name]
	if !found {
		c.problems.errorf("unknown-reference", c.stepRange(t, 1), "There is no local value %q.%s", name,
			cmp.Or(c.problems.didYouMean(name, c.locals.order), " Declare it in a locals block."))
		return false
	}
	value, ok := c.local(v)
	return c.put("local", name, value, ok)
}

// addEach resolves each.key and each.value.
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
// and what follows. It gathers as little as the traversal allows: all of the kind for api
// alone, else one block, one of its instances, or one attribute.
func (c *contextBuilder) addObject(k kind, t hcl.Traversal) bool {
	if len(t) == 1 {
		v, ok := c.wholeKind(k, t.SourceRange())
		c.reads[k].whole = v
		return ok
	}
	d, ok := c.lookup(k, t, 1)
	if !ok {
		return false
	}
	n := c.reads[k].at(d.label)
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
	return c.addParts(n.at(o.key), o, t, 3)
}

// addParts notes what step i of the traversal reads of an object: an attribute or, where
// the traversal ends before it, the whole. What follows the attribute, such as a key of
// metadata, is left to the evaluation.
func (c *contextBuilder) addParts(n *blockRead, o *object, t hcl.Traversal, i int) bool {
	if i >= len(t) {
		v, ok := c.whole(o)
		n.whole = v
		return ok
	}
	name, isName := c.step(t, i)
	names := c.kinds[o.decl.kind].names
	if _, isAttr := t[i].(hcl.TraverseAttr); !isAttr && o.decl.forEach == nil && !slices.Contains(names, name) {
		c.reportNoInstances(o.decl, c.stepRange(t, i))
		return false
	}
	if !isName || !slices.Contains(names, name) {
		c.problems.related("unknown-reference", c.stepRange(t, i), []diag.Related{{Message: o.address() + " is declared here", Range: o.decl.block.DefRange()}},
			"%s has no attribute %q to refer to.%s", o.address(), name, cmp.Or(c.problems.didYouMean(name, names), " For itself, write "+o.address()+"; it has "+strings.Join(names, ", ")+"."))
		return false
	}
	v, ok := c.attr(o, name)
	if !ok {
		return false
	}
	n.put(name, v)
	return true
}
