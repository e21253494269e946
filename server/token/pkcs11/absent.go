//go:build !pkcs11

package pkcs11

import (
	"crypto"

	"github.com/writ-auth/writ/schema"
)

// Built reports whether this program was built with PKCS #11.
const Built = false

// Tokens has no token in this build.
type Tokens struct{}

// New returns a Tokens without any.
func New(string, int) *Tokens { return new(Tokens) }

// Signer answers ErrAbsent.
func (*Tokens) Signer(schema.PKCS11Key, string) (crypto.Signer, error) { return nil, ErrAbsent }
