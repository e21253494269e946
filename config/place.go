package config

import "github.com/hashicorp/hcl/v2"

// AttrRange returns the range of an attribute's value, the block's header when
// the attribute was not written.
func (d *Decl) AttrRange(name string) hcl.Range {
	if d.block != nil {
		if a := d.block.Body.Attribute(name); a != nil {
			return a.Expr.Range()
		}
	}
	return d.Range
}

// NestedRange returns the range of an attribute's value in a nested block:
// ("secret", "2026-q4", "hash"). Where the attribute was not written, or attr
// is "", it is the nested block's header; without such a block, d.Range. A
// label of "" is the first block of the type.
func (d *Decl) NestedRange(blockType, label, attr string) hcl.Range {
	if d.block == nil {
		return d.Range
	}
	for _, b := range d.block.Body.Blocks {
		if b.Type != blockType || label != "" && (len(b.Labels) == 0 || b.Labels[0] != label) {
			continue
		}
		if a := b.Body.Attribute(attr); a != nil {
			return a.Expr.Range()
		}
		return b.DefRange()
	}
	return d.Range
}

// Has reports whether an attribute was written, and not as null.
func (d *Decl) Has(name string) bool {
	if d.block == nil {
		return false
	}
	a := d.block.Body.Attribute(name)
	return a != nil && !a.Expr.IsNull()
}

// ScopeRange returns where scope i of an authorization was written. Where the
// scopes are what an expression gives it is all of the expression.
func (a *Authorization) ScopeRange(i int) hcl.Range { return a.elementRange("scopes", i) }

// elementRange is where element i of a list was written; the whole list where an
// expression gave it.
func (d *Decl) elementRange(name string, i int) hcl.Range {
	if d.block != nil {
		if a := d.block.Body.Attribute(name); a != nil {
			if _, written, ok := literalStrings(&a.Expr); ok && i < len(written) {
				return written[i].Range()
			}
		}
	}
	return d.AttrRange(name)
}
