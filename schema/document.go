// Package schema is writ's vocabulary: what an API, a client, an authorization,
// a scope and an identifier are, and the rules they obey as pure functions.
//
// The compiler decodes HCL into these types and the sidecar reads them back
// out of a snapshot, so the two programs meet here and nowhere else. The
// package imports the standard library only, does no I/O, reads no clock and
// knows neither HCL (package config) nor the snapshot's bytes (package
// schema/snapshot).
package schema

import "slices"

// A Document is one whole configuration, resolved: every default applied,
// every reference replaced by the label it names, every expression evaluated.
// It is what a snapshot encodes and what a plan compares.
//
// The slices are sorted by Label and hold no duplicates.
type Document struct {
	Issuer         Issuer
	APIs           []API
	Clients        []Client
	Authorizations []Authorization
	TrustedIssuers []TrustedIssuer
	SigningKeys    []SigningKey
}

// An Issuer is the authorization server itself (RFC 8414 section 2).
type Issuer struct {
	URL         string     // goes into iss byte for byte
	ErrorStyle  ErrorStyle // how the token endpoint words its errors
	SubStyle    SubStyle   // how a client becomes the sub claim
	Environment string     // optional; a server started for another refuses the snapshot
	Accept      []string   // codes of warnings that are acknowledged, in declaration order; the same below
}

// Defaults are what the issuer gives an API that is silent. They are used up when a
// configuration is compiled. The zero value of each is not set.
type Defaults struct {
	Profile       Profile
	Alg           SigningAlg
	TokenLifetime int64 // seconds
}

// An API is an OAuth resource server: what tokens are for.
type API struct {
	Label              string // the block label; with for_each, worker["eu"]
	Name               string // for people, 1 to 200 characters
	Identifier         string // the aud claim, byte for byte; immutable
	Profile            Profile
	Alg                SigningAlg
	SigningSecret      SecretRef // HS256 only
	TokenLifetime      int64     // seconds, 1 to MaxTokenLifetime
	AllowOfflineAccess bool      // may refresh tokens be issued for this API
	IncludePermissions bool      // adds the permissions claim
	ScopeMode          ScopeMode
	ReuseWindow        int64 // seconds in which an identical request gets the same token, 0 to MaxReuseWindow
	PreventDestroy     bool
	DistinctFrom       []string          // labels of APIs with a look-alike identifier, acknowledged
	Metadata           map[string]string // for people and policies; never in tokens
	Accept             []string
	Scopes             []Scope // in declaration order
}

// A Scope is one permission of an API (RFC 6749 section 3.3).
type Scope struct {
	Name        string
	Description string
	Sensitive   bool // access to it is named first wherever it changes
}

// A Client is an application that asks for tokens.
type Client struct {
	Label                    string
	Name                     string
	ClientID                 string
	GrantTypes               []string // in declaration order
	Metadata                 map[string]string
	DefaultAPI               string   // label of the API when a request names none; "" for none
	RateLimit                float64  // token requests per second, burst twice that; 0 for none
	Introspects              []string // labels of APIs whose tokens this client may introspect
	RevokedBefore            int64    // Unix seconds; 0 for never
	RequireSenderConstrained bool
	PreventDestroy           bool
	Accept                   []string

	Secrets      []Secret
	PublicKeys   []PublicKey
	Certificates []Certificate
	Federated    []Federated
	RefreshToken *RefreshToken // nil when the client declares none
}

// ActsForUsers reports whether the client has a grant by which it can act on behalf of a
// user: token exchange (RFC 8693) or jwt-bearer (RFC 7523). A refresh token only goes on
// with what one of these began.
func (c *Client) ActsForUsers() bool {
	return slices.Contains(c.GrantTypes, GrantTokenExchange) || slices.Contains(c.GrantTypes, GrantJWTBearer)
}

// A Window is the time in which a credential is accepted, in Unix seconds.
// A zero end is open.
type Window struct {
	NotBefore int64
	ExpiresAt int64
}

// Contains reports whether the credential is live at now, in Unix seconds.
// NotBefore is inclusive and ExpiresAt exclusive.
func (w Window) Contains(now int64) bool {
	return now >= w.NotBefore && (w.ExpiresAt == 0 || now < w.ExpiresAt)
}

// A Secret is a client secret, held as a hash or as a reference to one.
type Secret struct {
	Label  string
	Hash   string // "sha256:...", a PHC string, or a SecretRef to one of these
	Window Window
}

// A PublicKey authenticates a client by private_key_jwt (RFC 7523).
type PublicKey struct {
	Label  string
	JWKS   string // a JWK Set as canonical JSON, public keys only
	Window Window
}

