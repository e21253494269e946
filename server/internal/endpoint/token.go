package endpoint

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/refresh"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/token"
)

// A tokenEndpoint answers POST /oauth/token (RFC 6749 section 3.2).
type tokenEndpoint struct {
	auth     *authenticator
	nonces   *Nonces // nil: none are demanded
	families *refresh.Families
	report   *reporter
	now      func() time.Time
}

// An exchange is one request on its way through an endpoint, with everything that the audit
// line will say about it. Each stage adds what it finds, so that the line is complete up to
// the stage that refused. One goroutine has it, from newExchange to the audit line.
type exchange struct {
	state      *active.State
	now        time.Time
	form       *transport.Form
	request    decide.Request
	asksToken  bool // it is a token request, which the client's rate_limit counts
	method     clientauth.Method
	credential string // the label of the block that authenticated the client
	grant      decide.Grant
	signed     token.Signed
	issuedType bool           // the answer says what was issued (RFC 8693 section 2.2.1)
	issuer     string         // the label of the trusted issuer whose token was presented
	refresh    refresh.Result // the refresh-token part of the decision
	trace      string         // the id of the trace that the request belongs to, "" for none
}

// newExchange returns a value and not a pointer, so that it lives on the caller's stack and
// costs no allocation. The caller frees x.form.
func newExchange(s *active.State, now time.Time, r *http.Request) exchange {
	return exchange{state: s, now: now, trace: traceID(r.Header), form: transport.NewForm()}
}

// serve answers one request from one state, even if another snapshot is activated meanwhile.
// The audit line is written before the answer, so that every token that somebody holds is in
// the log.
func (e *tokenEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	x := newExchange(s, e.now(), r)
	x.asksToken = true
	defer x.form.Free()
	out := answers.Get().(*answer)
	defer answers.Put(out)
	refusal := e.run(&x, out, w, r)
	e.report.token(r.Context(), &x, refusal, begin)
	if refusal != nil {
		writeError(w, refusal.In(s.Style))
		return
	}
	writeNoStore(w, http.StatusOK, out.body)
}

// run takes the request through the stages: read the form, authenticate the client, verify
// the DPoP proof, and fulfil the request by its grant type.
func (e *tokenEndpoint) run(x *exchange, out *answer, w http.ResponseWriter, r *http.Request) *Error {
	if err := x.form.Read(w, r); err != nil {
		return formError(x.form, err)
	}
	x.request = decide.Request{
		GrantType: x.form.Get("grant_type"),
		Audience:  x.form.Get("audience"),
		Resource:  x.form.Get("resource"),
		Scope:     x.form.Get("scope"),
	}
	if x.request.GrantType == "" {
		return refuse(CodeInvalidRequest, ReasonNoGrantType)
	}
	client, refusal := e.auth.authenticate(x, r)
	if refusal != nil {
		return refusal
	}
	if refusal := e.prove(x, client, w, r); refusal != nil {
		return refusal
	}
	// Only from here on the caller is known to be the client, and may be told about its own
	// authorizations.
	if refusal := e.fulfil(r.Context(), x, client, out); refusal != nil {
		return refusal.advise(x, client)
	}
	return nil
}

// fulfil takes the request through its grant type: decide, sign, remember,
// answer. It signs before it remembers, so that a signer that fails uses up no
// refresh token, and remembers before it answers, so that of two requests with
// one token the second gets nothing.
func (e *tokenEndpoint) fulfil(ctx context.Context, x *exchange, client snapshot.Client, out *answer) *Error {
	// A conflict says that another request changed the family of the refresh token since this
	// one read it: it is read and decided again.
	for range refresh.MaxAttempts {
		x.refresh = refresh.Result{}
		refusal := e.decide(ctx, x, client)
		if refusal == nil {
			if refusal = e.sign(ctx, x, out); refusal != nil {
				return refusal
			}
		} else if x.refresh.Change != nil {
			ctx = context.WithoutCancel(ctx) // a client that goes away does not undo a revocation
		}
		err := e.families.Commit(ctx, x.refresh.Change)
		switch {
		case err == nil:
			return refusal
		case !errors.Is(err, store.ErrConflict):
			return storeError(err)
		}
	}
	return refuse(CodeUnavailable, ReasonStore)
}

