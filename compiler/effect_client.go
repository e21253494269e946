package compiler

import (
	"cmp"
	"slices"

	"github.com/writ-auth/writ/schema"
)

func (c *comparison) compareClients() {
	for _, p := range c.clients {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindClient, after.Label), EffectWiden, after,
				"%q may authenticate with %s.", after.ClientID, credentialList(after))
		case after == nil:
			c.delete(Address(KindClient, before.Label), EffectNarrow, before,
				"%q can no longer authenticate.", before.ClientID)
		default:
			c.compareClient(before, after)
		}
	}
}

func (c *comparison) compareClient(before, after *schema.Client) {
	d := &differ{address: Address(KindClient, after.Label)}
	action, name := ActionUpdate, before.Name
	if before.Label != after.Label {
		c.rename(Address(KindClient, before.Label), d.address, before, after,
			"The label changes; the client_id stays %q, and nothing in tokens changes.", after.ClientID)
		name = followLabel(name, before.Label, after.Label)
	}
	if before.ClientID != after.ClientID {
		action = ActionReplace
		d.add("client_id", before.ClientID, after.ClientID, EffectWiden,
			"%q may authenticate, and no longer %q%s.", after.ClientID, before.ClientID, c.whichIsRetired(KindClient, before.Label, before.ClientID))
	}
	d.text("name", name, after.Name)
	d.set(setRule{
		name: "grant_types", subject: d.address, order: EffectText,
		added: "may use the grant %s", removed: "may no longer use the grant %s",
	}, before.GrantTypes, after.GrantTypes)
	d.metadata(before.Metadata, after.Metadata)
	d.defaultAPI(c.apiLabel(before.DefaultAPI), after.DefaultAPI)
	d.rateLimit(before.RateLimit, after.RateLimit)
	c.introspects(d, before, after)
	d.revokedBefore(before.RevokedBefore, after.RevokedBefore)
	d.senderConstrained(before.RequireSenderConstrained, after.RequireSenderConstrained)
	d.guard(before.PreventDestroy, after.PreventDestroy)
	if !sameCredentials(before, after) {
		d.credentials(credentialsOf(before), credentialsOf(after))
	}
	d.refreshToken(before.RefreshToken, after.RefreshToken)
	c.update(d, action, before, after)
}

func (d *differ) defaultAPI(before, after string) {
	switch {
	case before == after:
	case after == "":
		d.add("default_api", before, nil, EffectShape, "A request of %s that names no API is refused.", d.address)
	default:
		d.add("default_api", optional(before), after, EffectShape,
			"A request of %s that names no API is for %s.", d.address, Address(KindAPI, after))
	}
}

// rateLimit compares token requests per second, where 0 is any number of them.
func (d *differ) rateLimit(before, after float64) {
	switch {
	case before == after:
	case after == 0:
		d.add("rate_limit", before, nil, EffectWiden, "%s may get any number of tokens.", d.address)
	case before == 0:
		d.add("rate_limit", nil, after, EffectNarrow, "%s gets at most %v tokens a second.", d.address, after)
	case after > before:
		d.add("rate_limit", before, after, EffectWiden, "%s may get %v tokens a second instead of %v.", d.address, after, before)
	default:
		d.add("rate_limit", before, after, EffectNarrow, "%s gets at most %v tokens a second instead of %v.", d.address, after, before)
	}
}

// introspects compares the APIs themselves: under a replaced identifier the same
// label reaches other tokens, and then the replacement says so.
func (c *comparison) introspects(d *differ, before, after *schema.Client) {
	d.set(setRule{
		name: "introspects", subject: d.address, order: EffectText,
		added: "may introspect the tokens of the API %s", removed: "may no longer introspect those of %s",
	}, c.apiLabelsAfter(before.Introspects), after.Introspects)
}

// revokedBefore compares a time that only moves forward as long as nothing
// that was revoked comes back.
func (d *differ) revokedBefore(before, after int64) {
	switch {
	case after > before:
		d.add("revoked_before", timeOf(before), timeOf(after), EffectNarrow,
			"Tokens issued to %s before %s are inactive when introspected.", d.address, schema.FormatTime(after))
	case after < before:
		d.add("revoked_before", timeOf(before), timeOf(after), EffectWiden,
			"Tokens of %s that were revoked are active again when introspected.", d.address)
	}
}

func (d *differ) senderConstrained(before, after bool) {
	switch {
	case before && !after:
		d.add("require_sender_constrained", before, after, EffectWiden,
			"%s may get tokens that are bound to no key.", d.address)
	case after && !before:
		d.add("require_sender_constrained", before, after, EffectNarrow,
			"%s gets tokens only with DPoP or mutual TLS.", d.address)
	}
}

// refreshToken compares the behaviour of refresh tokens. A client that declares
// none has the language's defaults.
func (d *differ) refreshToken(before, after *schema.RefreshToken) {
	was, is := before.OrDefault(), after.OrDefault()
	if was == is && (before == nil) == (after == nil) {
		return
	}
	effect, reason := EffectText, "They behave as they did."
	looser := is.Rotation != was.Rotation && is.Rotation != schema.RotationRotating ||
		is.Lifetime > was.Lifetime || is.IdleLifetime > was.IdleLifetime || is.Leeway > was.Leeway
	switch {
	case looser:
		effect, reason = EffectWiden, "They can be used longer, or more often."
	case was != is:
		effect, reason = EffectNarrow, "They can be used less long, or less often."
	}
	var old, new any
	if before != nil {
		old = refreshTokenObject(before)
	}
	if after != nil {
		new = refreshTokenObject(after)
	}
	d.nested("refresh_token", "", old, new, effect, "The refresh tokens of %s change. %s", d.address, reason)
}

// compareByKind is the order of credentials: by kind as in the language
// reference, then by label.
func compareByKind(a, b plannedCredential) int {
	return cmp.Or(cmp.Compare(slices.Index(credentialKinds, a.kind), slices.Index(credentialKinds, b.kind)), cmp.Compare(a.label, b.label))
}
