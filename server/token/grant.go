package token

import "github.com/writ-auth/writ/schema"

// A Grant is a decided request: everything a token will say except its jti.
// Package server decides it; the strings may alias a snapshot.
type Grant struct {
	Issuer    string // iss, byte for byte
	Audience  string // aud, byte for byte
	Subject   string // sub
	ClientID  string
	GrantType string // as in the request

	API         string // the API's label: whose HS256 secret signs
	Profile     schema.Profile
	Alg         schema.SigningAlg
	Scope       string // scope-tokens joined by single spaces, "" for none
	Permissions bool   // repeat the scopes as the permissions array
	Act         string // who acts for the subject: the act claim (RFC 8693 section 4.1) as a JSON object, "" for none
	Claims      string // custom claims as JSON members without braces, "" for none
	Confirmation

	IssuedAt  int64 // Unix seconds
	ExpiresAt int64 // Unix seconds
}

// A Confirmation says what a token is bound to (RFC 7800): whoever presents it
// must hold that key. At most one member is set; none is a bearer token.
type Confirmation struct {
	JKT  string // RFC 7638 thumbprint of a DPoP key (RFC 9449 section 6.1)
	X5TS string // x5t#S256, of a client certificate (RFC 8705 section 3.1)
}

// Bound reports whether the token is bound to anything.
func (c Confirmation) Bound() bool { return c != Confirmation{} }

// Lifetime is the number of seconds the token lives.
func (g *Grant) Lifetime() int64 { return g.ExpiresAt - g.IssuedAt }
