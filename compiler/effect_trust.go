package compiler

import (
	"strings"

	"github.com/writ-auth/writ/schema"
)

// compareTrustedIssuers compares whose tokens are believed.
func (c *comparison) compareTrustedIssuers() {
	pairs, _ := pairUp(c.prior.TrustedIssuers, c.next.TrustedIssuers, trustedIssuerLabel, trustedIssuerLabel)
	for _, p := range pairs {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindTrustedIssuer, after.Label), EffectWiden, after,
				"Tokens of %q may say who a %s is.", after.Issuer, vouchedKinds(after))
		case after == nil:
			c.delete(Address(KindTrustedIssuer, before.Label), EffectNarrow, before,
				"Tokens of %q are no longer believed.", before.Issuer)
		default:
			c.compareTrustedIssuer(before, after)
		}
	}
}

func trustedIssuerLabel(t *schema.TrustedIssuer) string { return t.Label }

// vouchedKinds names whom the issuer vouches for.
func vouchedKinds(t *schema.TrustedIssuer) string {
	return strings.Join(textsOf(t.VouchesFor), " or a ")
}

// compareTrustedIssuer compares a trusted issuer that stays under its label.
func (c *comparison) compareTrustedIssuer(before, after *schema.TrustedIssuer) {
	d := &differ{address: Address(KindTrustedIssuer, after.Label)}
	compareRows(c, d, trustedIssuerJudges, before, after, false)
	c.update(d, ActionUpdate, before, after)
}

var trustedIssuerJudges = map[string]judge[schema.TrustedIssuer]{
	"jwks": func(_ *comparison, d *differ, before, after *schema.TrustedIssuer) {
		effect := keySetEffect(before.JWKS, after.JWKS)
		reason := map[Effect]string{
			EffectWiden:  "Other keys sign for %s.",
			EffectNarrow: "Fewer keys sign for %s.",
			EffectText:   "The same keys sign for %s.",
		}
		d.add("jwks", keysValue(before.JWKS), keysValue(after.JWKS), effect, reason[effect], d.address)
	},
	"jwks_uri": func(_ *comparison, d *differ, before, after *schema.TrustedIssuer) {
		reason := "The keys of %s are fetched from another place."
		if after.JWKSURI == "" {
			reason = "The keys of %s are pinned instead of fetched."
		}
		d.add("jwks_uri", optional(before.JWKSURI), optional(after.JWKSURI), EffectWiden, reason, d.address)
	},
}

// keysValue is the key ids of a JWK Set.
func keysValue(jwks string) any {
	if jwks == "" {
		return nil
	}
	return keyIDs(jwks)
}
