package token

import (
	"strconv"
	"unicode/utf8"

	"github.com/writ-auth/writ/schema"
)

// jtiLen is the length of a jti: 128 random bits in unpadded base64url.
const jtiLen = 22

// AppendClaims appends the claims of g as one JSON object. The order is fixed:
// iss, aud, sub, iat, exp, the client, then what the profile and the
// configuration add, the custom claims last. jti is written in the profiles
// that have one (RFC 9068 section 2.2) and must be of the base64url alphabet.
func AppendClaims(dst []byte, g *Grant, jti []byte) []byte {
	dst = append(dst, `{"iss":`...)
	dst = appendString(dst, g.Issuer)
	dst = append(dst, `,"aud":`...)
	dst = appendString(dst, g.Audience)
	dst = append(dst, `,"sub":`...)
	dst = appendString(dst, g.Subject)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, g.IssuedAt, 10)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, g.ExpiresAt, 10)
	dst = appendProfile(dst, g, jti)
	if g.Scope != "" {
		dst = append(dst, `,"scope":`...)
		dst = appendString(dst, g.Scope)
	}
	if g.Permissions {
		dst = append(dst, `,"permissions":`...)
		dst = appendPermissions(dst, g.Scope)
	}
	if g.Bound() {
		dst = appendConfirmation(dst, g.Confirmation)
	}
	if g.Act != "" {
		dst = append(dst, `,"act":`...)
		dst = append(dst, g.Act...)
	}
	if g.Claims != "" {
		dst = append(dst, ',')
		dst = append(dst, g.Claims...)
	}
	return append(dst, '}')
}

// appendProfile appends the claims in which the two profiles differ.
func appendProfile(dst []byte, g *Grant, jti []byte) []byte {
	if g.Profile == schema.ProfileAuth0 {
		dst = append(dst, `,"azp":`...)
		dst = appendString(dst, g.ClientID)
		if g.GrantType == schema.GrantClientCredentials {
			dst = append(dst, `,"gty":"client-credentials"`...)
		}
		return dst
	}
	dst = append(dst, `,"client_id":`...)
	dst = appendString(dst, g.ClientID)
	dst = append(dst, `,"jti":"`...)
	dst = append(dst, jti...)
	return append(dst, '"')
}

// appendConfirmation appends the cnf claim (RFC 7800 section 3).
func appendConfirmation(dst []byte, c Confirmation) []byte {
	name, value := `,"cnf":{"jkt":`, c.JKT
	if value == "" {
		name, value = `,"cnf":{"x5t#S256":`, c.X5TS
	}
	dst = append(dst, name...)
	return append(appendString(dst, value), '}')
}

// appendPermissions appends the space-joined scopes as a JSON array, [] for none.
func appendPermissions(dst []byte, scope string) []byte {
	dst = append(dst, '[')
	for start := 0; start < len(scope); {
		end := start
		for end < len(scope) && scope[end] != ' ' {
			end++
		}
		if start > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, scope[start:end])
		start = end + 1
	}
	return append(dst, ']')
}

// appendString appends s as a JSON string. Identifiers, client ids and scopes
// are held to alphabets that need no escaping, so the copy is the common case.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		if b := s[i]; b >= 0x20 && b != '"' && b != '\\' && b < utf8.RuneSelf {
			continue
		}
		dst = append(dst, s[start:i]...)
		size := 1
		dst, size = appendEscaped(dst, s[i:])
		i += size - 1
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendEscaped appends the first character of s, which is not plain ASCII,
// and returns how many bytes of s it took. A byte that is not UTF-8 becomes U+FFFD.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch b := s[0]; {
	case b == '"' || b == '\\':
		return append(dst, '\\', b), 1
	case b < 0x20:
		return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15]), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	return utf8.AppendRune(dst, r), size
}
