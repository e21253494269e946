package schema

import (
	"errors"
	"fmt"
	"strings"
)

// MaxIdentifier is the longest identifier of an API, and the longest URL, in bytes.
const MaxIdentifier = 600

// CheckIdentifier reports why s cannot be an API's identifier. It accepts printable ASCII
// without what some URL library drops or rewrites, such as a fragment: every client must
// send the same bytes.
func CheckIdentifier(s string) error {
	if len(s) == 0 || len(s) > MaxIdentifier {
		return fmt.Errorf("identifier has %d bytes: it must have 1 to %d", len(s), MaxIdentifier)
	}
	if err := checkURLBytes("identifier", s); err != nil {
		return err
	}
	if strings.Contains(s, "#") {
		return fmt.Errorf("identifier %q has a fragment: leave out the # and what follows", s)
	}
	if _, authority, _ := splitAuthority(s); strings.Contains(authority, "@") {
		return errors.New("identifier has a user name or password before its host: leave out everything up to the @")
	}
	return nil
}

// CheckAudience reports why s cannot be an audience that another issuer's tokens
// name: like an identifier, but whatever that issuer puts there.
func CheckAudience(s string) error {
	if len(s) == 0 || len(s) > MaxIdentifier {
		return fmt.Errorf("audience has %d bytes: it must have 1 to %d", len(s), MaxIdentifier)
	}
	return checkText("audience", s)
}

// checkURLBytes refuses bytes that URL libraries treat differently. what names the value in
// errors.
func checkURLBytes(what, s string) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			return fmt.Errorf("%s %q has a space at byte %d: leave it out or write %%20", what, s, i)
		case c == '\\':
			return fmt.Errorf("%s %q has a backslash at byte %d, which some libraries read as a slash: write a slash or %%5C", what, s, i)
		case c < ' ' || c == 0x7f:
			return fmt.Errorf("%s %q has a control character at byte %d: leave it out", what, s, i)
		case c >= 0x80:
			return fmt.Errorf("%s %q has a character outside ASCII at byte %d: percent-encode it, or write the host in Punycode", what, s, i)
		}
	}
	return nil
}

// splitScheme cuts "scheme:" off s (RFC 3986 section 3.1). Without one, scheme is "".
func splitScheme(s string) (scheme, rest string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isAlpha(c):
		case i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return s[:i], s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

// splitAuthority splits s into "scheme:", the authority between "//" and the
// path, and what follows. Without "//" the authority is "".
func splitAuthority(s string) (scheme, authority, rest string) {
	scheme, rest = splitScheme(s)
	if !strings.HasPrefix(rest, "//") {
		return scheme, "", rest
	}
	rest = rest[2:]
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return scheme, rest[:i], rest[i:]
	}
	return scheme, rest, ""
}

// NearKey folds what people and libraries take for the same identifier: one
// trailing slash, the case of scheme and host, the default port, the
// percent-encoding of unreserved characters, and dot segments (RFC 3986
// sections 6.2.2 and 6.2.3). Two identifiers with one key are look-alikes. The
// key serves for comparison only: an identifier itself is never rewritten.
func NearKey(identifier string) string {
	scheme, authority, rest := splitAuthority(decodeUnreserved(identifier))
	path, query := rest, ""
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		path, query = rest[:i], rest[i:]
	}
	path = strings.TrimSuffix(removeDotSegments(path), "/")
	scheme = strings.ToLower(scheme)

	var b strings.Builder
	if scheme != "" {
		b.WriteString(scheme)
		b.WriteByte(':')
	}
	if authority != "" {
		b.WriteString("//")
		b.WriteString(trimDefaultPort(scheme, strings.ToLower(authority)))
	}
	b.WriteString(path)
	b.WriteString(query)
	return b.String()
}

// trimDefaultPort drops the port that the scheme implies.
func trimDefaultPort(scheme, authority string) string {
	authority = strings.TrimSuffix(authority, ":")
	switch scheme {
	case "https", "wss":
		return strings.TrimSuffix(authority, ":443")
	case "http", "ws":
		return strings.TrimSuffix(authority, ":80")
	}
	return authority
}

// decodeUnreserved decodes the percent-encoded unreserved characters of s, once.
func decodeUnreserved(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := percentByte(s, i); ok && isUnreserved(c) {
			out = append(out, c)
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

// percentByte decodes the percent-encoded byte at s[i].
func percentByte(s string, i int) (c byte, ok bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	hi, lo := unhex(s[i+1]), unhex(s[i+2])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// removeDotSegments is RFC 3986 section 5.2.4.
func removeDotSegments(path string) string {
	if !strings.Contains(path, ".") {
		return path
	}
	segments := strings.Split(path, "/")
	out := segments[:0:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			// The first segment of an absolute path is empty and stays.
			if n := len(out); n > 1 || n == 1 && out[0] != "" {
				out = out[:n-1]
			}
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
}

// IsURI reports whether identifier is an absolute URI (RFC 3986 section 3), as
// RFC 8707 wants of a resource and as libraries that parse an audience expect.
func IsURI(identifier string) bool {
	scheme, authority, rest := splitAuthority(identifier)
	if scheme == "" || authority == "" && rest == "" {
		return false
	}
	if s := strings.ToLower(scheme); authority == "" && (s == "http" || s == "https") {
		return false
	}
	return hasOnlyURIBytes(authority, "[]") && hasOnlyURIBytes(rest, "")
}

// hasOnlyURIBytes reports whether s has only characters that RFC 3986 allows, percent-encoded
// or not, and those in more.
func hasOnlyURIBytes(s, more string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if _, ok := percentByte(s, i); ok {
			continue
		}
		if !isUnreserved(c) && !strings.ContainsRune("!$&'()*+,;=:@/?"+more, rune(c)) {
			return false
		}
	}
	return true
}

// IsReservedIdentifier reports whether identifier is the issuer itself or one
// of the names that lie under it and that tokens of an authorization server
// already have a meaning for: api/v2/, userinfo, me/, my-org/ and mfa/. Look-alikes
// of these are reserved with them.
func IsReservedIdentifier(issuer, identifier string) bool {
	base, key := NearKey(issuer), NearKey(identifier)
	if key == base {
		return true
	}
	for _, name := range []string{"/api/v2", "/userinfo", "/me", "/my-org", "/mfa"} {
		if rest, ok := strings.CutPrefix(key, base+name); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Letters and digits are those of ASCII: the syntax of URLs and labels has no others.
func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isUnreserved reports an unreserved character of RFC 3986 section 2.3.
func isUnreserved(c byte) bool {
	return isAlpha(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// unhex is the value of a hexadecimal digit, -1 for any other byte.
func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Difference says how two different identifiers with one NearKey differ:
// "by a trailing slash".
func Difference(a, b string) string {
	switch {
	case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
		return "by a trailing slash"
	case strings.EqualFold(a, b):
		return "by upper and lower case"
	case withoutPort(a) == withoutPort(b):
		return "by the default port"
	case decodeUnreserved(a) == decodeUnreserved(b):
		return "by percent-encoding"
	}
	return "in how the URL is spelled"
}

// withoutPort cuts the first default port out of a URL.
func withoutPort(s string) string {
	for _, port := range []string{":443", ":80"} {
		if before, after, ok := strings.Cut(s, port); ok && (after == "" || after[0] == '/' || after[0] == '?') {
			return before + after
		}
	}
	return s
}
