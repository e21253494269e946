package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/schema"
)

func (e *explainer) findClient() bool {
	i := slices.IndexFunc(e.Document.Clients, func(c schema.Client) bool { return c.ClientID == e.req.ClientID })
	if i < 0 {
		e.suggestClient()
		return e.refuse(RuleClient, "invalid_client", fmt.Sprintf("No client has the client id %q.", e.req.ClientID))
	}
	e.client = int32(i)
	declared := e.clients[i]
	e.out.Client = declared.Label
	return e.pass(RuleClient, fmt.Sprintf("%s has the client id %q.", declared.Address, e.req.ClientID),
		declared.AttrRange("client_id"))
}

func (e *explainer) suggestClient() {
	ids := make([]string, len(e.Document.Clients))
	for i := range e.Document.Clients {
		ids[i] = e.Document.Clients[i].ClientID
	}
	if i, ok := e.clientIndex[strings.TrimPrefix(e.req.ClientID, "client.")]; ok {
		e.suggest(fmt.Sprintf("The client id of %s is %q.", e.clients[i].Address, e.Document.Clients[i].ClientID))
	} else if s := schema.Suggest(e.req.ClientID, ids); s != "" {
		e.suggest(fmt.Sprintf("Did you mean the client %q?", s))
	}
}

func (e *explainer) checkGrant() bool {
	client, declared := &e.Document.Clients[e.client], e.clients[e.client]
	wanted := []string{schema.GrantClientCredentials}
	if e.req.SubjectType == schema.SubjectUser {
		wanted = []string{schema.GrantTokenExchange, schema.GrantJWTBearer}
	}
	for _, grant := range wanted {
		if slices.Contains(client.GrantTypes, grant) {
			return e.pass(RuleGrant, fmt.Sprintf("%s may use the grant %s.", declared.Address, grant),
				declared.AttrRange("grant_types"))
		}
	}
	if e.req.SubjectType != schema.SubjectUser && actsForUsers(client) {
		e.suggest(fmt.Sprintf("%s acts on behalf of users: writ explain --user asks for that.", declared.Address))
	}
	e.suggest(fmt.Sprintf("Add %q to the grant_types of %s.", wanted[0], declared.Address))
	return e.refuse(RuleGrant, "unauthorized_client",
		fmt.Sprintf("%s may not use the grant %s.", declared.Address, strings.Join(wanted, " or ")),
		declared.AttrRange("grant_types"))
}

func (e *explainer) checkCredential() bool {
	client, declared := &e.Document.Clients[e.client], e.clients[e.client]
	var live []string
	var liveRanges, ranges []hcl.Range
	for _, cred := range credentials(client) {
		r := declared.NestedRange(cred.block, cred.label, "")
		ranges = append(ranges, r)
		if e.req.At == 0 || cred.window.Contains(e.req.At) {
			live = append(live, fmt.Sprintf("%s %q", cred.block, cred.label))
			liveRanges = append(liveRanges, r)
		}
	}
	switch {
	case len(live) > 0:
		return e.pass(RuleCredential, fmt.Sprintf("%s can authenticate with %s.",
			declared.Address, strings.Join(live, ", ")), liveRanges...)
	case len(ranges) == 0:
		ranges = append(ranges, declared.Range)
		e.suggest(fmt.Sprintf("Add a secret to %s: writ secret new %s makes one.", declared.Address, client.ClientID))
		return e.refuse(RuleCredential, "invalid_client", declared.Address+" has no way to authenticate.", ranges...)
	}
	e.suggest(fmt.Sprintf("Add a credential to %s that is valid at that time.", declared.Address))
	return e.refuse(RuleCredential, "invalid_client",
		fmt.Sprintf("No credential of %s is valid at %s.", declared.Address, schema.FormatTime(e.req.At)), ranges...)
}

func (e *explainer) findAPI() bool {
	if e.req.API == "" {
		return e.findDefaultAPI()
	}
	i := slices.IndexFunc(e.Document.APIs, func(a schema.API) bool { return a.Identifier == e.req.API })
	if i < 0 {
		e.findNearMisses()
		return e.refuse(RuleAPI, "invalid_target", fmt.Sprintf("No API has the identifier %q.", e.req.API))
	}
	e.foundAPI(int32(i))
	declared := e.apis[i]
	return e.pass(RuleAPI, fmt.Sprintf("%s has the identifier %q.", declared.Address, e.req.API),
		declared.AttrRange("identifier"))
}

func (e *explainer) findDefaultAPI() bool {
	client, declared := &e.Document.Clients[e.client], e.clients[e.client]
	if client.DefaultAPI == "" {
		e.suggest(fmt.Sprintf("Name the API in the request, or set default_api on %s.", declared.Address))
		return e.refuse(RuleAPI, "invalid_request",
			fmt.Sprintf("The request names no API and %s has no default_api.", declared.Address), declared.Range)
	}
	e.foundAPI(e.apiIndex[client.DefaultAPI])
	return e.pass(RuleAPI, fmt.Sprintf("The request names no API; the default of %s is %s.",
		declared.Address, e.apis[e.api].Address), declared.AttrRange("default_api"), e.apis[e.api].AttrRange("identifier"))
}

func (e *explainer) foundAPI(i int32) {
	e.api, e.out.API = i, e.apis[i].Label
}

