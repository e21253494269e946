package schema

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Limits of scopes.
const (
	MaxScope  = 280  // bytes of one scope
	MaxScopes = 1000 // scopes of one API
)

// CheckScope reports why s is not a scope-token (RFC 6749 section 3.3): the
// scope claim joins them with spaces.
func CheckScope(s string) error {
	if len(s) == 0 || len(s) > MaxScope {
		return fmt.Errorf("scope has %d bytes: it must have 1 to %d", len(s), MaxScope)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			if c == ' ' {
				return fmt.Errorf("scope %q has a space at byte %d: each scope is a name of its own, such as read:orders", s, i)
			}
			c, _ := utf8.DecodeRuneInString(s[i:])
			return fmt.Errorf("scope %q has a %q at byte %d: use printable ASCII without spaces, quotes and backslashes", s, c, i)
		}
	}
	return nil
}

// reservedScopes mean something else in OpenID Connect and with Auth0.
var reservedScopes = []string{
	"address", "created_at", "email", "email_verified", "family_name", "given_name", "identities",
	"name", "nickname", "offline_access", "openid", "phone", "picture", "profile",
}

// IsReservedScope reports whether s is one of the 14 names that cannot be an
// API's scope.
func IsReservedScope(s string) bool {
	_, found := slices.BinarySearch(reservedScopes, s)
	return found
}
