package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/internal/refresh"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/store"
)

// A Code is an OAuth error code, and a Reason the exact cause of a refusal.
type (
	Code   = decide.Code
	Reason = decide.Reason
)

// The error codes of the endpoints: those of a decision, and their own.
const (
	CodeInvalidRequest       = decide.CodeInvalidRequest
	CodeInvalidClient        = decide.CodeInvalidClient
	CodeInvalidGrant         = decide.CodeInvalidGrant
	CodeUnauthorizedClient   = decide.CodeUnauthorizedClient
	CodeUnsupportedGrantType = decide.CodeUnsupportedGrantType
	CodeInvalidScope         = decide.CodeInvalidScope
	CodeInvalidTarget        = decide.CodeInvalidTarget

	CodeTooManyRequests      Code = "too_many_requests"       // with 429
	CodeUnavailable          Code = "temporarily_unavailable" // with 503
	CodeUnsupportedTokenType Code = "unsupported_token_type"  // RFC 7009 section 2.2.1
	CodeInvalidDPoPProof     Code = "invalid_dpop_proof"      // RFC 9449 section 5
	CodeUseDPoPNonce         Code = "use_dpop_nonce"          // RFC 9449 section 8
)

// The reasons of a decision that the endpoints have, too.
const (
	ReasonGranted         = decide.ReasonGranted
	ReasonNoGrantType     = decide.ReasonNoGrantType
	ReasonUnknownClient   = decide.ReasonUnknownClient
	ReasonUnknownTarget   = decide.ReasonUnknownTarget
	ReasonUntrustedIssuer = decide.ReasonUntrustedIssuer
	ReasonForeignSubject  = decide.ReasonForeignSubject
	ReasonFamilyRevoked   = decide.ReasonFamilyRevoked
	ReasonNotTheCallers   = decide.ReasonNotTheCallers
)

// The reasons of the endpoints. Refusals of assertions, foreign tokens, certificates
// and proofs have those of package clientauth as well, written with hyphens.
const (
	ReasonMethod             Reason = "method-not-allowed"
	ReasonContentType        Reason = "wrong-content-type"
	ReasonBodyTooLarge       Reason = "body-too-large"
	ReasonUnreadableBody     Reason = "unreadable-body"
	ReasonMalformedForm      Reason = "malformed-form"
	ReasonDuplicateParameter Reason = "duplicate-parameter"
	ReasonTooManyParameters  Reason = "too-many-parameters"
	ReasonQueryCredentials   Reason = "credentials-in-query"

	ReasonTokenType       Reason = "unsupported-token-type"
	ReasonActorIncomplete Reason = "actor-token-or-type-missing"
	ReasonOwnToken        Reason = "token-of-our-own"
	ReasonActor           Reason = "actor-not-in-may-act"
	ReasonMalformedActor  Reason = "malformed-act"
	ReasonForeignActor    Reason = "act-of-another-issuer"
	ReasonNoSuchFamily           = refresh.ReasonUnknown
	ReasonReused                 = refresh.ReasonReused

	ReasonNoToken       Reason = "token-missing"
	ReasonNotOurs       Reason = "token-not-ours"
	ReasonTokenExpired  Reason = "token-expired"
	ReasonSelfContained Reason = "access-token-is-self-contained"

	ReasonClientRate   Reason = "client-rate-limit"
	ReasonUseRate      Reason = "client-assertion-and-proof-limit"
	ReasonFamilyRate   Reason = "client-refresh-token-limit"
	ReasonShare        Reason = "client-share-of-store-full"
	ReasonFailureRate  Reason = "failed-authentication-limit"
	ReasonManyStreams  Reason = "too-many-requests-at-once"
	ReasonUnfinished   Reason = "too-many-unfinished-requests"
	ReasonNoSnapshot   Reason = "no-snapshot"
	ReasonNoSigningKey Reason = "no-signing-key"
	ReasonBusy         Reason = "signing-queue-full"
	ReasonSlowHashes   Reason = "secret-hash-queue-full"
	ReasonSigner       Reason = "signer-failed"
	ReasonGone         Reason = "client-gone-away"
	ReasonStore        Reason = "state-store-failed"
	ReasonJustStarted  Reason = "server-just-started"
	ReasonIssuerKeys   Reason = "trusted-issuer-keys-missing"
)

// An Error is a refusal as HTTP words it: Code, Description and Status are for the
// client, in the words of RFC 6749.
type Error struct {
	decide.Refusal
	Description string
	Status      int
	RetryAfter  time.Duration // what a 429 or 503 advises; less than a second: one
}

// retryAfter is the field of that name, in seconds (RFC 9110 section 10.2.3).
func (e *Error) retryAfter() string { return strconv.Itoa(max(1, int(e.RetryAfter/time.Second))) }

