package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
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
	ReasonGranted              = decide.ReasonGranted
	ReasonNoGrantType          = decide.ReasonNoGrantType
	ReasonUnsupportedGrantType = decide.ReasonUnsupportedGrantType
	ReasonUnknownClient        = decide.ReasonUnknownClient
	ReasonUnknownTarget        = decide.ReasonUnknownTarget
	ReasonUntrustedIssuer      = decide.ReasonUntrustedIssuer
	ReasonForeignSubject       = decide.ReasonForeignSubject
	ReasonFamilyRevoked        = decide.ReasonFamilyRevoked
	ReasonNotTheCallers        = decide.ReasonNotTheCallers
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
	ReasonTwoMethods         Reason = "two-authentication-methods"
	ReasonClientIDsDiffer    Reason = "client-ids-differ"

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

// An Error is a refusal as HTTP words it: Code, Description, Mend and Status are for the
// client, in the words of RFC 6749.
type Error struct {
	decide.Refusal
	Description string // what the code means
	// Mend says which parameter is wrong and what to send instead, "" where the client may
	// know no more than the code. It holds nothing of the request but names of parameters,
	// and of the configuration only what the client is authorized for.
	Mend       string
	Status     int
	RetryAfter time.Duration // what a 429 or 503 advises; less than a second: one

	page string // the section of docs/answers.md about it
}

// retryAfter is the field of that name, in seconds (RFC 9110 section 10.2.3).
func (e *Error) retryAfter() string { return strconv.Itoa(max(1, int(e.RetryAfter/time.Second))) }

// refuse makes the refusal with the code, worded as RFC 6749 has it.
func refuse(code Code, reason Reason) *Error {
	w := wording[code]
	e := &Error{Refusal: decide.Refusal{Code: code, Reason: reason}, Description: w.description, Status: w.status, page: string(code)}
	if how, ok := mending[reason]; ok && how.code == code {
		e.Mend, e.page = how.sentence, string(reason)
	}
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
	e.Refusal = *refusal
	return e
}

// unavailable is the refusal when err has decided nothing about the request: the same one
// may be granted a moment later, so the client is asked to come again.
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

// formError is the refusal for an error of form.Read.
func formError(form *transport.Form, err error) *Error {
	if errors.Is(err, transport.ErrCutOff) {
		return refuse(CodeUnavailable, ReasonUnfinished)
	}
	e := refuse(CodeInvalidRequest, formReasons[err])
	if name := form.Twice(); name != "" {
		e.Mend = "The parameter " + name + " is there twice: send it once."
	}
	return e
}

// formReasons are the causes of a form that cannot be read. Form.Read wraps none of them.
var formReasons = map[error]Reason{
	transport.ErrContentType:      ReasonContentType,
	transport.ErrQueryCredentials: ReasonQueryCredentials,
	transport.ErrTooLarge:         ReasonBodyTooLarge,
	transport.ErrUnreadable:       ReasonUnreadableBody,
	transport.ErrMalformed:        ReasonMalformedForm,
	transport.ErrDuplicate:        ReasonDuplicateParameter,
	transport.ErrTooMany:          ReasonTooManyParameters,
}

// words are how a code is answered: the status of HTTP, and what the code means.
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

