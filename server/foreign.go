package server

import (
	"encoding/json"
	"errors"
	"slices"
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

// Limits of who acted, as a user's token says it (RFC 8693 section 4.1).
const (
	maxAct    = 1 << 10 // bytes of the act claim that is issued
	maxActors = 4       // one within the other, in the token
)

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
	actors, refusal := f.actors(issuer, user.Claims)
	if refusal != nil {
		return nil, refusal
	}
	if actor != nil {
		acts, refusal := actor.actFor(x, user.Claims)
		if refusal != nil {
			return nil, refusal
		}
		actors = slices.Insert(actors, 0, acts)
	}
	user.Act, refusal = f.actClaim(actors)
	return user, refusal
}

// actors are who acts for the user already, the last one first, as subjects of ours.
// Each of the chain is named in the space of the issuer that signed it, which is all
// that stands behind their names, and nothing else of them is taken. One whose iss is
// another (RFC 8693 section 4.1) is refused: under the label of this issuer its sub
// would be somebody else.
func (f *foreignToken) actors(issuer *trustedIssuer, claims clientauth.Claims) (actors []string, refusal *Error) {
	for claims.Get("act") != nil {
		act, ok := claims.Object("act")
		sub, isText := act.Text("sub")
		if !ok || !isText || !decide.AcceptableSubject(sub) || len(actors) == maxActors {
			return nil, f.refuse(ReasonMalformedActor)
		}
		if iss, isText := act.Text("iss"); act.Get("iss") != nil && (!isText || iss != issuer.Issuer) {
			return nil, f.refuse(ReasonForeignActor)
		}
		actors = append(actors, issuer.Label+decide.SubjectBar+sub)
		claims = act
	}
	return actors, nil
}

// actFor checks the actor's token and that the user's, which has the claims,
// lets them act: by may_act, both iss and sub (RFC 8693 section 4.4). Any trusted
// issuer may have issued it, because users and workloads act alike. It returns the
// actor as a subject of ours.
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
	return issuer.Label + decide.SubjectBar + sub, nil
}

// actClaim is the act claim of the token to issue (RFC 8693 section 4.1), "" for no
// actors: who acts now, and within it who acted before.
func (f *foreignToken) actClaim(actors []string) (string, *Error) {
	var act []byte
	for _, actor := range slices.Backward(actors) {
		name, err := json.Marshal(actor)
		if err != nil {
			panic(err) // a string
		}
		before := act
		act = append([]byte(`{"sub":`), name...)
		if before != nil {
			act = append(append(act, `,"act":`...), before...)
		}
		act = append(act, '}')
	}
	if len(act) > maxAct {
		return "", f.refuse(ReasonMalformedActor)
	}
	return string(act), nil
}
