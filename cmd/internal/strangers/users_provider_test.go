//go:build linux

package strangers

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema/testenv"
)

// callback is where the provider sends a user back to. Nobody listens there.
const callback = "https://webapp.example.com/callback"

// A signIn is an OpenID provider of somebody else's making, where users sign in.
type signIn struct {
	issuer   string
	provider *oidc.Provider
	keys     map[string]crypto.Signer // by algorithm
}

// needSignIn is for tests with users.
func needSignIn(t *testing.T) {
	t.Helper()
	needNode(t)
	out, err := exec.CommandContext(t.Context(), "node", "-p", "process.versions.node").Output()
	must(t, err)
	var major int
	if _, err := fmt.Sscanf(string(out), "%d.", &major); err != nil || major < 20 {
		need(t, "node is "+strings.TrimSpace(string(out))+", and oidc-provider wants 20 or newer")
	}
}

// startSignIn runs the provider until the test ends. Its clients are the web
// application, once for each algorithm of ID tokens, and one of another owner.
func startSignIn(t *testing.T) *signIn {
	t.Helper()
	needSignIn(t)
	cmd := exec.Command("node", "provider.mjs", callback, "webapp:RS256", "webapp-es:ES256", "other-app:RS256")
	cmd.Dir = e2e
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	log := new(testenv.Buffer)
	cmd.Stderr = log
	must(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the provider ended: %v\n%s", err, log)
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	var said struct {
		Issuer string
		Keys   map[string]string
	}
	must(t, json.Unmarshal(line, &said))
	s := &signIn{issuer: said.Issuer, keys: map[string]crypto.Signer{}}
	for alg, text := range said.Keys {
		block, _ := pem.Decode([]byte(text))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		must(t, err)
		s.keys[alg] = key.(crypto.Signer)
	}
	s.provider, err = oidc.NewProvider(t.Context(), s.issuer)
	must(t, err)
	return s
}

// idToken signs a user in at one of the provider's clients, as a browser and
// that client do: authorization code with PKCE. The client checks what it gets.
func (s *signIn) idToken(t *testing.T, client, user string) string {
	t.Helper()
	config := oauth2.Config{
		ClientID: client, ClientSecret: "secret of " + client, RedirectURL: callback,
		Endpoint: s.provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email", "groups"},
	}
	verifier, state, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	back := browse(t, config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), user)
	if back.Get("state") != state || back.Get("code") == "" {
		t.Fatalf("the provider sends back %v", back)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programs.Patience)
	defer cancel()
	token, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	must(t, err)
	raw, _ := token.Extra("id_token").(string)
	id, err := s.provider.Verifier(&oidc.Config{ClientID: client, SupportedSigningAlgs: []string{"RS256", "ES256"}}).Verify(ctx, raw)
	must(t, err)
	if id.Nonce != nonce || id.Subject != user {
		t.Fatalf("the ID token is of %q", id.Subject)
	}
	return raw
}

// browse opens a page as a browser with its own cookies does, fills the forms
// that come, and returns what the provider hands to the callback in the end.
func browse(t *testing.T, page, user string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar, Timeout: programs.Patience, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	defer browser.CloseIdleConnections()
	res, err := browser.Get(page)
	for range 5 {
		must(t, err)
		content, err := io.ReadAll(res.Body)
		must(t, err, res.Body.Close())
		if back, err := res.Location(); err == nil {
			return back.Query()
		}
		action, form := firstForm(t, string(content), user)
		res, err = browser.PostForm(action, form)
		must(t, err)
	}
	t.Fatalf("the provider asks on and on: %s", res.Request.URL)
	return nil
}

var (
	formAction  = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// firstForm fills the form on a page: what is hidden stays, the user signs in.
func firstForm(t *testing.T, page, user string) (action string, form url.Values) {
	t.Helper()
	found := formAction.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form on the page:\n%s", page)
	}
	form = url.Values{"login": {user}, "password": {"anything"}}
	for _, hidden := range hiddenInput.FindAllStringSubmatch(page, -1) {
		form.Set(hidden[1], html.UnescapeString(hidden[2]))
	}
	return html.UnescapeString(found[1]), form
}

// forge makes an ID token with the provider's key that the provider would not:
// a true one with some claims changed, nil for none.
func (s *signIn) forge(t *testing.T, genuine string, changed jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(genuine, claims)
	must(t, err)
	for name, value := range changed {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return s.sign(t, token.Header, claims, s.keys[token.Method.Alg()])
}

func (s *signIn) sign(t *testing.T, header map[string]any, claims jwt.MapClaims, key crypto.Signer) string {
	t.Helper()
	alg, _ := header["alg"].(string)
	forged := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims)
	forged.Header = header
	text, err := forged.SignedString(key)
	must(t, err)
	return text
}

// ago is a time in a claim.
func ago(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
