// Package decide says who may have which token: the one place where a request is
// granted or refused.
//
// It owns the rules between a configuration, a request and a time, with the OAuth
// error code and the exact reason of each refusal. The token endpoint, the
// introspection of a token, the console, "writ check" and "writ explain" all ask a
// [Decider], so that they cannot differ.
//
// It is pure: it reads no request, no store, no clock and no random source, and
// verifies no signature. Those who ask it bring what such things have shown: package
// server from HTTP, from the tokens that it has verified and from the record of a
// refresh token; the workbench from what somebody types. What only a running server
// knows stays there: malformed forms, rate limits, keys and secrets that cannot be
// read, a store that is down.
package decide

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/token"
)

// Facts are what is to be known of a server beside its snapshot.
type Facts struct {
	// RefreshTokens says that it keeps refresh tokens across a restart. Without, it
	// does not offer them.
	RefreshTokens bool
	// Unusable are the labels of the trusted issuers whose keys it cannot read.
	Unusable []string
}

// A Decider decides on one snapshot. It is immutable.
type Decider struct {
	snapshot   *snapshot.Snapshot
	grantTypes []string
	issuers    map[string]*schema.TrustedIssuer // that vouch for users, by label
}

// New makes the Decider of a snapshot. It looks at each client once.
func New(snap *snapshot.Snapshot, facts Facts) *Decider {
	d := &Decider{snapshot: snap, issuers: map[string]*schema.TrustedIssuer{}}
	usable := false
	for i := range snap.NumTrustedIssuers() {
		if issuer := snap.TrustedIssuer(i); slices.Contains(issuer.VouchesFor, schema.SubjectUser) {
			d.issuers[issuer.Label] = &issuer
			usable = usable || !slices.Contains(facts.Unusable, issuer.Label)
		}
	}
	listed := map[string]bool{}
	for i := range snap.NumClients() {
		for grantType := range snap.Client(i).GrantTypes() {
			listed[grantType] = true
		}
	}
	d.grantTypes = []string{schema.GrantClientCredentials}
	for _, grantType := range []string{schema.GrantTokenExchange, schema.GrantJWTBearer} {
		if listed[grantType] && usable {
			d.grantTypes = append(d.grantTypes, grantType)
		}
	}
	if listed[schema.GrantRefreshToken] && facts.RefreshTokens {
		d.grantTypes = append(d.grantTypes, schema.GrantRefreshToken)
	}
	return d
}

// GrantTypes lists the grant types that are offered to anybody. Those on behalf of
// users need a client that lists them and somebody who names users; refresh tokens
// need a client and a store that does not forget them. The caller must not change
// the list.
func (d *Decider) GrantTypes() []string { return d.grantTypes }

// A Request is what a client asks for. An empty string is an absent parameter
// (RFC 6749 section 3.2).
type Request struct {
	// Authenticated is the client that has proved to be the caller. Without one the
	// request is taken for that of the client with the id ClientID, which must have
	// a credential to authenticate with at the time.
	Authenticated snapshot.Client
	ClientID      string

	GrantType string
	Audience  string // the API's identifier, Auth0's name for it; or
	Resource  string // the same by RFC 8707; both present must agree
	Scope     string // space-separated

	// User is on whose behalf the client asks by token exchange or jwt-bearer: a
	// token that names them has been verified. nil: it presents none.
	User *User
	// Family is what the refresh token stands for that the client presents. nil: it
	// presents none.
	Family *Family

	// Confirmation is the key that the caller has proved to hold, for the token
	// to be bound to.
	Confirmation token.Confirmation
}

// A Grant is a decision in favour: what the token will say, and what decided.
type Grant struct {
	token.Grant
	Client        snapshot.Client
	API           snapshot.API
	Authorization snapshot.Authorization
	// Offline says that a refresh token is to come with the token: the client
	// asks for offline_access, it may refresh, and the API allows it.
	Offline bool

	user *grantUser // nil for a client on its own behalf
}

// Decide says whether the client may have the token that it asks for at now, and
// what the token will say.
//
// With a refusal the Grant holds what was found on the way to it: no handle
// for ReasonUnknownClient, the API from ReasonNoAuthorization on, and the
// Authorization from ReasonAuthorizationExpired on.
func (d *Decider) Decide(req Request, now time.Time) (Grant, *Refusal) {
	return d.decide(&req, now, nil)
}

// Trace decides as Decide does, and says how it came about.
func (d *Decider) Trace(req Request, now time.Time) (Grant, *Refusal, Trace) {
	var t Trace
	g, refusal := d.decide(&req, now, &t)
	return g, refusal, t
}

