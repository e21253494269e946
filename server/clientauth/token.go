package clientauth

import (
	"errors"

	"github.com/writ-auth/writ/schema/jose"
)

// The longest tokens that are read, in bytes.
const (
	MaxAssertion    = 8 << 10
	MaxProof        = 4 << 10
	MaxSubjectToken = 16 << 10 // of a user, who may be in many groups
)

// A Token is a JWT (RFC 7519) that has been read strictly and not verified:
// whoever sent it may have made it up.
type Token struct {
	*jose.JWS
	claims   jose.Object
	iss, sub string // "" when absent or not a string
}

// ReadToken reads an assertion or the token of a trusted issuer, a signed JWT in the
// compact serialization of at most limit bytes. It refuses every other form: JSON
// serialization, encryption, whitespace, padding, members that stand twice,
// extensions, algorithms that writ does not verify.
func ReadToken(s string, limit int) (*Token, error) { return readToken(s, limit, jose.Assertions) }

// readToken is ReadToken for any use of algorithms: DPoP proofs are read by it too. Nothing is
// verified yet.
func readToken(s string, limit int, use jose.Use) (*Token, error) {
	parsed, err := jose.Parse(s, limit, use)
	if err != nil {
		if form, ok := errors.AsType[*jose.FormError](err); ok {
			return nil, refuse(Reason(form.Code), "%s", form.Detail)
		}
		return nil, refuse(ReasonMalformed, "%v", err)
	}
	claims, err := jose.ReadObject(parsed.Payload)
	if err != nil {
		return nil, refuse(ReasonMalformed, "claims: %v", err)
	}
	t := &Token{JWS: parsed, claims: claims}
	t.iss, _ = claims.Text("iss")
	t.sub, _ = claims.Text("sub")
	return t, nil
}

// UnverifiedIssuer returns the iss claim, "" when there is none. It serves to
// find the key to verify with and for nothing else.
func (t *Token) UnverifiedIssuer() string { return t.iss }

// UnverifiedSubject returns the sub claim, "" when there is none. It serves to
// find the client whose key to verify with and for nothing else.
func (t *Token) UnverifiedSubject() string { return t.sub }

// UnverifiedAudiences returns the values of the aud claim, for people to read.
func (t *Token) UnverifiedAudiences() []string {
	aud, _ := t.claims.Texts("aud")
	return aud
}

// UnverifiedExpiry returns the exp claim in Unix seconds, 0 when there is none. It
// serves to explain a token that has expired.
func (t *Token) UnverifiedExpiry() int64 {
	exp, _ := t.claims.Seconds("exp")
	return exp
}
