package server

import "github.com/writ-auth/writ/schema/snapshot"

// tokenExchange is the grant of a client that has a user's token of another
// issuer and trades it for one of ours (RFC 8693).
type tokenExchange struct{ server *Server }

func (t tokenExchange) decide(x *exchange, client snapshot.Client) *Error {
	x.issuedType = true
	subject, actor, refusal := readExchange(x.form)
	if refusal != nil {
		return refusal
	}
	if subject != nil {
		if x.request.User, refusal = subject.user(x, actor); refusal != nil {
			return refusal
		}
	}
	return t.server.decideUser(x, client)
}

// readExchange takes the parameters of RFC 8693 section 2.1. Without a subject token
// subject is nil.
func readExchange(f *form) (subject, actor *foreignToken, refusal *Error) {
	switch wanted := f.get("requested_token_type"); wanted {
	case "", accessTokenType, jwtType:
	default:
		return nil, nil, refuse(CodeInvalidRequest, ReasonTokenType)
	}
	subject = &foreignToken{f.get("subject_token"), f.get("subject_token_type"), "subject token", CodeInvalidRequest}
	if subject.compact == "" || subject.kind == "" {
		return nil, nil, nil
	}
	if compact, kind := f.get("actor_token"), f.get("actor_token_type"); compact != "" || kind != "" {
		actor = &foreignToken{compact, kind, "actor token", CodeInvalidRequest}
	}
	switch {
	case actor != nil && (actor.compact == "" || actor.kind == ""):
		return nil, nil, refuse(CodeInvalidRequest, ReasonActorIncomplete)
	case !subject.known() || actor != nil && !actor.known():
		return nil, nil, refuse(CodeInvalidRequest, ReasonTokenType)
	}
	return subject, actor, nil
}

func (f *foreignToken) known() bool {
	return f.kind == idTokenType || f.kind == jwtType || f.kind == accessTokenType
}
