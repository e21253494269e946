package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// How the web app is known to the token server, and to the provider at which its
// users sign in. The configuration holds the secret's hash.
const (
	clientID     = "webapp"
	clientSecret = "webapp-demo-secret"
)

// A webapp is the part of a web application that gets tokens and gives them back.
type webapp struct {
	config     oauth2.Config
	revocation string // the endpoint
}

func newWebapp(server *oidc.Provider) (*webapp, error) {
	var metadata struct {
		Revocation string `json:"revocation_endpoint"`
	}
	err := server.Claims(&metadata)
	endpoint := server.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // told, so that no refresh token is used up for finding out
	return &webapp{
		config:     oauth2.Config{ClientID: clientID, ClientSecret: clientSecret, Endpoint: endpoint},
		revocation: metadata.Revocation,
	}, err
}

// exchange trades a user's ID token for access to the API, now and later: token
// exchange, RFC 8693, with the scope offline_access.
func (a *webapp) exchange(ctx context.Context, idToken string) (*oauth2.Token, error) {
	answer, err := a.post(ctx, a.config.Endpoint.TokenURL, url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {idToken},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience":           {audience},
		"scope":              {"read:notes write:notes offline_access"},
	})
	if err != nil {
		return nil, err
	}
	token := new(oauth2.Token)
	err = json.Unmarshal(answer, token)
	token.Expiry = time.Now().Add(time.Duration(token.ExpiresIn) * time.Second)
	return token, err
}

// refresh uses up a refresh token. The answer holds the next one. A program that
// keeps its tokens in memory only leaves this to an oauth2.TokenSource; one that
// stores them, stores the new one before it uses the access token.
func (a *webapp) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	return a.config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// signOut gives access back: RFC 7009.
func (a *webapp) signOut(ctx context.Context, refreshToken string) error {
	_, err := a.post(ctx, a.revocation, url.Values{"token": {refreshToken}})
	return err
}

// post sends a form with the client's secret.
func (a *webapp) post(ctx context.Context, address string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(clientID, clientSecret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		refused := &oauth2.RetrieveError{Response: res, Body: answer}
		var body struct{ Error string }
		if json.Unmarshal(answer, &body) == nil {
			refused.ErrorCode = body.Error
		}
		return nil, refused
	}
	return answer, err
}

// read calls the API and returns what it says.
func read(ctx context.Context, api string, token *oauth2.Token) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(text))), err
}
