package schema

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
		{Name: "name", Type: TypeString, Check: CheckName, Default: "the label",
			Doc: "A name for people; changes nothing.", Example: `"Billing worker"`},
		{Name: "client_id", Type: TypeString, Check: CheckClientID, Code: "invalid-client-id", Default: "the label",
			Doc: "What the client calls itself. Unique, and immutable once recorded in the lockfile.", Example: `"billing"`},
		{Name: "grant_types", Type: TypeStrings, Enum: grantTypes, Default: `["client_credentials"]`,
			Doc: "The grants that the client may use.", Example: `["client_credentials", "refresh_token"]`},
		claims,
		metadata,
		{Name: "default_api", Type: TypeReference, Of: "api",
			Doc: "The API when a request names none; without it such a request is refused.", Example: "api.orders"},
		{Name: "rate_limit", Type: TypeNumber, Min: 0, Max: 1_000_000,
			Doc: "Token requests per second, more than 0, granted or not; a burst may be twice that.", Example: "10"},
		{Name: "introspects", Type: TypeReferences, Of: "api", Default: "[]",
			Doc: "The APIs whose tokens this client, a resource server, may introspect.", Example: "[api.orders]"},
		{Name: "revoked_before", Type: TypeTime,
			Doc: "Tokens issued to the client before this time are inactive when introspected.", Example: `"2026-10-01T00:00:00Z"`},
		{Name: "require_sender_constrained", Type: TypeBool, Default: "false",
			Doc: "DPoP or mutual TLS, or no token.", Example: "true"},
		preventDestroy,
		forEach,
	},
	Blocks: []Block{secretBlock, publicKeyBlock, certificateBlock, federatedBlock, refreshTokenBlock},
}

var secretBlock = Block{
	Type: "secret", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "A client secret, held as a hash. \"writ secret new\" prints a secret once and this block.",
	Example: `secret "2026-q4" {
  hash       = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
  expires_at = "2027-01-01T00:00:00Z"
}`,
	Attributes: []Attribute{
		{Name: "hash", Type: TypeString, Required: true, Check: CheckSecretHash, Code: "weak-secret-hash",
			Doc: "\"sha256:\" and the unpadded base64url SHA-256 of the secret; or argon2id or bcrypt in PHC form; or \"env:NAME\" or \"file:NAME\", which hold one of these.", Example: `"sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"`},
		notBefore,
		expiresAt,
	},
}

var publicKeyBlock = Block{
	Type: "public_key", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "Public keys with which the client signs assertions (private_key_jwt, RFC 7523). Exactly one of jwks and pem.",
	Example: `public_key "k1" {
  jwks = file("keys/billing.jwks.json")
}`,
	Attributes: []Attribute{
		{Name: "jwks", Type: TypeString,
			Doc: "A JWK or JWK Set of public keys, as JSON: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519.", Example: `file("keys/billing.jwks.json")`},
		{Name: "pem", Type: TypeString,
			Doc: "A public key or certificate in PEM.", Example: `file("keys/billing.pem")`},
		notBefore,
		expiresAt,
	},
}

var certificateBlock = Block{
	Type: "certificate", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "A TLS client certificate (RFC 8705): exactly one of the four selectors. sha256 names a self-signed certificate, the others one that the server's CA issued.",
	Example: `certificate "c1" {
  san_dns = "billing.example.com"
}`,
	Attributes: []Attribute{
		{Name: "subject_dn", Type: TypeString, Check: CheckSubjectDN,
			Doc: "The subject's distinguished name (RFC 4514).", Example: `"CN=billing,O=Example"`},
		{Name: "san_dns", Type: TypeString, Check: CheckSANDNS,
			Doc: "A dNSName among the subject alternative names.", Example: `"billing.example.com"`},
		{Name: "san_uri", Type: TypeString, Check: CheckSANURI,
			Doc: "A URI among the subject alternative names.", Example: `"spiffe://example.com/billing"`},
		{Name: "sha256", Type: TypeString, Check: CheckThumbprint,
			Doc: "The unpadded base64url SHA-256 of a self-signed certificate's DER.", Example: `"tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"`},
		notBefore,
		expiresAt,
	},
}

var federatedBlock = Block{
	Type: "federated", Label: "label", CheckLabel: CheckKeyLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "A workload's own token as the client assertion: no secret at all. Exactly one of subject and subject_pattern.",
	Example: `federated "k8s" {
  trusted_issuer = trusted_issuer.cluster
  subject        = "system:serviceaccount:payments:billing"
}`,
	Attributes: []Attribute{
		{Name: "trusted_issuer", Type: TypeReference, Of: "trusted_issuer", Required: true,
			Doc: "Who issues the workload's token; it must vouch for clients.", Example: "trusted_issuer.cluster"},
		{Name: "subject", Type: TypeString, Check: CheckSubject,
			Doc: "The token's sub claim, exactly.", Example: `"system:serviceaccount:payments:billing"`},
		{Name: "subject_pattern", Type: TypeString, Check: CheckSubjectPattern,
			Doc: "The whole sub claim, where * stands for any characters but \"/\" and \":\", and ** for any characters.", Example: `"repo:example/billing:ref:refs/heads/*"`},
		{Name: "claims", Type: TypeObject, Default: "{}",
			Doc: "Further claims of the token that must be equal.", Example: `{ repository_owner = "example" }`},
		notBefore,
		expiresAt,
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
	Type: "refresh_token",
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
			Doc: "Whether each use replaces the token; a replaced one that comes back ends the whole family.", Example: `"rotating"`},
		{Name: "lifetime", Type: TypeDuration, Min: 1, Max: maxRefreshLifetime, Default: `"30d"`,
			Doc: "The end of a family, however often it is used.", Example: `"30d"`},
		{Name: "idle_lifetime", Type: TypeDuration, Min: 1, Max: maxRefreshLifetime, Default: `"15d"`,
			Doc: "The end of a family that is not used; at most lifetime.", Example: `"15d"`},
		{Name: "leeway", Type: TypeDuration, Min: 0, Max: maxRefreshLeeway, Default: `"0s"`,
			Doc: "How long a replaced token still gives the same successor.", Example: `"0s"`},
	},
}
