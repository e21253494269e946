package compiler

import (
	"strings"

	"github.com/writ-auth/writ/schema"
)

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

// trustedIssuerLabel is what pairs trusted issuers: they have no name in tokens that a lockfile
// would record, so that one under another label is another one.
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

// trustedIssuerJudges compares where the keys of a trusted issuer come from. Pinned keys can be
// compared; what an address will answer is unknown, so that every other address widens.
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

// signingKeyLabel is what pairs signing keys.
func signingKeyLabel(k *schema.SigningKey) string { return k.Label }

// compareSigningKey compares a key that stays under its label.
func (c *comparison) compareSigningKey(before, after *schema.SigningKey) {
	d := &differ{address: Address(KindSigningKey, after.Label)}
	compareRows(c, d, signingKeyJudges, before, after, false)
	c.update(d, ActionUpdate, before, after)
}

// signingKeyJudges compares the end of a key, where 0 is none and so the latest.
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
