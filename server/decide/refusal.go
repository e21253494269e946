package decide

import (
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Code is an OAuth error code (RFC 6749 section 5.2, RFC 8707 section 2).
type Code string

// The codes of a decision.
const (
	CodeInvalidRequest       Code = "invalid_request"
	CodeInvalidClient        Code = "invalid_client"
	CodeInvalidGrant         Code = "invalid_grant"
	CodeUnauthorizedClient   Code = "unauthorized_client"
	CodeUnsupportedGrantType Code = "unsupported_grant_type"
	CodeInvalidScope         Code = "invalid_scope"
	CodeInvalidTarget        Code = "invalid_target"
	CodeAccessDenied         Code = "access_denied" // Auth0's answer to most refusals
)

// In returns the code that a client is told in the style: Auth0 has one for
// everything that the client may not know or have.
func (c Code) In(style schema.ErrorStyle) Code {
	if style != schema.ErrorsAuth0 {
		return c
	}
	switch c {
	case CodeInvalidClient, CodeInvalidScope, CodeInvalidTarget:
		return CodeAccessDenied
	}
	return c
}

// A Reason is the exact cause of a refusal, for logs and for "writ explain":
// the answer to the client says less.
type Reason string

// The reasons of a decision.
const (
	ReasonGranted Reason = "granted"

	ReasonNoGrantType          Reason = "grant-type-missing"
	ReasonUnknownClient        Reason = "unknown-client"
	ReasonNoCredential         Reason = "no-credential-in-force"
	ReasonUnsupportedGrantType Reason = "unsupported-grant-type"
	ReasonGrantTypeNotAllowed  Reason = "grant-type-not-allowed"
	ReasonNoTarget             Reason = "audience-missing"
	ReasonTargetsDiffer        Reason = "audience-and-resource-differ"
	ReasonUnknownTarget        Reason = "unknown-audience"
	ReasonNoAuthorization      Reason = "no-authorization"
	ReasonAuthorizationExpired Reason = "authorization-expired"
	ReasonNotSenderConstrained Reason = "not-sender-constrained"
	ReasonMalformedScope       Reason = "malformed-scope"
	ReasonUngrantedScope       Reason = "ungranted-scope"

	// On behalf of a user.
	ReasonNoSubjectToken   Reason = "subject-token-missing"
	ReasonNoAssertion      Reason = "assertion-missing"
	ReasonUntrustedIssuer  Reason = "issuer-not-trusted-for-users"
	ReasonForeignSubject   Reason = "unacceptable-sub"
	ReasonSubjectClaims    Reason = "subject-claims-not-met"
	ReasonClaimsTooLong    Reason = "copied-claims-too-long"
	ReasonSubjectExpired   Reason = "subject-token-ends-now"
	ReasonNoRefreshToken   Reason = "refresh-token-missing"
	ReasonNotTheCallers    Reason = "token-of-another-client"
	ReasonFamilyRevoked    Reason = "refresh-token-revoked"
	ReasonFamilyExpired    Reason = "refresh-token-expired"
	ReasonOfflineForbidden Reason = "offline-access-not-allowed"
	ReasonOtherTarget      Reason = "audience-of-another-grant"

	// Of a token that was issued before; by then some of those above hold, too.
	ReasonRevoked Reason = "issued-before-revoked-before"
)

// A Refusal is a decision against a request. Code is for the client; Reason and
// Detail are for logs and for people who may know everything: Detail may hold input.
type Refusal struct {
	Code   Code
	Reason Reason
	Detail string

	// Meant is an API that the client may have a token for and whose identifier looks like
	// the one that it asked for; zero for none. Differs says how they differ. A client that
	// has authenticated may be told of it.
	Meant   snapshot.API
	Differs string // "by a trailing slash"
}

// Error describes the refusal for a person who may know everything.
func (r *Refusal) Error() string {
	s := string(r.Code) + ": " + string(r.Reason)
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	return s
}

// refuse makes a refusal of which there is no more to say than its reason.
func refuse(code Code, reason Reason) *Refusal { return &Refusal{Code: code, Reason: reason} }

// refuseDetailed is refuse with a detail for logs, which may hold what the client sent.
func refuseDetailed(code Code, reason Reason, detail string) *Refusal {
	return &Refusal{Code: code, Reason: reason, Detail: detail}
}
