package token

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/writ-auth/writ/schema"
)

// ParsePEM reads a private key (PKCS #8, or the older PKCS #1 and SEC 1 forms)
// and makes it ready to sign with alg. An error never holds any of the bytes.
func ParsePEM(alg schema.SigningAlg, file []byte) (*Key, error) {
	for {
		var block *pem.Block
		if block, file = pem.Decode(file); block == nil {
			return nil, errors.New("no PEM block with a private key")
		}
		private, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %q: not a usable private key", block.Type)
		}
		if private != nil {
			return NewKey(alg, private)
		}
	}
}

// parseBlock returns nil for a block that holds something beside the key, as
// openssl writes the curve's parameters before an EC key.
func parseBlock(block *pem.Block) (crypto.Signer, error) {
	switch block.Type {
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("a key that cannot sign")
		}
		return signer, nil
	case "RSA PRIVATE KEY":
		return nonNil(x509.ParsePKCS1PrivateKey(block.Bytes))
	case "EC PRIVATE KEY":
		return nonNil(x509.ParseECPrivateKey(block.Bytes))
	}
	return nil, nil
}

// nonNil keeps a nil pointer from becoming a non-nil interface.
func nonNil[K crypto.Signer](key K, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, err
	}
	return key, nil
}

// encodePEM writes a private key as PKCS #8.
func encodePEM(private crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
