package schema

import "github.com/writ-auth/writ/schema/jose"

// MaxTokenLifetime is the longest lifetime of a token, in seconds: 30 days.
const MaxTokenLifetime = 30 * 24 * 3600

// MaxReuseWindow is the longest reuse_window, in seconds.
const MaxReuseWindow = 300

// LongTokenLifetime is the longest lifetime of a token, in seconds, that goes without a
// warning: 24 hours. A token cannot be taken back before it expires.
const LongTokenLifetime = 24 * 3600

// A SigningAlg is a JWS algorithm; package jose has the table of them.
type SigningAlg = jose.Alg

// The algorithms that code names.
const (
	HS256 = jose.HS256
	RS256 = jose.RS256
	PS256 = jose.PS256
	ES256 = jose.ES256
	EdDSA = jose.EdDSA
)

// A Profile fixes the shape of an access token.
type Profile string

// The token profiles.
const (
	ProfileAuth0   Profile = "auth0"   // typ JWT, azp, gty
	ProfileRFC9068 Profile = "rfc9068" // typ at+jwt, client_id, jti (RFC 9068)
)

// A ScopeMode says what a request for fewer scopes than authorized gets.
type ScopeMode string

// The scope modes.
const (
	ScopeNarrow     ScopeMode = "narrow"      // exactly what was asked
	ScopeAllGranted ScopeMode = "all_granted" // everything authorized, as Auth0 does
)

// A SubjectType says on whose behalf a token is issued, or whom a trusted issuer vouches for.
type SubjectType string

// The subject types.
const (
	SubjectClient SubjectType = "client"
	SubjectUser   SubjectType = "user"
)

// OnBehalf says in words for whom a client asks.
func (t SubjectType) OnBehalf() string {
	if t == SubjectUser {
		return "on behalf of a user"
	}
	return "acting for itself"
}

// An ErrorStyle words the token endpoint's errors.
type ErrorStyle string

// The error styles.
const (
	ErrorsRFC6749 ErrorStyle = "rfc6749"
	ErrorsAuth0   ErrorStyle = "auth0"
)

// A SubStyle makes the sub claim of a token that a client gets for itself.
type SubStyle string

// The sub styles.
const (
	SubClientsSuffix SubStyle = "clients_suffix" // <client_id>@clients
	SubClientID      SubStyle = "client_id"
)

// A Rotation says whether each use of a refresh token replaces it.
type Rotation string

// The rotations.
const (
	RotationRotating    Rotation = "rotating"
	RotationNonRotating Rotation = "non-rotating"
)

// The grant types that a client may list.
const (
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// A SecretRef names a secret without holding it: "env:NAME" or "file:NAME",
// resolved by the server. The zero value refers to nothing.
type SecretRef string
