package server

import (
	"context"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// refreshing is the grant of a client that has a refresh token (RFC 6749 section
// 6). The configuration of now decides whether what was granted still is.
type refreshing struct{ server *Server }

func (r refreshing) decide(ctx context.Context, x *exchange, client snapshot.Client) *Error {
	compact := x.form.get("refresh_token")
	if compact == "" {
		return refuse(CodeInvalidRequest, ReasonNoRefreshToken)
	}
	held, found, refusal := r.server.find(ctx, compact, client, x.now)
	if refusal != nil {
		return refusal
	}
	policy := refreshPolicy(client)
	use := found.family.use(held.secret, policy, x.now)
	if use == usedAgain {
		// Client and thief both have the token, and which is which nobody can
		// tell (RFC 9700 section 4.14.2).
		x.offline.change = found.revoked(policy, x.now)
		return refuse(CodeInvalidGrant, ReasonReused)
	}
	x.issuer = found.family.Issuer
	if refusal := x.resume(client, &found.family); refusal != nil {
		return refusal
	}
	return r.server.moveOn(x, held, found, use, policy)
}

// refreshPolicy says how the client's refresh tokens behave now.
func refreshPolicy(client snapshot.Client) schema.RefreshToken {
	if policy, declared := client.RefreshToken(); declared {
		return policy
	}
	return (*schema.RefreshToken)(nil).OrDefault()
}

// resume decides what the family still gives.
func (x *exchange) resume(client snapshot.Client, f *family) (refusal *Error) {
	request := x.request
	for _, target := range []string{request.Audience, request.Resource} {
		if target != "" && target != f.API {
			return refuse(CodeInvalidTarget, ReasonOtherTarget)
		}
	}
	request.Audience, request.Resource, request.family = f.API, "", f
	if x.grant, refusal = decide(x.active.snapshot, client, request, x.now); refusal == nil {
		return nil
	}
	if refusal.Code == CodeInvalidTarget { // it is the refresh token that is over
		ended := refuse(CodeInvalidGrant, refusal.Reason)
		ended.Detail = refusal.Detail
		return ended
	}
	return refusal
}
