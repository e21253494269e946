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
				"Tokens of %q may say who a %s is.", after.Issuer, vouched(after))
		case after == nil:
			c.delete(Address(KindTrustedIssuer, before.Label), EffectNarrow, before,
				"Tokens of %q are no longer believed.", before.Issuer)
		default:
			c.compareTrustedIssuer(before, after)
		}
	}
}

func trustedIssuerLabel(t *schema.TrustedIssuer) string { return t.Label }

func vouched(t *schema.TrustedIssuer) string {
	return strings.Join(textsOf(t.VouchesFor), " or a ")
}

func (c *comparison) compareTrustedIssuer(before, after *schema.TrustedIssuer) {
	d := &differ{address: Address(KindTrustedIssuer, after.Label)}
	if before.Issuer != after.Issuer {
		d.add("issuer", before.Issuer, after.Issuer, EffectWiden,
			"Tokens of %q are believed, and those of %q no longer.", after.Issuer, before.Issuer)
	}
	d.trustedKeys(before, after)
	d.set(setRule{
		name: "algorithms", subject: d.address, order: EffectText,
		added: "may sign with %s", removed: "may no longer sign with %s",
	}, textsOf(before.Algorithms), textsOf(after.Algorithms))
	d.set(setRule{
		name: "audiences", subject: d.address, order: EffectText,
		added: "is believed in tokens for %s", removed: "is no longer believed in tokens for %s",
	}, before.Audiences, after.Audiences)
	d.set(setRule{
		name: "vouches_for", subject: d.address, order: EffectText,
		added: "may say who a %s is", removed: "may no longer say who a %s is",
	}, textsOf(before.VouchesFor), textsOf(after.VouchesFor))
	d.capsLifetime(before.CapsLifetime, after.CapsLifetime)
	c.update(d, ActionUpdate, before, after)
}

func (d *differ) capsLifetime(before, after bool) {
	switch {
	case before && !after:
		d.add("caps_lifetime", before, after, EffectWiden, "Tokens exchanged for those of %s may outlive them.", d.address)
	case after && !before:
		d.add("caps_lifetime", before, after, EffectNarrow, "Tokens exchanged for those of %s end no later than them.", d.address)
	}
}

// trustedKeys compares where the keys come from and which they are.
func (d *differ) trustedKeys(before, after *schema.TrustedIssuer) {
	if before.JWKSURI != after.JWKSURI {
		effect, reason := EffectWiden, "The keys of %s are fetched from another place."
		if after.JWKSURI == "" {
			reason = "The keys of %s are pinned instead of fetched."
		}
		d.add("jwks_uri", optional(before.JWKSURI), optional(after.JWKSURI), effect, reason, d.address)
	}
	if before.JWKS == after.JWKS {
		return
	}
	effect := keySetEffect(before.JWKS, after.JWKS)
	reason := map[Effect]string{
		EffectWiden:  "Other keys sign for %s.",
		EffectNarrow: "Fewer keys sign for %s.",
		EffectText:   "The same keys sign for %s.",
	}
	d.add("jwks", keysValue(before.JWKS), keysValue(after.JWKS), effect, reason[effect], d.address)
}

// keysValue is the key ids of a JWK Set.
func keysValue(jwks string) any {
	if jwks == "" {
		return nil
	}
	return keyIDs(jwks)
}
