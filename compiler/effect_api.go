package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// compareAPIs compares APIs. A new one gives nobody anything: authorizations do.
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

// compareAPI compares an API that stays, or one that replaces another under its label.
func (c *comparison) compareAPI(before, after *schema.API) {
	d := &differ{address: Address(KindAPI, after.Label)}
	action := ActionUpdate
	if before.Label != after.Label {
		c.rename(Address(KindAPI, before.Label), d.address, before, after,
			"The label changes; the identifier stays %q, and nothing in tokens changes.", after.Identifier)
	}
	if before.Identifier != after.Identifier {
		action = ActionReplace
		d.add("identifier", before.Identifier, after.Identifier, EffectWiden, "%s", c.replacedAPI(before, after))
	}
	compareRows(c, d, apiJudges, before, after, before.Label != after.Label || len(c.apiLabels) > 0)
	c.compareScopes(d, before, after)
	c.update(d, action, before, after)
}

// apiJudges compares the attributes of an API that need more than their rows.
var apiJudges = map[string]judge[schema.API]{
	"identifier": func(*comparison, *differ, *schema.API, *schema.API) {}, // compareAPI has reported it, before all others
	"name": func(_ *comparison, d *differ, before, after *schema.API) {
		d.name(before.Name, before.Label, after.Name, after.Label)
	},
	"signing_secret": func(_ *comparison, d *differ, before, after *schema.API) { d.signingSecret(before, after) },
	"scope_mode": func(_ *comparison, d *differ, before, after *schema.API) {
		d.scopeMode(before.ScopeMode, after.ScopeMode)
	},
	"reuse_window": func(_ *comparison, d *differ, before, after *schema.API) {
		d.reuseWindow(before.ReuseWindow, after.ReuseWindow)
	},
	"distinct_from": func(c *comparison, d *differ, before, after *schema.API) {
		d.references(after, "distinct_from", c.apiLabelsAfter(before.DistinctFrom), after.DistinctFrom)
	},
}

// name compares the display names. An object without a name of its own has its label as its
// name; so when the label changes, the name that follows it is no change of its own.
func (d *differ) name(before, from, after, to string) {
	if before == from {
		before = to
	}
	if before != after {
		d.add("name", optional(before), optional(after), EffectText, "The name of %s changes.", d.address)
	}
}

// references compares two lists of labels. Those in before must already be the labels that
// the same objects have after the change, so that a rename is no difference.
func (d *differ) references(object any, name string, before, after []string) {
	if slices.Equal(before, after) {
		return
	}
	a, _ := schema.BlockOf(object).Attr(name)
	effect, reason := rowEffect(a, d.address, before, after)
	d.add(name, listValue(before), listValue(after), effect, "%s", reason)
}

// replacedAPI returns the sentence about a changed identifier: which tokens there will be, and
// which authorizations that concerns.
func (c *comparison) replacedAPI(before, after *schema.API) string {
	text := fmt.Sprintf("Tokens are for %q and no longer for %q%s.", after.Identifier, before.Identifier, c.retiredClause(KindAPI, before.Label, before.Identifier))
	var holders []string
	for _, a := range c.authorizationsAfter()[after.Label] {
		holders = append(holders, a.Label)
	}
	if len(holders) > 0 {
		text += fmt.Sprintf(" That concerns %s.", addressList(KindAuthorization, holders))
	}
	return text
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
			"Whoever knows %q can make tokens that %s accepts; its verifiers must have it first.", is, d.address)
	}
}

// scopeMode compares what a request for some of the authorized scopes gets: those, or all. It
// has a judge because the sentences say more than the names of the modes.
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

// reuseWindow compares for how long the same token answers identical requests. It never widens:
// each request is decided anew, and the token would have been granted anyway.
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
	was := make(map[string]*schema.Scope, len(before.Scopes))
	for i := range before.Scopes {
		was[before.Scopes[i].Name] = &before.Scopes[i]
	}
	// The scopes that stay, in the old order and in the new one: tokens list scopes in the
	// order of the API, so that another order shows in them.
	same := make([]string, 0, len(before.Scopes))
	kept := make([]string, 0, len(before.Scopes))
	for i := range after.Scopes {
		s := &after.Scopes[i]
		old := was[s.Name]
		if old == nil {
			d.nested("scope", s.Name, nil, scopeObject(s), EffectShape,
				"%s declares the scope %q; nobody has it before an authorization lists it.", d.address, s.Name)
			continue
		}
		kept = append(kept, s.Name)
		effect, reasons := nestedChange(schema.BlockOf(s), fmt.Sprintf("the scope %q of %s", s.Name, d.address), old, s)
		if len(reasons) > 0 {
			d.nested("scope", s.Name, scopeObject(old), scopeObject(s), effect, "%s", strings.Join(reasons, " "))
		}
	}
	for i := range before.Scopes {
		s := &before.Scopes[i]
		if slices.Contains(kept, s.Name) {
			same = append(same, s.Name)
			continue
		}
		d.nested("scope", s.Name, scopeObject(s), nil, EffectNarrow, "%s", c.removedScope(before, s.Name))
	}
	if !slices.Equal(same, kept) {
		d.add("scopes", listValue(scopeNames(before)), listValue(scopeNames(after)), EffectShape,
			"Tokens for %s list their scopes in another order.", d.address)
	}
}

// nestedChange judges by their rows the shown attributes of a nested block that stays:
// the strongest effect, and a sentence for each that changed.
func nestedChange(block *schema.Block, object string, before, after any) (effect Effect, reasons []string) {
	effect = EffectNone
	for i := range block.Attributes {
		a := &block.Attributes[i]
		if !a.IsStored() || a.Hidden || a.Same(before, after) {
			continue
		}
		e, reason := rowEffect(a, object, a.Get(before), a.Get(after))
		effect, reasons = stronger(effect, e), append(reasons, reason)
	}
	return effect, reasons
}

// scopeNames lists the scopes of an API in their order.
func scopeNames(a *schema.API) []string {
	names := make([]string, len(a.Scopes))
	for i, s := range a.Scopes {
		names[i] = s.Name
	}
	return names
}

// removedScope returns the sentence about a removed scope, with the authorizations that had it.
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
