package server

import (
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
	GrantType string // "" is client_credentials
	Audience  string // the API's identifier, Auth0's name for it; or
	Resource  string // the same by RFC 8707; both present must agree
	Scope     string // space-separated

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
	if req.GrantType == "" {
		req.GrantType = schema.GrantClientCredentials
	}
	if req.GrantType != schema.GrantClientCredentials {
		return g, refuse(CodeUnsupportedGrantType, ReasonUnsupportedGrantType)
	}
	if !client.HasGrantType(req.GrantType) {
		return g, refuse(CodeUnauthorizedClient, ReasonGrantTypeNotAllowed)
	}
	var refusal *Error
	if g.API, refusal = target(snap, client, req); refusal != nil {
		return g, refusal
	}
	var ok bool
	if g.Authorization, ok = snap.Authorization(client, g.API, schema.SubjectClient); !ok {
		return g, refuse(CodeInvalidTarget, ReasonNoAuthorization)
	}
	if !g.limit(now.Unix()) {
		return g, refuse(CodeInvalidTarget, ReasonAuthorizationExpired)
	}
	if client.RequireSenderConstrained() && !req.Confirmation.Bound() {
		return g, refuse(CodeInvalidRequest, ReasonNotSenderConstrained)
	}
	if g.Scope, refusal = grantedScope(g.API, g.Authorization, req.Scope); refusal != nil {
		return g, refusal
	}
	g.describe(snap, req)
	return g, nil
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
	g.Subject = g.ClientID
	if issuer.SubStyle != schema.SubClientID {
		g.Subject += "@clients"
	}
	g.GrantType = req.GrantType
	g.Grant.API = g.API.Label()
	g.Profile = g.API.Profile()
	g.Alg = g.API.Alg()
	g.Permissions = g.API.IncludePermissions()
	g.Claims = g.Authorization.Claims()
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
