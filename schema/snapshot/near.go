package snapshot

// NearIdentifier looks for an API whose identifier is not s but would be after
// folding, and says how the two differ: "by a trailing slash". It is for logs:
// it allocates, and its work is bounded.
func (s *Snapshot) NearIdentifier(identifier string) (near API, how string, ok bool) {
	return API{}, "", false
}
