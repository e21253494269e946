package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/refresh"
)

// exchangeToken decides on a token exchange: the client has a user's token of another
// issuer and trades it for one of ours (RFC 8693).
func (e *tokenEndpoint) exchangeToken(x *exchange, client snapshot.Client) *Error {
	x.issuedType = true
	subject, actor, refusal := readExchange(x)
	if refusal != nil {
		return refusal
	}
	if subject != nil {
		if x.request.User, refusal = subject.user(x, actor); refusal != nil {
			return refusal
		}
	}
	return e.decideUser(x, client)
}

// readExchange takes the parameters of RFC 8693 section 2.1. Without a subject token
// subject is nil.
func readExchange(x *exchange) (subject, actor *foreignToken, refusal *Error) {
	f := x.form
	switch wanted := f.Get("requested_token_type"); wanted {
	case "", accessTokenType, jwtType:
	default:
		return nil, nil, refuse(CodeInvalidRequest, ReasonTokenType)
	}
	subject = &foreignToken{f.Get("subject_token"), f.Get("subject_token_type"), "subject token", CodeInvalidRequest}
	if subject.compact == "" || subject.kind == "" {
		return nil, nil, nil
	}
	if compact, kind := f.Get("actor_token"), f.Get("actor_token_type"); compact != "" || kind != "" {
		actor = &foreignToken{compact, kind, "actor token", CodeInvalidRequest}
	}
	switch {
	case actor != nil && (actor.compact == "" || actor.kind == ""):
		return nil, nil, refuse(CodeInvalidRequest, ReasonActorIncomplete)
	case !subject.isKnownType() || actor != nil && !actor.isKnownType():
		return nil, nil, refuse(CodeInvalidRequest, ReasonTokenType)
	}
	return subject, actor, nil
}

// acceptAssertion decides on a user's token of another issuer that is presented as an
// assertion (RFC 7523 section 2.1): token exchange by an older name, without an actor.
func (e *tokenEndpoint) acceptAssertion(x *exchange, client snapshot.Client) (refusal *Error) {
	assertion := &foreignToken{x.form.Get("assertion"), jwtType, "assertion", CodeInvalidGrant}
	if assertion.compact != "" {
		if x.request.User, refusal = assertion.user(x, nil); refusal != nil {
			return refusal
		}
	}
	return e.decideUser(x, client)
}

// decideUser decides on a user whose token is verified, and begins a family when
// a refresh token is to come with ours. Without a store that does not forget, the client
// gets the access token alone (RFC 6749 section 5.1 has refresh_token as optional).
func (e *tokenEndpoint) decideUser(x *exchange, client snapshot.Client) *Error {
	if refusal := x.decide(client); refusal != nil || !x.grant.Offline || !e.families.Issued {
		return refusal
	}
	if !e.auth.limits.families.allow(client.Label(), maxFamilies, x.now) {
		return refuse(CodeTooManyRequests, ReasonFamilyRate)
	}
	var err error
	if x.refresh, err = e.families.Begin(&x.grant, x.now); err != nil {
		return unavailable(ReasonSigner, err)
	}
	return nil
}

// refresh decides on a refresh token that the client presents (RFC 6749 section 6). The
// configuration of now decides whether what was granted still is.
func (e *tokenEndpoint) refresh(ctx context.Context, x *exchange, client snapshot.Client) *Error {
	compact := x.form.Get("refresh_token")
	if compact == "" {
		return x.decide(client)
	}
	presented, err := e.families.Find(ctx, compact, client, x.now)
	if err != nil {
		return familyError(err)
	}
	use := presented.Use(x.now)
	if use == refresh.Reused {
		// Client and thief both have the token, and nobody can tell which is which
		// (RFC 9700 section 4.14.2).
		x.refresh.Change = presented.Revoked(x.now)
		return refuse(CodeInvalidGrant, ReasonReused)
	}
	x.request.Family = presented.Family()
	x.issuer = x.request.Family.Issuer
	if refusal := x.decide(client); refusal != nil {
		return refusal
	}
	if x.refresh, err = e.families.MoveOn(presented, use, x.now); err != nil {
		return unavailable(ReasonSigner, err)
	}
	return nil
}

// familyError is the refusal for an error of refresh.Families.Find.
func familyError(err error) *Error {
	if refusal, ok := errors.AsType[*decide.Refusal](err); ok {
		return decided(refusal)
	}
	return storeError(err)
}

// Token types (RFC 8693 section 3).
const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	idTokenType     = "urn:ietf:params:oauth:token-type:id_token"
	jwtType         = "urn:ietf:params:oauth:token-type:jwt"
)

// Limits of the actors that a user's token names (RFC 8693 section 4.1).
const (
	maxAct    = 1 << 10 // bytes of the act claim that is issued
	maxActors = 4       // one within the other, in the token
)

// A foreignToken is a token of another issuer that a client presents: the user's, or
// the actor's.
type foreignToken struct {
	compact string
	kind    string // its token type
	name    string // what the log calls it
	code    Code   // of a refusal
}

// isKnownType reports whether the token type is one that is read: all three are JWTs, and
// SAML assertions are not taken (RFC 8693 section 3).
func (f *foreignToken) isKnownType() bool {
	return f.kind == idTokenType || f.kind == jwtType || f.kind == accessTokenType
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
	refusal.Detail = f.name
	return refusal
}

// verify finds the issuer of the token, among the trusted issuers for which may is
// true, and checks the token. A token of our own is refused whatever the configuration
// trusts, because nobody decided to let its holder act as that user.
func (f *foreignToken) verify(s *active.State, now time.Time, may func(*active.TrustedIssuer) bool) (*active.TrustedIssuer, *clientauth.Verified, *Error) {
	read, err := clientauth.ReadToken(f.compact, clientauth.MaxSubjectToken)
	if err != nil {
		return nil, nil, f.failed(err)
	}
	if read.UnverifiedIssuer() == s.Snapshot.Issuer().URL {
		return nil, nil, f.refuse(ReasonOwnToken)
	}
	var refusal *Error
	for _, issuer := range s.Credentials.Issuers(read) {
		if !may(issuer) {
			continue
		}
		verified, err := issuer.Verify(read, now, f.mediaTypes()...)
		if err == nil {
			return issuer, verified, nil
		}
		if refusal == nil || refusal.Code != CodeUnavailable { // an issuer without keys might have taken it
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
		return f.refuse(hyphenated(refused.Reason))
	}
	return refuse(CodeUnavailable, ReasonIssuerKeys)
}

// user is the user that the token names. actor is the token of the party that acts for
// the user, nil for none.
func (f *foreignToken) user(x *exchange, actor *foreignToken) (*decide.User, *Error) {
	issuer, verified, refusal := f.verify(x.state, x.now, func(t *active.TrustedIssuer) bool { return t.Vouches(schema.SubjectUser) })
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

// actors are the parties that act for the user already, the last one first, as subjects
// of ours. The issuer that signed the token is all that vouches for their names, so each
// is named under its label, and nothing else of them is taken. An actor with the iss of
// another issuer (RFC 8693 section 4.1) is refused, because under the label of this one
// its sub would be somebody else.
func (f *foreignToken) actors(issuer *active.TrustedIssuer, claims clientauth.Claims) (actors []string, refusal *Error) {
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
	issuer, verified, refusal := f.verify(x.state, x.now, func(*active.TrustedIssuer) bool { return true })
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

// actClaim is the act claim of the token to issue (RFC 8693 section 4.1), "" without
// actors. The first is the outermost.
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
