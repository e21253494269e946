package schema

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ParsePEM turns public keys and certificates in PEM (RFC 7468) into a
// canonical JWK Set without kids, under the rules of ParseJWKS.
func ParsePEM(text string) (canonical string, err error) {
	if len(text) > MaxKeySetBytes {
		return "", fmt.Errorf("PEM text has %d bytes: it may have %d", len(text), MaxKeySetBytes)
	}
	var set jwkSet
	for rest := []byte(text); ; {
		var block *pem.Block
		before := rest
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(before)) != 0 && len(set.Keys) > 0 {
				return "", errors.New("PEM text goes on behind its last block: leave that out")
			}
			break
		}
		k, err := publicFromPEM(block)
		if err != nil {
			return "", fmt.Errorf("PEM block %d %w", len(set.Keys)+1, err)
		}
		if set.Keys = append(set.Keys, k); len(set.Keys) > MaxKeys {
			return "", fmt.Errorf("PEM text has over %d keys", MaxKeys)
		}
	}
	if len(set.Keys) == 0 {
		return "", errors.New("PEM text has no block: write \"-----BEGIN PUBLIC KEY-----\" and so on")
	}
	return encodeKeys(set)
}

func publicFromPEM(block *pem.Block) (jwk, error) {
	var key any
	var err error
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
			return jwk{}, errors.New("is a private key: replace that key, since it has been in a file, and put only the public one here")
		}
		return jwk{}, fmt.Errorf("is a %q: it must be a PUBLIC KEY or a CERTIFICATE", block.Type)
	}
	if err != nil {
		return jwk{}, errors.New("is malformed")
	}
	return publicJWK(key)
}

func publicJWK(key any) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *rsa.PublicKey:
		k := jwk{Kty: "RSA", N: b64(key.N.Bytes()), E: b64(big.NewInt(int64(key.E)).Bytes())}
		return k, checkRSANumbers(key.N, int64(key.E))
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil || key.Curve.Params().BitSize < 256 {
			return jwk{}, errors.New("is not on the curve P-256, P-384 or P-521")
		}
		half := (len(point) - 1) / 2
		return jwk{Kty: "EC", Crv: key.Curve.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:])}, nil
	case ed25519.PublicKey:
		return jwk{Kty: "OKP", Crv: "Ed25519", X: b64(key)}, nil
	}
	return jwk{}, errors.New("holds a key that is neither RSA, EC nor Ed25519")
}
