package jose

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// CanonicalPEM turns public keys and certificates in PEM (RFC 7468) into a
// canonical JWK Set without kids, under the rules of CanonicalKeys.
func CanonicalPEM(text string) (canonical string, err error) {
	if len(text) > MaxKeySetBytes {
		return "", fmt.Errorf("PEM text has %d bytes: it may have %d", len(text), MaxKeySetBytes)
	}
	var keys []jwk
	for rest := []byte(text); ; {
		var block *pem.Block
		before := rest
		if block, rest = pem.Decode(rest); block == nil {
			// A block that is cut off is no block to pem.Decode. Without this check its key
			// would be missing, and nobody would be told.
			if len(bytes.TrimSpace(before)) != 0 && len(keys) > 0 {
				return "", errors.New("PEM text goes on behind its last block: leave that out")
			}
			break
		}
		k, err := publicFromPEM(block)
		if err != nil {
			return "", fmt.Errorf("PEM block %d %w", len(keys)+1, err)
		}
		if keys = append(keys, k); len(keys) > MaxKeys {
			return "", fmt.Errorf("PEM text has over %d keys", MaxKeys)
		}
	}
	if len(keys) == 0 {
		return "", errors.New("PEM text has no block: write \"-----BEGIN PUBLIC KEY-----\" and so on")
	}
	return encodeKeys(keys)
}

// publicFromPEM reads the key of one block. Of a certificate only the key counts: its names
// and dates are ignored, because the configuration says whose key it is and from when until
// when. Its errors follow the words "PEM block N".
func publicFromPEM(block *pem.Block) (k jwk, err error) {
	var key crypto.PublicKey
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return k, errors.New("is a private key: replace that key, since it has been in a file, and put only the public one here")
		}
		return k, fmt.Errorf("is a %q: it must be a PUBLIC KEY or a CERTIFICATE", block.Type)
	}
	if err != nil {
		return k, errors.New("is malformed")
	}
	_, k, err = describe(key)
	return k, err
}

// ParsePrivateKey reads the first private key of a PEM text (PKCS #8, or the older
// PKCS #1 and SEC 1 forms). Blocks of other types are passed over, as openssl writes
// the curve's parameters before an EC key. An error never holds any of the bytes.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("no PEM block with a private key")
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, fmt.Errorf("PEM block %q: not a usable private key", block.Type)
		}
		return signer, nil
	}
}

// EncodePrivateKey writes a private key as PKCS #8 in PEM, unencrypted: whoever keeps it must
// protect it.
func EncodePrivateKey(private crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// EncodePublicKey writes a public key as a SubjectPublicKeyInfo (RFC 5280) in PEM.
func EncodePublicKey(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
