package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// maxToken bounds a token on the command line, in bytes.
const maxToken = 64 << 10

// A jws is a token in compact form (RFC 7515 section 3.1), taken apart but not
// yet believed.
type jws struct {
	Header    map[string]any
	Claims    map[string]any
	header    json.RawMessage
	claims    json.RawMessage
	input     string // what the signature is over
	signature []byte
}

// parseJWS takes a token apart as strictly as a careful resource server does.
func parseJWS(compact string) (*jws, error) {
	if len(compact) > maxToken {
		return nil, fmt.Errorf("the token is longer than %d bytes", maxToken)
	}
	if strings.ContainsAny(compact, "\r\n") { // the decoder would pass over them
		return nil, errors.New("the token has a line break in it")
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("a signed token has three parts separated by dots, this has %d", len(parts))
	}
	var decoded [3][]byte
	for i, name := range []string{"header", "claims", "signature"} {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(parts[i]); err != nil {
			return nil, fmt.Errorf("the %s is not base64url: %w", name, err)
		}
	}
	t := &jws{header: decoded[0], claims: decoded[1], signature: decoded[2], input: parts[0] + "." + parts[1]}
	var err error
	if t.Header, err = parseObject(t.header); err != nil {
		return nil, fmt.Errorf("the header is not a JSON object: %w", err)
	}
	if t.Claims, err = parseObject(t.claims); err != nil {
		return nil, fmt.Errorf("the claims are not a JSON object: %w", err)
	}
	return t, nil
}

// parseObject decodes one JSON object without duplicate members, numbers as written.
func parseObject(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	object := map[string]any{}
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	if object == nil {
		return nil, errors.New("null")
	}
	return object, duplicateMember(text)
}

// duplicateMember reports a member that an object at the top has twice: readers
// disagree about which one counts.
func duplicateMember(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if key := name.(string); seen[key] {
			return fmt.Errorf("the member %q stands twice", key)
		} else {
			seen[key] = true
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// A verifyKey is a public key, or an HS256 secret, with what it may be used for.
type verifyKey struct {
	kid string
	alg schema.SigningAlg // "" where the JWK does not say
	key any               // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, []byte
}

// A jwk is one member of a JWK Set (RFC 7517).
type jwk struct {
	KTY string            `json:"kty"`
	KID string            `json:"kid"`
	Alg schema.SigningAlg `json:"alg"`
	Crv string            `json:"crv"`
	N   string            `json:"n"`
	E   string            `json:"e"`
	X   string            `json:"x"`
	Y   string            `json:"y"`
}

// parseJWKS reads the public keys of a JWK Set. Keys of other kinds are passed over.
func parseJWKS(text []byte) ([]verifyKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("read JWK Set: %w", err)
	}
	var keys []verifyKey
	for _, k := range set.Keys {
		public, err := k.public()
		if err != nil {
			return nil, fmt.Errorf("read JWK %q: %w", k.KID, err)
		}
		if public != nil {
			keys = append(keys, verifyKey{k.KID, k.Alg, public})
		}
	}
	return keys, nil
}

// public is the key, nil for a kind that access tokens are not signed with.
func (k *jwk) public() (crypto.PublicKey, error) {
	switch {
	case k.KTY == "RSA":
		n, errN := base64.RawURLEncoding.DecodeString(k.N)
		e, errE := base64.RawURLEncoding.DecodeString(k.E)
		if err := errors.Join(errN, errE); err != nil || len(e) > 4 || len(e) == 0 {
			return nil, errors.Join(err, errors.New("not an RSA key"))
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case k.KTY == "EC" && k.Crv == "P-256":
		x, errX := base64.RawURLEncoding.DecodeString(k.X)
		y, errY := base64.RawURLEncoding.DecodeString(k.Y)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	case k.KTY == "OKP" && k.Crv == "Ed25519":
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.Join(err, errors.New("not an Ed25519 key"))
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, nil
}

// verify checks the token's signature with a key, by the algorithm that the
// header names and the key's kind allows. It is written against the standard
// library alone: a second opinion on the server's signer.
func (t *jws) verify(alg schema.SigningAlg, key any) bool {
	digest := sha256.Sum256([]byte(t.input))
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch alg {
		case schema.RS256:
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil
		case schema.PS256:
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], t.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	case *ecdsa.PublicKey:
		if alg != schema.ES256 || len(t.signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(t.signature[:32]), new(big.Int).SetBytes(t.signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		return alg == schema.EdDSA && ed25519.Verify(key, []byte(t.input), t.signature)
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(t.input))
		return alg == schema.HS256 && hmac.Equal(mac.Sum(nil), t.signature)
	}
	return false
}
