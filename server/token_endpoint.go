package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// A tokenEndpoint answers POST /oauth/token (RFC 6749 section 3.2).
type tokenEndpoint struct{ server *Server }

// An exchange is one request on its way through the endpoint, with what the
// audit line will say of it.
type exchange struct {
	active     *Active
	now        time.Time
	form       *form
	request    decide.Request
	issues     bool // it asks for a token: rate_limit counts it
	method     clientauth.Method
	credential string // the label of the block that authenticated the client
	grant      decide.Grant
	signed     token.Signed
	issuedType bool    // the answer says what was issued (RFC 8693 section 2.2.1)
	issuer     string  // the label of the trusted issuer whose token was presented
	offline    offline // what there is to remember of a refresh token
	trace      string  // the trace that the request belongs to, "" for none
}

func (e *tokenEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	x := &exchange{active: a, now: e.server.opts.Now(), trace: traceID(r.Header), form: newForm(), issues: true}
	defer x.form.done()
	out := answers.Get().(*answer)
	defer answers.Put(out)
	refusal := e.run(x, out, w, r)
	end := time.Now()
	e.server.audit(r.Context(), x, refusal, end)
	e.server.count(x, refusal, end.Sub(begin))
	e.server.tell(r.Context(), x, refusal)
	if refusal != nil {
		writeError(w, refusal.In(a.style))
		return
	}
	writeNoStore(w, http.StatusOK, out.body)
}

// run takes the request through the stages: read, authenticate,
// prove, and fulfil by its grant type.
func (e *tokenEndpoint) run(x *exchange, out *answer, w http.ResponseWriter, r *http.Request) *Error {
	if refusal := readForm(w, r, x.form); refusal != nil {
		return refusal
	}
	x.request = decide.Request{
		GrantType: x.form.get("grant_type"),
		Audience:  x.form.get("audience"),
		Resource:  x.form.get("resource"),
		Scope:     x.form.get("scope"),
	}
	if x.request.GrantType == "" {
		return refuse(CodeInvalidRequest, ReasonNoGrantType)
	}
	client, refusal := e.authenticate(x, r)
	if refusal != nil {
		return refusal
	}
	if refusal := e.prove(x, client, w, r); refusal != nil {
		return refusal
	}
	return e.fulfil(r.Context(), x, client, out)
}

// issue appends the token and the rest of the answer to out.
func (e *tokenEndpoint) issue(ctx context.Context, x *exchange, out *answer) *Error {
	out.begin()
	begin := time.Now()
	var err error
	if out.body, x.signed, err = x.active.issuer.Issue(ctx, out.body, &x.grant.Grant); err != nil {
		return issueError(err)
	}
	if !x.signed.Reused {
		e.server.metrics.Signed(string(x.grant.Alg), time.Since(begin))
	}
	out.end(&x.grant, x.issuedType, x.offline.token)
	return nil
}

// issueError is the refusal when no token could be made of a grant.
func issueError(err error) *Error {
	reason := ReasonSigner
	switch {
	case errors.Is(err, token.ErrNoKey):
		reason = ReasonNoSigningKey
	case errors.Is(err, token.ErrBusy):
		reason = ReasonBusy
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		reason = ReasonGone
	}
	refusal := refuse(CodeUnavailable, reason)
	refusal.Detail = err.Error()
	return refusal
}
