package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
)

// sentences are the words for each rule of package decide, for a request that passes it and
// for one that it refuses. A rule that has none here would panic in explain.
var sentences = map[decide.Rule]struct{ passed, refused func(*explainer) }{
	decide.RuleClient:        {(*explainer).clientFound, (*explainer).clientUnknown},
	decide.RuleCredential:    {(*explainer).credentialInForce, (*explainer).noCredential},
	decide.RuleGrant:         {(*explainer).grantAllowed, (*explainer).grantRefused},
	decide.RuleIssuer:        {func(*explainer) {}, (*explainer).issuerRefused}, // told with the authorization's demands
	decide.RuleFamily:        {func(*explainer) {}, (*explainer).familyRefused},
	decide.RuleAPI:           {(*explainer).apiFound, (*explainer).apiRefused},
	decide.RuleAuthorization: {(*explainer).authorizationFound, (*explainer).noAuthorization},
	decide.RuleExpiry:        {(*explainer).notExpired, (*explainer).expired},
	decide.RuleSubject:       {(*explainer).subjectAccepted, (*explainer).subjectRefused},
	decide.RuleSender:        {(*explainer).senderBound, (*explainer).senderNotBound},
	decide.RuleScopes:        {(*explainer).scopesCovered, (*explainer).scopesRefused},
}

// clientFound names the client by its address as well, which is how the files know it.
func (e *explainer) clientFound() {
	e.pass(decide.RuleClient, fmt.Sprintf("%s has the client id %q.", e.declaredClient.Address, e.client.ClientID),
		e.declaredClient.AttrRange("client_id"))
}

// clientUnknown looks for what was meant: the label of a client, else a client_id that is
// spelled nearly alike.
func (e *explainer) clientUnknown() {
	clients := e.model.Document.Clients
	ids := make([]string, len(clients))
	for i := range clients {
		ids[i] = clients[i].ClientID
	}
	if client, declared, ok := e.model.Client(strings.TrimPrefix(e.req.ClientID, "client.")); ok {
		e.suggest(fmt.Sprintf("The client id of %s is %q.", declared.Address, client.ClientID))
	} else if s := schema.Suggest(e.req.ClientID, ids); s != "" {
		e.suggest(fmt.Sprintf("Did you mean the client %q?", s))
	}
	e.refuse(decide.RuleClient, fmt.Sprintf("No client has the client id %q.", e.req.ClientID))
}

// credentialInForce lists every credential that is valid at the time: any will do.
func (e *explainer) credentialInForce() {
	var names []string
	var ranges []hcl.Range
	for _, c := range e.trace.Credentials {
		if c.InForce {
			names = append(names, fmt.Sprintf("%s %q", c.Block, c.Label))
			ranges = append(ranges, e.declaredClient.NestedRange(c.Block, c.Label, ""))
		}
	}
	e.pass(decide.RuleCredential, fmt.Sprintf("%s can authenticate with %s.", e.declaredClient.Address, strings.Join(names, ", ")), ranges...)
}

// noCredential tells a client that has none from one of which none is valid at the time.
func (e *explainer) noCredential() {
	address := e.declaredClient.Address
	if len(e.trace.Credentials) == 0 {
		e.suggest(fmt.Sprintf("Add a secret to %s: writ secret new %s makes one.", address, e.client.ClientID))
		e.refuse(decide.RuleCredential, address+" has no way to authenticate.", e.declaredClient.Range)
		return
	}
	var ranges []hcl.Range
	for _, c := range e.trace.Credentials {
		ranges = append(ranges, e.declaredClient.NestedRange(c.Block, c.Label, ""))
	}
	e.suggest(fmt.Sprintf("Add a credential to %s that is valid at that time.", address))
	e.refuse(decide.RuleCredential, fmt.Sprintf("No credential of %s is valid at %s.", address, schema.FormatTime(e.now.Unix())), ranges...)
}

// grantAllowed points at the list that has the grant type.
func (e *explainer) grantAllowed() {
	e.pass(decide.RuleGrant, fmt.Sprintf("%s may use the grant %s.", e.declaredClient.Address, e.req.GrantType),
		e.declaredClient.AttrRange("grant_types"))
}

