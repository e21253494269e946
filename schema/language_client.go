package schema

import "github.com/writ-auth/writ/schema/jose"

import "fmt"

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
		forEach,
	},
	Blocks: []Block{secretBlock, publicKeyBlock, certificateBlock, federatedBlock, refreshTokenBlock},
}

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
