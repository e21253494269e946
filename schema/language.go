package schema

import "github.com/writ-auth/writ/schema/jose"

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
		Doc:     "Custom claims, evaluated for each authorization with self.client, self.api and self.authorization. The client's win over the API's, the authorization's over both. Not the registered names, nor what verifiers take for scopes: scp, scopes, authorities, realm_access, resource_access. One that is new or changed counts as widening in a plan, unless it is known to describe only, such as name or locale.",
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
