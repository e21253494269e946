package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/schema"
)

const (
	minRSABits   = 2048 // RFC 7518 section 3.3
	minHMACBytes = 32   // RFC 7518 section 3.2: as long as the hash
)

// A Key signs tokens with one algorithm. It is immutable and safe for
// concurrent use.
type Key struct {
	alg     schema.SigningAlg
	kid     string           // RFC 7638 thumbprint; "" for HS256
	raw     any              // a crypto.Signer; []byte for HS256
	public  crypto.PublicKey // nil for HS256
	jwk     []byte           // the public key as a JWK; nil for HS256
	signer  jws.Signer
	headers map[schema.Profile][]byte // the encoded protected header with its dot
}

// NewKey checks a private key and makes it ready to sign with alg. It takes any
// crypto.Signer, wherever the key itself is, whose public half is an
// *rsa.PublicKey for RS256 and PS256 (at least 2048 bits, an odd exponent of at
// least 65537), an *ecdsa.PublicKey on P-256 for ES256 or an ed25519.PublicKey
// for EdDSA. It must be safe for concurrent use.
func NewKey(alg schema.SigningAlg, private crypto.Signer) (*Key, error) {
	public, err := checkPrivate(alg, private)
	if err != nil {
		return nil, err
	}
	signer, err := provider(private)
	if err != nil {
		return nil, err
	}
	if ec, ok := signer.(*ecdsa.PrivateKey); ok {
		signer = sealed{ec}
	}
	members := thumbprintMembers(public)
	kid := thumbprint(members)
	return newKey(&Key{alg: alg, kid: kid, raw: signer, public: public, jwk: appendJWK(nil, alg, kid, public)})
}

// A sealed key shows only that it signs. Of an *ecdsa.PrivateKey jwx makes a copy
// for each signature, and crypto/ecdsa checks and remembers each key that it has not
// seen before: together a seventh of the time of a signature.
type sealed struct{ crypto.Signer }

// NewSecretKey makes an HS256 key of a secret shared with the API, at least 32 bytes.
func NewSecretKey(secret []byte) (*Key, error) {
	if len(secret) < minHMACBytes {
		return nil, fmt.Errorf("signing secret of %d bytes is too short for HS256: %d are the least", len(secret), minHMACBytes)
	}
	return newKey(&Key{alg: schema.HS256, raw: secret})
}

// newKey completes a checked key with its signer and its encoded headers.
func newKey(k *Key) (*Key, error) {
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(k.alg))
	if err != nil {
		return nil, fmt.Errorf("signer for %q: %w", k.alg, err)
	}
	k.signer = signer
	k.headers = map[schema.Profile][]byte{
		schema.ProfileAuth0:   encodeHeader(k.alg, "JWT", k.kid),
		schema.ProfileRFC9068: encodeHeader(k.alg, "at+jwt", k.kid),
	}
	return k, nil
}

// Alg is the one algorithm the key signs with.
func (k *Key) Alg() schema.SigningAlg { return k.alg }

// KID is the key's RFC 7638 thumbprint, "" for HS256.
func (k *Key) KID() string { return k.kid }

// Public is the public key, nil for HS256.
func (k *Key) Public() crypto.PublicKey { return k.public }

// encodeHeader is the protected header in the order alg, typ, kid, base64url,
// with the dot that follows it.
func encodeHeader(alg schema.SigningAlg, typ, kid string) []byte {
	header := []byte(`{"alg":`)
	header = appendString(header, string(alg))
	header = append(header, `,"typ":`...)
	header = appendString(header, typ)
	if kid != "" {
		header = append(header, `,"kid":`...)
		header = appendString(header, kid)
	}
	header = append(header, '}')
	return append(base64.RawURLEncoding.AppendEncode(nil, header), '.')
}

// checkPrivate refuses a key that does not fit its algorithm or is too weak:
// jwx signs with a 1024-bit RSA key without complaint.
func checkPrivate(alg schema.SigningAlg, private crypto.Signer) (crypto.PublicKey, error) {
	switch public := private.Public().(type) {
	case *rsa.PublicKey:
		if alg != schema.RS256 && alg != schema.PS256 {
			return nil, fmt.Errorf("an RSA key cannot sign with %q", alg)
		}
		return public, checkRSA(public, private)
	case *ecdsa.PublicKey:
		if alg != schema.ES256 || public.Curve != elliptic.P256() {
			return nil, fmt.Errorf("an EC key on %s cannot sign with %q: ES256 takes P-256", public.Params().Name, alg)
		}
		if _, err := public.ECDH(); err != nil {
			return nil, fmt.Errorf("EC key: %w", err)
		}
		return public, nil
	case ed25519.PublicKey:
		if alg != schema.EdDSA {
			return nil, fmt.Errorf("an Ed25519 key cannot sign with %q", alg)
		}
		return public, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot sign with %q", private, alg)
}

// checkRSA holds an RSA key to RFC 7518 section 3.3 and RFC 8725 section 3.4.
// The private half is checked where it can be seen.
func checkRSA(public *rsa.PublicKey, private crypto.Signer) error {
	if bits := public.N.BitLen(); bits < minRSABits {
		return fmt.Errorf("RSA key of %d bits is too short: %d are the least", bits, minRSABits)
	}
	if public.E < 65537 || public.E%2 == 0 {
		return fmt.Errorf("RSA public exponent %d is not odd and at least 65537", public.E)
	}
	if key, ok := private.(*rsa.PrivateKey); ok {
		if err := key.Validate(); err != nil {
			return fmt.Errorf("RSA key: %w", err)
		}
	}
	return nil
}
