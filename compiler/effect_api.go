package compiler

import (
	"fmt"
	"slices"

	"github.com/writ-auth/writ/schema"
)

func (c *comparison) compareAPIs() {
	for _, p := range c.apis {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindAPI, after.Label), EffectShape, after,
				"Tokens for %q can be asked for; who gets them is up to authorizations.", after.Identifier)
		case after == nil:
			c.delete(Address(KindAPI, before.Label), EffectNarrow, before,
				"Nobody gets tokens for %q any more.", before.Identifier)
		default:
			c.compareAPI(before, after)
		}
	}
}

func (c *comparison) compareAPI(before, after *schema.API) {
	d := &differ{address: Address(KindAPI, after.Label)}
	action, name := ActionUpdate, before.Name
	if before.Label != after.Label {
		c.rename(Address(KindAPI, before.Label), d.address, before, after,
			"The label changes; the identifier stays %q, and nothing in tokens changes.", after.Identifier)
		name = followLabel(name, before.Label, after.Label)
	}
	if before.Identifier != after.Identifier {
		action = ActionReplace
		d.add("identifier", before.Identifier, after.Identifier, EffectWiden, "%s", c.replacedAPI(before, after))
	}
	d.text("name", name, after.Name)
	d.tokenShape(before, after)
	d.signingSecret(before, after)
	d.apiLifetime(before.TokenLifetime, after.TokenLifetime)
	d.offlineAccess(before.AllowOfflineAccess, after.AllowOfflineAccess)
	d.scopeMode(before.ScopeMode, after.ScopeMode)
	d.reuseWindow(before.ReuseWindow, after.ReuseWindow)
	d.guard(before.PreventDestroy, after.PreventDestroy)
	if was := c.apiLabelsAfter(before.DistinctFrom); !slices.Equal(was, after.DistinctFrom) {
		d.add("distinct_from", listValue(was), listValue(after.DistinctFrom), EffectText,
			"Other look-alike identifiers of %s are acknowledged.", d.address)
	}
	d.metadata(before.Metadata, after.Metadata)
	c.compareScopes(d, before, after)
	c.update(d, action, before, after)
}

// followLabel is the prior name as it would be under the new label: an object
// without a name of its own is named by its label.
func followLabel(name, from, to string) string {
	if name == from {
		return to
	}
	return name
}

// replacedAPI says what another identifier means, and for whom.
func (c *comparison) replacedAPI(before, after *schema.API) string {
	text := fmt.Sprintf("Tokens are for %q and no longer for %q%s.", after.Identifier, before.Identifier, c.whichIsRetired(KindAPI, before.Label, before.Identifier))
	var holders []string
	for _, a := range c.authorizationsAfter()[after.Label] {
		holders = append(holders, a.Label)
	}
	if len(holders) > 0 {
		text += fmt.Sprintf(" That concerns %s.", addressList(KindAuthorization, holders))
	}
	return text
}

// tokenShape compares what verifiers see.
func (d *differ) tokenShape(before, after *schema.API) {
	if before.Profile != after.Profile {
		d.add("token_profile", textOf(before.Profile), textOf(after.Profile), EffectShape,
			"Verifiers of %s must accept tokens of the profile %s first.", d.address, after.Profile)
	}
	if before.Alg != after.Alg {
		d.add("signing_alg", textOf(before.Alg), textOf(after.Alg), EffectShape,
			"Verifiers of %s must accept %s first.", d.address, after.Alg)
	}
	if before.IncludePermissions != after.IncludePermissions {
		verb := "lose"
		if after.IncludePermissions {
			verb = "get"
		}
		d.add("include_permissions", before.IncludePermissions, after.IncludePermissions, EffectShape,
			"Tokens for %s %s the permissions claim.", d.address, verb)
	}
}

// signingSecret compares the key of HS256: whoever knows it can make tokens.
func (d *differ) signingSecret(before, after *schema.API) {
	was, is := before.SigningSecret, after.SigningSecret
	switch {
	case was == is:
	case is == "":
		d.add("signing_secret", textOf(was), nil, EffectNarrow,
			"Whoever knows %q can no longer make tokens that %s accepts.", was, d.address)
	default:
		d.add("signing_secret", textOf(was), textOf(is), EffectWiden,
			"Whoever knows %q can make tokens that %s accepts.", is, d.address)
	}
}