// CheckGrantType refuses a grant type that an authenticated client may not use: what can
// be decided before the tokens are looked at that come with the request. It returns nil for
// one that it may.
func (d *Decider) CheckGrantType(client snapshot.Client, grantType string) *Refusal {
	switch {
	case grantType == "":
		return refuse(CodeInvalidRequest, ReasonNoGrantType)
	case !slices.Contains(d.grantTypes, grantType):
		return refuse(CodeUnsupportedGrantType, ReasonUnsupportedGrantType)
	case !client.HasGrantType(grantType):
		return refuse(CodeUnauthorizedClient, ReasonGrantTypeNotAllowed)
	}
	return nil
}

// decide is both: t is nil where nobody asks how the decision came about, as on the way of a
// token, and notes the rules otherwise. Whatever a rule needs, the rules before it have found.
func (d *Decider) decide(req *Request, now time.Time, t *Trace) (g Grant, refusal *Refusal) {
	if g.Client, refusal = d.caller(req, now, t); refusal != nil {
		return g, refusal
	}
	t.meet(RuleGrant)
	if t != nil && (req.GrantType == schema.GrantTokenExchange || req.GrantType == schema.GrantJWTBearer) {
		t.Issuers = slices.Sorted(maps.Keys(d.issuers))
	}
	if refusal = d.CheckGrantType(g.Client, req.GrantType); refusal != nil {
		return g, refusal
	}
	subject, refusal := d.subject(&g, req, now, t)
	if refusal != nil {
		return g, refusal
	}
	t.meet(RuleAPI)
	if g.API, refusal = d.target(g.Client, req); refusal != nil {
		return g, d.suggest(refusal, g.Client, req, subject, now)
	}
	t.meet(RuleAuthorization)
	auth, ok := d.snapshot.Authorization(g.Client, g.API, subject)
	if !ok {
		return g, d.suggest(refuse(targetCode(req), ReasonNoAuthorization), g.Client, req, subject, now)
	}
	g.Authorization = auth
	t.meet(RuleExpiry)
	if !g.setLifetime(now.Unix()) {
		return g, d.suggest(refuse(targetCode(req), ReasonAuthorizationExpired), g.Client, req, subject, now)
	}
	if subject == schema.SubjectUser {
		t.meet(RuleSubject)
		if refusal = g.setUser(d, req); refusal != nil {
			return g, refusal
		}
	}
	t.meet(RuleSender)
	if g.Client.RequireSenderConstrained() && !req.Confirmation.Bound() {
		return g, refuse(CodeInvalidRequest, ReasonNotSenderConstrained)
	}
	t.meet(RuleScopes)
	if refusal = g.setScopes(req); refusal != nil {
		return g, refusal
	}
	g.setParties(d.snapshot.Issuer(), req)
	return g, nil
}

// caller is the client that has authenticated, or could. The grant type comes
// first: a request without one is malformed, whoever sends it.
func (d *Decider) caller(req *Request, now time.Time, t *Trace) (client snapshot.Client, refusal *Refusal) {
	if req.Authenticated != (snapshot.Client{}) {
		return req.Authenticated, nil
	}
	if req.GrantType == "" {
		t.meet(RuleGrant)
		return client, refuse(CodeInvalidRequest, ReasonNoGrantType)
	}
	t.meet(RuleClient)
	client, ok := d.snapshot.ClientByID(req.ClientID)
	if !ok {
		return snapshot.Client{}, refuse(CodeInvalidClient, ReasonUnknownClient)
	}
	t.meet(RuleCredential)
	if !d.couldAuthenticate(client, now.Unix(), t) {
		return client, refuse(CodeInvalidClient, ReasonNoCredential)
	}
	return client, nil
}

// subject says on whose behalf the request is, and refuses one that lacks what
// names the user, or has it from somebody who may not.
func (d *Decider) subject(g *Grant, req *Request, now time.Time, t *Trace) (subject schema.SubjectType, refusal *Refusal) {
	switch req.GrantType {
	case schema.GrantClientCredentials:
		return schema.SubjectClient, nil
	case schema.GrantRefreshToken:
		t.meet(RuleFamily)
		if req.Family == nil {
			return "", refuse(CodeInvalidRequest, ReasonNoRefreshToken)
		}
		if reason := req.Family.Ended(g.Client, now); reason != "" {
			return "", refuse(CodeInvalidGrant, reason)
		}
	default:
		t.meet(RuleIssuer)
		switch {
		case req.User == nil && req.GrantType == schema.GrantJWTBearer:
			return "", refuse(CodeInvalidRequest, ReasonNoAssertion)
		case req.User == nil:
			return "", refuse(CodeInvalidRequest, ReasonNoSubjectToken)
		case d.issuers[req.User.TrustedIssuer] == nil:
			return "", refuse(refusedCode(req.GrantType), ReasonUntrustedIssuer)
		}
	}
	return schema.SubjectUser, nil
}

