package clientauth

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/writ-auth/writ/schema/jose"
)

// ErrRefused is what every Refusal is: its text is the one answer that the
// caller may see. An error that is not ErrRefused decided nothing, because the
// store failed or the request ended, and must not be answered as either.
var ErrRefused = errors.New("client authentication failed")

// A Refusal says in the log why an assertion, a proof, a certificate or a
// foreign token was refused. Its text holds no token and no key, and what it
// quotes of the input is short and escaped.
type Refusal struct {
	Reason Reason
	Detail string
}

// Error returns the reason and the detail, for the log only.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Unwrap makes every refusal the same to the outside.
func (r *Refusal) Unwrap() error { return ErrRefused }

// A StartError says that a server which forgot at its start what was used cannot tell
// yet whether an assertion or a proof was. Like every error that is not ErrRefused it
// decided nothing. It is found from the token alone, before any client is looked at.
type StartError struct {
	// RetryAfter is how much later the caller's clock must date the next one for it to
	// be taken: whole seconds, at least one.
	RetryAfter time.Duration
}

// Error implements error, for the log only.
func (e *StartError) Error() string {
	return fmt.Sprintf("it may have been used before the start of the server, which forgot what was used: one that is dated %s later is taken", e.RetryAfter)
}

// A Reason is the code of a refusal in logs and metrics. There are no others
// than these.
type Reason string

// The reasons. The first group is about the form of a token.
const (
	ReasonTooLarge             Reason = jose.TooLarge
	ReasonMalformed            Reason = jose.Malformed
	ReasonCriticalHeader       Reason = jose.CriticalHeader
	ReasonUnsupportedAlgorithm Reason = jose.UnsupportedAlgorithm
	ReasonWrongType            Reason = "wrong_type"

	ReasonUnknownClient Reason = "unknown_client" // set by who knows the clients

	ReasonUnknownKey   Reason = "unknown_key"
	ReasonAmbiguousKey Reason = "ambiguous_key"
	ReasonKeyWindow    Reason = "key_window"
	ReasonBadSignature Reason = "bad_signature"

	ReasonWrongIssuer   Reason = "wrong_issuer"
	ReasonWrongSubject  Reason = "wrong_subject"
	ReasonWrongAudience Reason = "wrong_audience"
	ReasonMissingClaim  Reason = "missing_claim"
	ReasonWrongClaim    Reason = "wrong_claim"
	ReasonExpired       Reason = "expired"
	ReasonTooEarly      Reason = "too_early"
	ReasonTooLong       Reason = "too_long"
	ReasonBeforeStart   Reason = "before_start"
	ReasonReplayed      Reason = "replayed"
	ReasonNotRegistered Reason = "not_registered"

	ReasonNoCertificate    Reason = "no_certificate"
	ReasonUnverifiedChain  Reason = "unverified_chain"
	ReasonCertificateUse   Reason = "certificate_use"
	ReasonWrongCertificate Reason = "wrong_certificate"

	ReasonProofCount   Reason = "proof_count"
	ReasonProofKey     Reason = "proof_key"
	ReasonWrongMethod  Reason = "wrong_method"
	ReasonWrongTarget  Reason = "wrong_target"
	ReasonNonce        Reason = "nonce" // answered with use_dpop_nonce (RFC 9449 section 8)
	ReasonWrongBinding Reason = "wrong_binding"
)

// refuse returns a *Refusal. The detail is for the log: what it quotes of a token goes through
// excerpt.
func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// excerpt quotes the beginning of a foreign string for a log line.
func excerpt(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