// refuse makes the refusal with the code, worded as RFC 6749 has it.
func refuse(code Code, reason Reason) *Error {
	w := wording[code]
	e := &Error{Refusal: decide.Refusal{Code: code, Reason: reason}, Description: w.description, Status: w.status}
	switch reason {
	case ReasonMethod:
		e.Status = http.StatusMethodNotAllowed
	case ReasonBodyTooLarge:
		e.Status = http.StatusRequestEntityTooLarge
	}
	return e
}

// decided words a decision: nil when it is in favour.
func decided(refusal *decide.Refusal) *Error {
	if refusal == nil {
		return nil
	}
	e := refuse(refusal.Code, refusal.Reason)
	e.Detail = refusal.Detail
	return e
}

// unavailable is the refusal when err has decided nothing about the request.
func unavailable(reason Reason, err error) *Error {
	e := refuse(CodeUnavailable, reason)
	e.Detail = err.Error()
	return e
}

// isGone reports whether the client did not wait for the answer.
func isGone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// storeError is the refusal for an error of the store.
func storeError(err error) *Error {
	switch {
	case errors.Is(err, store.ErrShare):
		return refuse(CodeTooManyRequests, ReasonShare)
	case isGone(err):
		return unavailable(ReasonGone, err)
	}
	return unavailable(ReasonStore, err)
}

// formError is the refusal for an error of transport.Form.
func formError(err error) *Error {
	if errors.Is(err, transport.ErrCutOff) {
		return refuse(CodeUnavailable, ReasonUnfinished)
	}
	return refuse(CodeInvalidRequest, formReasons[err])
}

var formReasons = map[error]Reason{
	transport.ErrContentType:      ReasonContentType,
	transport.ErrQueryCredentials: ReasonQueryCredentials,
	transport.ErrTooLarge:         ReasonBodyTooLarge,
	transport.ErrUnreadable:       ReasonUnreadableBody,
	transport.ErrMalformed:        ReasonMalformedForm,
	transport.ErrDuplicate:        ReasonDuplicateParameter,
	transport.ErrTooMany:          ReasonTooManyParameters,
}

type words struct {
	status      int
	description string
}

// wording is the error table of RFC 6749 section 5.2. Descriptions keep to
// %x20-21 / %x23-5B / %x5D-7E and never hold input.
var wording = map[Code]words{
	CodeInvalidRequest:       {400, "The request is malformed, lacks a parameter or has one twice."},
	CodeInvalidClient:        {401, "Client authentication failed."},
	CodeInvalidGrant:         {400, "The assertion or refresh token is invalid, expired, revoked or was issued to another client."},
	CodeUnauthorizedClient:   {400, "The client may not use this grant type."},
	CodeUnsupportedGrantType: {400, "The grant type is not supported."},
	CodeInvalidScope:         {400, "The scope is malformed or exceeds what is granted."},
	CodeInvalidTarget:        {400, "The audience is unknown or not granted to the client."},
	CodeTooManyRequests:      {429, "Too many requests."},
	CodeUnavailable:          {503, "The service cannot answer now."},
	CodeInvalidDPoPProof:     {400, "The DPoP proof is missing a part, was used before or does not fit the request."},
	CodeUseDPoPNonce:         {400, "The DPoP proof must hold the nonce that this answer carries."},
	CodeUnsupportedTokenType: {400, "Access tokens are self-contained: they cannot be revoked one by one and end when they expire."},
}

// auth0Wording is what clients of Auth0 know instead, where it differs.
var auth0Wording = map[Code]words{
	CodeInvalidClient:      {401, "Unauthorized"},
	CodeUnauthorizedClient: {403, "Grant type not allowed for the client."},
	CodeInvalidScope:       {403, "Client has not been granted the requested scopes."},
	CodeInvalidTarget:      {403, "Client is not authorized to access the requested audience."},
}

// In returns the refusal in the words of a style.
func (e *Error) In(style schema.ErrorStyle) *Error {
	w, ok := auth0Wording[e.Code]
	if style != schema.ErrorsAuth0 || !ok {
		return e
	}
	in := *e
	in.Code, in.Description, in.Status = e.Code.In(style), w.description, w.status
	return &in
}

// writeError answers with a refusal. Every answer with an OAuth error code is written here.
func writeError(w http.ResponseWriter, e *Error) {
	h := w.Header()
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="oauth"`) // RFC 9110 section 11.6.1
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", e.retryAfter())
	}
	body, err := json.Marshal(struct {
		Error       Code   `json:"error"`
		Description string `json:"error_description"`
	}{e.Code, e.Description})
	if err != nil {
		panic(err) // two strings
	}
	writeNoStore(w, e.Status, append(body, '\n'))
}