// grantRefused tells apart a grant that does not exist, one that the server does not offer
// as nobody could use it, and one that this client may not use.
func (e *explainer) grantRefused() {
	if e.client == nil { // without a grant type nobody looks at the client
		e.refuse(decide.RuleGrant, "The request has no grant_type.")
		return
	}
	address, at := e.declaredClient.Address, e.declaredClient.AttrRange("grant_types")
	lists := slices.Contains(e.client.GrantTypes, e.req.GrantType)
	ofUsers := e.req.GrantType == schema.GrantTokenExchange || e.req.GrantType == schema.GrantJWTBearer
	switch {
	case !ofUsers && e.req.GrantType != schema.GrantClientCredentials && e.req.GrantType != schema.GrantRefreshToken:
		e.refuse(decide.RuleGrant, fmt.Sprintf("There is no grant type %q.", e.req.GrantType))
		return
	case ofUsers && len(e.trace.Issuers) == 0:
		e.suggest(`Declare a trusted_issuer with vouches_for = ["user"].`)
		e.refuse(decide.RuleGrant, fmt.Sprintf("No trusted issuer vouches for users, so that nobody is offered the grant %s.", e.req.GrantType), at)
	case lists:
		e.refuse(decide.RuleGrant, fmt.Sprintf("The server does not offer the grant %s.", e.req.GrantType), at)
		return
	default:
		wanted := e.req.GrantType
		if wanted == schema.GrantTokenExchange && !slices.Contains(e.client.GrantTypes, schema.GrantJWTBearer) {
			wanted += " or " + schema.GrantJWTBearer
		}
		text := fmt.Sprintf("%s may not use the grant %s.", address, wanted)
		if e.refusal.Code == decide.CodeUnsupportedGrantType {
			text = fmt.Sprintf("%s may not use the grant %s, and neither may any other client, so that it is not offered.", address, wanted)
		}
		e.refuse(decide.RuleGrant, text, at)
	}
	if !ofUsers && e.client.ActsForUsers() {
		e.suggest(fmt.Sprintf("%s acts on behalf of users: writ explain --user asks for that.", address))
	}
	if !lists {
		e.suggest(fmt.Sprintf("Add %q to the grant_types of %s.", e.req.GrantType, address))
	}
}

// issuerRefused is about who vouches for the user, before anything of the token is read.
func (e *explainer) issuerRefused() {
	text := "The request presents no token that names the user."
	if e.req.User != nil {
		e.suggest(`Declare it, with vouches_for = ["user"].`)
		text = fmt.Sprintf("No trusted issuer %q vouches for users.", e.req.User.TrustedIssuer)
	}
	e.refuse(decide.RuleSubject, text)
}

// ofRefreshTokens are the sentences about a refresh token that is refused for itself.
var ofRefreshTokens = map[decide.Reason]string{
	decide.ReasonNoRefreshToken: "The request presents no refresh token.",
	decide.ReasonNotTheCallers:  "The refresh token was issued to another client.",
	decide.ReasonFamilyRevoked:  "The refresh token is revoked.",
	decide.ReasonFamilyExpired:  "The refresh token has ended: by its lifetime, its idle_lifetime, or with the user's token.",
	decide.ReasonRevoked:        "The refresh token is older than revoked_before of the client.",
}

// familyRefused is about a refresh token. Only a server that keeps them can know.
func (e *explainer) familyRefused() {
	e.refuse(decide.RuleFamily, ofRefreshTokens[e.refusal.Reason], e.declaredClient.Range)
}

// apiFound says so where the client's default_api stood in for an identifier.
func (e *explainer) apiFound() {
	if e.req.Audience == "" && e.req.Resource == "" && e.req.GrantType != schema.GrantRefreshToken {
		e.pass(decide.RuleAPI, fmt.Sprintf("The request names no API; the default of %s is %s.", e.declaredClient.Address, e.declaredAPI.Address),
			e.declaredClient.AttrRange("default_api"), e.declaredAPI.AttrRange("identifier"))
		return
	}
	e.pass(decide.RuleAPI, fmt.Sprintf("%s has the identifier %q.", e.declaredAPI.Address, e.api.Identifier), e.declaredAPI.AttrRange("identifier"))
}

