package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// checkScopes decides as the server does: nothing asked is everything
// authorized; otherwise exactly what was asked, or, with scope_mode
// "all_granted", everything; and never more than authorized.
func (e *explainer) checkScopes() bool {
	a, declared := &e.Document.Authorizations[e.auth], e.authorizations[e.auth]
	api := &e.Document.APIs[e.api]
	var beyond []string
	for _, s := range e.req.Scopes {
		if !slices.Contains(a.Scopes, s) && !slices.Contains(beyond, s) {
			beyond = append(beyond, s)
		}
	}
	if len(beyond) > 0 {
		e.suggestScopes(beyond)
		return e.refuse(RuleScopes, "invalid_scope", fmt.Sprintf("%s does not cover %s.", declared.Address, quoteAll(beyond)),
			declared.AttrRange("scopes"))
	}
	switch {
	case len(e.req.Scopes) == 0:
		e.out.Scopes = a.Scopes
		return e.pass(RuleScopes, fmt.Sprintf("No scope was asked for, so the token gets all of %s: %s.",
			declared.Address, quoteAll(a.Scopes)), declared.AttrRange("scopes"))
	case api.ScopeMode == schema.ScopeAllGranted:
		e.out.Scopes = a.Scopes
		return e.pass(RuleScopes, fmt.Sprintf("%s grants all that is authorized, whatever is asked: %s.",
			e.apis[e.api].Address, quoteAll(a.Scopes)), declared.AttrRange("scopes"), e.apis[e.api].AttrRange("scope_mode"))
	}
	for _, s := range a.Scopes {
		if slices.Contains(e.req.Scopes, s) {
			e.out.Scopes = append(e.out.Scopes, s)
		}
	}
	return e.pass(RuleScopes, fmt.Sprintf("%s covers %s.", declared.Address, quoteAll(e.out.Scopes)),
		declared.AttrRange("scopes"))
}

// suggestScopes tells a scope that the API lacks from one that it has and the
// authorization does not grant.
func (e *explainer) suggestScopes(beyond []string) {
	declared, api := e.authorizations[e.auth], e.apis[e.api]
	names := make([]string, len(api.Scopes))
	for i := range api.Scopes {
		names[i] = api.Scopes[i].Name
	}
	for _, s := range beyond {
		switch {
		case slices.Contains(names, s):
			e.suggest(fmt.Sprintf("Add %q to the scopes of %s.", s, declared.Address))
		case s == scopeOfflineAccess:
			e.suggest(fmt.Sprintf("%q is no scope of an API: a refresh token takes allow_offline_access on the API, "+
				"the grant refresh_token, and a request on behalf of a user.", s))
		default:
			e.suggest(fmt.Sprintf("%s has no scope %q.%s", api.Address, s, didYouMean(s, names)))
		}
	}
}

// quoteAll writes scopes for a sentence.
func quoteAll(scopes []string) string {
	if len(scopes) == 0 {
		return "no scope"
	}
	quoted := make([]string, len(scopes))
	for i, s := range scopes {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(quoted, ", ")
}