// A Certificate authenticates a client by mutual TLS (RFC 8705 section 2).
// Exactly one of the four selectors is set.
type Certificate struct {
	Label     string
	SubjectDN string
	SANDNS    string
	SANURI    string
	SHA256    string // of a self-signed certificate's DER, unpadded base64url
	Window    Window
}

// A Federated credential accepts a token of another issuer as the client
// assertion (RFC 7523 section 2.2).
type Federated struct {
	Label          string
	TrustedIssuer  string // label
	Subject        string // exact; or
	SubjectPattern string // an anchored pattern
	Claims         string // further claims that must be equal: a canonical JSON object, "" for none
	Window         Window
}

// A RefreshToken says how a client's refresh tokens behave. Durations are in seconds.
type RefreshToken struct {
	Rotation     Rotation
	Lifetime     int64
	IdleLifetime int64
	Leeway       int64
}

// OrDefault is r, or for nil what the language gives a client that declares none.
func (r *RefreshToken) OrDefault() RefreshToken {
	if r == nil {
		return defaultRefreshToken
	}
	return *r
}

// defaultRefreshToken has the defaults of the refresh_token block: they hold for a client
// without the block too.
var defaultRefreshToken = func() (r RefreshToken) {
	for i := range refreshTokenBlock.Attributes {
		a := &refreshTokenBlock.Attributes[i]
		a.Set(&r, a.parseDefault())
	}
	return r
}()

// A Credential is one of a client's ways to authenticate, whatever its type.
type Credential struct {
	Block  *Block // its type: secret, public_key, certificate or federated
	Label  string
	Window Window
	Of     any // a pointer to the struct of Block
}

// Credentials lists the ways in which a client authenticates, in the order of the
// language reference; those of one type are in the order of the document.
func (c *Client) Credentials() []Credential {
	all := make([]Credential, 0, len(c.Secrets)+len(c.PublicKeys)+len(c.Certificates)+len(c.Federated))
	for i := range c.Secrets {
		all = append(all, Credential{&secretBlock, c.Secrets[i].Label, c.Secrets[i].Window, &c.Secrets[i]})
	}
	for i := range c.PublicKeys {
		all = append(all, Credential{&publicKeyBlock, c.PublicKeys[i].Label, c.PublicKeys[i].Window, &c.PublicKeys[i]})
	}
	for i := range c.Certificates {
		all = append(all, Credential{&certificateBlock, c.Certificates[i].Label, c.Certificates[i].Window, &c.Certificates[i]})
	}
	for i := range c.Federated {
		all = append(all, Credential{&federatedBlock, c.Federated[i].Label, c.Federated[i].Window, &c.Federated[i]})
	}
	return all
}

// An Authorization lets one client ask for tokens for one API.
type Authorization struct {
	Label         string
	Client        string // label
	API           string // label
	SubjectType   SubjectType
	Scopes        []string // a subset of the API's, in the API's order
	TokenLifetime int64    // seconds; 0 when the API's applies; never longer than the API's
	ExpiresAt     int64    // Unix seconds; 0 for never
	SubjectClaims string   // what the user's token must say: a canonical JSON object, "" for none
	CopyClaims    []string // claims of the user's token that ours repeats, in declaration order
	Claims        string   // custom claims, API's, client's and its own merged: a canonical JSON object, "" for none
	Accept        []string
}

// Lifetime is how long tokens of the authorization live, in seconds. A nil api stands
// for one that the document lacks.
func (a *Authorization) Lifetime(api *API) int64 {
	if api == nil {
		return a.TokenLifetime
	}
	return EffectiveLifetime(a.TokenLifetime, api.TokenLifetime)
}

// EffectiveLifetime is how long tokens live, in seconds, by the token_lifetime of an
// authorization and that of its API. An authorization without one, own = 0, has the
// API's; one that is longer than the API's shortens nothing.
func EffectiveLifetime(own, api int64) int64 {
	if own == 0 {
		return api
	}
	return min(own, api)
}

// A TrustedIssuer is another issuer whose tokens writ accepts.
type TrustedIssuer struct {
	Label      string
	Issuer     string
	JWKS       string // pinned, canonical JSON; or
	JWKSURI    string // fetched by the server
	Algorithms []SigningAlg
	Audiences  []string
	VouchesFor []SubjectType
	Accept     []string
	// CapsLifetime says that a token exchanged for one of its own ends no later.
	CapsLifetime bool
}

// A SigningKey is a declared key that signs tokens.
type SigningKey struct {
	Label       string
	Alg         SigningAlg
	PrivateKey  SecretRef
	ActivatesAt int64 // Unix seconds; published before, signing from then on
	RetiresAt   int64 // Unix seconds; no longer published from then on; 0 for never
	Accept      []string
}
