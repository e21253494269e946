package schema

import (
	"fmt"

	"github.com/writ-auth/writ/schema/jose"
)

// Language is every block that a configuration file may hold, in the order of
// the reference page. It is read, never written.
var Language = prepared([]Block{
	issuerBlock,
	apiBlock,
	clientBlock,
	authorizationBlock,
	trustedIssuerBlock,
	signingKeyBlock,
	variableBlock,
	localsBlock,
	policyBlock,
})

// TestLanguage is every block that a *.test.hcl file may hold.
var TestLanguage = prepared([]Block{expectBlock})

// The values of enumerations. Where a row says WidensMore, each value allows more than those
// before it, so the order counts.
var (
	profiles     = []string{string(ProfileRFC9068), string(ProfileAuth0)}
	apiAlgs      = jose.Names(jose.APITokens)
	keyAlgs      = jose.Names(jose.SigningKeys)
	issuerAlgs   = jose.Names(jose.Assertions)
	scopeModes   = []string{string(ScopeNarrow), string(ScopeAllGranted)}
	subjectTypes = []string{string(SubjectClient), string(SubjectUser)}
	errorStyles  = []string{string(ErrorsRFC6749), string(ErrorsAuth0)}
	subStyles    = []string{string(SubClientsSuffix), string(SubClientID)}
	rotations    = []string{string(RotationRotating), string(RotationNonRotating)}
	grantTypes   = []string{GrantClientCredentials, GrantRefreshToken, GrantTokenExchange, GrantJWTBearer}
	oauthErrors  = []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"invalid_scope", "invalid_target", "access_denied", "too_many_requests", "temporarily_unavailable",
	}
)

// Attributes that several blocks have. A block takes one with Attribute.in, which adds where
// its struct holds the value.
var (
	tokenProfile = Attribute{Name: "token_profile", Inherit: InheritDefaults, Type: TypeString, Enum: profiles, Default: `"rfc9068"`,
		Widens: WidensShape, More: "Verifiers of {object} must accept tokens of the profile {after} first.",
		Doc: "The shape of the access token: RFC 9068, or Auth0's classic claims.", Example: `"rfc9068"`}
	signingAlg = Attribute{Name: "signing_alg", Inherit: InheritDefaults, Type: TypeString, Enum: apiAlgs, Default: `"RS256"`,
		Widens: WidensShape, More: "Verifiers of {object} must accept {after} first.",
		Doc: "The algorithm that signs this API's tokens; its verifiers must accept it.", Example: `"RS256"`}
	tokenLifetime = Attribute{Name: "token_lifetime", Inherit: InheritDefaults, Type: TypeDuration, Min: 1, Max: MaxTokenLifetime, Default: `"24h"`,
		Widens: WidensMore, More: "Tokens for {object} may live {after} instead of {before}.", Less: "Tokens for {object} live at most {after} instead of {before}.",
		Doc: "How long a token is valid.", Example: `"24h"`}
	preventDestroy = Attribute{Name: "prevent_destroy", Type: TypeBool, Default: "false",
		Widens: WidensText, More: "{object} may no longer be removed.", Less: "{object} may be removed from now on.",
		Doc: "Refuses every plan that would remove or replace this object.", Example: "true"}
	metadata = Attribute{Name: "metadata", Type: TypeStringMap, Default: "{}",
		Widens: WidensText,
		Doc:    "Strings for people and policies; never in tokens unless a claim copies one.", Example: `{ owner = "payments" }`}
	claims = Attribute{Name: "claims", Type: TypeObject, Deferred: true, Default: "{}",
		Doc:     "Custom claims, evaluated for each authorization with self.client, self.api and self.authorization. The client's win over the API's, the authorization's over both. Not the registered names, nor what verifiers take for scopes: scp, scopes, authorities, realm_access, resource_access. One that is new or changed counts as widening in a plan, unless it is known to describe only, such as name or locale.",
		Example: `{ "https://example.com/team" = self.client.metadata.team }`}
	accept = Attribute{Name: "accept", Type: TypeStrings, Of: OfWarning, Default: "[]",
		Widens: WidensText, More: "Other warnings about {object} are acknowledged.",
		Doc: "The warnings about this object that are known and acknowledged, by their codes; those of the issuer are acknowledged everywhere. They are recorded for reviewers, not shown, and no reason for --strict to fail.", Example: `["long-lifetime"]`}
	forEach = Attribute{Name: "for_each", Type: TypeForEach,
		Doc:     "Declares one object for each element of a map or set of strings, with each.key and each.value; its address is then worker[\"eu\"].",
		Example: `toset(["eu", "us"])`}
	notBefore = Attribute{Name: "not_before", Type: TypeTime,
		Doc: "Refused before this time.", Example: `"2026-10-01T00:00:00Z"`}
	expiresAt = Attribute{Name: "expires_at", Type: TypeTime, After: "not_before",
		Doc: "Refused from this time on.", Example: `"2027-01-01T00:00:00Z"`}
)

