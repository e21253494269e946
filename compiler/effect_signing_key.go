package compiler

import "github.com/writ-auth/writ/schema"

// compareSigningKeys compares the declared keys. Whoever holds one can make
// tokens that every API accepts, so a new one widens.
func (c *comparison) compareSigningKeys() {
	pairs, _ := pairUp(c.prior.SigningKeys, c.next.SigningKeys, signingKeyLabel, signingKeyLabel)
	for _, p := range pairs {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindSigningKey, after.Label), EffectWiden, after,
				"Verifiers accept tokens signed with the key %q (%s).", after.PrivateKey, after.Alg)
		case after == nil:
			c.delete(Address(KindSigningKey, before.Label), EffectNarrow, before,
				"Verifiers no longer accept tokens signed with the key %q (%s).", before.PrivateKey, before.Alg)
		default:
			c.compareSigningKey(before, after)
		}
	}
}

func signingKeyLabel(k *schema.SigningKey) string { return k.Label }

// compareSigningKey compares a key that stays under its label.
func (c *comparison) compareSigningKey(before, after *schema.SigningKey) {
	d := &differ{address: Address(KindSigningKey, after.Label)}
	compareRows(c, d, signingKeyJudges, before, after, false)
	c.update(d, ActionUpdate, before, after)
}

var signingKeyJudges = map[string]judge[schema.SigningKey]{
	"retires_at": func(_ *comparison, d *differ, before, after *schema.SigningKey) {
		switch order := compareEnds(after.RetiresAt, before.RetiresAt); {
		case order > 0:
			d.add("retires_at", timeOf(before.RetiresAt), timeOf(after.RetiresAt), EffectWiden,
				"Verifiers accept tokens signed with %s longer.", d.address)
		case order < 0:
			d.add("retires_at", timeOf(before.RetiresAt), timeOf(after.RetiresAt), EffectNarrow,
				"Verifiers accept tokens signed with %s until %s.", d.address, schema.FormatTime(after.RetiresAt))
		}
	},
}
