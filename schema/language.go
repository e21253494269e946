package schema

// Language is every block that a configuration file may hold, in the order of
// the reference page. It is read, never written.
var Language = []Block{
	issuerBlock,
	apiBlock,
	clientBlock,
	authorizationBlock,
	trustedIssuerBlock,
	signingKeyBlock,
	variableBlock,
	localsBlock,
	policyBlock,
}

// TestLanguage is every block that a *.test.hcl file may hold.
var TestLanguage = []Block{expectBlock}

var (
	profiles     = []string{string(ProfileRFC9068), string(ProfileAuth0)}
	apiAlgs      = []string{string(RS256), string(PS256), string(ES256), string(EdDSA), string(HS256)}
	publicAlgs   = []string{string(RS256), string(PS256), string(ES256), string(EdDSA)}
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

// Attributes that mean the same wherever they stand.
var (
	tokenProfile = Attribute{Name: "token_profile", Type: TypeString, Enum: profiles, Default: `"rfc9068"`,
		Doc: "The shape of the access token: RFC 9068, or Auth0's classic claims.", Example: `"rfc9068"`}
	signingAlg = Attribute{Name: "signing_alg", Type: TypeString, Enum: apiAlgs, Default: `"RS256"`,
		Doc: "The algorithm that signs this API's tokens; its verifiers must accept it.", Example: `"RS256"`}
	tokenLifetime = Attribute{Name: "token_lifetime", Type: TypeDuration, Min: 1, Max: MaxTokenLifetime, Default: `"24h"`,
		Doc: "How long a token is valid.", Example: `"24h"`}
	preventDestroy = Attribute{Name: "prevent_destroy", Type: TypeBool, Default: "false",
		Doc: "Refuses every plan that would remove or replace this object.", Example: "true"}
	metadata = Attribute{Name: "metadata", Type: TypeStringMap, Default: "{}",
		Doc: "Strings for people and policies; never in tokens unless a claim copies one.", Example: `{ owner = "payments" }`}
	claims = Attribute{Name: "claims", Type: TypeObject, Default: "{}",
		Doc:     "Custom claims, evaluated for each authorization with self.client, self.api and self.authorization. The client's win over the API's, the authorization's over both.",
		Example: `{ "https://example.com/team" = self.client.metadata.team }`}
	forEach = Attribute{Name: "for_each", Type: TypeForEach,
		Doc:     "Declares one object for each element of a map or set of strings, with each.key and each.value; its address is then worker[\"eu\"].",
		Example: `toset(["eu", "us"])`}
	notBefore = Attribute{Name: "not_before", Type: TypeTime,
		Doc: "Refused before this time.", Example: `"2026-10-01T00:00:00Z"`}
	expiresAt = Attribute{Name: "expires_at", Type: TypeTime,
		Doc: "Refused from this time on.", Example: `"2027-01-01T00:00:00Z"`}
)

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
		{Name: "url", Type: TypeString, Required: true, Check: CheckIssuer, Code: "invalid-issuer",
			Doc: "The iss claim, byte for byte: absolute https, no query, no fragment; http for loopback hosts only.", Example: `"https://auth.example.com/"`},
		{Name: "error_style", Type: TypeString, Enum: errorStyles, Default: `"rfc6749"`,
			Doc: "How the token endpoint words its errors: by the RFCs, or as clients of Auth0 know them.", Example: `"rfc6749"`},
		{Name: "sub_style", Type: TypeString, Enum: subStyles, Default: `"clients_suffix"`,
			Doc: "How a client becomes the sub claim: <client_id>@clients, or the bare client_id.", Example: `"clients_suffix"`},
		{Name: "environment", Type: TypeString, Check: CheckEnvironment,
			Doc: "A name for this configuration; a server started for another environment refuses the snapshot.", Example: `"prod"`},
	},
	Blocks: []Block{{
		Type: "defaults",
		Doc:  "What an api gets when it is silent.",
		Example: `defaults {
  token_profile  = "rfc9068"
  signing_alg    = "RS256"
  token_lifetime = "1h"
}`,
		Attributes: []Attribute{tokenProfile, signingAlg, tokenLifetime},
	}},
}

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
		{Name: "name", Type: TypeString, Check: CheckName, Default: "the label",
			Doc: "A name for people; changes nothing.", Example: `"Orders"`},
		{Name: "identifier", Type: TypeString, Required: true, Check: CheckIdentifier, Code: "invalid-identifier",
			Doc: "The aud claim, byte for byte. Unique, and immutable once recorded in the lockfile.", Example: `"https://api.example.com/orders"`},
		tokenProfile,
		signingAlg,
		{Name: "signing_secret", Type: TypeString, Check: CheckSecretRef,
			Doc: "With HS256 only, and required then: where the server finds the shared secret, never the secret.", Example: `"env:ORDERS_HS256"`},
		tokenLifetime,
		{Name: "allow_offline_access", Type: TypeBool, Default: "false",
			Doc: "Whether refresh tokens may be issued for this API.", Example: "true"},
		{Name: "include_permissions", Type: TypeBool, Default: "false",
			Doc: "Adds the permissions claim: the granted scopes as an array.", Example: "true"},
		{Name: "scope_mode", Type: TypeString, Enum: scopeModes, Default: `"narrow"`,
			Doc: "What a request for fewer scopes than authorized gets: exactly those, or all of them as with Auth0.", Example: `"narrow"`},
		{Name: "reuse_window", Type: TypeDuration, Min: 0, Max: MaxReuseWindow, Default: `"0s"`,
			Doc: "How long an identical request (client, scopes, confirmation) gets the same token again, so that a stampede costs one signature. Gives up that every answer is a new token with a jti of its own.", Example: `"5s"`},
		preventDestroy,
		{Name: "distinct_from", Type: TypeReferences, Of: "api", Default: "[]",
			Doc: "Acknowledges that these APIs have look-alike identifiers on purpose.", Example: "[api.orders_v1]"},
		claims,
		metadata,
		forEach,
	},
	Blocks: []Block{{
		Type: "scope", Label: "scope", CheckLabel: CheckScope, LabelCode: "invalid-scope", Repeats: true,
		Doc:     "One permission of the API; its label is the scope itself.",
		Example: `scope "read:orders" { description = "Read orders" }`,
		Attributes: []Attribute{
			{Name: "description", Type: TypeString, Check: CheckDescription,
				Doc: "What the scope lets its holder do.", Example: `"Read orders"`},
		},
	}},
}

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
			Doc: "Tokens per second, more than 0; a burst may be twice that.", Example: "10"},
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

