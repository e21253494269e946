package snapshot

import "github.com/writ-auth/writ/schema"

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
			return api, schema.Difference(at, identifier), true
		}
	}
	return API{}, "", false
}
