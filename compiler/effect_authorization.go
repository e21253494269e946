package compiler

import (
	"fmt"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// compareAuthorizations compares authorizations, which are what gives access.
func (c *comparison) compareAuthorizations() {
	for _, p := range c.authorizations {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindAuthorization, after.Label), EffectWiden, after,
				"%s may get tokens for %s%s %s%s.%s", Address(KindClient, after.Client), Address(KindAPI, after.API),
				onBehalfClause(after), scopesClause(after.Scopes), c.endClause(after.ExpiresAt), claimsSentence(after))
		case after == nil:
			c.delete(Address(KindAuthorization, before.Label), EffectNarrow, before,
				"%s gets no more tokens for %s%s; it had them %s.", Address(KindClient, before.Client), Address(KindAPI, before.API),
				onBehalfClause(before), scopesClause(before.Scopes))
		default:
			c.compareAuthorization(before, after)
		}
	}
}

// onBehalfClause is the clause about users, "" for a client that acts for itself.
func onBehalfClause(a *schema.Authorization) string {
	if a.SubjectType == schema.SubjectUser {
		return " on behalf of users"
	}
	return ""
}

// scopesClause is the clause about the scopes.
func scopesClause(scopes []string) string {
	if len(scopes) == 0 {
		return "without scopes"
	}
	return "with " + quotedList(scopes)
}

// endClause returns the clause about the end of a new authorization, "" if it has none.
func (c *comparison) endClause(expiresAt int64) string {
	switch {
	case expiresAt == 0:
		return ""
	case expiresAt <= c.now:
		return ", but that ended at " + schema.FormatTime(expiresAt)
	}
	return " until " + schema.FormatTime(expiresAt)
}

// compareAuthorization compares an authorization under its label. With another client, API
// or subject type it is another right, which replaces the old one.
func (c *comparison) compareAuthorization(before, after *schema.Authorization) {
	d := &differ{address: Address(KindAuthorization, after.Label)}
	action := ActionUpdate
	wasClient, wasAPI := c.clientLabel(before.Client), c.apiLabel(before.API)
	replaced := wasClient != after.Client || wasAPI != after.API || before.SubjectType != after.SubjectType
	switch {
	case replaced:
		action = ActionReplace
		c.addRedirection(d, before, after, wasClient, wasAPI)
	case before.Label != after.Label:
		c.rename(Address(KindAuthorization, before.Label), d.address, before, after,
			"The label changes; client, API and subject type stay, and nothing in tokens changes.")
	}
	compareRows(c, d, authorizationJudges, before, after, false)
	c.update(d, action, before, after)
}

// authorizationJudges compares the attributes of an authorization that need more than their
// rows. Client, API and subject type say what it is about, and are compared before.
var authorizationJudges = map[string]judge[schema.Authorization]{
	"client":       comparedBefore,
	"api":          comparedBefore,
	"subject_type": comparedBefore,
	"scopes":       (*comparison).authorizedScopes,
	"token_lifetime": func(c *comparison, d *differ, before, after *schema.Authorization) {
		c.authorizedLifetime(d, before, after)
	},
	"expires_at": func(c *comparison, d *differ, before, after *schema.Authorization) {
		d.expiry(before.ExpiresAt, after.ExpiresAt, c.now)
	},
	"subject_claims": func(_ *comparison, d *differ, before, after *schema.Authorization) {
		d.subjectClaims(before.SubjectClaims, after.SubjectClaims)
	},
	"copy_claims": func(_ *comparison, d *differ, before, after *schema.Authorization) { d.copiedClaims(before, after) },
	"claims":      func(_ *comparison, d *differ, before, after *schema.Authorization) { d.claims(before, after) },
}

// comparedBefore adds nothing: addRedirection has reported the attribute.
func comparedBefore(*comparison, *differ, *schema.Authorization, *schema.Authorization) {}

// authorizedScopes compares the scopes, and says what the client gains and loses. Another
// order of the same scopes only changes the look of tokens.
func (c *comparison) authorizedScopes(d *differ, before, after *schema.Authorization) {
	added, removed := setDifference(before.Scopes, after.Scopes)
	effect, reason := EffectShape, "has the same scopes in another order"
	switch {
	case len(added) > 0 && len(removed) > 0:
		effect, reason = EffectWiden, "gains "+quotedList(added)+" and loses "+quotedList(removed)
	case len(added) > 0:
		effect, reason = EffectWiden, "gains "+quotedList(added)
	case len(removed) > 0:
		effect, reason = EffectNarrow, "loses "+quotedList(removed)
	case slices.Equal(before.Scopes, after.Scopes):
		return
	}
	d.add("scopes", listValue(before.Scopes), listValue(after.Scopes), effect, "%s %s.", holderOf(after), reason)
}

