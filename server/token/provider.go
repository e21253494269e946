//go:build !openssl

package token

import "crypto"

// provider returns what signs with a private key of this process: the standard
// library. Built with -tags openssl, libcrypto signs with RSA keys.
func provider(private crypto.Signer) (crypto.Signer, error) { return private, nil }
