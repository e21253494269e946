package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// scopeOfflineAccess is how a request asks for a refresh token (OpenID Connect
// Core section 11); no API declares it.
const scopeOfflineAccess = "offline_access"

// A scopeIndex maps the scopes of one API to their places.
type scopeIndex map[string]int

// fewScopes is up to how many scopes of an API are searched one by one. Making an index for
// fewer costs more than it saves.
const fewScopes = 12

// scopePlace returns the place of a scope among those of its API, or -1.
func (c *compilation) scopePlace(api int32, name string) int {
	scopes := c.Document.APIs[api].Scopes
	if len(scopes) <= fewScopes {
		return slices.IndexFunc(scopes, func(s schema.Scope) bool { return s.Name == name })
	}
	if c.scopes[api] == nil {
		index := make(scopeIndex, len(scopes))
		for i := range scopes {
			index[scopes[i].Name] = i
		}
		c.scopes[api] = index
	}
	if i, ok := c.scopes[api][name]; ok {
		return i
	}
	return -1
}

// resolveScopes returns an authorization's scopes in the order of its API, each
// once. It reports and leaves out scopes that the API does not have.
func (c *compilation) resolveScopes(a *config.Authorization, api int32) []string {
	if c.inOrder(a.Scopes, api) {
		return a.Scopes
	}
	scopes := c.Document.APIs[api].Scopes
	held := c.clearedHeld(len(scopes))
	n := 0
	var unplaced []string // unknown names that one expression gave: they have no ranges of their own
	for i, name := range a.Scopes {
		switch p := c.scopePlace(api, name); {
		case p < 0 && a.ScopeRange(i) == a.AttrRange("scopes"):
			unplaced = append(unplaced, name)
		case p < 0:
			c.reportUnknownScope(a, i, api)
		case !held[p]: // config has reported a repetition
			held[p] = true
			n++
		}
	}
	c.reportUnknownScopes(a, unplaced, api)
	resolved := make([]string, 0, n)
	for p := range held {
		if held[p] {
			resolved = append(resolved, scopes[p].Name)
		}
	}
	return resolved
}

// clearedHeld returns a slice of n false values. It reuses one slice for all
// authorizations.
func (c *compilation) clearedHeld(n int) []bool {
	c.held = slices.Grow(c.held[:0], n)[:n]
	clear(c.held)
	return c.held
}

// inOrder reports whether the names are scopes of the API, in its order, each
// once. That is the usual case, and needs no copy.
func (c *compilation) inOrder(names []string, api int32) bool {
	last := -1
	for _, name := range names {
		p := c.scopePlace(api, name)
		if p <= last {
			return false
		}
		last = p
	}
	return true
}

// namesOfScopes returns the names for a diagnostic. It keeps those of the last
// API, as mistakes about one API tend to come together.
func (c *compilation) namesOfScopes(api int32) []string {
	if c.shown.names == nil || c.shown.api != api {
		c.shown.api, c.shown.names = api, scopeNames(&c.Document.APIs[api])
	}
	return c.shown.names
}

// reportUnknownScope reports one scope that the API does not have, and what was most
// likely meant: a similar name, several scopes in one string, or offline_access.
func (c *compilation) reportUnknownScope(a *config.Authorization, i int, api int32) {
	declared := c.apis[api]
	if c.refused.has(&declared.Decl) {
		return // the scope may be what was refused there
	}
	name := a.Scopes[i]
	if name == scopeOfflineAccess {
		c.reportOfflineAccessScope(a, i, api)
		return
	}
	names := c.namesOfScopes(api)
	detail := fmt.Sprintf("%s has no scope %q.", declared.Address, name)
	if words := strings.Fields(name); len(words) > 1 {
		detail += fmt.Sprintf(" Each scope is an element of its own: %s.", quotedList(words))
	} else if hint := c.didYouMean(name, names); hint != "" {
		detail += hint
	} else {
		detail += fmt.Sprintf(" It has %s. Declare scope %q there, or remove it from the list.", quoteFew(names), name)
	}
	c.report(a.ScopeRange(i), "unknown-scope", detail, declaredHere(&declared.Decl))
}

// reportUnknownScopes reports all unknown scopes of one expression together: they have
// one place in the source and most often one cause.
func (c *compilation) reportUnknownScopes(a *config.Authorization, names []string, api int32) {
	declared := c.apis[api]
	switch {
	case len(names) == 0 || c.refused.has(&declared.Decl):
		return
	case len(names) == 1:
		c.reportUnknownScope(a, slices.Index(a.Scopes, names[0]), api)
		return
	}
	c.report(a.AttrRange("scopes"), "unknown-scope",
		fmt.Sprintf("%s has none of the scopes %s. It has %s. Declare them there, or give other ones here.",
			declared.Address, quoteFew(names), quoteFew(c.namesOfScopes(api))),
		declaredHere(&declared.Decl))
}

// reportOfflineAccessScope explains that a refresh token is not granted as a scope.
func (c *compilation) reportOfflineAccessScope(a *config.Authorization, i int, api int32) {
	declared := c.apis[api]
	if !c.Document.APIs[api].AllowOfflineAccess {
		c.report(a.ScopeRange(i), "offline-access-not-allowed",
			fmt.Sprintf("%s asks for refresh tokens, but %s does not allow offline access. "+
				"Remove %q here; to allow it, set allow_offline_access = true on the API and list %q in the client's grant_types.",
				a.Address, declared.Address, scopeOfflineAccess, schema.GrantRefreshToken),
			declaredHere(&declared.Decl))
		return
	}
	c.report(a.ScopeRange(i), "unknown-scope",
		fmt.Sprintf("%q is not granted as a scope: %s allows offline access, and a client whose grant_types list %q may ask for it. Remove it here.",
			scopeOfflineAccess, declared.Address, schema.GrantRefreshToken),
		declaredHere(&declared.Decl))
}

// quoteFew writes the first scopes of a list, and how many more there are.
func quoteFew(names []string) string {
	const shown = 8
	if len(names) == 0 {
		return "none"
	}
	if len(names) <= shown {
		return quotedList(names)
	}
	return fmt.Sprintf("%s and %d more", quotedList(names[:shown]), len(names)-shown)
}