// holderOf names who holds the right, and on what.
func holderOf(a *schema.Authorization) string {
	return fmt.Sprintf("%s on %s", Address(KindClient, a.Client), Address(KindAPI, a.API))
}

// addRedirection says that an authorization is now about something else.
func (c *comparison) addRedirection(d *differ, before, after *schema.Authorization, wasClient, wasAPI string) {
	reason := fmt.Sprintf("%s may get tokens for %s%s, and %s for %s%s no longer.",
		Address(KindClient, after.Client), Address(KindAPI, after.API), onBehalfClause(after),
		Address(KindClient, labelBefore(before.Client, wasClient, after.Client)),
		Address(KindAPI, labelBefore(before.API, wasAPI, after.API)), onBehalfClause(before))
	if wasClient != after.Client {
		d.add("client", labelBefore(before.Client, wasClient, after.Client), after.Client, EffectWiden, "%s", reason)
	}
	if wasAPI != after.API {
		d.add("api", labelBefore(before.API, wasAPI, after.API), after.API, EffectWiden, "%s", reason)
	}
	if before.SubjectType != after.SubjectType {
		d.add("subject_type", textOf(before.SubjectType), textOf(after.SubjectType), EffectWiden, "%s", reason)
	}
}

// labelBefore returns the label that an authorization referred to before. was is that object's
// label after the change, or the display name of a deleted one. It is shown only if the old
// label itself now names another object, so that nobody mistakes the two.
func labelBefore(label, was, now string) string {
	if label == now {
		return was
	}
	return label
}

// authorizedLifetime compares the effective lifetimes of tokens when the authorization's own
// one changes: it may only repeat what the API says. A change of the API's is reported there.
func (c *comparison) authorizedLifetime(d *differ, before, after *schema.Authorization) {
	if before.TokenLifetime == after.TokenLifetime {
		return
	}
	was, is := before.Lifetime(c.apiBefore[before.API]), after.Lifetime(c.apiAfter[after.API])
	effect, reason := EffectText, fmt.Sprintf("Tokens of %s live %s as before.", d.address, schema.FormatDuration(is))
	switch {
	case is > was:
		effect, reason = EffectWiden, fmt.Sprintf("Tokens of %s live %s instead of %s.", d.address, schema.FormatDuration(is), schema.FormatDuration(was))
	case is < was:
		effect, reason = EffectNarrow, fmt.Sprintf("Tokens of %s live at most %s instead of %s.", d.address, schema.FormatDuration(is), schema.FormatDuration(was))
	}
	d.add("token_lifetime", optional(before.TokenLifetime), optional(after.TokenLifetime), effect, "%s", reason)
}

// expiry compares the ends of an authorization, in Unix seconds with 0 for none. now decides
// the wording: an end that has passed ended the access already, and moving it into the future
// gives it back.
func (d *differ) expiry(before, after, now int64) {
	order := compareEnds(after, before)
	if order == 0 {
		return
	}
	effect, reason := EffectNarrow, "ends at "+schema.FormatTime(after)
	had, has := before == 0 || before > now, after == 0 || after > now
	switch {
	case order > 0 && !had && after == 0:
		effect, reason = EffectWiden, "had ended, and no longer expires"
	case order > 0 && !had && has:
		effect, reason = EffectWiden, "had ended, and lasts until "+schema.FormatTime(after)
	case after == 0:
		effect, reason = EffectWiden, "no longer expires"
	case order > 0:
		effect, reason = EffectWiden, "lasts longer, until "+schema.FormatTime(after)
	}
	switch {
	case !had && !has:
		reason = fmt.Sprintf("had ended at %s, and %s has passed too", schema.FormatTime(before), schema.FormatTime(after))
	case had && !has:
		reason = "ends at once: it expired at " + schema.FormatTime(after)
	}
	d.add("expires_at", timeOf(before), timeOf(after), effect, "%s %s.", d.address, reason)
}