// setLifetime sets from when to when the token lives, in Unix seconds: no longer than the
// authorization does. ok is false when that is over.
func (g *Grant) setLifetime(now int64) (ok bool) {
	g.IssuedAt, g.ExpiresAt = now, now+g.Authorization.Lifetime()
	if end := g.Authorization.ExpiresAt(); end != 0 {
		g.ExpiresAt = min(g.ExpiresAt, end)
	}
	return g.ExpiresAt > now
}

// setParties fills in what the token says about issuer, client, user and API.
func (g *Grant) setParties(issuer schema.Issuer, req *Request) {
	g.Issuer = issuer.URL
	g.Audience = g.API.Identifier()
	g.ClientID = g.Client.ClientID()
	if g.user != nil {
		g.Subject, g.Act = g.user.subject, g.user.act
	} else if g.Subject = g.ClientID; issuer.SubStyle != schema.SubClientID {
		g.Subject += "@clients"
	}
	if g.GrantType = req.GrantType; g.GrantType == schema.GrantClientCredentials {
		g.ReuseWindow = g.API.ReuseWindow()
	}
	g.Grant.API = g.API.Label()
	g.Profile = g.API.Profile()
	g.Alg = g.API.Alg()
	g.Permissions = g.API.IncludePermissions()
	g.Claims = g.Authorization.Claims()
	if g.user != nil {
		g.Claims = JoinClaims(g.Claims, g.user.copied)
	}
	g.Confirmation = req.Confirmation
}

// target finds the API that the request names by its exact identifier. A refresh
// token has an API already: a request may name it again, and no other.
func (d *Decider) target(client snapshot.Client, req *Request) (snapshot.API, *Refusal) {
	identifier := req.Audience
	switch {
	case req.GrantType == schema.GrantRefreshToken:
		identifier = req.Family.API
		if req.Audience != "" && req.Audience != identifier || req.Resource != "" && req.Resource != identifier {
			return snapshot.API{}, refuse(CodeInvalidTarget, ReasonOtherTarget)
		}
	case identifier == "":
		identifier = req.Resource
	case req.Resource != "" && req.Resource != identifier:
		return snapshot.API{}, refuse(CodeInvalidRequest, ReasonTargetsDiffer)
	}
	if identifier == "" {
		if api, ok := client.DefaultAPI(); ok {
			return api, nil
		}
		return snapshot.API{}, refuse(CodeInvalidRequest, ReasonNoTarget)
	}
	if api, ok := d.snapshot.APIByIdentifier(identifier); ok {
		return api, nil
	}
	return snapshot.API{}, refuse(targetCode(req), ReasonUnknownTarget)
}

// suggest adds to a refusal of the API what may have been meant: Detail names any API
// whose identifier looks like the one that was asked for, and Meant one that the client
// may have. Every refusal with invalid_target is looked at alike, so that neither the
// answer nor its time says whether an API exists that the client may not have.
func (d *Decider) suggest(refusal *Refusal, client snapshot.Client, req *Request, subject schema.SubjectType, now time.Time) *Refusal {
	if refusal.Code != CodeInvalidTarget || req.GrantType == schema.GrantRefreshToken {
		return refusal
	}
	near, how, ok := d.snapshot.NearIdentifier(cmp.Or(req.Audience, req.Resource))
	if !ok {
		return refusal
	}
	refusal.Detail = "differs from api." + near.Label() + " " + how
	if auth, ok := d.snapshot.Authorization(client, near, subject); ok && inForce(auth, now) {
		refusal.Meant, refusal.Differs = near, how
	}
	return refusal
}

// Example is an API that the client may have a token for at now, for a client that names
// none; ok is false when there is none.
func (d *Decider) Example(client snapshot.Client, grantType string, now time.Time) (api snapshot.API, ok bool) {
	subject := schema.SubjectUser
	if grantType == schema.GrantClientCredentials {
		subject = schema.SubjectClient
	}
	for auth := range client.Authorizations() {
		if auth.SubjectType() == subject && inForce(auth, now) {
			return auth.API(), true
		}
	}
	return snapshot.API{}, false
}

// inForce reports whether the authorization has not expired at now.
func inForce(auth snapshot.Authorization, now time.Time) bool {
	return auth.ExpiresAt() == 0 || auth.ExpiresAt() > now.Unix()
}