// issuerBlock has no attribute that gives access: a change of one changes how all tokens or
// answers look.
var issuerBlock = Block{
	Type: "issuer", Required: true,
	Doc: "The authorization server itself. Exactly one in the tree.",
	Example: `issuer {
  url         = "https://auth.example.com/"
  environment = "prod"

  defaults {
    signing_alg    = "RS256"
    token_lifetime = "1h"
  }
}`,
	Attributes: []Attribute{
		{Name: "url", ASCII: true, Type: TypeString, Required: true, Check: CheckIssuer, Code: "invalid-issuer",
			field:  text(func(o *Issuer) *string { return &o.URL }),
			Widens: WidensShape, More: "Verifiers of every API must accept the issuer {after} first.",
			Doc: "The iss claim, byte for byte: absolute https, no query, no fragment; http for loopback hosts only.", Example: `"https://auth.example.com/"`},
		{Name: "error_style", Type: TypeString, Enum: errorStyles, Default: `"rfc6749"`,
			field:  text(func(o *Issuer) *ErrorStyle { return &o.ErrorStyle }),
			Widens: WidensShape, More: "Clients see errors in the style \"{after}\".",
			Doc: "How the token endpoint words its errors: by the RFCs, or as clients of Auth0 know them.", Example: `"rfc6749"`},
		{Name: "sub_style", Type: TypeString, Enum: subStyles, Default: `"clients_suffix"`,
			field:  text(func(o *Issuer) *SubStyle { return &o.SubStyle }),
			Widens: WidensShape, More: "Every API must recognise clients by a sub in the style \"{after}\" first.",
			Doc: "How a client becomes the sub claim: <client_id>@clients, or the bare client_id.", Example: `"clients_suffix"`},
		{Name: "environment", Type: TypeString, Check: CheckEnvironment,
			field:  text(func(o *Issuer) *string { return &o.Environment }),
			Widens: WidensShape, More: "Servers started for another environment than {after} refuse the snapshot.",
			Doc: "A name for this configuration; a server started for another environment refuses the snapshot.", Example: `"prod"`},
		accept.in(texts(func(o *Issuer) *[]string { return &o.Accept })),
	},
	Blocks: []Block{defaultsBlock},
}

// defaultsBlock has attributes of api under the same names. InheritDefaults finds them by name.
var defaultsBlock = Block{
	Type: "defaults",
	Doc:  "What an api gets when it is silent.",
	Example: `defaults {
  token_profile  = "rfc9068"
  signing_alg    = "RS256"
  token_lifetime = "1h"
}`,
	Attributes: []Attribute{
		tokenProfile.in(text(func(d *Defaults) *Profile { return &d.Profile })),
		signingAlg.in(text(func(d *Defaults) *SigningAlg { return &d.Alg })),
		tokenLifetime.in(value(func(d *Defaults) *int64 { return &d.TokenLifetime })),
	},
}

