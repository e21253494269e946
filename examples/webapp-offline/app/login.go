package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A login stands in for the OpenID provider at which users sign in. What it
// leaves out is the page with the password and the redirect back; what it gives
// to the web app in the end, and to everybody, is what any provider gives.
type login struct {
	issuer string
	kid    string
	key    *rsa.PrivateKey // made at the start: gone with the program
}

func newLogin(issuer string) (*login, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return &login{issuer: issuer, kid: rand.Text(), key: key}, err
}

// signIn is the ID token that the web app has once a user has signed in, and once
// it has verified it as any OpenID client does.
func (l *login) signIn(user string, groups ...string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": l.issuer, "aud": clientID, "sub": user, "email": user + "@example.com", "groups": groups,
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	token.Header["kid"] = l.kid
	return token.SignedString(l.key)
}

// ServeHTTP publishes the public key, with which the token server checks ID tokens.
func (l *login) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	encode := base64.RawURLEncoding.EncodeToString
	public := l.key.PublicKey
	w.Header().Set("Content-Type", "application/jwk-set+json")
	json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": l.kid,
		"n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}})
}
