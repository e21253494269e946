package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"

	"github.com/writ-auth/writ/schema"
)

// thumbprintMembers is the public key as the required JWK members in the order
// of RFC 7638 section 3.2, without whitespace: what a thumbprint hashes. It
// takes public-key types only, so that no private or symmetric key can reach
// the JWK Set.
func thumbprintMembers(public crypto.PublicKey) []byte {
	switch key := public.(type) {
	case *rsa.PublicKey:
		members := append([]byte(`{"e":"`), encode(big.NewInt(int64(key.E)).Bytes())...)
		members = append(members, `","kty":"RSA","n":"`...)
		members = append(members, encode(key.N.Bytes())...)
		return append(members, `"}`...)
	case *ecdsa.PublicKey:
		x, y := coordinates(key)
		members := append([]byte(`{"crv":"P-256","kty":"EC","x":"`), x...)
		members = append(members, `","y":"`...)
		members = append(members, y...)
		return append(members, `"}`...)
	case ed25519.PublicKey:
		members := append([]byte(`{"crv":"Ed25519","kty":"OKP","x":"`), encode(key)...)
		return append(members, `"}`...)
	}
	panic("token: not a public key that writ publishes")
}

// thumbprint is the RFC 7638 SHA-256 thumbprint of the members.
func thumbprint(members []byte) string {
	sum := sha256.Sum256(members)
	return encode(sum[:])
}

// appendJWK appends the public key as a JWK: kid, use and alg, then the
// members of its thumbprint and nothing else. alg is always there, because
// validators look a key up by it.
func appendJWK(dst []byte, alg schema.SigningAlg, kid string, public crypto.PublicKey) []byte {
	dst = append(dst, `{"kid":`...)
	dst = appendString(dst, kid)
	dst = append(dst, `,"use":"sig","alg":`...)
	dst = appendString(dst, string(alg))
	dst = append(dst, ',')
	return append(dst, thumbprintMembers(public)[1:]...)
}

// coordinates encodes the point of a P-256 key, each half padded to 32 bytes
// (RFC 7518 section 6.2.1.2). The key has been checked to lie on the curve.
func coordinates(key *ecdsa.PublicKey) (x, y string) {
	point, err := key.Bytes()
	if err != nil {
		panic("token: an unchecked EC key: " + err.Error())
	}
	return encode(point[1:33]), encode(point[33:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