// Refresh token lifetimes, in seconds.
const (
	maxRefreshLifetime = 365 * 24 * 3600
	maxRefreshLeeway   = 60
)

var refreshTokenBlock = Block{
	Type: "refresh_token",
	Doc:  "How the client's refresh tokens behave. At most one.",
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
			Doc: "Who may ask.", Example: "client.billing"},
		{Name: "api", Type: TypeReference, Of: "api", Required: true,
			Doc: "For which API.", Example: "api.orders"},
		{Name: "scopes", Type: TypeStrings, Required: true,
			Doc: "A subset of the API's scopes; may be empty. api.orders.scopes is all of them, as they are now.", Example: `["read:orders"]`},
		{Name: "subject_type", Type: TypeString, Enum: subjectTypes, Default: `"client"`,
			Doc: "On whose behalf: the client's own, or a user's by token exchange.", Example: `"client"`},
		{Name: "subject_claims", Type: TypeObject, Default: "{}",
			Doc: "With subject_type \"user\" only: what the user's token must say; a claim that is a list must hold the value.", Example: `{ groups = "finance" }`},
		{Name: "copy_claims", Type: TypeStrings, Default: "[]",
			Doc: "With subject_type \"user\" only: the claims of the user's token that ours repeats, where it has them.", Example: `["email"]`},
		{Name: "token_lifetime", Type: TypeDuration, Min: 1, Max: MaxTokenLifetime, Default: "the API's",
			Doc: "May only shorten the API's.", Example: `"10m"`},
		{Name: "expires_at", Type: TypeTime,
			Doc: "From this time on no token, and no token outlives it.", Example: `"2027-06-30T00:00:00Z"`},
		claims,
		forEach,
	},
}

