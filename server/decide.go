package server

import (
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/token"
)

// A Request is what an authenticated client asks for. An empty string is an
// absent parameter (RFC 6749 section 3.2).
type Request struct {
	ClientID  string
	GrantType string // "" is client_credentials, or token exchange with a User
	Audience  string // the API's identifier, Auth0's name for it; or
	Resource  string // the same by RFC 8707; both present must agree
	Scope     string // space-separated

	// User is on whose behalf the client asks; nil: its own.
	User *User
	// family is the offline grant that a refresh token stands for.
	family *family

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

	user *represented // nil for a client on its own behalf
}

// Decide says whether the client may have the token that it asks for at now,
// and what the token will say. It is pure: it takes the client for
// authenticated and changes nothing. The token endpoint, "writ check" and
// "writ explain" all decide here.
//
// With a refusal the Grant holds what was found on the way to it: no handle
// for ReasonUnknownClient, the API from ReasonNoAuthorization on, and the
// Authorization from ReasonAuthorizationExpired on.
func Decide(snap *snapshot.Snapshot, req Request, now time.Time) (Grant, *Error) {
	client, ok := snap.ClientByID(req.ClientID)
	if !ok {
		return Grant{}, refuse(CodeInvalidClient, ReasonUnknownClient)
	}
	return decide(snap, client, req, now)
}

func decide(snap *snapshot.Snapshot, client snapshot.Client, req Request, now time.Time) (Grant, *Error) {
	g := Grant{Client: client}
	subject, ok := subjectOf(&req)
	if !ok {
		return g, refuse(CodeUnsupportedGrantType, ReasonUnsupportedGrantType)
	}
	if !client.HasGrantType(req.GrantType) {
		return g, refuse(CodeUnauthorizedClient, ReasonGrantTypeNotAllowed)
	}
	var refusal *Error
	if g.API, refusal = target(snap, client, req); refusal != nil {
		return g, refusal
	}
	if g.Authorization, ok = snap.Authorization(client, g.API, subject); !ok {
		return g, refuse(CodeInvalidTarget, ReasonNoAuthorization)
	}
	if !g.limit(now.Unix()) {
		return g, refuse(CodeInvalidTarget, ReasonAuthorizationExpired)
	}
	if subject == schema.SubjectUser {
		if refusal = g.represent(snap, req); refusal != nil {
			return g, refusal
		}
	}
	if client.RequireSenderConstrained() && !req.Confirmation.Bound() {
		return g, refuse(CodeInvalidRequest, ReasonNotSenderConstrained)
	}
	if refusal = g.narrow(req); refusal != nil {
		return g, refusal
	}
	g.describe(snap, req)
	return g, nil
}

// subjectOf says on whose behalf the request is, and completes its grant type.
// ok is false when the two do not fit.
func subjectOf(req *Request) (subject schema.SubjectType, ok bool) {
	switch req.GrantType {
	case "":
		req.GrantType = schema.GrantClientCredentials
		if req.User != nil {
			req.GrantType = schema.GrantTokenExchange
		}
		return subjectOf(req)
	case schema.GrantClientCredentials:
		return schema.SubjectClient, req.User == nil && req.family == nil
	case schema.GrantTokenExchange, schema.GrantJWTBearer:
		return schema.SubjectUser, req.User != nil
	case schema.GrantRefreshToken:
		return schema.SubjectUser, req.family != nil
	}
	return "", false
}

// limit sets from when to when the token lives, no longer than the
// authorization does; ok is false when that is over.
func (g *Grant) limit(now int64) (ok bool) {
	g.IssuedAt, g.ExpiresAt = now, now+g.Authorization.Lifetime()
	if end := g.Authorization.ExpiresAt(); end != 0 {
		g.ExpiresAt = min(g.ExpiresAt, end)
	}
	return g.ExpiresAt > now
}

// describe fills in what the token says about the parties.
func (g *Grant) describe(snap *snapshot.Snapshot, req Request) {
	issuer := snap.Issuer()
	g.Issuer = issuer.URL
	g.Audience = g.API.Identifier()
	g.ClientID = g.Client.ClientID()
	if g.user != nil {
		g.Subject, g.Act = g.user.subject, g.user.act
	} else if g.Subject = g.ClientID; issuer.SubStyle != schema.SubClientID {
		g.Subject += "@clients"
	}
	g.GrantType = req.GrantType
	g.Grant.API = g.API.Label()
	g.Profile = g.API.Profile()
	g.Alg = g.API.Alg()
	g.Permissions = g.API.IncludePermissions()
	g.Claims = g.Authorization.Claims()
	if g.user != nil {
		g.Claims = joinClaims(g.Claims, g.user.copied)
	}
	g.Confirmation = req.Confirmation
}

