package server

import (
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
