//go:build openssl

package token

import (
	"crypto"
	"crypto/rsa"

	"github.com/writ-auth/writ/server/token/openssl"
)

// provider returns what signs with a private key of this process: libcrypto with
// RSA keys, the standard library with all others.
func provider(private crypto.Signer) (crypto.Signer, error) {
	if key, ok := private.(*rsa.PrivateKey); ok {
		return openssl.NewSigner(key)
	}
	return private, nil
}
