package server

import (
	"net/http"

	"github.com/writ-auth/writ/schema"
)

// A Code is an OAuth error code (RFC 6749 section 5.2, RFC 8707 section 2).
type Code string

// The error codes of the token endpoint.
const (
	CodeInvalidRequest       Code = "invalid_request"
	CodeInvalidClient        Code = "invalid_client"
	CodeInvalidGrant         Code = "invalid_grant"
	CodeUnauthorizedClient   Code = "unauthorized_client"
	CodeUnsupportedGrantType Code = "unsupported_grant_type"
	CodeInvalidScope         Code = "invalid_scope"
	CodeInvalidTarget        Code = "invalid_target"
	CodeAccessDenied         Code = "access_denied"           // Auth0's answer to most refusals
	CodeTooManyRequests      Code = "too_many_requests"       // with 429
	CodeUnavailable          Code = "temporarily_unavailable" // with 503
	CodeUnsupportedTokenType Code = "unsupported_token_type"  // RFC 7009 section 2.2.1
	CodeInvalidDPoPProof     Code = "invalid_dpop_proof"      // RFC 9449 section 5
	CodeUseDPoPNonce         Code = "use_dpop_nonce"          // RFC 9449 section 8
)

// A Reason is the exact cause of a refusal, for logs and for "writ explain":
// the answer to the client says less.
type Reason string

// The reasons. Refusals of assertions, foreign tokens, certificates and proofs
// have those of package clientauth beside these, written with hyphens.
const (
	ReasonGranted Reason = "granted"

	ReasonMethod             Reason = "method-not-allowed"
	ReasonContentType        Reason = "wrong-content-type"
	ReasonBodyTooLarge       Reason = "body-too-large"
	ReasonUnreadableBody     Reason = "unreadable-body"
	ReasonMalformedForm      Reason = "malformed-form"
	ReasonDuplicateParameter Reason = "duplicate-parameter"
	ReasonTooManyParameters  Reason = "too-many-parameters"
	ReasonQueryCredentials   Reason = "credentials-in-query"
	ReasonNoGrantType        Reason = "grant-type-missing"

	ReasonUnsupportedGrantType Reason = "unsupported-grant-type"
	ReasonGrantTypeNotAllowed  Reason = "grant-type-not-allowed"
	ReasonUnknownClient        Reason = "unknown-client"
	ReasonNoTarget             Reason = "audience-missing"
	ReasonTargetsDiffer        Reason = "audience-and-resource-differ"
	ReasonUnknownTarget        Reason = "unknown-audience"
	ReasonNoAuthorization      Reason = "no-authorization"
	ReasonAuthorizationExpired Reason = "authorization-expired"
	ReasonNotSenderConstrained Reason = "not-sender-constrained"
	ReasonMalformedScope       Reason = "malformed-scope"
	ReasonUngrantedScope       Reason = "ungranted-scope"

	ReasonNoSubjectToken   Reason = "subject-token-missing"
	ReasonNoAssertion      Reason = "assertion-missing"
	ReasonTokenType        Reason = "unsupported-token-type"
	ReasonActorIncomplete  Reason = "actor-token-or-type-missing"
	ReasonOwnToken         Reason = "token-of-our-own"
	ReasonUntrustedIssuer  Reason = "issuer-not-trusted-for-users"
	ReasonForeignSubject   Reason = "unacceptable-sub"
	ReasonSubjectClaims    Reason = "subject-claims-not-met"
	ReasonClaimsTooLong    Reason = "copied-claims-too-long"
	ReasonActor            Reason = "actor-not-in-may-act"
	ReasonMalformedActor   Reason = "malformed-act"
	ReasonForeignActor     Reason = "act-of-another-issuer"
	ReasonSubjectExpired   Reason = "subject-token-ends-now"
	ReasonNoRefreshToken   Reason = "refresh-token-missing"
	ReasonNoSuchFamily     Reason = "unknown-refresh-token"
	ReasonFamilyRevoked    Reason = "refresh-token-revoked"
	ReasonFamilyExpired    Reason = "refresh-token-expired"
	ReasonReused           Reason = "refresh-token-used-again"
	ReasonOfflineForbidden Reason = "offline-access-not-allowed"
	ReasonOtherTarget      Reason = "audience-of-another-grant"

	ReasonNoToken       Reason = "token-missing"
	ReasonNotOurs       Reason = "token-not-ours"
	ReasonTokenExpired  Reason = "token-expired"
	ReasonNotTheCallers Reason = "token-of-another-client"
	ReasonRevoked       Reason = "issued-before-revoked-before"
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
	ReasonSigner       Reason = "signer-failed"
	ReasonGone         Reason = "client-gone-away"
	ReasonStore        Reason = "state-store-failed"
	ReasonIssuerKeys   Reason = "trusted-issuer-keys-missing"
)

// An Error is a refusal. Code, Description and Status are for the client, in
// the words of RFC 6749; Reason and Detail are for the log and may hold input.
type Error struct {
	Code        Code
	Description string
	Status      int
	Reason      Reason
	Detail      string
}

// Error describes the refusal for a person who may know everything.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + string(e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// refuse makes the refusal with the code, worded as RFC 6749 has it.
func refuse(code Code, reason Reason) *Error {
	w := wording[code]
	e := &Error{Code: code, Description: w.description, Status: w.status, Reason: reason}
	switch reason {
	case ReasonMethod:
		e.Status = http.StatusMethodNotAllowed
	case ReasonBodyTooLarge:
		e.Status = http.StatusRequestEntityTooLarge
	}
	return e
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
var auth0Wording = map[Code]struct {
	code Code
	words
}{
	CodeInvalidClient:      {CodeAccessDenied, words{401, "Unauthorized"}},
	CodeUnauthorizedClient: {CodeUnauthorizedClient, words{403, "Grant type not allowed for the client."}},
	CodeInvalidScope:       {CodeAccessDenied, words{403, "Client has not been granted the requested scopes."}},
	CodeInvalidTarget:      {CodeAccessDenied, words{403, "Client is not authorized to access the requested audience."}},
}

// In returns the refusal in the words of a style.
func (e *Error) In(style schema.ErrorStyle) *Error {
	w, ok := auth0Wording[e.Code]
	if style != schema.ErrorsAuth0 || !ok {
		return e
	}
	return &Error{Code: w.code, Description: w.description, Status: w.status, Reason: e.Reason, Detail: e.Detail}
}
