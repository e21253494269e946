package server

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
)

// Token types (RFC 8693 section 3).
const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	idTokenType     = "urn:ietf:params:oauth:token-type:id_token"
	jwtType         = "urn:ietf:params:oauth:token-type:jwt"
)

// maxAct bounds the act claim that is taken from a foreign token, in bytes.
const maxAct = 1 << 10

// A foreignToken is one that a client presents: for a user, or for who acts.
type foreignToken struct {
	compact string
	kind    string // its token type
	what    string // what it is called in the log
	code    Code   // of a refusal
}

// mediaTypes are what a typ header may say beside JWT: only a token that is
// presented as an access token may call itself one (RFC 9068 section 2.1).
func (f *foreignToken) mediaTypes() []string {
	if f.kind == accessTokenType {
		return []string{"at+jwt"}
	}
	return nil
}

// refuse is a refusal of the token. Of its content the log says nothing.
func (f *foreignToken) refuse(reason Reason) *Error {
	refusal := refuse(f.code, reason)
	refusal.Detail = f.what
	return refusal
}

// verify finds who issued the token, among the trusted issuers that may, and
// checks it. A token of our own is refused whatever the configuration trusts:
// who may have a token of ours is decided when it is asked for.
func (f *foreignToken) verify(a *Active, now time.Time, may func(*trustedIssuer) bool) (*trustedIssuer, *clientauth.Verified, *Error) {
	read, err := clientauth.ReadToken(f.compact, clientauth.MaxSubjectToken)
	if err != nil {
		return nil, nil, f.failed(err)
	}
	if read.UnverifiedIssuer() == a.snapshot.Issuer().URL {
		return nil, nil, f.refuse(ReasonOwnToken)
	}
	var refusal *Error
	for _, issuer := range a.registered.trusted(read) {
		if !may(issuer) {
			continue
		}
		verified, err := issuer.verify(read, now, f.mediaTypes()...)
		if err == nil {
			return issuer, verified, nil
		}
		if refusal == nil || refusal.Code != CodeUnavailable { // one that could not be asked may have taken it
			refusal = f.failed(err)
		}
	}
	if refusal == nil {
		refusal = f.refuse(ReasonUntrustedIssuer)
	}
	return nil, nil, refusal
}

// failed is the refusal for an error of package clientauth.
func (f *foreignToken) failed(err error) *Error {
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok {
		return f.refuse(Reason(strings.ReplaceAll(string(refused.Reason), "_", "-")))
	}
	return refuse(CodeUnavailable, ReasonIssuerKeys)
}

// user is whom the token names; actor is the token of who acts for them, nil for
// none.
func (f *foreignToken) user(x *exchange, actor *foreignToken) (*decide.User, *Error) {
	issuer, verified, refusal := f.verify(x.active, x.now, func(t *trustedIssuer) bool { return t.vouchesFor(schema.SubjectUser) })
	if refusal != nil {
		return nil, refusal
	}
	x.issuer = issuer.Label
	user := &decide.User{TrustedIssuer: issuer.Label, Subject: verified.Subject(), Claims: verified.Claims(), ExpiresAt: verified.Expires()}
	if actor == nil {
		user.Act, refusal = f.actAsBefore(issuer, user.Claims)
		return user, refusal
	}
	user.Act, refusal = actor.actFor(x, user.Claims)
	return user, refusal
}

// actAsBefore is the act claim when nobody new acts: who acted for the user still
// does, and is named in the space of the issuer that says so. An act whose iss
// is another (RFC 8693 section 4.1) is refused: under the label of the one that
// signed, its sub would be somebody else.
func (f *foreignToken) actAsBefore(issuer *trustedIssuer, claims clientauth.Claims) (string, *Error) {
	if claims.Get("act") == nil {
		return "", nil
	}
	act, ok := claims.Object("act")
	sub, isText := act.Text("sub")
	if !ok || !isText || !decide.AcceptableSubject(sub) {
		return "", f.refuse(ReasonMalformedActor)
	}
	if iss, isText := act.Text("iss"); act.Get("iss") != nil && (!isText || iss != issuer.Issuer) {
		return "", f.refuse(ReasonForeignActor)
	}
	return f.actClaim(issuer.Label, sub, act.Get("act"))
}

// actFor checks the actor's token and that the user's, which has the claims,
// lets them act: by may_act, both iss and sub (RFC 8693 section 4.4). Any trusted
// issuer may have issued it, because users and workloads act alike.
func (f *foreignToken) actFor(x *exchange, claims clientauth.Claims) (string, *Error) {
	issuer, verified, refusal := f.verify(x.active, x.now, func(*trustedIssuer) bool { return true })
	if refusal != nil {
		return "", refusal
	}
	mayAct, _ := claims.Object("may_act")
	iss, _ := mayAct.Text("iss")
	sub, _ := mayAct.Text("sub")
	switch {
	case !decide.AcceptableSubject(verified.Subject()):
		return "", f.refuse(ReasonForeignSubject)
	case iss != issuer.Issuer || sub != verified.Subject():
		return "", f.refuse(ReasonActor)
	}
	return f.actClaim(issuer.Label, sub, claims.Get("act"))
}

// actClaim is the act claim (RFC 8693 section 4.1), with the one of the user's
// token inside: who acted before.
func (f *foreignToken) actClaim(label, sub string, before []byte) (string, *Error) {
	if before != nil && (before[0] != '{' || len(before) > maxAct) {
		return "", f.refuse(ReasonMalformedActor)
	}
	name, err := json.Marshal(label + decide.SubjectBar + sub)
	if err != nil {
		panic(err) // a string
	}
	act := append([]byte(`{"sub":`), name...)
	if before != nil {
		act = append(append(act, `,"act":`...), before...)
	}
	return string(append(act, '}')), nil
}
