package console_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
)

// The public half of every kind of key can be had in both forms.
func TestKeyDownloads(t *testing.T) {
	raw := base64.RawURLEncoding.EncodeToString
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, document(), false)
	keys := map[string]any{"rsa_-1": &rsaKey.PublicKey, "ec": &ecKey.PublicKey, "ed": edKey}
	for kid, jwk := range map[string]string{
		"rsa_-1": fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q}`, raw(rsaKey.N.Bytes()), raw(big.NewInt(int64(rsaKey.E)).Bytes())),
		"ec":     fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, raw(point[1:33]), raw(point[33:])),
		"ed":     fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, raw(edKey)),
	} {
		s.state.Keys = append(s.state.Keys, console.Key{KID: kid, State: "signing", JWK: []byte(jwk)})
		w := s.get("/console/keys/" + kid + ".jwk")
		if w.Body.String() != jwk || w.Header().Get("Content-Type") != "application/jwk+json" || w.Header().Get("Content-Disposition") != `attachment; filename="`+kid+`.jwk"` {
			t.Errorf("%s: %d %s %s", kid, w.Code, w.Header(), w.Body)
		}
		w = s.get("/console/keys/" + kid + ".pem")
		block, rest := pem.Decode(w.Body.Bytes())
		if block == nil || len(rest) > 0 {
			t.Fatalf("%s: %d %s", kid, w.Code, w.Body)
		}
		got, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(keys[kid]) {
			t.Errorf("%s: %v, %v", kid, got, err)
		}
	}
	s.state.Keys = []console.Key{{KID: "gone", State: "retired"}, {KID: "odd", JWK: []byte(`{"kty":"oct","k":"AAAA"}`)}}
	if w := s.get("/console/keys/gone.jwk"); w.Code != http.StatusNotFound {
		t.Errorf("retired: %d", w.Code)
	}
	if w := s.get("/console/keys/odd.pem"); w.Code != http.StatusInternalServerError {
		t.Errorf("a secret: %d %s", w.Code, w.Body)
	}
}