// apiBlock gives no access either: authorizations do. What widens in it is what makes the
// tokens of those who are authorized already go further, such as their lifetime.
var apiBlock = Block{
	Type: "api", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "An API: an OAuth resource server, what tokens are for. Its identifier is the audience.",
	Example: `api "orders" {
  identifier     = "https://api.example.com/orders"
  token_lifetime = "1h"

  scope "read:orders"  { description = "Read orders" }
  scope "write:orders" { description = "Change orders" }
}`,
	Attributes: []Attribute{
		{Name: "name", Inherit: InheritLabel, Type: TypeString, Check: CheckName, Default: "the label",
			field:  text(func(o *API) *string { return &o.Name }),
			Widens: WidensText,
			Doc:    "A name for people; changes nothing.", Example: `"Orders"`},
		{Name: "identifier", ASCII: true, Type: TypeString, Required: true, Check: CheckIdentifier, Code: "invalid-identifier",
			field: text(func(o *API) *string { return &o.Identifier }),
			Doc:   "The aud claim, byte for byte. Unique, and immutable once recorded in the lockfile.", Example: `"https://api.example.com/orders"`},
		tokenProfile.in(text(func(o *API) *Profile { return &o.Profile })),
		signingAlg.in(text(func(o *API) *SigningAlg { return &o.Alg })),
		{Name: "signing_secret", Type: TypeString, Check: CheckSecretRef,
			field: text(func(o *API) *SecretRef { return &o.SigningSecret }),
			Doc:   "With HS256 only, and required then: where the server finds the shared secret, never the secret.", Example: `"env:ORDERS_HS256"`},
		tokenLifetime.in(value(func(o *API) *int64 { return &o.TokenLifetime })),
		{Name: "allow_offline_access", Type: TypeBool, Default: "false",
			field:  value(func(o *API) *bool { return &o.AllowOfflineAccess }),
			Widens: WidensMore, More: "Refresh tokens may be issued for {object}.", Less: "No refresh token works for {object} any more.",
			Doc: "Whether refresh tokens may be issued for this API.", Example: "true"},
		{Name: "include_permissions", Type: TypeBool, Default: "false",
			field:  value(func(o *API) *bool { return &o.IncludePermissions }),
			Widens: WidensShape, More: "Tokens for {object} get the permissions claim.", Less: "Tokens for {object} lose the permissions claim.",
			Doc: "Adds the permissions claim: the granted scopes as an array.", Example: "true"},
		{Name: "scope_mode", Type: TypeString, Enum: scopeModes, Default: `"narrow"`,
			field: text(func(o *API) *ScopeMode { return &o.ScopeMode }),
			Doc:   "What a request for fewer scopes than authorized gets: exactly those, or all of them as with Auth0.", Example: `"narrow"`},
		{Name: "reuse_window", Type: TypeDuration, Min: 0, Max: MaxReuseWindow, Default: `"0s"`,
			field: value(func(o *API) *int64 { return &o.ReuseWindow }),
			Doc:   "How long an identical request (client, scopes, confirmation) gets the same token again, so that a stampede costs one signature. Gives up that every answer is a new token with a jti of its own.", Example: `"5s"`},
		preventDestroy.in(value(func(o *API) *bool { return &o.PreventDestroy })),
		{Name: "distinct_from", Type: TypeReferences, Of: "api", Default: "[]",
			field:  texts(func(o *API) *[]string { return &o.DistinctFrom }),
			Widens: WidensText, More: "Other look-alike identifiers of {object} are acknowledged.",
			Doc: "Acknowledges that these APIs have look-alike identifiers on purpose.", Example: "[api.orders_v1]"},
		claims,
		metadata.in(textMap(func(o *API) *map[string]string { return &o.Metadata })),
		accept.in(texts(func(o *API) *[]string { return &o.Accept })),
		forEach,
	},
	Blocks: []Block{scopeBlock},
}

// scopeBlock declares a scope, which nobody holds until an authorization lists it.
var scopeBlock = Block{
	Type: "scope", Label: "scope", CheckLabel: CheckScope, LabelCode: "invalid-scope", Repeats: true,
	nesting: list(func(a *API) *[]Scope { return &a.Scopes }, func(s *Scope) *string { return &s.Name }),
	Doc:     "One permission of the API; its label is the scope itself.",
	Example: `scope "read:orders" { description = "Read orders" }`,
	Attributes: []Attribute{
		{Name: "description", Type: TypeString, Check: CheckDescription,
			field:  text(func(o *Scope) *string { return &o.Description }),
			Widens: WidensText,
			Doc:    "What the scope lets its holder do.", Example: `"Read orders"`},
		{Name: "sensitive", Type: TypeBool, Default: "false",
			field:  value(func(o *Scope) *bool { return &o.Sensitive }),
			Widens: WidensText, More: "Access to {object} is named first wherever it changes.", Less: "Access to {object} is no longer named first.",
			Doc: "Whether access to the scope is named first wherever it changes.", Example: "true"},
	},
}

