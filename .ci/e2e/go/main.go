// Command e2e uses a running server as an API's owner and as a client do, with
// libraries that know nothing of it and would weigh too much in the product's
// own module.
//
//	SSL_CERT_FILE=ca.pem e2e ISSUER CLIENT_ID CLIENT_SECRET
//	e2e ISSUER CLIENT_ID CLIENT_SECRET AUDIENCE  < ID token
//
// The server has an API https://api.example.com/PROFILE/ALG for each profile
// and algorithm below; with an audience it is asked for that one, on behalf of
// the user. One line of JSON is printed for everything that is tried:
// {"library", "api", "outcome"}, where the outcome is "ok" or says why not.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/oauth2"
)

// A visitor is a client of the server, and who verifies what it gets.
type visitor struct {
	issuer, id, secret string
}

func main() {
	if len(os.Args) != 4 && len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: e2e ISSUER CLIENT_ID CLIENT_SECRET [AUDIENCE]")
		os.Exit(64)
	}
	v := visitor{os.Args[1], os.Args[2], os.Args[3]}
	ctx := context.Background()
	if len(os.Args) == 5 {
		report("zitadel/oidc token exchange", os.Args[4], v.offline(ctx, os.Args[4]))
		return
	}
	for _, profile := range []string{"auth0", "rfc9068"} {
		for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"} {
			v.visit(ctx, profile+"/"+strings.ToLower(alg), alg)
		}
	}
}

func (v visitor) visit(ctx context.Context, api, alg string) {
	audience := "https://api.example.com/" + api
	token, err := v.zitadelClient(ctx, audience, oauth2.AuthStyleInHeader)
	report("zitadel/oidc client basic", api, err)
	_, err = v.zitadelClient(ctx, audience, oauth2.AuthStyleInParams)
	report("zitadel/oidc client post", api, err)
	report("zitadel/oidc resource server", api, v.zitadelIntrospects(ctx, token))
	report("zitadel/oidc verifier", api, v.zitadelVerifies(ctx, token, alg))
	report("go-jwt-middleware", api, v.auth0Guards(audience, token, alg, http.StatusOK))
	report("go-jwt-middleware another audience", api, v.auth0Guards(audience+"/", token, alg, http.StatusUnauthorized))
}

func report(library, api string, err error) {
	outcome := "ok"
	if err != nil {
		outcome, _, _ = strings.Cut(err.Error(), "\n")
	}
	line, err := json.Marshal(map[string]string{"library": library, "api": api, "outcome": outcome})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", line)
}

// zitadelClient discovers the server and gets a token.
func (v visitor) zitadelClient(ctx context.Context, audience string, style oauth2.AuthStyle) (string, error) {
	party, err := rp.NewRelyingPartyOIDC(ctx, v.issuer, v.id, v.secret, "", []string{"read:things"}, rp.WithAuthStyle(style))
	if err != nil {
		return "", err
	}
	token, err := rp.ClientCredentials(ctx, party, url.Values{"audience": {audience}})
	if err != nil {
		return "", err
	}
	if token.Extra("scope") != "read:things" || token.Type() != "Bearer" {
		return "", fmt.Errorf("scope %v, type %q", token.Extra("scope"), token.Type())
	}
	return token.AccessToken, nil
}

// zitadelIntrospects asks the server about the client's own token and about one
// that is none.
func (v visitor) zitadelIntrospects(ctx context.Context, token string) error {
	server, err := rs.NewResourceServerClientCredentials(ctx, v.issuer, v.id, v.secret)
	if err != nil {
		return err
	}
	known, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
	if err != nil {
		return err
	}
	if !known.Active || known.Subject != v.id+"@clients" || known.Scope.String() != "read:things" {
		return fmt.Errorf("%+v", known)
	}
	unknown, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token+"x")
	if err != nil || unknown.Active {
		return fmt.Errorf("a damaged token: %+v, %w", unknown, err)
	}
	return nil
}

// zitadelVerifies checks issuer, signature and times.
func (v visitor) zitadelVerifies(ctx context.Context, token, alg string) error {
	keys := rp.NewRemoteKeySet(http.DefaultClient, v.issuer+".well-known/jwks.json")
	verifier := op.NewAccessTokenVerifier(v.issuer, keys, op.WithSupportedAccessTokenSigningAlgorithms(alg))
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token, verifier)
	if err == nil && claims.Subject != v.id+"@clients" {
		err = fmt.Errorf("sub %q", claims.Subject)
	}
	return err
}

// auth0Guards puts Auth0's middleware in front of a handler.
func (v visitor) auth0Guards(audience, token, alg string, want int) error {
	issuer, err := url.Parse(v.issuer)
	if err != nil {
		return err
	}
	keys := jwks.NewCachingProvider(issuer, 5*time.Minute)
	checker, err := validator.New(keys.KeyFunc, validator.SignatureAlgorithm(alg), v.issuer, []string{audience})
	if err != nil {
		return err
	}
	var reason error
	guard := jwtmiddleware.New(checker.ValidateToken, jwtmiddleware.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
		reason = err
		jwtmiddleware.DefaultErrorHandler(w, r, err)
	}))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	guard.CheckJWT(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(answer, request)
	if answer.Code != want {
		return fmt.Errorf("status %d, want %d: %w", answer.Code, want, reason)
	}
	return nil
}
