package compiler

import "github.com/writ-auth/writ/schema"

// compareIssuer compares the settings of the server itself. They change how
// every token looks and who may get one not at all.
func (c *comparison) compareIssuer() {
	before, after := &c.prior.Issuer, &c.next.Issuer
	address := Address(KindIssuer, "")
	if c.first {
		if *after != (schema.Issuer{}) {
			c.create(address, EffectShape, after, "Tokens are issued as %q.", after.URL)
		}
		return
	}
	d := &differ{address: address}
	if before.URL != after.URL {
		d.add("url", optional(before.URL), optional(after.URL), EffectShape,
			"Verifiers of every API must accept the issuer %q first.", after.URL)
	}
	if before.ErrorStyle != after.ErrorStyle {
		d.add("error_style", textOf(before.ErrorStyle), textOf(after.ErrorStyle), EffectShape,
			"Clients see errors in the style %q.", after.ErrorStyle)
	}
	if before.SubStyle != after.SubStyle {
		d.add("sub_style", textOf(before.SubStyle), textOf(after.SubStyle), EffectShape,
			"Every API must recognise clients by a sub in the style %q first.", after.SubStyle)
	}
	if before.Environment != after.Environment {
		d.add("environment", optional(before.Environment), optional(after.Environment), EffectShape,
			"Servers started for another environment than %q refuse the snapshot.", after.Environment)
	}
	c.update(d, ActionUpdate, before, after)
}
