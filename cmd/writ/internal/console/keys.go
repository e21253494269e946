package console

import (
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// keysPage is the list of signing keys.
type keysPage struct {
	Keys    []Key
	JWKSURI string   // "" without a snapshot
	Shared  []string // labels of APIs whose tokens are signed with a shared secret
}

// keys shows the keys. It is the one page that a server without a snapshot has.
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
	key, err := jose.ParseKey(jwk, jose.Algs(jose.SigningKeys)...)
	if err != nil {
		return nil, err
	}
	return jose.EncodePublicKey(key.Key)
}