// clientBlock has the credentials as nested blocks, since each has a label under which it is
// replaced, and a window in which it is accepted.
var clientBlock = Block{
	Type: "client", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "A client: an application that asks for tokens. It authenticates with any of its nested credentials; several may be live at once, so that rotation is adding the new one, waiting, removing the old one.",
	Example: `client "billing" {
  name     = "Billing worker"
  metadata = { team = "payments" }

  secret "2026-q4" {
    hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
  }
}`,
	Attributes: []Attribute{
		{Name: "name", Inherit: InheritLabel, Type: TypeString, Check: CheckName, Default: "the label",
			field:  text(func(o *Client) *string { return &o.Name }),
			Widens: WidensText,
			Doc:    "A name for people; changes nothing.", Example: `"Billing worker"`},
		{Name: "client_id", Inherit: InheritBlockLabel, Type: TypeString, Check: CheckClientID, Code: "invalid-client-id", Default: "the label",
			field: text(func(o *Client) *string { return &o.ClientID }),
			Doc:   "What the client calls itself. Unique, and immutable once recorded in the lockfile.", Example: `"billing"`},
		{Name: "grant_types", Type: TypeStrings, Enum: grantTypes, Default: `["client_credentials"]`,
			field:  texts(func(o *Client) *[]string { return &o.GrantTypes }),
			Widens: WidensMore, More: "may use the grant {values}", Less: "may no longer use the grant {values}",
			Doc: "The grants that the client may use.", Example: `["client_credentials", "refresh_token"]`},
		claims,
		metadata.in(textMap(func(o *Client) *map[string]string { return &o.Metadata })),
		{Name: "default_api", Type: TypeReference, Of: "api",
			field: text(func(o *Client) *string { return &o.DefaultAPI }),
			Doc:   "The API when a request names none; without it such a request is refused.", Example: "api.orders"},
		{Name: "rate_limit", Type: TypeNumber, Min: 0, Max: 1_000_000,
			field: value(func(o *Client) *float64 { return &o.RateLimit }),
			Doc:   "Token requests per second, more than 0, granted or not; a burst may be twice that.", Example: "10"},
		{Name: "introspects", Type: TypeReferences, Of: "api", Default: "[]",
			field:  texts(func(o *Client) *[]string { return &o.Introspects }),
			Widens: WidensMore, More: "may introspect the tokens of the API {values}", Less: "may no longer introspect those of {values}",
			Doc: "The APIs whose tokens this client, a resource server, may introspect.", Example: "[api.orders]"},
		{Name: "revoked_before", Type: TypeTime,
			field: value(func(o *Client) *int64 { return &o.RevokedBefore }),
			Doc:   "Tokens issued to the client before this time are inactive when introspected.", Example: `"2026-10-01T00:00:00Z"`},
		{Name: "require_sender_constrained", Type: TypeBool, Default: "false",
			field:  value(func(o *Client) *bool { return &o.RequireSenderConstrained }),
			Widens: WidensLess, More: "{object} gets tokens only with DPoP or mutual TLS.", Less: "{object} may get tokens that are bound to no key.",
			Doc: "DPoP or mutual TLS, or no token.", Example: "true"},
		preventDestroy.in(value(func(o *Client) *bool { return &o.PreventDestroy })),
		accept.in(texts(func(o *Client) *[]string { return &o.Accept })),
		forEach,
	},
	Blocks: []Block{secretBlock, publicKeyBlock, certificateBlock, federatedBlock, refreshTokenBlock},
}

