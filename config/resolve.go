package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
)

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
		return false
	}
	c.unknownRoot(t)
	return false
}

// unknownRoot reports a traversal whose first word is no root. Its hint covers what authors
// write by mistake: a bare label, an environment variable, text without quotes.
func (c *contextBuilder) unknownRoot(t hcl.Traversal) {
	roots := append([]string{"var", "local", "each", "self"}, kindNames[:]...)
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

// environmentName is what names of environment variables look like.
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

// addLocal resolves local.name, which may need other locals first.
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
	if n.attrs == nil {
		n.attrs = map[string]cty.Value{}
	}
	n.attrs[name] = v
	return true
}
