package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
)

// scopesCovered says what is granted and why it is that: what was asked, all that is
// authorized, or what the refresh token was granted.
func (e *explainer) scopesCovered() {
	// offline_access is told apart, by sayOffline: it asks for a refresh token.
	granted, at := strings.Fields(e.grant.Scope), e.declaredAuthorization.AttrRange("scopes")
	asked := strings.Fields(e.req.Scope)
	if e.ofUser() {
		asked = slices.DeleteFunc(asked, func(s string) bool { return s == decide.OfflineAccess })
	}
	all := e.api.ScopeMode == schema.ScopeAllGranted
	switch resumed := e.req.GrantType == schema.GrantRefreshToken; {
	case len(asked) == 0 && e.req.Scope != "" && (resumed || !all):
		e.pass(decide.RuleScopes, fmt.Sprintf("Only %s was asked for, which is no scope of an API: the token gets none.", decide.OfflineAccess), at)
	case len(asked) == 0 && resumed:
		e.pass(decide.RuleScopes, fmt.Sprintf("No scope was asked for, so the token gets what the refresh token was granted: %s.", quoteAll(granted)), at)
	case len(asked) == 0:
		e.pass(decide.RuleScopes, fmt.Sprintf("No scope was asked for, so the token gets all of %s: %s.", e.declaredAuthorization.Address, quoteAll(granted)), at)
	case all && !resumed:
		e.pass(decide.RuleScopes, fmt.Sprintf("%s grants all that is authorized, whatever is asked: %s.", e.declaredAPI.Address, quoteAll(granted)),
			at, e.declaredAPI.AttrRange("scope_mode"))
	default:
		e.pass(decide.RuleScopes, fmt.Sprintf("%s covers %s.", e.declaredAuthorization.Address, quoteAll(granted)), at)
	}
}

// scopesRefused names the scopes that are not granted. Where a refresh token lacks them,
// no change of the configuration helps, so nothing is suggested.
func (e *explainer) scopesRefused() {
	at := e.declaredAuthorization.AttrRange("scopes")
	if e.refusal.Reason == decide.ReasonMalformedScope {
		e.refuse(decide.RuleScopes, fmt.Sprintf("%q is no list of scopes: single spaces separate them, and they hold neither quotes nor backslashes.", e.req.Scope))
		return
	}
	// The detail of this reason is the scopes that are not granted.
	var beyond []string
	for _, s := range strings.Fields(e.refusal.Detail) {
		if !slices.Contains(beyond, s) {
			beyond = append(beyond, s)
		}
	}
	holder := e.declaredAuthorization.Address
	if e.req.GrantType == schema.GrantRefreshToken && e.refusal.Code == decide.CodeInvalidScope {
		holder = "The refresh token"
	} else {
		e.suggestScopes(beyond)
	}
	e.refuse(decide.RuleScopes, fmt.Sprintf("%s does not cover %s.", holder, quoteAll(beyond)), at)
}

// sayOffline tells whether a refresh token comes with the token. Where one of the
// conditions is not met the token comes without: the request is not refused for that, which
// is what surprises people.
func (e *explainer) sayOffline() {
	if !e.ofUser() || e.req.GrantType == schema.GrantRefreshToken || !slices.Contains(strings.Fields(e.req.Scope), decide.OfflineAccess) {
		return
	}
	grants, allows := e.declaredClient.AttrRange("grant_types"), e.declaredAPI.AttrRange("allow_offline_access")
	switch {
	case e.grant.Offline:
		e.pass(ruleOffline, fmt.Sprintf("A refresh token comes with it: %s allows it and %s may use it.",
			e.declaredAPI.Address, e.declaredClient.Address), allows, grants)
	case !e.api.AllowOfflineAccess:
		e.pass(ruleOffline, fmt.Sprintf("No refresh token: %s does not allow offline access.", e.declaredAPI.Address), allows)
	default:
		e.pass(ruleOffline, fmt.Sprintf("No refresh token: the grant_types of %s do not list %s.",
			e.declaredClient.Address, schema.GrantRefreshToken), grants)
	}
}

// suggestScopes tells a scope that the API lacks from one that it has and the
// authorization does not grant.
func (e *explainer) suggestScopes(beyond []string) {
	names := make([]string, len(e.api.Scopes))
	for i := range e.api.Scopes {
		names[i] = e.api.Scopes[i].Name
	}
	for _, s := range beyond {
		near := schema.Suggest(s, names)
		switch {
		case slices.Contains(names, s):
			e.suggest(fmt.Sprintf("Add %q to the scopes of %s.", s, e.declaredAuthorization.Address))
		case s == decide.OfflineAccess:
			e.suggest(fmt.Sprintf("%q is no scope of an API: a refresh token takes allow_offline_access on the API, "+
				"the grant refresh_token, and a request on behalf of a user.", s))
		case near != "":
			e.suggest(fmt.Sprintf("%s has no scope %q. Did you mean %q?", e.declaredAPI.Address, s, near))
		default:
			e.suggest(fmt.Sprintf("%s has no scope %q.", e.declaredAPI.Address, s))
		}
	}
}

// quoteAll writes scopes for a sentence, quoted, since a scope may be any word; "no scope"
// for none.
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
