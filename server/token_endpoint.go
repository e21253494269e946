package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/token"
)

// A tokenEndpoint answers POST /oauth/token (RFC 6749 section 3.2).
type tokenEndpoint struct{ server *Server }

// An exchange is one request on its way through the endpoint, with what the
// audit line will say of it.
type exchange struct {
	active  *Active
	now     time.Time
	form    form
	request Request
	method  clientauth.Method
	grant   Grant
	signed  token.Signed
}

func (e *tokenEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	x := &exchange{active: a, now: e.server.opts.Now()}
	out := answers.Get().(*answer)
	defer answers.Put(out)
	refusal := e.run(x, out, w, r)
	e.server.audit(r.Context(), x, refusal)
	e.server.count(x, refusal, begin)
	if refusal != nil {
		writeError(w, refusal.In(a.style))
		return
	}
	writeNoStore(w, http.StatusOK, out.body)
}

// run takes the request through the stages: read, authenticate, decide, issue.
func (e *tokenEndpoint) run(x *exchange, out *answer, w http.ResponseWriter, r *http.Request) *Error {
	if refusal := readForm(w, r, &x.form); refusal != nil {
		return refusal
	}
	x.request = Request{
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
	if x.grant, refusal = decide(x.active.snapshot, client, x.request, x.now); refusal != nil {
		return refusal
	}
	if !e.server.rates.allow(client.Label(), client.RateLimit(), x.now) {
		return refuse(CodeTooManyRequests, ReasonClientRate)
	}
	return e.issue(r.Context(), x, out)
}

// authenticate finds the client. x.request.ClientID is the one that is claimed,
// also when the claim fails.
func (e *tokenEndpoint) authenticate(x *exchange, r *http.Request) (snapshot.Client, *Error) {
	cred, err := clientauth.Read(r.Header["Authorization"], clientauth.Params{
		ClientID:            x.form.get("client_id"),
		ClientSecret:        x.form.get("client_secret"),
		ClientAssertion:     x.form.get("client_assertion"),
		ClientAssertionType: x.form.get("client_assertion_type"),
	})
	x.request.ClientID, x.method = cred.ClientID, cred.Method
	if err != nil {
		return snapshot.Client{}, authenticationError(err)
	}
	failures := e.server.failures.of(cred.ClientID, r.RemoteAddr)
	if !failures.bearable(x.now) {
		return snapshot.Client{}, refuse(CodeTooManyRequests, ReasonFailureRate)
	}
	client, err := x.active.secrets.Verify(r.Context(), cred, x.now.Unix())
	if err == nil {
		return client, nil
	}
	refusal := authenticationError(err)
	if refusal.Code == CodeInvalidClient {
		failures.count(x.now)
	}
	return snapshot.Client{}, refusal
}

// issue appends the token and the rest of the answer to out.
func (e *tokenEndpoint) issue(ctx context.Context, x *exchange, out *answer) *Error {
	out.begin()
	begin := time.Now()
	var err error
	if out.body, x.signed, err = x.active.issuer.Issue(ctx, out.body, &x.grant.Grant); err != nil {
		return issueError(err)
	}
	e.server.metrics.Signed(string(x.grant.Alg), time.Since(begin))
	out.end(&x.grant)
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

// authenticationReasons are the causes of a failed authentication. To the
// client they are all the same answer.
var authenticationReasons = []struct {
	err    error
	code   Code
	reason Reason
}{
	{clientauth.ErrMultiple, CodeInvalidRequest, "two-authentication-methods"},
	{clientauth.ErrClientIDsDiffer, CodeInvalidRequest, "client-ids-differ"},
	{clientauth.ErrNone, CodeInvalidClient, "no-credential"},
	{clientauth.ErrUnsupportedMethod, CodeInvalidClient, "unsupported-method"},
	{clientauth.ErrMalformedBasic, CodeInvalidClient, "malformed-basic"},
	{clientauth.ErrUnknownClient, CodeInvalidClient, ReasonUnknownClient},
	{clientauth.ErrWrongSecret, CodeInvalidClient, "wrong-secret"},
	{clientauth.ErrExpiredSecret, CodeInvalidClient, "expired-secret"},
	{clientauth.ErrEarlySecret, CodeInvalidClient, "secret-not-valid-yet"},
	{clientauth.ErrNoSecrets, CodeInvalidClient, "method-not-registered"},
	{clientauth.ErrUnreadableSecret, CodeInvalidClient, "secret-unreadable"},
	{clientauth.ErrBusy, CodeUnavailable, "secret-hash-queue-full"},
}

func authenticationError(err error) *Error {
	for _, known := range authenticationReasons {
		if errors.Is(err, known.err) {
			return refuse(known.code, known.reason)
		}
	}
	return refuse(CodeUnavailable, ReasonGone)
}
