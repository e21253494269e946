package snapshot

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// ErrUnsigned is returned by VerifySignatures for a snapshot without any signature.
var ErrUnsigned = errors.New("the snapshot is not signed")

// ErrUntrusted is wrapped by VerifySignatures when no signature is valid by a trusted key.
var ErrUntrusted = errors.New("no signature by a trusted key")

// KeyID names a public key: the first eight bytes of its SHA-256 as hex.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Sign adds a signature to an envelope that Bind has completed. A second
// signature by the same key replaces the first. It panics if key has the wrong size.
func Sign(env *Envelope, key ed25519.PrivateKey) {
}

// VerifySignatures reports whether at least one signature is valid by a trusted key.
func (s *Snapshot) VerifySignatures(trusted []ed25519.PublicKey) error {
	return ErrUnsigned
}