var trustedIssuerBlock = Block{
	Type: "trusted_issuer", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "Another issuer whose tokens authenticate clients or name users. Exactly one of jwks and jwks_uri.",
	Example: `trusted_issuer "cluster" {
  issuer     = "https://kubernetes.default.svc"
  jwks       = file("trust/cluster.jwks.json")
  algorithms = ["RS256"]
}`,
	Attributes: []Attribute{
		{Name: "issuer", Type: TypeString, Required: true, Check: CheckIssuer, Code: "invalid-issuer",
			Doc: "The iss claim of its tokens, byte for byte.", Example: `"https://kubernetes.default.svc"`},
		{Name: "jwks", Type: TypeString,
			Doc: "Its public keys as a JWK Set, pinned in the snapshot.", Example: `file("trust/cluster.jwks.json")`},
		{Name: "jwks_uri", Type: TypeString, Check: CheckJWKSURI,
			Doc: "Where the server fetches its public keys.", Example: `"https://token.actions.githubusercontent.com/.well-known/jwks"`},
		{Name: "algorithms", Type: TypeStrings, Enum: publicAlgs, Default: `["RS256"]`,
			Doc: "The algorithms that its tokens may be signed with.", Example: `["RS256"]`},
		{Name: "audiences", Type: TypeStrings, Check: CheckAudience, Default: "the issuer url",
			Doc: "What the token's aud must be: any one of these.", Example: `["https://auth.example.com/"]`},
		{Name: "vouches_for", Type: TypeStrings, Enum: subjectTypes, Default: `["client"]`,
			Doc: "\"client\": its tokens authenticate clients. \"user\": they name the users of a token exchange.", Example: `["client"]`},
		{Name: "caps_lifetime", Type: TypeBool, Default: "false",
			Doc: "Whether a token exchanged for one of this issuer's ends no later than that.", Example: "true"},
	},
}

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
		{Name: "algorithm", Type: TypeString, Required: true, Enum: publicAlgs,
			Doc: "What it signs with.", Example: `"RS256"`},
		{Name: "private_key", Type: TypeString, Required: true, Check: CheckPrivateKeyRef,
			Doc: "Where the server finds the private key, never the key: env:NAME, file:NAME, or pkcs11:token=LABEL;object=LABEL where the server was built for it.", Example: `"file:rs256-2026-q4.pem"`},
		{Name: "activates_at", Type: TypeTime,
			Doc: "Published before this time, signing from then on.", Example: `"2026-10-01T00:00:00Z"`},
		{Name: "retires_at", Type: TypeTime,
			Doc: "No longer published from this time on.", Example: `"2027-02-01T00:00:00Z"`},
	},
}

var variableBlock = Block{
	Type: "variable", Label: "name", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "An input, read as var.<name> and set with --var or a variable file.",
	Example: `variable "env" {
  type        = string
  default     = "dev"
  description = "Where this configuration is served."

  validation {
    condition     = contains(["dev", "prod"], var.env)
    error_message = "env is dev or prod, not ${var.env}."
  }
}`,
	Attributes: []Attribute{
		{Name: "type", Type: TypeConstraint, Default: "any",
			Doc: "What values it takes: string, number, bool, list(string), map(string), object({...}), ...", Example: "string"},
		{Name: "default", Type: TypeAny,
			Doc: "Its value when none is given; without one, or with null, a value is required.", Example: `"dev"`},
		{Name: "description", Type: TypeString,
			Doc: "What it is for.", Example: `"Where this configuration is served."`},
	},
	Blocks: []Block{{
		Type: "validation", Repeats: true,
		Doc: "A rule for the value.",
		Example: `validation {
  condition     = contains(["dev", "prod"], var.env)
  error_message = "env is dev or prod, not ${var.env}."
}`,
		Attributes: []Attribute{
			{Name: "condition", Type: TypeCondition, Required: true,
				Doc: "What must hold.", Example: `contains(["dev", "prod"], var.env)`},
			{Name: "error_message", Type: TypeString, Required: true,
				Doc: "What the author is told when it does not.", Example: `"env is dev or prod."`},
		},
	}},
}

