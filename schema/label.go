package schema

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest names, in characters.
const (
	MaxLabel       = 63
	MaxClientID    = 128
	MaxName        = 200
	MaxDescription = 500
	MaxInstanceKey = 128
)

// CheckLabel reports why s cannot be the label of a block: it begins with a
// letter or "_", so that a reference to it is an HCL identifier.
func CheckLabel(s string) error {
	if len(s) == 0 || len(s) > MaxLabel || !isAlpha(s[0]) && s[0] != '_' || !isWord(s, "_-") {
		return fmt.Errorf("label %q must have 1 to %d letters, digits, \"_\" and \"-\", and begin with a letter or \"_\"", s, MaxLabel)
	}
	return nil
}

// CheckKeyLabel is CheckLabel for credentials and signing keys, which nothing
// refers to and whose labels may begin with a digit: "2026-q4".
func CheckKeyLabel(s string) error {
	if len(s) == 0 || len(s) > MaxLabel || s[0] == '-' || !isWord(s, "_-") {
		return fmt.Errorf("label %q must have 1 to %d letters, digits, \"_\" and \"-\", and not begin with \"-\"", s, MaxLabel)
	}
	return nil
}

// CheckInstanceKey reports why s cannot be a key of for_each: keys become part
// of addresses, which people type in a shell.
func CheckInstanceKey(s string) error {
	if len(s) == 0 || len(s) > MaxInstanceKey || !isWord(s, "._:/@+-") {
		return fmt.Errorf("for_each key %q must have 1 to %d letters, digits and . _ : / @ + -", s, MaxInstanceKey)
	}
	return nil
}

// CheckClientID reports why s cannot be a client_id: only characters that every
// client library sends alike, in a form and in a Basic header.
func CheckClientID(s string) error {
	if len(s) == 0 || len(s) > MaxClientID || !isWord(s, "._-") {
		return fmt.Errorf("client_id %q must have 1 to %d letters, digits and . _ -", s, MaxClientID)
	}
	return nil
}

// CheckEnvironment reports why s cannot name an environment.
func CheckEnvironment(s string) error {
	if len(s) == 0 || len(s) > MaxLabel || !isWord(s, "._-") {
		return fmt.Errorf("environment %q must have 1 to %d letters, digits and . _ -", s, MaxLabel)
	}
	return nil
}

// CheckName reports why s cannot be a name for people.
func CheckName(s string) error {
	if n := utf8.RuneCountInString(s); n == 0 || n > MaxName {
		return fmt.Errorf("name has %d characters: it must have 1 to %d", n, MaxName)
	}
	for _, r := range s {
		if r == '<' || r == '>' {
			return fmt.Errorf("name %q has a %q: leave out < and >", s, r)
		}
	}
	return checkText("name", s)
}

// CheckDescription reports why s cannot describe a scope.
func CheckDescription(s string) error {
	if n := utf8.RuneCountInString(s); n > MaxDescription {
		return fmt.Errorf("description has %d characters: it may have %d", n, MaxDescription)
	}
	return checkText("description", s)
}

// checkText refuses control characters and characters that change the direction of text, by
// which a name could look like another.
func checkText(what, s string) error {
	for i, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("%s %q has a control character at byte %d: leave it out", what, s, i)
		}
	}
	return nil
}

// isWord reports whether s has only ASCII letters, digits and the bytes in more.
func isWord(s, more string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}

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