// target finds the API that the request names by its exact identifier.
func target(snap *snapshot.Snapshot, client snapshot.Client, req Request) (snapshot.API, *Error) {
	identifier := req.Audience
	switch {
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
	if api, ok := snap.APIByIdentifier(identifier); ok {
		return api, nil
	}
	refusal := refuse(CodeInvalidTarget, ReasonUnknownTarget)
	if near, how, ok := snap.NearIdentifier(identifier); ok {
		refusal.Detail = "differs from api." + near.Label() + " " + how
	}
	return snapshot.API{}, refusal
}

// narrow sets the scopes, and whether a refresh token comes with the token. On
// behalf of a user offline_access is no scope of the API but asks for that; asked
// for alone, it asks for no scope (OpenID Connect Core section 11).
func (g *Grant) narrow(req Request) (refusal *Error) {
	asked := req.Scope
	if g.user != nil && asked != "" {
		if !validScope(asked) {
			return refuse(CodeInvalidScope, ReasonMalformedScope)
		}
		rest := without(asked, offlineAccess)
		if rest != asked {
			g.Offline = g.API.AllowOfflineAccess() && g.Client.HasGrantType(schema.GrantRefreshToken)
		}
		if asked = rest; rest == "" && (req.family != nil || g.API.ScopeMode() != schema.ScopeAllGranted) {
			return nil
		}
	}
	if req.family != nil {
		g.Scope, refusal = resumedScope(g.Authorization, req.family.Scope, asked)
	} else {
		g.Scope, refusal = grantedScope(g.API, g.Authorization, asked)
	}
	return refusal
}

// offlineAccess is the scope that asks for a refresh token.
const offlineAccess = "offline_access"

// without is the space-joined scopes but the one.
func without(scopes, name string) string {
	if !hasScope(scopes, name) {
		return scopes
	}
	names := strings.Split(scopes, " ")
	return strings.Join(slices.DeleteFunc(names, func(s string) bool { return s == name }), " ")
}

// resumedScope is what a refresh token still gives: what was granted when it was
// first issued, or less of it (RFC 6749 section 6), all of it granted now too.
func resumedScope(auth snapshot.Authorization, original, asked string) (string, *Error) {
	if asked == "" {
		asked = original
	} else if more := beyond(original, asked); more != "" {
		refusal := refuse(CodeInvalidScope, ReasonUngrantedScope)
		refusal.Detail = more
		return "", refusal
	}
	granted := auth.ScopeString()
	if withdrawn := beyond(granted, asked); asked != "" && withdrawn != "" {
		refusal := refuse(CodeInvalidGrant, ReasonUngrantedScope)
		refusal.Detail = withdrawn
		return "", refusal
	}
	return intersection(granted, asked), nil
}

// grantedScope narrows what is authorized to what is asked. Nothing asked is
// everything authorized; asking for more than that is refused.
func grantedScope(api snapshot.API, auth snapshot.Authorization, asked string) (string, *Error) {
	if asked == "" {
		return auth.ScopeString(), nil
	}
	if !validScope(asked) {
		return "", refuse(CodeInvalidScope, ReasonMalformedScope)
	}
	granted := auth.ScopeString()
	for name := range strings.SplitSeq(asked, " ") {
		if !hasScope(granted, name) {
			refusal := refuse(CodeInvalidScope, ReasonUngrantedScope)
			refusal.Detail = beyond(granted, asked)
			return "", refusal
		}
	}
	if api.ScopeMode() == schema.ScopeAllGranted {
		return granted, nil
	}
	return intersection(granted, asked), nil
}

// validScope reports whether s follows RFC 6749 section 3.3: scope-tokens of
// %x21 / %x23-5B / %x5D-7E separated by single spaces.
func validScope(s string) bool {
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

// intersection is the granted scopes that are asked for, in the API's order
// and without the duplicates a request may hold.
func intersection(granted, asked string) string {
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

// beyond is the asked scopes that are not granted, for the log.
func beyond(granted, asked string) string {
	var names []string
	for name := range strings.SplitSeq(asked, " ") {
		if !hasScope(granted, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
