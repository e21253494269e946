package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
)

// authenticate finds the client, for every endpoint that asks for one. It sets
// what the audit line says of it: x.request.ClientID is the client that is
// claimed, also when the claim fails.
func (e *tokenEndpoint) authenticate(x *exchange, r *http.Request) (snapshot.Client, *Error) {
	cred, err := clientauth.Read(r.Header["Authorization"], clientauth.Params{
		ClientID:            x.form.get("client_id"),
		ClientSecret:        x.form.get("client_secret"),
		ClientAssertion:     x.form.get("client_assertion"),
		ClientAssertionType: x.form.get("client_assertion_type"),
		Certificate:         e.server.opts.ClientCertificates.Presented(r.TLS),
	})
	x.request.ClientID, x.method = cred.ClientID, cred.Method
	if err != nil {
		return snapshot.Client{}, authenticationError(err)
	}
	assertion, unreadable := readAssertion(&cred)
	x.request.ClientID = cred.ClientID
	failures := e.server.failures.of(cred.ClientID, r.RemoteAddr)
	if !failures.bearable(x.now) {
		return snapshot.Client{}, refuse(CodeTooManyRequests, ReasonFailureRate)
	}
	client, err := snapshot.Client{}, unreadable
	if err == nil {
		client, err = e.verify(x, r, cred, assertion)
	}
	if err == nil {
		if refusal := e.admit(x, client); refusal != nil {
			return snapshot.Client{}, refusal
		}
		err = e.useUp(r.Context(), x, assertion)
	}
	if err == nil {
		return client, nil
	}
	refusal := authenticationError(err)
	switch {
	case refusal.Code == CodeInvalidClient:
		failures.count(x.now)
	case refusal.Reason == ReasonSlowHashes || refusal.Reason == ReasonGone:
		failures.countAddress(x.now)
	}
	return snapshot.Client{}, refusal
}

// admit is asked once the credential is verified and before anything is remembered of
// the request: what one client has the server remember is bounded, and with it what
// it can take from the others.
func (e *tokenEndpoint) admit(x *exchange, client snapshot.Client) *Error {
	switch {
	case x.issues && !e.server.rates.allow(client.Label(), client.RateLimit(), x.now):
		return refuse(CodeTooManyRequests, ReasonClientRate)
	case x.method == clientauth.PrivateKeyJWT && !e.server.uses.allow(client.Label(), maxUses, x.now):
		return refuse(CodeTooManyRequests, ReasonUseRate)
	}
	return nil
}

// useUp uses up an assertion that the client signed itself; another issuer's token is
// the client's until it ends.
func (e *tokenEndpoint) useUp(ctx context.Context, x *exchange, assertion *clientauth.Token) error {
	if x.method != clientauth.PrivateKeyJWT {
		return nil
	}
	return x.active.registered.assertions.UseUp(ctx, assertion, x.request.ClientID)
}

// readAssertion reads the credential's assertion, if it has one. Whom it is
// about names the client when the request does not (RFC 7521 section 4.2).
func readAssertion(cred *clientauth.Credential) (*clientauth.Token, error) {
	if cred.Method != clientauth.PrivateKeyJWT {
		return nil, nil
	}
	assertion, err := clientauth.ReadToken(cred.Assertion, clientauth.MaxAssertion)
	if err != nil {
		return nil, err
	}
	if cred.ClientID == "" {
		cred.ClientID = assertion.UnverifiedSubject()
	}
	return assertion, nil
}