// apiRefused lists near misses for an unknown identifier: it is compared byte for byte, so
// that a trailing slash is enough to miss.
func (e *explainer) apiRefused() {
	switch e.refusal.Reason {
	case decide.ReasonNoTarget:
		e.suggest(fmt.Sprintf("Name the API in the request, or set default_api on %s.", e.declaredClient.Address))
		e.refuse(decide.RuleAPI, fmt.Sprintf("The request names no API and %s has no default_api.", e.declaredClient.Address), e.declaredClient.Range)
	case decide.ReasonTargetsDiffer:
		e.refuse(decide.RuleAPI, fmt.Sprintf("The request names two APIs: audience is %q, resource is %q.", e.req.Audience, e.req.Resource))
	case decide.ReasonOtherTarget:
		e.refuse(decide.RuleAPI, fmt.Sprintf("The refresh token is for %q and no other API.", e.req.Family.API))
	default:
		identifier := e.asked()
		e.findNearMisses(identifier)
		e.refuse(decide.RuleAPI, fmt.Sprintf("No API has the identifier %q.", identifier))
	}
}

// asked is the identifier that the request is about: what a refresh token was issued for,
// or the audience, or the resource of RFC 8707.
func (e *explainer) asked() string {
	switch {
	case e.req.GrantType == schema.GrantRefreshToken:
		return e.req.Family.API
	case e.req.Audience != "":
		return e.req.Audience
	}
	return e.req.Resource
}

// authorizationFound says on whose behalf as well: client and API may have one for each.
func (e *explainer) authorizationFound() {
	e.pass(decide.RuleAuthorization, fmt.Sprintf("%s authorizes %s for %s, %s.",
		e.declaredAuthorization.Address, e.declaredClient.Address, e.declaredAPI.Address, e.authorization.SubjectType.OnBehalf()), e.declaredAuthorization.Range)
}

// noAuthorization looks for one of the same client and API on behalf of the other.
func (e *explainer) noAuthorization() {
	client, api, subject := e.declaredClient, e.declaredAPI, schema.SubjectClient
	if e.ofUser() {
		subject = schema.SubjectUser
	}
	other := slices.IndexFunc(e.model.Document.Authorizations, func(a schema.Authorization) bool { return a.Client == client.Label && a.API == api.Label })
	if other >= 0 {
		a := &e.model.Document.Authorizations[other]
		e.suggest(fmt.Sprintf("%s authorizes the same client and API, but %s.", compiler.Address(compiler.KindAuthorization, a.Label), a.SubjectType.OnBehalf()))
	} else {
		e.suggest(fmt.Sprintf("Add an authorization with client = %s and api = %s.", client.Address, api.Address))
	}
	e.refuse(decide.RuleAuthorization, fmt.Sprintf("Nothing authorizes %s for %s, %s.", client.Address, api.Address, subject.OnBehalf()), client.Range, api.Range)
}

// notExpired says nothing of an authorization without an end.
func (e *explainer) notExpired() {
	if end := e.authorization.ExpiresAt; end != 0 {
		e.pass(decide.RuleExpiry, fmt.Sprintf("%s is in force until %s.", e.declaredAuthorization.Address, schema.FormatTime(end)),
			e.declaredAuthorization.AttrRange("expires_at"))
	}
}

// expired points at the end. From that second on the authorization grants nothing.
func (e *explainer) expired() {
	address := e.declaredAuthorization.Address
	e.suggest(fmt.Sprintf("Set a later expires_at on %s.", address))
	e.refuse(decide.RuleExpiry, fmt.Sprintf("%s expired at %s.", address, schema.FormatTime(e.authorization.ExpiresAt)),
		e.declaredAuthorization.AttrRange("expires_at"))
}

// issuers are the labels of those from one of which the user's token must be.
func (e *explainer) issuers() []string {
	switch {
	case e.anyIssuer:
		return e.trace.Issuers
	case e.req.User != nil:
		return []string{e.req.User.TrustedIssuer}
	}
	return []string{e.req.Family.Issuer}
}

// subjectAccepted says what the user's token has to be, as no token was looked at.
func (e *explainer) subjectAccepted() {
	var names []string
	var ranges []hcl.Range
	for _, label := range e.issuers() {
		address := compiler.Address(compiler.KindTrustedIssuer, label)
		names, ranges = append(names, address), append(ranges, e.model.Decl(address).Range)
	}
	text := fmt.Sprintf("The user's token must come from %s", strings.Join(names, " or "))
	if demanded := e.authorization.SubjectClaims; demanded != "" {
		text += " and say " + demanded
		ranges = append(ranges, e.declaredAuthorization.AttrRange("subject_claims"))
	}
	e.pass(decide.RuleSubject, text+".", ranges...)
}

