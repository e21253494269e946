package schema

import "strings"

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