// verify checks the credential by its method. A client that does not exist
// takes the same way as one that does.
func (e *tokenEndpoint) verify(x *exchange, r *http.Request, cred clientauth.Credential, assertion *clientauth.Token) (client snapshot.Client, err error) {
	a := x.active
	if assertion == nil && cred.Method != clientauth.TLSClientAuth {
		client, x.credential, err = a.secrets.Verify(r.Context(), peer(r.RemoteAddr), cred, x.now.Unix())
		return client, err
	}
	client, known := a.snapshot.ClientByID(cred.ClientID)
	e.server.work.Did("look-up")
	switch {
	case assertion == nil:
		err = e.verifyCertificate(x, r, client, known)
	case isForeign(cred, assertion) && a.registered.vouchesForClient(assertion):
		x.method = clientauth.Federated
		x.credential, err = a.registered.verifyFederated(assertion, client, known, x.now)
	default:
		x.credential, err = a.registered.assertions.Verify(cred.AssertionType, assertion, cred.ClientID, a.registered.keys[cred.ClientID])
	}
	if !known {
		err = unknown(err)
	}
	return client, err
}

// unknown is the error of a credential that names no client. A refusal stays one
// and changes its reason only, so that it takes the time of any other one.
func unknown(err error) error {
	if refusal, ok := errors.AsType[*clientauth.Refusal](err); ok {
		refusal.Reason = clientauth.ReasonUnknownClient
	}
	if err == nil {
		return clientauth.ErrUnknownClient
	}
	return err
}

// isForeign reports whether the assertion is another issuer's token: not the
// client's own, and a JWT-SVID when it comes as one.
func isForeign(cred clientauth.Credential, assertion *clientauth.Token) bool {
	if cred.AssertionType == clientauth.SPIFFEAssertionType && !strings.HasPrefix(assertion.UnverifiedSubject(), "spiffe://") {
		return false
	}
	return assertion.UnverifiedIssuer() != cred.ClientID
}

// verifyCertificate matches the certificate of the connection, whose chain is
// verified for clients that do not exist, too. The token will be bound to it.
func (e *tokenEndpoint) verifyCertificate(x *exchange, r *http.Request, client snapshot.Client, known bool) error {
	listener := e.server.opts.ClientCertificates
	peer, _ := clientauth.VerifyPeer(r.TLS, listener.Roots(), x.now)
	e.server.work.Did("chain")
	if !known {
		return clientauth.ErrUnknownClient
	}
	label, method, err := clientauth.MatchCertificate(peer, client.Certificates(), x.now)
	if err != nil {
		return err
	}
	if !listener.Takes(method) {
		return clientauth.ErrUnsupportedMethod
	}
	x.method, x.credential = method, label
	x.request.Confirmation.X5TS = peer.Thumbprint()
	return nil
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
	{clientauth.ErrBusy, CodeUnavailable, ReasonSlowHashes},
	{clientauth.ErrNoKeys, CodeUnavailable, ReasonIssuerKeys},
	{context.Canceled, CodeUnavailable, ReasonGone},
	{context.DeadlineExceeded, CodeUnavailable, ReasonGone},
}

// authenticationError looks through all of them, so that the time does not tell
// which one it was.
func authenticationError(err error) *Error {
	found := -1
	for i := range authenticationReasons {
		if errors.Is(err, authenticationReasons[i].err) {
			found = i
		}
	}
	if found < 0 {
		return credentialError(err, CodeInvalidClient)
	}
	return refuse(authenticationReasons[found].code, authenticationReasons[found].reason)
}

// credentialError is the refusal with the code when err is a Refusal of package
// clientauth. Any other error has decided nothing: it is that of a server that has just
// started, or the store's.
func credentialError(err error, code Code) *Error {
	if starting, ok := errors.AsType[*clientauth.StartError](err); ok {
		refusal := refuse(CodeUnavailable, ReasonJustStarted)
		refusal.Detail, refusal.RetryAfter = starting.Error(), starting.RetryAfter
		return refusal
	}
	refusal := storeError(err)
	if refused, ok := errors.AsType[*clientauth.Refusal](err); ok {
		refusal = refuse(code, Reason(strings.ReplaceAll(string(refused.Reason), "_", "-")))
		refusal.Detail = refused.Detail
	}
	return refusal
}
