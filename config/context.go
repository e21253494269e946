package config

import "github.com/zclconf/go-cty/cty"

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

// value is what was read of the block as one value, which has only the parts that were read.
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

// variables returns the values gathered so far, by the first word of a traversal.
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

// put notes the value of var.name, local.name or each.name; ok false is passed on.
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
