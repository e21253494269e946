package clientauth

import (
	"errors"
	"fmt"
	"strconv"
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

// A Reason is the code of a refusal in logs and metrics. There are no others
// than these.
type Reason string

// The reasons. The first group is about the form of a token.
const (
	ReasonTooLarge             Reason = "too_large"
	ReasonMalformed            Reason = "malformed"
	ReasonCriticalHeader       Reason = "critical_header"
	ReasonUnsupportedAlgorithm Reason = "unsupported_algorithm"
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