// secretBlock holds a hash or a reference, never the secret. A fast hash is enough for secrets
// that "writ secret new" makes, as they are 256 random bits.
var secretBlock = Block{
	Type: "secret", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	nesting: list(func(c *Client) *[]Secret { return &c.Secrets }, func(o *Secret) *string { return &o.Label }),
	Doc:     "A client secret, held as a hash. \"writ secret new\" prints a secret once and this block.",
	Example: `secret "2026-q4" {
  hash       = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
  expires_at = "2027-01-01T00:00:00Z"
}`,
	Attributes: []Attribute{
		{Name: "hash", Hidden: true, Type: TypeString, Required: true, Check: CheckSecretHash, Code: "weak-secret-hash",
			field: text(func(o *Secret) *string { return &o.Hash }),
			Doc:   "\"sha256:\" and the unpadded base64url SHA-256 of the secret; or argon2id or bcrypt in PHC form; or \"env:NAME\" or \"file:NAME\", which hold one of these.", Example: `"sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"`},
		notBefore.in(value(func(o *Secret) *int64 { return &o.Window.NotBefore })),
		expiresAt.in(value(func(o *Secret) *int64 { return &o.Window.ExpiresAt })),
	},
}

// publicKeyBlock has two attributes for one value: both parse into JWKS, the canonical form.
var publicKeyBlock = Block{
	Type: "public_key", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	OneOf:   []string{"jwks", "pem"},
	nesting: list(func(c *Client) *[]PublicKey { return &c.PublicKeys }, func(o *PublicKey) *string { return &o.Label }),
	Doc:     "Public keys with which the client signs assertions (private_key_jwt, RFC 7523). Exactly one of jwks and pem.",
	Example: `public_key "k1" {
  jwks = file("keys/billing.jwks.json")
}`,
	Attributes: []Attribute{
		{Name: "jwks", ParseKeys: jose.CanonicalKeys, Hidden: true, Type: TypeString,
			field: text(func(o *PublicKey) *string { return &o.JWKS }),
			Doc:   "A JWK or JWK Set of public keys, as JSON: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519.", Example: `file("keys/billing.jwks.json")`},
		{Name: "pem", ParseKeys: jose.CanonicalPEM, Hidden: true, Type: TypeString,
			field: text(func(o *PublicKey) *string { return &o.JWKS }),
			Doc:   "A public key or certificate in PEM.", Example: `file("keys/billing.pem")`},
		notBefore.in(value(func(o *PublicKey) *int64 { return &o.Window.NotBefore })),
		expiresAt.in(value(func(o *PublicKey) *int64 { return &o.Window.ExpiresAt })),
	},
}

// certificateBlock has the selectors of RFC 8705 section 2.1.2, and sha256 for self-signed
// certificates (section 2.2).
var certificateBlock = Block{
	Type: "certificate", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	OneOf:   []string{"subject_dn", "san_dns", "san_uri", "sha256"},
	nesting: list(func(c *Client) *[]Certificate { return &c.Certificates }, func(o *Certificate) *string { return &o.Label }),
	Doc:     "A TLS client certificate (RFC 8705): exactly one of the four selectors. sha256 names a self-signed certificate, the others one that the server's CA issued.",
	Example: `certificate "c1" {
  san_dns = "billing.example.com"
}`,
	Attributes: []Attribute{
		{Name: "subject_dn", Hidden: true, Type: TypeString, Check: CheckSubjectDN,
			field: text(func(o *Certificate) *string { return &o.SubjectDN }),
			Doc:   "The subject's distinguished name (RFC 4514).", Example: `"CN=billing,O=Example"`},
		{Name: "san_dns", Hidden: true, Type: TypeString, Check: CheckSANDNS,
			field: text(func(o *Certificate) *string { return &o.SANDNS }),
			Doc:   "A dNSName among the subject alternative names.", Example: `"billing.example.com"`},
		{Name: "san_uri", Hidden: true, Type: TypeString, Check: CheckSANURI,
			field: text(func(o *Certificate) *string { return &o.SANURI }),
			Doc:   "A URI among the subject alternative names.", Example: `"spiffe://example.com/billing"`},
		{Name: "sha256", Hidden: true, Type: TypeString, Check: CheckThumbprint,
			field: text(func(o *Certificate) *string { return &o.SHA256 }),
			Doc:   "The unpadded base64url SHA-256 of a self-signed certificate's DER.", Example: `"tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"`},
		notBefore.in(value(func(o *Certificate) *int64 { return &o.Window.NotBefore })),
		expiresAt.in(value(func(o *Certificate) *int64 { return &o.Window.ExpiresAt })),
	},
}

