package server

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/store"
)

// maxAttempts is how often a request decides anew because another one has moved
// its refresh token on meanwhile. Whoever comes second finds the token used, or
// the successor made, so that few ever come to a third attempt.
const maxAttempts = 16

// fulfil takes the request through its grant type: decide, sign, remember,
// answer. It signs before it remembers, so that a signer that fails spends no
// refresh token, and remembers before it answers, so that of two requests with
// one token the one that comes second gets nothing.
func (e *tokenEndpoint) fulfil(ctx context.Context, x *exchange, client snapshot.Client, out *answer) *Error {
	for range maxAttempts {
		x.offline = offline{}
		refusal := e.decide(ctx, x, client)
		if refusal == nil {
			refusal = e.issue(ctx, x, out)
			if refusal != nil {
				return refusal
			}
		} else if x.offline.change != nil {
			ctx = context.WithoutCancel(ctx) // a revocation is not the caller's to abandon
		}
		err := e.server.remember(ctx, &x.offline)
		switch {
		case err == nil:
			return refusal
		case !errors.Is(err, store.ErrConflict):
			return storeError(err)
		}
	}
	return refuse(CodeUnavailable, ReasonStore)
}

// decide leaves the request to its grant type. The calls are static ones: through
// an interface every request would cost an allocation.
func (e *tokenEndpoint) decide(ctx context.Context, x *exchange, client snapshot.Client) *Error {
	grantType := x.request.GrantType
	if grantType == schema.GrantClientCredentials {
		return clientCredentials{}.decide(x, client)
	}
	if refusal := x.active.decider.May(client, grantType); refusal != nil {
		return decided(refusal)
	}
	switch grantType {
	case schema.GrantTokenExchange:
		return tokenExchange{e.server}.decide(x, client)
	case schema.GrantJWTBearer:
		return jwtBearer{e.server}.decide(x, client)
	default:
		return refreshing{e.server}.decide(ctx, x, client)
	}
}

// decide asks who may have which token.
func (x *exchange) decide(client snapshot.Client) *Error {
	x.request.Authenticated = client
	grant, refusal := x.active.decider.Decide(x.request, x.now)
	x.grant = grant
	return decided(refusal)
}

// buildDecider makes what decides. An issuer whose keys cannot be read names nobody,
// and a store that forgets keeps no refresh tokens.
func (s *Server) buildDecider(a *Active) {
	facts := decide.Facts{RefreshTokens: s.offline}
	for i := range a.snapshot.NumTrustedIssuers() {
		if issuer := a.snapshot.TrustedIssuer(i); !a.registered.has(issuer) {
			facts.Unusable = append(facts.Unusable, issuer.Label)
		}
	}
	a.decider = decide.New(a.snapshot, facts)
	if !s.offline {
		a.problems = append(a.problems, withoutOffline(a.snapshot)...)
	}
}

// withoutOffline are the APIs that offer offline access to some client, which the
// server cannot give because its store forgets.
func withoutOffline(snap *snapshot.Snapshot) (problems []Problem) {
	offered := map[int]bool{}
	for i := range snap.NumClients() {
		client := snap.Client(i)
		if !client.HasGrantType(schema.GrantRefreshToken) {
			continue
		}
		for auth := range client.Authorizations() {
			if api := auth.API(); auth.SubjectType() == schema.SubjectUser && api.AllowOfflineAccess() {
				offered[api.Index()] = true
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(offered)) {
		problems = append(problems, Problem{Address: "api." + snap.API(i).Label(), Reason: "refresh tokens need --state or --store"})
	}
	return problems
}
