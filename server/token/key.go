package token

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

const minHMACBytes = 32 // RFC 7518 section 3.2: as long as the hash

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
// crypto.Signer, wherever the key itself is, whose public half jose.Alg.Check passes:
// jwx signs with a 1024-bit RSA key without complaint. It must be safe for concurrent
// use.
func NewKey(alg schema.SigningAlg, private crypto.Signer) (*Key, error) {
	public := private.Public()
	if err := alg.Check(public); err != nil {
		return nil, fmt.Errorf("the key %w", err)
	}
	if key, ok := private.(*rsa.PrivateKey); ok { // the private half can be seen
		if err := key.Validate(); err != nil {
			return nil, fmt.Errorf("the key is no RSA key: %w", err)
		}
	}
	signer, err := provider(private)
	if err != nil {
		return nil, err
	}
	if ec, ok := signer.(*ecdsa.PrivateKey); ok {
		signer = sealed{ec}
	}
	return newKey(&Key{alg: alg, kid: jose.Thumbprint(public), raw: signer, public: public, jwk: jose.AppendJWK(nil, alg, public)})
}

// ParsePEM reads a private key as jose.ParsePrivateKey does and makes it ready to sign
// with alg.
func ParsePEM(alg schema.SigningAlg, file []byte) (*Key, error) {
	private, err := jose.ParsePrivateKey(file)
	if err != nil {
		return nil, err
	}
	return NewKey(alg, private)
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
	var key any = k.public
	if k.public == nil {
		key = k.raw // the secret
	}
	if !k.alg.Verify(key, input, signature) {
		return errors.New("the signature does not verify")
	}
	return nil
}

// zeroes is the random source of a self test: its jti is never seen.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