// federatedBlock describes a foreign token as a credential (RFC 7523 section 2.2). All of its
// attributes but the window are hidden from plans: together they are the credential.
var federatedBlock = Block{
	Type: "federated", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	OneOf:   []string{"subject", "subject_pattern"},
	nesting: list(func(c *Client) *[]Federated { return &c.Federated }, func(o *Federated) *string { return &o.Label }),
	Doc:     "A workload's own token as the client assertion: no secret at all. Exactly one of subject and subject_pattern.",
	Example: `federated "k8s" {
  trusted_issuer = trusted_issuer.cluster
  subject        = "system:serviceaccount:payments:billing"
}`,
	Attributes: []Attribute{
		{Name: "trusted_issuer", Hidden: true, Type: TypeReference, Of: "trusted_issuer", Required: true,
			field: text(func(o *Federated) *string { return &o.TrustedIssuer }),
			Doc:   "Who issues the workload's token; it must vouch for clients.", Example: "trusted_issuer.cluster"},
		{Name: "subject", Hidden: true, Type: TypeString, Check: CheckSubject,
			field: text(func(o *Federated) *string { return &o.Subject }),
			Doc:   "The token's sub claim, exactly.", Example: `"system:serviceaccount:payments:billing"`},
		{Name: "subject_pattern", Hidden: true, Type: TypeString, Check: CheckSubjectPattern,
			field: text(func(o *Federated) *string { return &o.SubjectPattern }),
			Doc:   "The whole sub claim, where * stands for any characters but \"/\" and \":\", and ** for any characters.", Example: `"repo:example/billing:ref:refs/heads/*"`},
		{Name: "claims", Hidden: true, Type: TypeObject, Default: "{}",
			field: text(func(o *Federated) *string { return &o.Claims }),
			Doc:   "Further claims of the token that must be equal.", Example: `{ repository_owner = "example" }`},
		notBefore.in(value(func(o *Federated) *int64 { return &o.Window.NotBefore })),
		expiresAt.in(value(func(o *Federated) *int64 { return &o.Window.ExpiresAt })),
	},
}

// MaxRefreshFamilies is how many families of refresh tokens one client holds of one
// user: sign-ins on so many devices or browsers. Beyond it the oldest ends.
const MaxRefreshFamilies = 64

// Refresh token lifetimes, in seconds.
const (
	maxRefreshLifetime = 365 * 24 * 3600
	maxRefreshLeeway   = 60
)

// refreshTokenBlock follows RFC 9700 section 4.14: tokens rotate, and reuse of a replaced one
// ends the family, unless rotation is switched off.
var refreshTokenBlock = Block{
	Type:    "refresh_token",
	nesting: single(func(c *Client) **RefreshToken { return &c.RefreshToken }),
	Doc: fmt.Sprintf("How the client's refresh tokens behave. At most one. "+
		"A client holds %d of one user at most, each with what follows it; beyond that the oldest ends.", MaxRefreshFamilies),
	Example: `refresh_token {
  rotation      = "rotating"
  lifetime      = "30d"
  idle_lifetime = "15d"
  leeway        = "0s"
}`,
	Attributes: []Attribute{
		{Name: "rotation", Type: TypeString, Enum: rotations, Default: `"rotating"`,
			field:  text(func(o *RefreshToken) *Rotation { return &o.Rotation }),
			Widens: WidensMore,
			Doc:    "Whether each use replaces the token; a replaced one that comes back ends the whole family.", Example: `"rotating"`},
		{Name: "lifetime", Type: TypeDuration, Min: 1, Max: maxRefreshLifetime, Default: `"30d"`,
			field:  value(func(o *RefreshToken) *int64 { return &o.Lifetime }),
			Widens: WidensMore,
			Doc:    "The end of a family, however often it is used.", Example: `"30d"`},
		{Name: "idle_lifetime", Type: TypeDuration, Min: 1, Max: maxRefreshLifetime, Default: `"15d"`,
			field:  value(func(o *RefreshToken) *int64 { return &o.IdleLifetime }),
			Widens: WidensMore,
			Doc:    "The end of a family that is not used; at most lifetime.", Example: `"15d"`},
		{Name: "leeway", Type: TypeDuration, Min: 0, Max: maxRefreshLeeway, Default: `"0s"`,
			field:  value(func(o *RefreshToken) *int64 { return &o.Leeway }),
			Widens: WidensMore,
			Doc:    "How long a replaced token still gives the same successor.", Example: `"0s"`},
	},
}