var localsBlock = Block{
	Type: "locals", Repeats: true, Open: true,
	Doc: "Names for values, read as local.<name>. Any number of these blocks, one namespace.",
	Example: `locals {
  readers = ["billing", "reports"]
}`,
}

var policyBlock = Block{
	Type: "policy", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "An invariant of this configuration, checked by validate and plan for each object of one kind.",
	Example: `policy "short-lived-writes" {
  for_each_of   = "authorization"
  condition     = !contains(self.scopes, "write:orders") || self.token_lifetime <= 3600
  error_message = "${self.address} may hold write:orders for at most an hour."
}`,
	Attributes: []Attribute{
		{Name: "for_each_of", Type: TypeString, Required: true, Enum: []string{"api", "client", "authorization"},
			Doc: "The kind of object that it holds for; self is each in turn.", Example: `"authorization"`},
		{Name: "condition", Type: TypeCondition, Required: true,
			Doc: "What must hold. Lifetimes are seconds; an authorization has self.client and self.api.", Example: `self.token_lifetime <= 3600`},
		{Name: "error_message", Type: TypeString, Required: true,
			Doc: "What the author is told when it does not, evaluated like the condition.", Example: `"${self.address} lives too long."`},
		{Name: "severity", Type: TypeString, Enum: []string{"error", "warning"}, Default: `"error"`,
			Doc: "Whether a violation refuses the configuration.", Example: `"error"`},
	},
}

var expectBlock = Block{
	Type: "expect", Label: "name", CheckLabel: CheckName, LabelCode: "invalid-test", Repeats: true,
	Doc: "One expectation in a *.test.hcl file, run by \"writ check\": a request, and the token or refusal that it must get.",
	Example: `expect "billing reads orders" {
  client   = "billing"
  api      = "https://api.example.com/orders"
  scopes   = ["read:orders"]
  granted  = true
  scope    = "read:orders"
  lifetime = 600
}`,
	Attributes: []Attribute{
		{Name: "client", Type: TypeString, Required: true,
			Doc: "The client_id that asks.", Example: `"billing"`},
		{Name: "api", Type: TypeString, Required: true,
			Doc: "The identifier of the API that it asks for.", Example: `"https://api.example.com/orders"`},
		{Name: "subject_type", Type: TypeString, Enum: subjectTypes, Default: `"client"`,
			Doc: "On whose behalf it asks: its own, or a user's.", Example: `"user"`},
		{Name: "subject_claims", Type: TypeObject, Default: "{}",
			Doc: "With subject_type \"user\" only: what the user's token says.", Example: `{ groups = ["finance", "staff"] }`},
		{Name: "scopes", Type: TypeStrings,
			Doc: "The scopes asked for; absent: the request names none.", Example: `["read:orders"]`},
		{Name: "at", Type: TypeTime, Default: "the present",
			Doc: "The time of the request, for windows and expiry.", Example: `"2026-12-01T00:00:00Z"`},
		{Name: "granted", Type: TypeBool, Required: true,
			Doc: "Whether a token is expected.", Example: "true"},
		{Name: "scope", Type: TypeString,
			Doc: "The scope claim of the token, exactly; \"\" for none.", Example: `"read:orders"`},
		{Name: "lifetime", Type: TypeDuration, Min: 1, Max: MaxTokenLifetime,
			Doc: "exp less iat, exactly.", Example: "600"},
		{Name: "claims", Type: TypeObject,
			Doc: "Claims that the token must carry with these values.", Example: `{ "https://example.com/team" = "payments" }`},
		{Name: "error", Type: TypeString, Enum: oauthErrors,
			Doc: "The error code of the refusal.", Example: `"invalid_scope"`},
	},
}
