package clientauth

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// ErrNoKeys says that the keys of a trusted issuer have not been had yet. It
// decides nothing.
var ErrNoKeys = errors.New("the keys of the trusted issuer have not been fetched yet")

// A TrustedIssuer verifies the tokens of another issuer: a Kubernetes cluster,
// a CI system, a SPIFFE trust domain, an OpenID provider.
type TrustedIssuer struct {
	// Issuer is compared with iss byte for byte. An issuer that is a SPIFFE
	// trust domain, "spiffe://example.org", may leave iss out, as JWT-SVIDs do;
	// it then speaks for subjects of that trust domain alone.
	Issuer string
	// Keys are pinned to the algorithms that the configuration allows; nil while
	// there are none.
	Keys *Keys
	// Audiences are what aud may hold: each of its values must be among them,
	// so that a token meant for another service as well is refused.
	Audiences []string
}

// Verified are the claims of a token that a TrustedIssuer has verified.
type Verified struct {
	claims jose.Object
	sub    string
}

// foreignTypes are the media types of tokens that are meant as assertions or
// identities: plain JWTs (a JWT-SVID may also say JOSE). Access tokens, proofs,
// events and the rest name themselves and are refused (RFC 8725 section 3.11).
var foreignTypes = []string{"", "jwt", "jose"}

// Verify checks that the issuer signed the token, that it is meant for us and
// in force. types are further media types that the caller takes in the typ
// header, in lower case, such as "at+jwt" for an access token to exchange.
//
// The token's jti is not used up: workloads present one token until it
// expires.
func (t *TrustedIssuer) Verify(token *Token, now time.Time, types ...string) (*Verified, error) {
	claimed, err := t.UnsafeWithoutSignature(token, now, types...)
	if err != nil {
		return nil, err
	}
	if t.Keys == nil {
		return nil, ErrNoKeys
	}
	if err := t.Keys.verifySignature(token.JWS); err != nil {
		return nil, err
	}
	return claimed, nil
}

// UnsafeWithoutSignature is Verify without the signature: anybody could have made the
// token. It is for the workbench, which says what a token would be taken for.
func (t *TrustedIssuer) UnsafeWithoutSignature(token *Token, now time.Time, types ...string) (*Verified, error) {
	if err := t.checkIssuer(token); err != nil {
		return nil, err
	}
	if !slices.Contains(foreignTypes, token.Type) && !slices.Contains(types, token.Type) {
		return nil, refuse(ReasonWrongType, "typ %s", excerpt(token.Type))
	}
	if err := t.checkAudience(token); err != nil {
		return nil, err
	}
	if _, err := token.times(now.Unix()); err != nil {
		return nil, err
	}
	return &Verified{claims: token.claims, sub: token.sub}, nil
}

// checkIssuer checks iss against the trusted issuer's name, and that the issuer may name this
// sub. A JWT-SVID of a SPIFFE trust domain need not have an iss: its sub names the domain.
func (t *TrustedIssuer) checkIssuer(token *Token) error {
	sub := token.sub
	if sub == "" {
		return refuse(ReasonMissingClaim, "sub is not a string")
	}
	issuer := schema.TrustedIssuer{Issuer: t.Issuer}
	if !issuer.SpeaksFor(sub) {
		return refuse(ReasonWrongSubject, "sub %s is not of the trust domain", excerpt(sub))
	}
	if schema.IsTrustDomain(t.Issuer) && token.claims.Get("iss") == nil {
		return nil
	}
	if token.iss != t.Issuer || token.iss == "" {
		return refuse(ReasonWrongIssuer, "iss %s", excerpt(token.iss))
	}
	return nil
}

// checkAudience demands that every audience of the token is one of ours, and not only some: a
// token that is also meant for another server could be replayed here by that server.
func (t *TrustedIssuer) checkAudience(token *Token) error {
	aud, ok := token.claims.Texts("aud")
	if !ok || len(aud) == 0 {
		return refuse(ReasonWrongAudience, "aud is neither a string nor an array of strings")
	}
	for _, value := range aud {
		if !slices.Contains(t.Audiences, value) {
			return refuse(ReasonWrongAudience, "aud %s is not among the audiences of the trusted issuer", excerpt(value))
		}
	}
	return nil
}

// Subject returns the sub claim, which is never empty.
func (v *Verified) Subject() string { return v.sub }

// Expires returns the exp claim, in Unix seconds.
func (v *Verified) Expires() int64 {
	exp, _ := v.claims.Seconds("exp")
	return exp
}

// Equal reports whether every member of a JSON object, "" for none, is a claim
// of the token with an equal value. Numbers are equal when they are written
// alike, arrays when their order is, too.
func (v *Verified) Equal(object string) bool { return satisfied(v.claims, object, equalJSON) }

// Claims returns all claims of the token.
func (v *Verified) Claims() Claims { return Claims{v.claims} }

// MatchFederated finds the federated credential that the token satisfies, among
// those of a client that name the trusted issuer by its label. It returns the
// credential's label.
func MatchFederated(v *Verified, issuer string, credentials iter.Seq[schema.Federated], now time.Time) (label string, err error) {
	reason, detail := ReasonNotRegistered, "the client has no federated credential of trusted issuer "+excerpt(issuer)
	for credential := range credentials {
		if credential.TrustedIssuer != issuer {
			continue
		}
		switch {
		case !credential.MatchesSubject(v.Subject()):
			reason, detail = ReasonWrongSubject, "sub "+excerpt(v.Subject())
		case !v.Equal(credential.Claims):
			reason, detail = ReasonWrongClaim, "a claim that federated credential "+excerpt(credential.Label)+" demands is absent or different"
		case !credential.Window.Contains(now.Unix()):
			reason, detail = ReasonKeyWindow, "federated credential "+excerpt(credential.Label)+" is outside its window"
		default:
			return credential.Label, nil
		}
	}
	return "", refuse(reason, "%s", detail)
}
