package snapshot

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnsigned is returned by VerifySignatures for a snapshot without a signature.
var ErrUnsigned = errors.New("the snapshot is not signed")

// ErrUntrusted is wrapped by what VerifySignatures returns when no signature is
// valid by a trusted key.
var ErrUntrusted = errors.New("the snapshot is not signed by a trusted key")

// ParseTrustedKeys reads the keys that the flag --trust names: one Ed25519 public key as
// base64, or the public keys of a PEM file, which read returns. There is at least one
// unless the error says otherwise.
func ParseTrustedKeys(name string, read func(path string) ([]byte, error)) ([]ed25519.PublicKey, error) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(name); err == nil && len(raw) == ed25519.PublicKeySize {
			return []ed25519.PublicKey{raw}, nil
		}
	}
	file, err := read(name)
	if err != nil {
		return nil, err
	}
	var keys []ed25519.PublicKey
	for {
		var block *pem.Block
		if block, file = pem.Decode(file); block == nil {
			break
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := public.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("%q holds a PEM block %q that is not an Ed25519 public key", name, block.Type)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%q holds no Ed25519 public key", name)
	}
	return keys, nil
}

// payloadType keeps a signature over a snapshot from being one over anything else.
const payloadType = "application/vnd.writ.snapshot.v1+json"

// KeyID names a public key: the first eight bytes of its SHA-256 as hex.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Sign adds a signature to an envelope that Bind has completed. A second
// signature by the same key replaces the first. Sign panics if key has the wrong
// size or a time of the envelope cannot be written.
func Sign(env *Envelope, key ed25519.PrivateKey) {
	payload, err := env.preAuthentication()
	if err != nil {
		panic("snapshot: sign: " + err.Error())
	}
	id := KeyID(key.Public().(ed25519.PublicKey))
	others := slices.DeleteFunc(slices.Clone(env.Signatures), func(s Signature) bool { return s.KeyID == id })
	env.Signatures = append(others, Signature{KeyID: id, Signature: ed25519.Sign(key, payload)})
}

// VerifySignatures returns nil if at least one signature is valid by a trusted
// key, and an error that is ErrUnsigned or wraps ErrUntrusted otherwise. A key of
// the wrong size trusts nothing.
func (s *Snapshot) VerifySignatures(trusted []ed25519.PublicKey) error {
	if len(s.env.Signatures) == 0 {
		return ErrUnsigned
	}
	payload, err := s.env.preAuthentication()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	var by []string
	for _, signature := range s.env.Signatures {
		for _, key := range trusted {
			// Ed25519 panics on a key of another size.
			if len(key) == ed25519.PublicKeySize && KeyID(key) == signature.KeyID &&
				ed25519.Verify(key, payload, signature.Signature) {
				return nil
			}
		}
		by = append(by, fmt.Sprintf("%q", signature.KeyID))
	}
	return fmt.Errorf("%w: it carries signatures by %s", ErrUntrusted, strings.Join(by, ", "))
}

// preAuthentication is what a signature covers: the DSSE pre-authentication
// encoding of the envelope without its signatures. The envelope holds the digests of body and sources.
func (e Envelope) preAuthentication() ([]byte, error) {
	e.Signatures = nil
	payload, err := e.canonical()
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload), nil
}