// authorizationBlock is what gives access. Most of its attributes are judged by functions of
// their own in package compiler, so that its rows say little about widening.
var authorizationBlock = Block{
	Type: "authorization", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "Lets one client ask for tokens for one API with a subset of that API's scopes. At most one for each client, API and subject type.",
	Example: `authorization "billing-reads-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}`,
	Attributes: []Attribute{
		{Name: "client", Type: TypeReference, Of: "client", Required: true,
			field: text(func(o *Authorization) *string { return &o.Client }),
			Doc:   "Who may ask.", Example: "client.billing"},
		{Name: "api", Type: TypeReference, Of: "api", Required: true,
			field: text(func(o *Authorization) *string { return &o.API }),
			Doc:   "For which API.", Example: "api.orders"},
		{Name: "scopes", Type: TypeStrings, Required: true,
			field: texts(func(o *Authorization) *[]string { return &o.Scopes }),
			Doc:   "A subset of the API's scopes; may be empty. api.orders.scopes is all of them, as they are now.", Example: `["read:orders"]`},
		{Name: "subject_type", Type: TypeString, Enum: subjectTypes, Default: `"client"`,
			field: text(func(o *Authorization) *SubjectType { return &o.SubjectType }),
			Doc:   "On whose behalf: the client's own, or a user's by token exchange.", Example: `"client"`},
		{Name: "subject_claims", Type: TypeObject, Default: "{}",
			field: text(func(o *Authorization) *string { return &o.SubjectClaims }),
			Doc:   "With subject_type \"user\" only: what the user's token must say; a claim that is a list must hold the value.", Example: `{ groups = "finance" }`},
		{Name: "copy_claims", Type: TypeStrings, Default: "[]",
			field: texts(func(o *Authorization) *[]string { return &o.CopyClaims }),
			Doc:   "With subject_type \"user\" only: the claims of the user's token that ours repeats, where it has them. Names as in claims, and groups, roles, entitlements, acr, amr and auth_time.", Example: `["email"]`},
		{Name: "token_lifetime", Inherit: InheritAPI, Type: TypeDuration, Min: 1, Max: MaxTokenLifetime, Default: "the API's",
			field: value(func(o *Authorization) *int64 { return &o.TokenLifetime }),
			Doc:   "May only shorten the API's.", Example: `"10m"`},
		{Name: "expires_at", Type: TypeTime,
			field: value(func(o *Authorization) *int64 { return &o.ExpiresAt }),
			Doc:   "From this time on no token, and no token outlives it.", Example: `"2027-06-30T00:00:00Z"`},
		claims.in(text(func(o *Authorization) *string { return &o.Claims })),
		accept.in(texts(func(o *Authorization) *[]string { return &o.Accept })),
		forEach,
	},
}