// subjectClaims compares the claims that a user's token must have, as JSON objects.
func (d *differ) subjectClaims(before, after string) {
	effect := requirementEffect(before, after)
	if effect == EffectNone {
		return
	}
	reason := map[Effect]string{
		EffectWiden:  "Users whose tokens %s refused may be let in: it asks for other or fewer claims.",
		EffectNarrow: "%s asks the users' tokens for more claims.",
		EffectText:   "%s asks the users' tokens for the same claims, written otherwise.",
	}
	d.add("subject_claims", rawValue(before), rawValue(after), effect, reason[effect], d.address)
}

// Verifiers may grant access by any claim, except for a few that only describe, such as
// name. A token that gets a claim, or another value of one, may open more than before
// with the same scopes. So such a change widens.

// copiedClaims compares which claims of the user's token are repeated.
func (d *differ) copiedClaims(before, after *schema.Authorization) {
	if slices.Equal(before.CopyClaims, after.CopyClaims) {
		return
	}
	added, removed := setDifference(before.CopyClaims, after.CopyClaims)
	effect, format, args := EffectShape, "Tokens of %s repeat other claims of the user's token.", []any{holderOf(after)}
	switch gains, loses := grantingClaims(added), grantingClaims(removed); {
	case len(gains) > 0:
		effect, format = EffectWiden, "Tokens of %s say the user's %s, by which verifiers may grant access."
		args = append(args, quotedList(gains))
	case len(loses) > 0:
		effect, format = EffectNarrow, "Tokens of %s no longer say the user's %s, by which verifiers may grant access."
		args = append(args, quotedList(loses))
	case len(added)+len(removed) == 0:
		effect, format = EffectText, "Tokens of %s repeat the same claims of the user's token."
	}
	d.add("copy_claims", listValue(before.CopyClaims), listValue(after.CopyClaims), effect, format, args...)
}

// claims compares what the configuration puts into tokens. Whether another value gives
// more is not known here, so it counts as widening.
func (d *differ) claims(before, after *schema.Authorization) {
	if before.Claims == after.Claims {
		return
	}
	was, is := members(before.Claims), members(after.Claims)
	var added, changed, removed []string
	for _, name := range grantingClaims(slices.Sorted(maps.Keys(is))) {
		switch old, known := was[name]; {
		case !known:
			added = append(added, name)
		case string(old) != string(is[name]):
			changed = append(changed, name)
		}
	}
	for _, name := range grantingClaims(slices.Sorted(maps.Keys(was))) {
		if _, stays := is[name]; !stays {
			removed = append(removed, name)
		}
	}
	effect, reason := EffectShape, "carry other claims"
	switch {
	case len(added) > 0 && len(changed) > 0:
		effect = EffectWiden
		reason = fmt.Sprintf("carry the new %s and another %s, by which verifiers may grant access", quotedList(added), quotedList(changed))
	case len(added) > 0:
		effect, reason = EffectWiden, fmt.Sprintf("carry the new %s, by which verifiers may grant access", quotedList(added))
	case len(changed) > 0:
		effect, reason = EffectWiden, fmt.Sprintf("carry another %s, by which verifiers may grant access", quotedList(changed))
	case len(removed) > 0:
		effect, reason = EffectNarrow, fmt.Sprintf("no longer carry %s, by which verifiers may grant access", quotedList(removed))
	}
	d.add("claims", rawValue(before.Claims), rawValue(after.Claims), effect, "Tokens of %s %s.", holderOf(after), reason)
}

// claimsSentence returns the sentence about the claims of a new authorization by which
// verifiers may grant access, "" if it has none.
func claimsSentence(a *schema.Authorization) string {
	names := grantingClaims(slices.Sorted(maps.Keys(members(a.Claims))))
	copied := grantingClaims(a.CopyClaims)
	switch {
	case len(names) > 0 && len(copied) > 0:
		return fmt.Sprintf(" They carry %s and the user's %s, by which verifiers may grant access.", quotedList(names), quotedList(copied))
	case len(names) > 0:
		return fmt.Sprintf(" They carry %s, by which verifiers may grant access.", quotedList(names))
	case len(copied) > 0:
		return fmt.Sprintf(" They say the user's %s, by which verifiers may grant access.", quotedList(copied))
	}
	return ""
}

// grantingClaims leaves out the claims that only describe: verifiers may grant access by any
// other.
func grantingClaims(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), schema.DescribesOnly)
}