// mending says how to mend a request, for the reasons where a sentence is enough. A reason
// that comes before the client has authenticated depends on the request alone, so that
// whoever sent it learns nothing else. Where a reason has several codes, the sentence is
// for one of them.
var mending = map[Reason]struct {
	code     Code
	sentence string
}{
	ReasonContentType:        {CodeInvalidRequest, "The Content-Type must be application/x-www-form-urlencoded or application/json, in UTF-8 and without Content-Encoding."},
	ReasonBodyTooLarge:       {CodeInvalidRequest, "The body is too large."},
	ReasonUnreadableBody:     {CodeInvalidRequest, "The body did not arrive whole."},
	ReasonMalformedForm:      {CodeInvalidRequest, "The body must be a form, or a JSON object of strings, in UTF-8 and with every reserved character escaped."},
	ReasonDuplicateParameter: {CodeInvalidRequest, "A parameter is there twice: send each once."},
	ReasonTooManyParameters:  {CodeInvalidRequest, "There are too many parameters."},
	ReasonQueryCredentials:   {CodeInvalidRequest, "Credentials in the URI end up in logs: send them in the body or the Authorization field, and replace those that were sent."},
	ReasonTwoMethods:         {CodeInvalidRequest, "Authenticate by one method: the Authorization field, client_secret or client_assertion."},
	ReasonClientIDsDiffer:    {CodeInvalidRequest, "client_id differs from the client that the credential names: leave client_id out."},
	ReasonNoGrantType:        {CodeInvalidRequest, "grant_type is missing: for a client on its own behalf it is client_credentials."},

	ReasonUnsupportedGrantType:        {CodeUnsupportedGrantType, "No client has this grant_type here: grant_types_supported in the metadata lists those that are offered."},
	decide.ReasonTargetsDiffer:        {CodeInvalidRequest, "audience and resource differ: send one of them."},
	decide.ReasonNotSenderConstrained: {CodeInvalidRequest, "The token must be bound to a key: send a DPoP proof, or connect with a client certificate."},
	decide.ReasonMalformedScope:       {CodeInvalidScope, "scope is malformed: scopes are separated by single spaces."},
	decide.ReasonNoSubjectToken:       {CodeInvalidRequest, "subject_token or subject_token_type is missing."},
	decide.ReasonNoAssertion:          {CodeInvalidRequest, "assertion is missing."},
	decide.ReasonNoRefreshToken:       {CodeInvalidRequest, "refresh_token is missing."},
	decide.ReasonOtherTarget:          {CodeInvalidTarget, "The refresh token is for another audience: leave audience and resource out."},
	ReasonTokenType:                   {CodeInvalidRequest, "A token type is not taken: subject_token_type and actor_token_type may be id_token, jwt or access_token, requested_token_type access_token or jwt, each after urn:ietf:params:oauth:token-type: in full."},
	ReasonActorIncomplete:             {CodeInvalidRequest, "actor_token and actor_token_type come together: one is missing."},
	ReasonNoToken:                     {CodeInvalidRequest, "token is missing."},
}

// advise completes a refusal of the client, which has authenticated, by what it may know
// of its own authorizations.
func (e *Error) advise(x *exchange, client snapshot.Client) *Error {
	switch {
	case e.Code == CodeInvalidTarget && e.Meant != (snapshot.API{}):
		// The page is that of every invalid_target: the reason says whether an API exists.
		parameter := "audience"
		if x.request.Audience == "" {
			parameter = "resource"
		}
		e.Mend = parameter + " differs " + e.Differs + " from an API that the client is authorized for" + named(": ", e.Meant.Identifier()) + "."
	case e.Code == CodeUnauthorizedClient:
		e.Mend, e.page = "grant_type is none of the client's"+named(", which are: ", slices.Collect(client.GrantTypes())...)+".", string(e.Reason)
	case e.Reason == decide.ReasonNoTarget:
		e.Mend, e.page = "audience is missing: name an API by its identifier", string(e.Reason)
		if api, ok := x.state.Decider.Example(client, x.request.GrantType, x.now); ok {
			e.Mend += named(", such as ", api.Identifier())
		}
		e.Mend += "."
	case e.Code == CodeInvalidScope && e.Reason == decide.ReasonUngrantedScope:
		granted := x.grant.Authorization.ScopeString()
		if family := x.request.Family; family != nil {
			granted = family.Scope
		}
		e.Mend, e.page = "scope exceeds what is granted: leave scope out for all of it.", string(e.Reason)
		if granted != "" {
			e.Mend = "scope exceeds what is granted" + named(", which is: ", strings.Fields(granted)...) + "."
		}
	}
	return e
}

// maxNamed bounds the names in a description, in bytes.
const maxNamed = 1 << 10

// named is lead and the names, or what has room of them. Names with characters that a
// description may not have (RFC 6749 section 5.2) are left out.
func named(lead string, names ...string) string {
	var b strings.Builder
	for i, name := range names {
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			continue
		}
		if b.Len()+len(name) > maxNamed {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if b.Len() == 0 {
			b.WriteString(lead)
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	return b.String()
}

// In returns the refusal in the words of a style. In that of Auth0 its own sentence stands
// first, because clients may look for it.
func (e *Error) In(style schema.ErrorStyle) *Error {
	in := *e
	w, ok := auth0Wording[e.Code]
	switch {
	case style == schema.ErrorsAuth0 && ok:
		in.Code, in.Description, in.Status = e.Code.In(style), w.description, w.status
		if e.Mend != "" {
			in.Description += " " + e.Mend
		}
	case e.Mend != "":
		in.Description = e.Mend
	}
	return &in
}

// Answers is the page about the answers with an error code; a heading's anchor follows.
const Answers = "https://github.com/writ-auth/writ/blob/main/docs/answers.md#"

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
		URI         string `json:"error_uri"`
	}{e.Code, e.Description, Answers + e.page})
	if err != nil {
		panic(err) // three strings
	}
	writeNoStore(w, e.Status, append(body, '\n'))
}
