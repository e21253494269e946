package schema

import "github.com/writ-auth/writ/schema/jose"

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
		forEach,
	},
}

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
	},
}
