package server_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server"
)

var algorithms = jose.Coded()

var profiles = []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068}

const hmacSecret = "a-shared-secret-of-32-bytes-or-more"

func label(profile schema.Profile, alg schema.SigningAlg) string {
	return string(profile) + "-" + strings.ToLower(string(alg))
}

// everyShape is one API for each pair of profile and algorithm, all of them
// granted to one client.
func everyShape(issuer string) *schema.Document {
	doc := document()
	doc.Issuer.URL = issuer
	doc.APIs, doc.Authorizations = nil, nil
	for _, profile := range profiles {
		for _, alg := range algorithms {
			l := label(profile, alg)
			api := schema.API{
				Label: l, Name: l, Identifier: "https://api.example.com/" + l, Profile: profile, Alg: alg, TokenLifetime: 600,
				ScopeMode: schema.ScopeNarrow, IncludePermissions: true, Scopes: []schema.Scope{{Name: "read"}, {Name: "write"}},
			}
			if alg == schema.HS256 {
				api.SigningSecret = "env:HMAC"
			}
			doc.APIs = append(doc.APIs, api)
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: l, Client: "billing", API: l, SubjectType: schema.SubjectClient, Scopes: []string{"read", "write"},
				Claims: `{"https://example.com/team":"payments","n":[1,2.5,null]}`,
			})
		}
	}
	return doc
}

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// overHTTP serves the document under an issuer that is where it is served.
func overHTTP(t *testing.T, path string, make func(issuer string) *schema.Document) (*httptest.Server, string) {
	t.Helper()
	var s *server.Server
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Public().ServeHTTP(w, r) }))
	t.Cleanup(ts.Close)
	issuer := ts.URL + path
	s, _ = serving(t, make(issuer), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Getenv: env(map[string]string{"HMAC": hmacSecret})})
	return ts, issuer
}

// Clients and validators that we have not written accept what we issue: the
// token is fetched with x/oauth2 and checked by go-oidc, by golang-jwt with
// keyfunc and, under HS256, by hand.
func TestStrangersVerify(t *testing.T) {
	_, issuer := overHTTP(t, "/", everyShape)
	provider, err := oidc.NewProvider(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyfunc.NewDefaultCtx(t.Context(), []string{issuer + ".well-known/jwks.json"})
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range profiles {
		for _, alg := range algorithms {
			t.Run(label(profile, alg), func(t *testing.T) {
				audience := "https://api.example.com/" + label(profile, alg)
				compact := fetch(t, provider.Endpoint().TokenURL, audience)
				if alg == schema.HS256 {
					verifyHMAC(t, compact)
				} else {
					verifyGolangJWT(t, compact, issuer, audience, alg, keys.Keyfunc)
					verifyOIDC(t, provider, compact, audience)
				}
				checkShape(t, compact, profile, alg, issuer, audience)
			})
		}
	}
}

// fetch gets a token by x/oauth2's client, once with each of its two styles.
func fetch(t *testing.T, tokenURL, audience string) string {
	t.Helper()
	var compact string
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		config := clientcredentials.Config{
			ClientID: clientID, ClientSecret: clientSecret, TokenURL: tokenURL, AuthStyle: style,
			Scopes: []string{"read"}, EndpointParams: map[string][]string{"audience": {audience}},
		}
		tok, err := config.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tok.TokenType != "Bearer" || tok.Extra("scope") != "read" || tok.RefreshToken != "" || time.Until(tok.Expiry) > 10*time.Minute {
			t.Errorf("answer %+v", tok)
		}
		compact = tok.AccessToken
	}
	return compact
}

func verifyGolangJWT(t *testing.T, compact, issuer, audience string, alg schema.SigningAlg, keys jwt.Keyfunc) {
	t.Helper()
	_, err := jwt.Parse(compact, keys, jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithValidMethods([]string{string(alg)}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding())
	if err != nil {
		t.Errorf("golang-jwt: %v", err)
	}
}

func verifyOIDC(t *testing.T, provider *oidc.Provider, compact, audience string) {
	t.Helper()
	if _, err := provider.Verifier(&oidc.Config{ClientID: audience}).Verify(context.Background(), compact); err != nil {
		t.Errorf("go-oidc: %v", err)
	}
}

func verifyHMAC(t *testing.T, compact string) {
	t.Helper()
	dot := strings.LastIndexByte(compact, '.')
	mac := hmac.New(sha256.New, []byte(hmacSecret))
	mac.Write([]byte(compact[:dot]))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != compact[dot+1:] {
		t.Error("the HMAC does not match")
	}
}

// checkShape holds a token to the table of claims.
func checkShape(t *testing.T, compact string, profile schema.Profile, alg schema.SigningAlg, issuer, audience string) {
	t.Helper()
	header, claims := segments(t, compact)
	typ := map[schema.Profile]string{schema.ProfileAuth0: "JWT", schema.ProfileRFC9068: "at+jwt"}[profile]
	if header["alg"] != string(alg) || header["typ"] != typ || (header["kid"] != nil) != (alg != schema.HS256) {
		t.Errorf("header %v", header)
	}
	names := []string{"aud", "client_id", "exp", "https://example.com/team", "iat", "iss", "jti", "n", "permissions", "scope", "sub"}
	if profile == schema.ProfileAuth0 {
		names = []string{"aud", "azp", "exp", "gty", "https://example.com/team", "iat", "iss", "n", "permissions", "scope", "sub"}
	}
	var got []string
	for name := range claims {
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, names) {
		t.Errorf("claims %v, want %v", got, names)
	}
	if claims["iss"] != issuer || claims["aud"] != audience || claims["sub"] != clientID+"@clients" || claims["scope"] != "read" {
		t.Errorf("claims %v", claims)
	}
	if jti, ok := claims["jti"].(string); ok && len(jti) != 22 {
		t.Errorf("jti %q", jti)
	}
	if claims["exp"].(float64)-claims["iat"].(float64) != 600 {
		t.Errorf("iat %v exp %v", claims["iat"], claims["exp"])
	}
}

// segments decodes header and claims without looking at the signature.
func segments(t testing.TB, compact string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("%d segments in %q", len(parts), compact)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(decoded, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}