// subjectRefused is about the user's token, or about the one that a refresh token began
// with: the configuration may have changed since.
func (e *explainer) subjectRefused() {
	declared := e.declaredAuthorization
	switch e.refusal.Reason {
	case decide.ReasonSubjectClaims:
		text := fmt.Sprintf("%s demands %s of the user's token, which does not say so.", declared.Address, e.authorization.SubjectClaims)
		if e.req.GrantType == schema.GrantRefreshToken {
			text = fmt.Sprintf("The subject_claims of %s are others than when the refresh token was issued.", declared.Address)
		}
		e.refuse(decide.RuleSubject, text, declared.AttrRange("subject_claims"))
	case decide.ReasonClaimsTooLong:
		e.refuse(decide.RuleSubject, "The claims that are copied from the user's token are too long.", declared.AttrRange("copy_claims"))
	case decide.ReasonSubjectExpired:
		e.refuse(decide.RuleSubject, "The user's token ends now, and ours would end with it: its issuer has caps_lifetime.")
	case decide.ReasonOfflineForbidden:
		e.suggest(fmt.Sprintf("Set allow_offline_access on %s.", e.declaredAPI.Address))
		e.refuse(decide.RuleSubject, fmt.Sprintf("%s does not allow offline access any more.", e.declaredAPI.Address), e.declaredAPI.Range)
	case decide.ReasonUntrustedIssuer:
		e.refuse(decide.RuleSubject, fmt.Sprintf("No trusted issuer %q with the URL of then vouches for users.", e.req.Family.Issuer))
	default:
		e.refuse(decide.RuleSubject, "The sub of the user's token is empty, too long, or does not print.")
	}
}

// bound is the sentence about a client with require_sender_constrained (RFC 9449, RFC
// 8705): which of the two binds the token is the client's to choose.
const bound = "%s gets a token only with a DPoP proof or a client certificate."

// senderBound tells of what the request must carry besides.
func (e *explainer) senderBound() {
	if e.client.RequireSenderConstrained {
		e.pass(decide.RuleSender, fmt.Sprintf(bound, e.declaredClient.Address), e.declaredClient.AttrRange("require_sender_constrained"))
	}
}

// senderNotBound is about a request with neither. What a person asks has one, see Proved.
func (e *explainer) senderNotBound() {
	e.refuse(decide.RuleSender, fmt.Sprintf(bound, e.declaredClient.Address), e.declaredClient.AttrRange("require_sender_constrained"))
}

// sayLifetime tells how long the token lives, and what says so: the authorization, the API,
// the issuer's defaults, or an authorization that expires sooner.
func (e *explainer) sayLifetime() {
	e.out.Lifetime = e.grant.Lifetime()
	source := e.model.LifetimeSource(e.api.Label)
	from, at := source.Message, source.Range
	if e.authorization.TokenLifetime != 0 {
		from, at = "set on "+e.declaredAuthorization.Address, e.declaredAuthorization.AttrRange("token_lifetime")
	}
	lives := schema.FormatDuration(e.out.Lifetime)
	text := fmt.Sprintf("The token lives %s: %s.", lives, from)
	if end := e.authorization.ExpiresAt; end == e.grant.ExpiresAt && e.out.Lifetime < e.grant.Authorization.Lifetime() {
		text = fmt.Sprintf("The token lives %s, until %s expires.", lives, e.declaredAuthorization.Address)
		at = e.declaredAuthorization.AttrRange("expires_at")
	}
	if e.ofUser() && slices.ContainsFunc(e.issuers(), e.caps) {
		text += " It ends with the user's token, if that is sooner and its issuer has caps_lifetime."
	}
	e.pass(ruleLifetime, text, at)
}

// caps reports whether a trusted issuer caps the lifetime of our tokens by that of its own
// (caps_lifetime).
func (e *explainer) caps(label string) bool {
	return slices.ContainsFunc(e.model.Document.TrustedIssuers, func(t schema.TrustedIssuer) bool { return t.Label == label && t.CapsLifetime })
}
