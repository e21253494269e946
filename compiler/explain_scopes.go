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
	at := declared.AttrRange("scopes")
	asked := e.askedScopes()
	if beyond := scopesBeyond(asked, a.Scopes); len(beyond) > 0 {
		e.suggestScopes(beyond)
		return e.refuse(RuleScopes, "invalid_scope",
			fmt.Sprintf("%s does not cover %s.", declared.Address, quoteAll(beyond)), at)
	}
	switch {
	case len(asked) == 0 && len(e.req.Scopes) > 0 && e.Document.APIs[e.api].ScopeMode != schema.ScopeAllGranted:
		return e.pass(RuleScopes, fmt.Sprintf("Only %s was asked for, which is no scope of an API: the token gets none.", scopeOfflineAccess), at)
	case len(asked) == 0:
		e.out.Scopes = a.Scopes
		return e.pass(RuleScopes, fmt.Sprintf("No scope was asked for, so the token gets all of %s: %s.",
			declared.Address, quoteAll(a.Scopes)), at)
	case e.Document.APIs[e.api].ScopeMode == schema.ScopeAllGranted:
		e.out.Scopes = a.Scopes
		return e.pass(RuleScopes, fmt.Sprintf("%s grants all that is authorized, whatever is asked: %s.",
			e.apis[e.api].Address, quoteAll(a.Scopes)), at, e.apis[e.api].AttrRange("scope_mode"))
	}
	e.out.Scopes = scopesBeyond(a.Scopes, scopesBeyond(a.Scopes, asked))
	return e.pass(RuleScopes, fmt.Sprintf("%s covers %s.", declared.Address, quoteAll(e.out.Scopes)), at)
}

// askedScopes are the scopes that have to be authorized. On behalf of a user,
// offline_access asks for a refresh token and is not one of them.
func (e *explainer) askedScopes() []string {
	if e.req.SubjectType == schema.SubjectUser {
		return scopesBeyond(e.req.Scopes, []string{scopeOfflineAccess})
	}
	return e.req.Scopes
}

// scopesBeyond is the scopes that are not among the others, each once, in order.
func scopesBeyond(scopes, others []string) []string {
	var rest []string
	for _, s := range scopes {
		if !slices.Contains(others, s) && !slices.Contains(rest, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// sayOffline tells whether a refresh token comes with the token. Where one of
// the conditions is not met the token comes without.
func (e *explainer) sayOffline() bool {
	if e.req.SubjectType != schema.SubjectUser || !slices.Contains(e.req.Scopes, scopeOfflineAccess) {
		return true
	}
	client, api := e.clients[e.client], e.apis[e.api]
	grants, allows := client.AttrRange("grant_types"), api.AttrRange("allow_offline_access")
	switch {
	case !e.Document.APIs[e.api].AllowOfflineAccess:
		return e.pass(RuleOffline, fmt.Sprintf("No refresh token: %s does not allow offline access.", api.Address), allows)
	case !slices.Contains(e.Document.Clients[e.client].GrantTypes, schema.GrantRefreshToken):
		return e.pass(RuleOffline, fmt.Sprintf("No refresh token: the grant_types of %s do not list %s.",
			client.Address, schema.GrantRefreshToken), grants)
	}
	return e.pass(RuleOffline, fmt.Sprintf("A refresh token comes with it: %s allows it and %s may use it.",
		api.Address, client.Address), allows, grants)
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