func (d *differ) apiLifetime(before, after int64) {
	switch {
	case after > before:
		d.add("token_lifetime", before, after, EffectWiden,
			"Tokens for %s may live %s instead of %s.", d.address, schema.FormatDuration(after), schema.FormatDuration(before))
	case after < before:
		d.add("token_lifetime", before, after, EffectNarrow,
			"Tokens for %s live at most %s instead of %s.", d.address, schema.FormatDuration(after), schema.FormatDuration(before))
	}
}

func (d *differ) offlineAccess(before, after bool) {
	switch {
	case after && !before:
		d.add("allow_offline_access", before, after, EffectWiden, "Refresh tokens may be issued for %s.", d.address)
	case before && !after:
		d.add("allow_offline_access", before, after, EffectNarrow, "No refresh token works for %s any more.", d.address)
	}
}

func (d *differ) scopeMode(before, after schema.ScopeMode) {
	switch {
	case before == after:
	case after == schema.ScopeNarrow:
		d.add("scope_mode", textOf(before), textOf(after), EffectNarrow,
			"A request for some scopes of %s gets those and no others.", d.address)
	default:
		d.add("scope_mode", textOf(before), textOf(after), EffectWiden,
			"A request for some scopes of %s gets all that are authorized.", d.address)
	}
}

func (d *differ) reuseWindow(before, after int64) {
	switch {
	case before == after:
	case after == 0:
		d.add("reuse_window", before, nil, EffectShape, "Every request for %s gets a token of its own.", d.address)
	default:
		d.add("reuse_window", optional(before), after, EffectShape,
			"Identical requests for %s within %s get the same token.", d.address, schema.FormatDuration(after))
	}
}

// compareScopes compares the scopes that an API declares. Nobody gains a scope
// by its declaration, and everybody loses it by its removal.
func (c *comparison) compareScopes(d *differ, before, after *schema.API) {
	if slices.Equal(before.Scopes, after.Scopes) {
		return
	}
	was, is := scopesByName(before), scopesByName(after)
	for _, s := range after.Scopes {
		old, known := was[s.Name]
		switch {
		case !known:
			d.nested("scope", s.Name, nil, scopeValue(s), EffectShape,
				"%s declares the scope %q; nobody has it before an authorization lists it.", d.address, s.Name)
		case old.Description != s.Description:
			d.nested("scope", s.Name, scopeValue(old), scopeValue(s), EffectText,
				"The description of the scope %q of %s changes.", s.Name, d.address)
		}
	}
	same := make([]string, 0, len(before.Scopes))
	for _, s := range before.Scopes {
		if _, known := is[s.Name]; known {
			same = append(same, s.Name)
			continue
		}
		d.nested("scope", s.Name, scopeValue(s), nil, EffectNarrow, "%s", c.removedScope(before, s.Name))
	}
	kept := slices.DeleteFunc(scopeNames(after), func(name string) bool { _, known := was[name]; return !known })
	if !slices.Equal(same, kept) {
		d.add("scopes", listValue(scopeNames(before)), listValue(scopeNames(after)), EffectShape,
			"Tokens for %s list their scopes in another order.", d.address)
	}
}

func scopesByName(a *schema.API) map[string]schema.Scope {
	m := make(map[string]schema.Scope, len(a.Scopes))
	for _, s := range a.Scopes {
		m[s.Name] = s
	}
	return m
}

func scopeNames(a *schema.API) []string {
	names := make([]string, len(a.Scopes))
	for i, s := range a.Scopes {
		names[i] = s.Name
	}
	return names
}

func scopeValue(s schema.Scope) any {
	l := attributes{}
	l.text("name", s.Name)
	l.text("description", s.Description)
	return Object{[]Attribute(l)}
}

// removedScope says which authorizations had a scope that goes.
func (c *comparison) removedScope(api *schema.API, scope string) string {
	var holders []string
	for _, a := range c.authorizationsBefore()[api.Label] {
		if slices.Contains(a.Scopes, scope) {
			holders = append(holders, a.Label)
		}
	}
	if len(holders) == 0 {
		return fmt.Sprintf("The scope %q is gone; no authorization had it.", scope)
	}
	return fmt.Sprintf("The scope %q is gone; %s had it.", scope, addressList(KindAuthorization, holders))
}
