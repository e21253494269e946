//go:build linux

package strangers

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/writ-auth/writ/schema/testenv"
)

// Go's usual libraries: x/oauth2 gets the tokens, with each of its ways to say
// who it is; go-oidc and golang-jwt with keyfunc verify them.
func TestGoLibraries(t *testing.T) {
	l := listen(t)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, l.client)
	provider, err := oidc.NewProvider(ctx, l.issuer)
	must(t, err)
	storage, err := jwkset.NewStorageFromHTTP(l.issuer+".well-known/jwks.json", jwkset.HTTPClientStorageOptions{Client: l.client, Ctx: t.Context()})
	must(t, err)
	keys, err := keyfunc.New(keyfunc.Options{Ctx: t.Context(), Storage: storage})
	must(t, err)
	for _, profile := range interopProfiles {
		for _, alg := range interopAlgorithms {
			t.Run(shape(profile, alg), func(t *testing.T) {
				audience := "https://api.example.com/" + shape(profile, alg)
				for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
					config := clientcredentials.Config{
						ClientID: "billing", ClientSecret: clientSecret, TokenURL: provider.Endpoint().TokenURL, AuthStyle: style,
						Scopes: []string{"read:things"}, EndpointParams: url.Values{"audience": {audience}},
					}
					token, err := config.Token(ctx)
					must(t, err)
					if token.Extra("scope") != "read:things" || token.Type() != "Bearer" {
						t.Errorf("style %d: %+v", style, token)
					}
					l.goVerifies(t, ctx, provider, keys, token.AccessToken, audience, string(alg))
				}
			})
		}
	}
}

// goVerifies wants the token accepted for its audience and refused for another.
func (l listener) goVerifies(t *testing.T, ctx context.Context, provider *oidc.Provider, keys keyfunc.Keyfunc, token, audience, alg string) {
	t.Helper()
	for _, wanted := range []string{audience, audience + "/"} {
		good := wanted == audience
		if _, err := provider.Verifier(&oidc.Config{ClientID: wanted}).Verify(ctx, token); (err == nil) != good {
			t.Errorf("go-oidc for %q: %v", wanted, err)
		}
		_, err := jwt.Parse(token, keys.Keyfunc, jwt.WithIssuer(l.issuer), jwt.WithAudience(wanted),
			jwt.WithValidMethods([]string{alg}), jwt.WithExpirationRequired())
		if (err == nil) != good {
			t.Errorf("golang-jwt for %q: %v", wanted, err)
		}
	}
}

// heavyProgram builds the uses of libraries too heavy for this module, which
// have one of their own.
func heavyProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "e2e")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = filepath.Join(e2e, "go")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		need(t, "the module in .ci/e2e/go does not build: "+string(out))
	}
	return program
}

func TestHeavyGoLibraries(t *testing.T) {
	t.Parallel()
	testenv.OneByOne(t) // and it takes long to build
	program := heavyProgram(t)
	found := listen(t).visit(t, program)
	compare(t, found, map[string]expectation{
		"zitadel/oidc client basic":          {},
		"zitadel/oidc client post":           {},
		"zitadel/oidc resource server":       {},
		"zitadel/oidc verifier":              {},
		"go-jwt-middleware":                  {},
		"go-jwt-middleware another audience": {},
	})
}