// targetCode is the code when the client may not have a token for the API. Of a
// refresh token that says that it is over.
func targetCode(req *Request) Code {
	if req.GrantType == schema.GrantRefreshToken {
		return CodeInvalidGrant
	}
	return CodeInvalidTarget
}

// setScopes sets the scopes, and whether a refresh token comes with the token. On
// behalf of a user offline_access is no scope of the API but asks for that; asked
// for alone, it asks for no scope (OpenID Connect Core section 11).
func (g *Grant) setScopes(req *Request) (refusal *Refusal) {
	resumed := req.GrantType == schema.GrantRefreshToken
	asked := req.Scope
	if g.user != nil && asked != "" {
		if !ValidScope(asked) {
			return refuse(CodeInvalidScope, ReasonMalformedScope)
		}
		rest := withoutScope(asked, OfflineAccess)
		if rest != asked {
			g.Offline = g.API.AllowOfflineAccess() && g.Client.HasGrantType(schema.GrantRefreshToken)
		}
		if asked = rest; rest == "" && (resumed || g.API.ScopeMode() != schema.ScopeAllGranted) {
			return nil
		}
	}
	if resumed {
		g.Scope, refusal = resumedScope(g.Authorization, req.Family.Scope, asked)
	} else {
		g.Scope, refusal = grantedScope(g.API, g.Authorization, asked)
	}
	return refusal
}

// OfflineAccess is the scope that asks for a refresh token.
const OfflineAccess = "offline_access"

// withoutScope is the space-joined scopes but the one.
func withoutScope(scopes, name string) string {
	if !hasScope(scopes, name) {
		return scopes
	}
	names := strings.Split(scopes, " ")
	return strings.Join(slices.DeleteFunc(names, func(s string) bool { return s == name }), " ")
}

// resumedScope is what a refresh token still gives: what was granted when it was
// first issued, or less of it (RFC 6749 section 6), all of it granted now too.
func resumedScope(auth snapshot.Authorization, original, asked string) (string, *Refusal) {
	if asked == "" {
		asked = original
	} else if more := missingScopes(original, asked); more != "" {
		return "", refuseDetailed(CodeInvalidScope, ReasonUngrantedScope, more)
	}
	granted := auth.ScopeString()
	if withdrawn := missingScopes(granted, asked); asked != "" && withdrawn != "" {
		return "", refuseDetailed(CodeInvalidGrant, ReasonUngrantedScope, withdrawn)
	}
	return commonScopes(granted, asked), nil
}

// grantedScope narrows what is authorized to what is asked. Nothing asked is
// everything authorized; asking for more than that is refused.
func grantedScope(api snapshot.API, auth snapshot.Authorization, asked string) (string, *Refusal) {
	if asked == "" {
		return auth.ScopeString(), nil
	}
	if !ValidScope(asked) {
		return "", refuse(CodeInvalidScope, ReasonMalformedScope)
	}
	granted := auth.ScopeString()
	if more := missingScopes(granted, asked); more != "" {
		return "", refuseDetailed(CodeInvalidScope, ReasonUngrantedScope, more)
	}
	if api.ScopeMode() == schema.ScopeAllGranted {
		return granted, nil
	}
	return commonScopes(granted, asked), nil
}

// ValidScope reports whether s follows RFC 6749 section 3.3: scope-tokens of
// %x21 / %x23-5B / %x5D-7E separated by single spaces.
func ValidScope(s string) bool {
	space := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if space {
				return false
			}
			space = true
		case c < 0x21 || c > 0x7e || c == '"' || c == '\\':
			return false
		default:
			space = false
		}
	}
	return !space
}

// hasScope reports whether the space-joined scopes hold name.
func hasScope(scopes, name string) bool {
	for len(scopes) >= len(name) {
		if strings.HasPrefix(scopes, name) && (len(scopes) == len(name) || scopes[len(name)] == ' ') {
			return true
		}
		space := strings.IndexByte(scopes, ' ')
		if space < 0 {
			return false
		}
		scopes = scopes[space+1:]
	}
	return false
}

// commonScopes is the granted scopes that are asked for, in the API's order
// and without the duplicates a request may hold.
func commonScopes(granted, asked string) string {
	if granted == asked {
		return granted
	}
	var b strings.Builder
	for name := range strings.SplitSeq(granted, " ") {
		if !hasScope(asked, name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	return b.String()
}

// missingScopes is the asked scopes that are not granted, "" for none. It allocates
// nothing where all are.
func missingScopes(granted, asked string) string {
	var names []string
	for name := range strings.SplitSeq(asked, " ") {
		if !hasScope(granted, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
