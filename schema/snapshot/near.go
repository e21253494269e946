package snapshot

import (
	"strings"

	"github.com/writ-auth/writ/schema"
)

// maxNear bounds the candidates that NearIdentifier looks at.
const maxNear = 8

// NearIdentifier looks for an API whose identifier is not the given one but
// looks alike (schema.NearKey), and says how the two differ: "by a trailing
// slash". It is for the log line of a refusal: it allocates, and its work is
// bounded whatever is asked for.
func (s *Snapshot) NearIdentifier(identifier string) (near API, how string, ok bool) {
	if len(identifier) > schema.MaxIdentifier {
		return API{}, "", false
	}
	key := schema.NearKey(identifier)
	hash := hash32(key)
	entries := s.sections[secNearIndex]
	first, end := nearIndex.first(s, hash)
	for i := first; i < min(end, first+maxNear) && u32(entries, int(i)*indexSize+indexHash) == hash; i++ {
		api := s.API(int(u32(entries, int(i)*indexSize+indexObject)))
		if at := api.Identifier(); at != identifier && schema.NearKey(at) == key {
			return api, difference(at, identifier), true
		}
	}
	return API{}, "", false
}

// difference says how two different identifiers with one key differ.
func difference(a, b string) string {
	switch {
	case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
		return "by a trailing slash"
	case strings.EqualFold(a, b):
		return "by upper and lower case"
	case withoutPort(a) == withoutPort(b):
		return "by the default port"
	case strings.Contains(a, "%") != strings.Contains(b, "%"):
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
