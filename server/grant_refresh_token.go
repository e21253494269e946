package server

import (
	"context"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
)

// refreshing is the grant of a client that has a refresh token (RFC 6749 section
// 6). The configuration of now decides whether what was granted still is.
type refreshing struct{ server *Server }

func (r refreshing) decide(ctx context.Context, x *exchange, client snapshot.Client) *Error {
	compact := x.form.get("refresh_token")
	if compact == "" {
		return x.decide(client)
	}
	held, found, refusal := r.server.find(ctx, compact, client, x.now)
	if refusal != nil {
		return refusal
	}
	policy := decide.RefreshPolicy(client)
	use := found.family.use(held.secret, policy, x.now)
	if use == usedAgain {
		// Client and thief both have the token, and which is which nobody can
		// tell (RFC 9700 section 4.14.2).
		x.offline.change = found.revoked(policy, x.now)
		return refuse(CodeInvalidGrant, ReasonReused)
	}
	x.issuer = found.family.Issuer
	x.request.Family = &found.family.Family
	if refusal := x.decide(client); refusal != nil {
		return refusal
	}
	return r.server.moveOn(x, held, found, use, policy)
}
