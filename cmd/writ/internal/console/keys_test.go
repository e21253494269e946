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
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
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

// Each key says what it does and until when, beside its bar; what comes next is said, or that
// nothing is known to.
func TestKeysOverTime(t *testing.T) {
	at := func(days int) time.Time { return noon.Add(time.Duration(days) * 24 * time.Hour) }
	jwk := []byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)
	declared := document()
	declared.SigningKeys = []schema.SigningKey{{Label: "k", Alg: schema.RS256, PrivateKey: "file:k.pem"}}
	for _, c := range []struct {
		name  string
		doc   *schema.Document
		keys  []console.Key
		next  time.Time
		words []string
	}{
		{"none", document(), nil, time.Time{}, []string{"There is no key pair"}},
		{"one", document(), []console.Key{{KID: "a", Alg: "RS256", State: "signing", ActivatesAt: at(-9), JWK: jwk}}, at(81), []string{
			"RS256, made by the server", "until the server makes another, in 81 days", `rect class="good"`, "The next one", `rect class="later"`, "at the earliest", "BEGIN PUBLIC KEY", "data-copy-text=\"{",
		}},
		{"declared", declared, []console.Key{{KID: "a", Alg: "RS256", State: "signing", JWK: jwk}}, time.Time{}, []string{"RS256, declared", "signs from the start", "nothing is declared to follow"}},
		{"many", document(), []console.Key{
			{KID: "gone", Alg: "RS256", State: "retired", ActivatesAt: at(-200), RetiresAt: at(-100)},
			{KID: "old", Alg: "RS256", State: "retiring", ActivatesAt: at(-100), RetiresAt: at(2), JWK: jwk},
			{KID: "now", Alg: "RS256", State: "signing", ActivatesAt: at(-10), JWK: jwk},
			{KID: "new", Alg: "RS256", State: "announced", ActivatesAt: at(1), JWK: jwk},
			{KID: strings.Repeat("long", 40), Alg: "ES256", State: "signing", ActivatesAt: at(-1), JWK: jwk},
		}, at(1), []string{
			"published until its last token has ended, in 2 days", "until the next one signs, in 24 hours", "signs in 24 hours", "no longer published", "not published",
			`rect class="early"`, `rect class="warn"`, `rect class="bad"`, `title="new">new</span> signs from`,
		}},
		{"published", document(), []console.Key{{KID: "a", Alg: "RS256", State: "published", JWK: jwk}}, time.Time{}, []string{"in the JWK Set"}},
	} {
		s := newSite(t, c.doc, false)
		s.state.Keys, s.state.NextRotation = c.keys, c.next
		body := s.page(t, "/console/keys")
		checkMarkup(t, c.name, body)
		for _, words := range c.words {
			if !strings.Contains(body, words) {
				t.Errorf("%s: no %q in %s", c.name, words, body)
			}
		}
	}
}
