package console

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// keysPage is the signing keys.
type keysPage struct {
	Keys    []Key
	JWKSURI string   // "" without a snapshot
	Shared  []string // labels of APIs whose tokens are signed with a shared secret
}

func (p *page) keys() {
	body := keysPage{Keys: p.state.Keys}
	if snap := p.state.Snapshot; snap != nil {
		body.JWKSURI = strings.TrimSuffix(snap.Issuer().URL, "/") + "/.well-known/jwks.json"
		for i := range snap.NumAPIs() {
			if api := snap.API(i); api.Alg() == schema.HS256 {
				body.Shared = append(body.Shared, api.Label())
			}
		}
	}
	p.show(http.StatusOK, "keys", "keys", "Signing keys", body)
}

// key answers with one public key as a file: KID.jwk or KID.pem.
func (p *page) key(name string) {
	for _, k := range p.state.Keys {
		kind, body := "", k.JWK
		switch {
		case k.JWK == nil:
			continue
		case name == k.KID+".jwk":
			kind = "application/jwk+json"
		case name == k.KID+".pem":
			kind = "application/x-pem-file"
			var err error
			if body, err = publicPEM(k.JWK); err != nil {
				http.Error(p.w, "internal error", http.StatusInternalServerError)
				return
			}
		default:
			continue
		}
		p.w.Header().Set("Content-Disposition", "attachment; filename=\""+name+"\"") // a kid is base64url
		p.write(http.StatusOK, kind, body)
		return
	}
	p.notFound("No key of this name is published.", Path+"keys")
}

// publicPEM writes a public JWK (RFC 7517) as a SubjectPublicKeyInfo (RFC 5280).
func publicPEM(jwk []byte) ([]byte, error) {
	var k struct{ Kty, N, E, X, Y string }
	if err := json.Unmarshal(jwk, &k); err != nil {
		return nil, err
	}
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return nil
		}
		return b
	}
	var public crypto.PublicKey
	var err error
	switch k.Kty {
	case "RSA":
		public = &rsa.PublicKey{N: new(big.Int).SetBytes(decode(k.N)), E: int(new(big.Int).SetBytes(decode(k.E)).Int64())}
	case "EC":
		public, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, decode(k.X)...), decode(k.Y)...))
	case "OKP":
		public = ed25519.PublicKey(decode(k.X))
	default:
		err = errors.New("unknown kind of key")
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