func (e *explainer) findAuthorization() bool {
	client, api := e.clients[e.client], e.apis[e.api]
	other := -1
	for i := range e.Document.Authorizations {
		a := &e.Document.Authorizations[i]
		if a.Client != client.Label || a.API != api.Label {
			continue
		}
		if a.SubjectType != e.req.SubjectType {
			other = i
			continue
		}
		e.auth, e.out.Authorization = i, a.Label
		declared := e.authorizations[i]
		return e.pass(RuleAuthorization, fmt.Sprintf("%s authorizes %s for %s, %s.",
			declared.Address, client.Address, api.Address, behalf(a.SubjectType)), declared.Range)
	}
	if other >= 0 {
		declared := e.authorizations[other]
		e.suggest(fmt.Sprintf("%s authorizes the same client and API, but %s.",
			declared.Address, behalf(e.Document.Authorizations[other].SubjectType)))
	} else {
		e.suggest(fmt.Sprintf("Add an authorization with client = %s and api = %s.", client.Address, api.Address))
	}
	return e.refuse(RuleAuthorization, "invalid_target", fmt.Sprintf("Nothing authorizes %s for %s, %s.",
		client.Address, api.Address, behalf(e.req.SubjectType)), client.Range, api.Range)
}

func (e *explainer) checkExpiry() bool {
	a, declared := &e.Document.Authorizations[e.auth], e.authorizations[e.auth]
	switch {
	case a.ExpiresAt == 0:
		return true
	case e.req.At == 0 || e.req.At < a.ExpiresAt:
		return e.pass(RuleExpiry, fmt.Sprintf("%s is in force until %s.", declared.Address, schema.FormatTime(a.ExpiresAt)),
			declared.AttrRange("expires_at"))
	}
	e.suggest(fmt.Sprintf("Set a later expires_at on %s.", declared.Address))
	return e.refuse(RuleExpiry, "invalid_target", fmt.Sprintf("%s expired at %s.", declared.Address, schema.FormatTime(a.ExpiresAt)),
		declared.AttrRange("expires_at"))
}

// checkSubject wants somebody whose tokens name users, where the request is on
// behalf of one.
func (e *explainer) checkSubject() bool {
	if e.req.SubjectType != schema.SubjectUser {
		return true
	}
	var names []string
	var ranges []hcl.Range
	for i := range e.Document.TrustedIssuers {
		issuer := &e.Document.TrustedIssuers[i]
		if slices.Contains(issuer.VouchesFor, schema.SubjectUser) && (e.req.TrustedIssuer == "" || e.req.TrustedIssuer == issuer.Label) {
			e.caps = e.caps || issuer.CapsLifetime
			names = append(names, e.trustedIssuers[i].Address)
			ranges = append(ranges, e.trustedIssuers[i].Range)
		}
	}
	switch {
	case len(names) == 0 && e.req.TrustedIssuer != "":
		e.suggest(`Declare it, with vouches_for = ["user"].`)
		return e.refuse(RuleSubject, "invalid_request", fmt.Sprintf("No trusted issuer %q vouches for users.", e.req.TrustedIssuer))
	case len(names) == 0:
		e.suggest(`Declare a trusted_issuer with vouches_for = ["user"].`)
		return e.refuse(RuleSubject, "invalid_request", "No trusted issuer vouches for users.")
	}
	text := fmt.Sprintf("The user's token must come from %s.", strings.Join(names, " or "))
	a := &e.Document.Authorizations[e.auth]
	if a.SubjectClaims != "" {
		text = fmt.Sprintf("The user's token must come from %s and say %s.", strings.Join(names, " or "), a.SubjectClaims)
		ranges = append(ranges, e.authorizations[e.auth].AttrRange("subject_claims"))
	}
	return e.pass(RuleSubject, text, ranges...)
}

// sayBinding tells of what the request must carry besides.
func (e *explainer) sayBinding() bool {
	if !e.Document.Clients[e.client].RequireSenderConstrained {
		return true
	}
	declared := e.clients[e.client]
	return e.pass(RuleSender, fmt.Sprintf("%s gets a token only with a DPoP proof or a client certificate.", declared.Address),
		declared.AttrRange("require_sender_constrained"))
}

func (e *explainer) sayLifetime() {
	a, api := &e.Document.Authorizations[e.auth], &e.Document.APIs[e.api]
	e.out.Lifetime = EffectiveLifetime(a, api)
	source := e.lifetimeSource(e.api)
	from, at := source.Message, source.Range
	if a.TokenLifetime != 0 {
		from, at = "set on "+e.authorizations[e.auth].Address, e.authorizations[e.auth].AttrRange("token_lifetime")
	}
	text := fmt.Sprintf("The token lives %s: %s.", schema.FormatDuration(e.out.Lifetime), from)
	if left := a.ExpiresAt - e.req.At; a.ExpiresAt != 0 && e.req.At != 0 && left < e.out.Lifetime {
		e.out.Lifetime = left
		text = fmt.Sprintf("The token lives %s, until %s expires.", schema.FormatDuration(left), e.authorizations[e.auth].Address)
		at = e.authorizations[e.auth].AttrRange("expires_at")
	}
	if e.caps {
		text += " It ends with the user's token, if that is sooner and its issuer has caps_lifetime."
	}
	e.pass(RuleLifetime, text, at)
}
