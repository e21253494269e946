package server_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/server"
)

func TestTokenVerifiesWithGolangJWT(t *testing.T) {
	s, _ := serving(t, document(), server.Options{})
	ts := httptest.NewServer(s.Public())
	defer ts.Close()
	res := do(t, s.Public(), post(form()))
	if res.status != 200 {
		t.Fatalf("status %d: %s", res.status, res.raw)
	}
	keys, err := keyfunc.NewDefaultCtx(t.Context(), []string{ts.URL + "/.well-known/jwks.json"})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.Parse(res.body.AccessToken, keys.Keyfunc,
		jwt.WithIssuer(issuerURL), jwt.WithAudience(ordersURL), jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	if err != nil {
		t.Fatal(err)
	}
	claims := parsed.Claims.(jwt.MapClaims)
	if claims["scope"] != "read:orders write:orders" || claims["sub"] != "billing@clients" {
		t.Errorf("claims %v", claims)
	}
	if exp, _ := claims.GetExpirationTime(); time.Until(exp.Time) > time.Hour {
		t.Errorf("exp %v", exp)
	}
}
