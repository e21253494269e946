package snapshot

import "github.com/writ-auth/writ/schema"

// Document returns the document that was encoded; empty slices and maps are
// nil. Its strings share the snapshot's memory, and equal slices and maps share
// each other's: it is to be read, not changed.
func (s *Snapshot) Document() *schema.Document {
	return nil
}
