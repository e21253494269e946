package server

import "github.com/writ-auth/writ/schema/snapshot"

// jwtBearer is the grant whose assertion is a user's token of another issuer (RFC
// 7523 section 2.1): token exchange by an older name, without an actor.
type jwtBearer struct{ server *Server }

func (j jwtBearer) decide(x *exchange, client snapshot.Client) (refusal *Error) {
	assertion := &foreignToken{x.form.get("assertion"), jwtType, "assertion", CodeInvalidGrant}
	if assertion.compact != "" {
		if x.request.User, refusal = assertion.user(x, nil); refusal != nil {
			return refusal
		}
	}
	return j.server.decideUser(x, client)
}