// trustedIssuerBlock says whose tokens are believed, and for what. Lists with NotEmpty would
// accept nothing when they are empty, which no author means.
var trustedIssuerBlock = Block{
	Type: "trusted_issuer", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	OneOf: []string{"jwks", "jwks_uri"},
	Doc:   "Another issuer whose tokens authenticate clients or name users. Exactly one of jwks and jwks_uri.",
	Example: `trusted_issuer "cluster" {
  issuer     = "https://kubernetes.default.svc"
  jwks       = file("trust/cluster.jwks.json")
  algorithms = ["RS256"]
}`,
	Attributes: []Attribute{
		{Name: "issuer", ASCII: true, Type: TypeString, Required: true, Check: CheckIssuer, Code: "invalid-issuer",
			field: text(func(o *TrustedIssuer) *string { return &o.Issuer }),
			More:  "Tokens of {after} are believed, and those of {before} no longer.",
			Doc:   "The iss claim of its tokens, byte for byte. It is not our own issuer url.", Example: `"https://kubernetes.default.svc"`},
		{Name: "jwks", ParseKeys: jose.CanonicalKeys, Type: TypeString,
			field: text(func(o *TrustedIssuer) *string { return &o.JWKS }),
			Doc:   "Its public keys as a JWK Set, pinned in the snapshot.", Example: `file("trust/cluster.jwks.json")`},
		{Name: "jwks_uri", Type: TypeString, Check: CheckJWKSURI,
			field: text(func(o *TrustedIssuer) *string { return &o.JWKSURI }),
			Doc:   "Where the server fetches its public keys.", Example: `"https://token.actions.githubusercontent.com/.well-known/jwks"`},
		{Name: "algorithms", NotEmpty: true, Type: TypeStrings, Enum: issuerAlgs, Default: `["RS256"]`,
			field:  texts(func(o *TrustedIssuer) *[]SigningAlg { return &o.Algorithms }),
			Widens: WidensMore, More: "may sign with {values}", Less: "may no longer sign with {values}",
			Doc: "The algorithms that its tokens may be signed with.", Example: `["RS256"]`},
		{Name: "audiences", NotEmpty: true, Inherit: InheritIssuerURL, Type: TypeStrings, Check: CheckAudience, Default: "the issuer url",
			field:  texts(func(o *TrustedIssuer) *[]string { return &o.Audiences }),
			Widens: WidensMore, More: "is believed in tokens for {values}", Less: "is no longer believed in tokens for {values}",
			Doc: "What the token's aud must be: any one of these.", Example: `["https://auth.example.com/"]`},
		{Name: "vouches_for", NotEmpty: true, Type: TypeStrings, Enum: subjectTypes, Default: `["client"]`,
			field:  texts(func(o *TrustedIssuer) *[]SubjectType { return &o.VouchesFor }),
			Widens: WidensMore, More: "may say who a {values} is", Less: "may no longer say who a {values} is",
			Doc: "\"client\": its tokens authenticate clients. \"user\": they name the users of a token exchange.", Example: `["client"]`},
		{Name: "caps_lifetime", Type: TypeBool, Default: "false",
			field:  value(func(o *TrustedIssuer) *bool { return &o.CapsLifetime }),
			Widens: WidensLess, More: "Tokens exchanged for those of {object} end no later than them.", Less: "Tokens exchanged for those of {object} may outlive them.",
			Doc: "Whether a token exchanged for one of this issuer's ends no later than that.", Example: "true"},
		accept.in(texts(func(o *TrustedIssuer) *[]string { return &o.Accept })),
	},
}

// signingKeyBlock declares a key instead of one that the server makes and rotates. Whoever
// holds a declared key can make tokens for every API of its algorithm.
var signingKeyBlock = Block{
	Type: "signing_key", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "A key that signs tokens. With none declared for an algorithm in use, the server makes and rotates its own.",
	Example: `signing_key "2026-q4" {
  algorithm    = "RS256"
  private_key  = "file:rs256-2026-q4.pem"
  activates_at = "2026-10-01T00:00:00Z"
  retires_at   = "2027-02-01T00:00:00Z"
}`,
	Attributes: []Attribute{
		{Name: "algorithm", Type: TypeString, Required: true, Enum: keyAlgs,
			field:  text(func(o *SigningKey) *SigningAlg { return &o.Alg }),
			Widens: WidensShape, More: "Verifiers must accept {after} first.",
			Doc: "What it signs with.", Example: `"RS256"`},
		{Name: "private_key", Type: TypeString, Required: true, Check: CheckPrivateKeyRef,
			field: text(func(o *SigningKey) *SecretRef { return &o.PrivateKey }),
			More:  "Verifiers accept tokens signed with the key {after}, and those signed with {before} no longer.",
			Doc:   "Where the server finds the private key, never the key: env:NAME, file:NAME, or pkcs11:token=LABEL;object=LABEL where the server was built for it.", Example: `"file:rs256-2026-q4.pem"`},
		{Name: "activates_at", Type: TypeTime,
			field:  value(func(o *SigningKey) *int64 { return &o.ActivatesAt }),
			Widens: WidensShape, More: "Tokens are signed with {object} from another time on.",
			Doc: "Published before this time, signing from then on.", Example: `"2026-10-01T00:00:00Z"`},
		{Name: "retires_at", After: "activates_at", Type: TypeTime,
			field: value(func(o *SigningKey) *int64 { return &o.RetiresAt }),
			Doc:   "No longer published from this time on.", Example: `"2027-02-01T00:00:00Z"`},
		accept.in(texts(func(o *SigningKey) *[]string { return &o.Accept })),
	},
}
