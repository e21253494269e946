package compiler

import "github.com/writ-auth/writ/schema"

// compareIssuer compares the settings of the server itself. They change how
// every token looks and who may get one not at all.
func (c *comparison) compareIssuer() {
	before, after := &c.prior.Issuer, &c.next.Issuer
	address := Address(KindIssuer, "")
	if c.first {
		if !schema.BlockOf(after).Same(after, &schema.Issuer{}) {
			c.create(address, EffectShape, after, "Tokens are issued as %q.", after.URL)
		}
		return
	}
	d := &differ{address: address}
	compareRows(c, d, nil, before, after, false)
	c.update(d, ActionUpdate, before, after)
}