// decide decides by the grant type. A client on its own behalf (RFC 6749 section 4.4)
// needs nothing that is not in the request already.
func (e *tokenEndpoint) decide(ctx context.Context, x *exchange, client snapshot.Client) *Error {
	grantType := x.request.GrantType
	if grantType == schema.GrantClientCredentials {
		return x.decide(client)
	}
	// Before a foreign token is verified or a record is read: who may not use the grant at
	// all causes no work.
	if refusal := x.state.Decider.CheckGrantType(client, grantType); refusal != nil {
		return decided(refusal)
	}
	switch grantType {
	case schema.GrantTokenExchange:
		return e.exchangeToken(x, client)
	case schema.GrantJWTBearer:
		return e.acceptAssertion(x, client)
	default:
		return e.refresh(ctx, x, client)
	}
}

// decide asks the Decider whether the client may have the token, and keeps the grant. The
// rules are package decide's; nothing here adds one.
func (x *exchange) decide(client snapshot.Client) *Error {
	x.request.Authenticated = client
	grant, refusal := x.state.Decider.Decide(x.request, x.now)
	x.grant = grant
	return decided(refusal)
}

// sign signs the token and builds the answer around it in out.body. It waits for a signature
// at the gate, which ErrBusy ends when the queue is full.
func (e *tokenEndpoint) sign(ctx context.Context, x *exchange, out *answer) *Error {
	begin := time.Now()
	out.body = append(out.body[:0], `{"access_token":"`...)
	var err error
	if out.body, x.signed, err = x.state.Issuer.Issue(ctx, out.body, &x.grant.Grant); err != nil {
		return issueError(err)
	}
	if !x.signed.Reused {
		e.report.metrics.Signed(string(x.grant.Alg), time.Since(begin))
	}
	out.complete(x)
	return nil
}

// issueError returns the refusal for a grant whose token could not be signed. All of them are
// 503: the request was right, and may succeed a moment later or at another instance.
func issueError(err error) *Error {
	reason := ReasonSigner
	switch {
	case errors.Is(err, token.ErrNoKey):
		reason = ReasonNoSigningKey
	case errors.Is(err, token.ErrBusy):
		reason = ReasonBusy
	case isGone(err):
		reason = ReasonGone
	}
	return unavailable(reason, err)
}

// answers are the buffers that token answers are put together in. A token request then
// allocates none, and the signer appends to the buffer that is sent.
var answers = sync.Pool{New: func() any { return new(answer) }}

// An answer is the body of a token answer (RFC 6749 section 5.1).
type answer struct{ body []byte }

// complete appends what follows the token. Scopes are scope-tokens and need
// no escaping (RFC 6749 section 3.3).
func (a *answer) complete(x *exchange) {
	g := &x.grant
	tokenType := `","token_type":"Bearer","expires_in":`
	if g.JKT != "" {
		tokenType = `","token_type":"DPoP","expires_in":` // RFC 9449 section 5
	}
	a.body = append(a.body, tokenType...)
	a.body = strconv.AppendInt(a.body, g.Lifetime(), 10)
	if g.Scope != "" {
		a.body = append(a.body, `,"scope":"`...)
		a.body = append(a.body, g.Scope...)
		a.body = append(a.body, '"')
	}
	if x.refresh.Token != "" {
		a.body = append(a.body, `,"refresh_token":"`...)
		a.body = append(a.body, x.refresh.Token...)
		a.body = append(a.body, '"')
	}
	if x.issuedType { // RFC 8693 section 2.2.1
		a.body = append(a.body, `,"issued_token_type":"`+accessTokenType+`"`...)
	}
	a.body = append(a.body, "}\n"...)
}
