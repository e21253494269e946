package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/writ-auth/writ/schema"
)

// generate makes a private key. RS256 and PS256 get one each: a key is for one
// algorithm (RFC 8725 section 3.1).
func generate(alg schema.SigningAlg) (crypto.Signer, error) {
	switch alg {
	case schema.RS256, schema.PS256:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	case schema.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case schema.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("no key can be made for %q", alg)
}
