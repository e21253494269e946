package token

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/writ-auth/writ/schema"
)

var errSignature = errors.New("the signature does not verify")

// SelfTest signs one token with the key and verifies it with the standard
// library, a second opinion on jwx and on the key file.
func (k *Key) SelfTest() error {
	g := &Grant{Profile: schema.ProfileRFC9068, Alg: k.alg}
	keys := NewKeys([]Scheduled{{Key: k}}, map[string]*Key{"": k})
	signed, _, err := NewIssuer(keys, NewGate(1, 0), zeroes{}).Issue(context.Background(), nil, g)
	if err != nil {
		return err
	}
	dot := bytes.LastIndexByte(signed, '.')
	signature, err := base64.RawURLEncoding.AppendDecode(nil, signed[dot+1:])
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return k.verify(signed[:dot], signature)
}

// verify checks a signature over input by the key's own algorithm.
func (k *Key) verify(input, signature []byte) error {
	if k.alg == schema.HS256 {
		mac := hmac.New(sha256.New, k.raw.([]byte))
		mac.Write(input)
		return verdict(hmac.Equal(mac.Sum(nil), signature))
	}
	digest := sha256.Sum256(input)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if k.alg == schema.PS256 {
			// The salt is as long as the hash (RFC 7518 section 3.5), which
			// jwx's own verifier does not insist on.
			return rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature)
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return errSignature
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return verdict(ecdsa.Verify(public, digest[:], r, s))
	case ed25519.PublicKey:
		return verdict(ed25519.Verify(public, input, signature))
	}
	return fmt.Errorf("a key of type %T cannot verify", k.public)
}

func verdict(ok bool) error {
	if !ok {
		return errSignature
	}
	return nil
}

// zeroes is the random source of a self test: its jti is never seen.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
