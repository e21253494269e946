package compiler

import (
	"github.com/writ-auth/writ/schema"
)

// compareClients compares clients. A new one widens, as somebody can authenticate who could
// not before; which tokens it gets is up to authorizations.
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

// compareClient compares a client that stays, or one that replaces another under its label.
func (c *comparison) compareClient(before, after *schema.Client) {
	d := &differ{address: Address(KindClient, after.Label)}
	action := ActionUpdate
	if before.Label != after.Label {
		c.rename(Address(KindClient, before.Label), d.address, before, after,
			"The label changes; the client_id stays %q, and nothing in tokens changes.", after.ClientID)
	}
	if before.ClientID != after.ClientID {
		action = ActionReplace
		d.add("client_id", before.ClientID, after.ClientID, EffectWiden,
			"%q may authenticate, and no longer %q%s.", after.ClientID, before.ClientID, c.retiredClause(KindClient, before.Label, before.ClientID))
	}
	compareRows(c, d, clientJudges, before, after, before.Label != after.Label || len(c.apiLabels) > 0)
	d.credentials(before, after)
	d.refreshToken(before.RefreshToken, after.RefreshToken)
	c.update(d, action, before, after)
}

var clientJudges = map[string]judge[schema.Client]{
	"client_id": func(*comparison, *differ, *schema.Client, *schema.Client) {}, // compareClient has reported it, before all others
	"name": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.name(before.Name, before.Label, after.Name, after.Label)
	},
	"default_api": func(c *comparison, d *differ, before, after *schema.Client) {
		d.defaultAPI(c.apiLabel(before.DefaultAPI), after.DefaultAPI)
	},
	"rate_limit": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.rateLimit(before.RateLimit, after.RateLimit)
	},
	// The APIs themselves are compared: under a replaced identifier the same label
	// reaches other tokens, and then the replacement says so.
	"introspects": func(c *comparison, d *differ, before, after *schema.Client) {
		d.references(after, "introspects", c.apiLabelsAfter(before.Introspects), after.Introspects)
	},
	"revoked_before": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.revokedBefore(before.RevokedBefore, after.RevokedBefore)
	},
}

// defaultAPI compares labels, the one before as it is after the change. It gives no access:
// a request can always name the API.
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

// revokedBefore compares the time before which tokens are revoked. Moving it back makes
// revoked tokens active again.
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

// refreshToken compares the behaviour of refresh tokens. A client that declares
// none has the language's defaults.
func (d *differ) refreshToken(before, after *schema.RefreshToken) {
	was, is := before.OrDefault(), after.OrDefault()
	effect, reasons := nestedChange(schema.BlockOf(&is), d.address, &was, &is)
	if len(reasons) == 0 && (before == nil) == (after == nil) {
		return
	}
	reason := "They behave as they did."
	switch effect {
	case EffectWiden:
		reason = "They can be used longer, or more often."
	case EffectNarrow:
		reason = "They can be used less long, or less often."
	case EffectNone:
		effect = EffectText
	}
	var old, new any
	if before != nil {
		old = Object{before}
	}
	if after != nil {
		new = Object{after}
	}
	d.nested("refresh_token", "", old, new, effect, "The refresh tokens of %s change. %s", d.address, reason)
}
