package clientauth

import (
	"encoding/base64"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// The longest tokens that are read, in bytes.
const (
	MaxAssertion    = 8 << 10
	MaxProof        = 4 << 10
	MaxSubjectToken = 16 << 10 // of a user, who may be in many groups
)

// maxName is the longest kid, in bytes.
const maxName = 256

// compact is a JWS in the compact serialization (RFC 7515 section 7.1) that has
// been read and nothing more: no key has been looked for. Of the header only
// alg, kid and typ are ever used to verify a token. Members that point to or
// carry keys (jku, x5u, jwk, x5c) are left alone, except that a DPoP proof's
// jwk is read by package code that expects it.
type compact struct {
	alg       schema.SigningAlg
	kid       string // "" when there is none
	typ       string // the media type in lower case without "application/"; "" when there is none
	header    jsonObject
	payload   []byte
	signed    []byte // header and payload as they were sent, with the dot between
	signature []byte
}

// base64url is the one encoding of bytes that is accepted: the URL alphabet, no
// padding, the unused bits of the last character zero.
func base64url(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// readCompact reads a token of at most limit bytes.
func readCompact(s string, limit int) (compact, error) {
	if len(s) > limit {
		return compact{}, refuse(ReasonTooLarge, "token of %d bytes is longer than %d", len(s), limit)
	}
	if strings.Count(s, ".") != 2 {
		return compact{}, refuse(ReasonMalformed, "token has not three parts")
	}
	first, last := strings.IndexByte(s, '.'), strings.LastIndexByte(s, '.')
	header, ok1 := base64url(s[:first])
	payload, ok2 := base64url(s[first+1 : last])
	signature, ok3 := base64url(s[last+1:])
	if !ok1 || !ok2 || !ok3 {
		return compact{}, refuse(ReasonMalformed, "token is not canonical base64url")
	}
	if len(signature) == 0 {
		return compact{}, refuse(ReasonMalformed, "token has no signature")
	}
	members, err := readObject(header)
	if err != nil {
		return compact{}, refuse(ReasonMalformed, "header: %v", err)
	}
	c := compact{header: members, payload: payload, signed: []byte(s[:last]), signature: signature}
	return c, c.readHeader()
}

// readHeader takes what verification uses from the header. It understands no
// extension, so a crit of any content is refused (RFC 7515 section 4.1.11), and
// with it b64, which may not stand without crit (RFC 7797 section 6).
func (c *compact) readHeader() error {
	if c.header.get("crit") != nil || c.header.get("b64") != nil {
		return refuse(ReasonCriticalHeader, "header has an extension that must be understood")
	}
	name, ok := c.header.text("alg")
	if !ok {
		return refuse(ReasonMalformed, "header has no alg")
	}
	if c.alg, ok = signatureAlg(name); !ok {
		return refuse(ReasonUnsupportedAlgorithm, "alg %s", excerpt(name))
	}
	if c.header.get("kid") != nil {
		if c.kid, ok = c.header.text("kid"); !ok || c.kid == "" || len(c.kid) > maxName {
			return refuse(ReasonMalformed, "kid is not a string of 1 to %d bytes", maxName)
		}
	}
	if c.header.get("typ") != nil {
		typ, ok := c.header.text("typ")
		if !ok {
			return refuse(ReasonMalformed, "typ is not a string")
		}
		c.typ = mediaType(typ)
	}
	return nil
}

// signatureAlg returns the algorithm of a name, byte for byte. EdDSA has a
// second name since RFC 9864; the keys here are all Ed25519, so that both name
// one algorithm.
func signatureAlg(name string) (alg schema.SigningAlg, ok bool) {
	switch name {
	case "RS256", "PS256", "ES256", "EdDSA":
		return schema.SigningAlg(name), true
	case "Ed25519":
		return schema.EdDSA, true
	}
	return "", false
}

// mediaType is a typ as it is compared: media types have no case, and
// "application/" is understood (RFC 7515 section 4.1.9).
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	if rest, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(rest, "/") {
		return rest
	}
	return typ
}

// A Token is a JWT (RFC 7519) that has been read strictly and not verified:
// whoever sent it may have made it up.
type Token struct {
	compact
	claims   jsonObject
	iss, sub string // "" when absent or not a string
}

// ReadToken reads a signed JWT in the compact serialization, of at most limit
// bytes. It refuses every other form: JSON serialization, encryption,
// whitespace, padding, members that stand twice, extensions, algorithms that
// writ does not verify.
func ReadToken(s string, limit int) (*Token, error) {
	c, err := readCompact(s, limit)
	if err != nil {
		return nil, err
	}
	claims, err := readObject(c.payload)
	if err != nil {
		return nil, refuse(ReasonMalformed, "claims: %v", err)
	}
	t := &Token{compact: c, claims: claims}
	t.iss, _ = claims.text("iss")
	t.sub, _ = claims.text("sub")
	return t, nil
}

// UnverifiedIssuer returns the iss claim, "" when there is none. It serves to
// find the key to verify with and for nothing else.
func (t *Token) UnverifiedIssuer() string { return t.iss }

// UnverifiedSubject returns the sub claim, "" when there is none. It serves to
// find the client whose key to verify with and for nothing else.
func (t *Token) UnverifiedSubject() string { return t.sub }
