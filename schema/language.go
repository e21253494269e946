package schema

import "github.com/writ-auth/writ/schema/jose"

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
	forEach = Attribute{Name: "for_each", Type: TypeForEach,
		Doc:     "Declares one object for each element of a map or set of strings, with each.key and each.value; its address is then worker[\"eu\"].",
		Example: `toset(["eu", "us"])`}
	notBefore = Attribute{Name: "not_before", Type: TypeTime,
		Doc: "Refused before this time.", Example: `"2026-10-01T00:00:00Z"`}
	expiresAt = Attribute{Name: "expires_at", Type: TypeTime, After: "not_before",
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
	},
	Blocks: []Block{defaultsBlock},
}

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
		forEach,
	},
	Blocks: []Block{scopeBlock},
}

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
