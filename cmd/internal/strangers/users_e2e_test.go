//go:build linux

package strangers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
)

// TestUsers goes the whole way: a user signs in at an OpenID provider of
// somebody else's making, a web application trades the ID token for access at
// writd, which serves what "writ apply" has compiled, and keeps it refreshed.
func TestUsers(t *testing.T) {
	login := startSignIn(t)
	fetched, pinned := newRealm(t, login, false), newRealm(t, login, true)
	alice := login.idToken(t, "webapp", "alice.staff")
	programs.Eventually(t, func() error { return fetched.takes(alice) })
	for name, r := range map[string]*realm{"keys fetched": fetched, "keys pinned": pinned} {
		for alg, client := range map[string]string{"RS256": "webapp", "ES256": "webapp-es"} {
			t.Run(name+" "+alg, func(t *testing.T) { r.in(t).goOffline(login.idToken(t, client, "bob.staff.admins"), "bob") })
		}
	}
	t.Run("openid-client", func(t *testing.T) { pinned.in(t).openidClient(alice) })
	t.Run("further libraries of Node", func(t *testing.T) { pinned.in(t).furtherLibraries(alice) })
	t.Run("zitadel/oidc", func(t *testing.T) {
		r := pinned.in(t)
		r.wantOK([]string{"zitadel/oidc token exchange"}, r.visit(alice, heavyProgram(t), r.issuer, "webapp", clientSecret, notes))
	})
	t.Run("refused", func(t *testing.T) { pinned.in(t).refuses(login, alice) })
	t.Run("nothing to refresh", func(t *testing.T) { pinned.in(t).online(alice) })
	t.Run("taken away", func(t *testing.T) { pinned.in(t).takesAway(alice) })
	t.Run("replayed", func(t *testing.T) { pinned.in(t).endsFamily(alice) })
	t.Run("restarted", func(t *testing.T) { newRealm(t, login, true).remembers(alice) })
	http.DefaultClient.CloseIdleConnections()
}

// in makes a part of the test the one that fails.
func (r *realm) in(t *testing.T) *realm {
	whole := r.t
	r.t = t
	t.Cleanup(func() { r.t = whole })
	return r
}

// takes reports whether an ID token is taken already: the provider's keys are
// fetched beside the requests.
func (r *realm) takes(subject string) error {
	if a := r.ask("webapp", exchangeForm(subject)); a.said() != granted {
		return fmt.Errorf("%v: %s", a.said(), r.lastLog())
	}
	return nil
}

// goOffline uses Go's libraries: x/oauth2 refreshes, go-oidc and golang-jwt verify.
func (r *realm) goOffline(subject, name string) {
	t := r.t
	ctx, cancel := context.WithTimeout(t.Context(), programs.Patience)
	defer cancel()
	first := r.offline(subject)
	if first.TokenType != "Bearer" || first.ExpiresIn != 600 || first.IssuedTokenType != "urn:ietf:params:oauth:token-type:access_token" || first.Scope != "read:notes write:notes" {
		t.Errorf("answer: %+v", first)
	}
	provider, keys := r.verifiers(ctx)
	as := listener{issuer: r.issuer, client: http.DefaultClient}
	expired := &oauth2.Token{AccessToken: first.AccessToken, RefreshToken: first.RefreshToken, Expiry: time.Now().Add(-time.Minute)}
	source := oauth2.ReuseTokenSourceWithExpiry(nil, r.oauth2(provider).TokenSource(ctx, expired), time.Hour) // longer than any token: each is refreshed
	seen := map[string]bool{first.RefreshToken: true}
	r.checkClaims(first.AccessToken, name)
	as.goVerifies(t, ctx, provider, keys, first.AccessToken, notes, "ES256")
	for round := range 5 {
		token, err := source.Token()
		must(t, err)
		if token.Extra("scope") != "read:notes write:notes" || token.Type() != "Bearer" || seen[token.RefreshToken] {
			t.Errorf("round %d: scope %v, type %q, refresh token seen before: %v", round, token.Extra("scope"), token.Type(), seen[token.RefreshToken])
		}
		seen[token.RefreshToken] = true
		r.checkClaims(token.AccessToken, name)
		as.goVerifies(t, ctx, provider, keys, token.AccessToken, notes, "ES256")
	}
}

// checkClaims wants the user in the token, and nothing of a client.
func (r *realm) checkClaims(token, name string) {
	r.t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)
	must(r.t, err)
	sub, _ := claims.GetSubject()
	foreign, ours := strings.CutPrefix(sub, "login|")
	if !ours || !strings.HasPrefix(foreign, name+".") || claims["client_id"] != "webapp" || claims["email"] != name+"@example.com" {
		r.t.Errorf("claims %v", claims)
	}
	if groups, _ := claims["groups"].([]any); fmt.Sprint(groups) != fmt.Sprint(strings.Split(foreign, ".")[1:]) {
		r.t.Errorf("groups %v of %s", claims["groups"], foreign)
	}
	for _, absent := range []string{"act", "nonce", "at_hash", "auth_time", "gty"} {
		if _, there := claims[absent]; there {
			r.t.Errorf("claim %s: %v", absent, claims[absent])
		}
	}
}

// openidClient lets Node's openid-client do everything and jose verify it.
func (r *realm) openidClient(subject string) {
	verified := 0
	for line := range bytes.Lines(r.visit(subject, "node", "offline.mjs", r.issuer, "webapp", clientSecret, notes, "ES256")) {
		var claims struct{ Sub, Email string }
		must(r.t, json.Unmarshal(line, &claims))
		if verified++; claims.Sub != "login|alice.staff" || claims.Email != "alice@example.com" {
			r.t.Errorf("claims %s", line)
		}
	}
	if verified != 8 {
		r.t.Errorf("%d access tokens were verified", verified)
	}
}

// furtherLibraries refresh and revoke, each with a family of its own.
func (r *realm) furtherLibraries(subject string) {
	want := []string{"simple-oauth2 header", "simple-oauth2 body", "oauth4webapi ClientSecretBasic", "oauth4webapi ClientSecretPost"}
	var families strings.Builder
	for range want {
		families.WriteString(r.offline(subject).RefreshToken + "\n")
	}
	r.wantOK(want, r.visit(families.String(), "node", "refresh.mjs", r.issuer, "webapp", clientSecret))
}

func (r *realm) wantOK(libraries []string, output []byte) {
	r.t.Helper()
	var tried []string
	for line := range bytes.Lines(output) {
		var f finding
		must(r.t, json.Unmarshal(line, &f))
		if tried = append(tried, f.Library); f.Outcome != "ok" {
			r.t.Errorf("%s: %s\n%s", f.Library, f.Outcome, r.lastLog())
		}
	}
	if !slices.Equal(tried, libraries) {
		r.t.Errorf("tried were %q, want %q", tried, libraries)
	}
}

// visit runs a program of strangers, which reads what they are given.
func (r *realm) visit(given, name string, args ...string) []byte {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = e2e, strings.NewReader(given)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v\n%s%s\n%s", name, err, &out, &errs, r.lastLog())
	}
	return out.Bytes()
}

// refuses asks with ID tokens and for things that must not do.
func (r *realm) refuses(login *signIn, alice string) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(r.t, err)
	es := login.idToken(r.t, "webapp-es", "alice.staff")
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(es, claims)
	must(r.t, err)
	body, signature, _ := cutLast(alice)
	for _, c := range []struct {
		name   string
		client string // webapp
		form   url.Values
		want   answer
		reason string // in the log
	}{
		{name: "the same token, as it came", form: exchangeForm(alice), want: granted, reason: "granted"},
		{name: "an ID token for another application", form: exchangeForm(login.idToken(r.t, "other-app", "alice.staff")), want: invalid, reason: "wrong-audience"},
		{name: "one that expired", form: exchangeForm(login.forge(r.t, alice, jwt.MapClaims{"iat": ago(2 * time.Hour), "exp": ago(time.Hour)})), want: invalid, reason: "expired"},
		{name: "one of tomorrow", form: exchangeForm(login.forge(r.t, alice, jwt.MapClaims{"nbf": ago(-24 * time.Hour), "exp": ago(-48 * time.Hour)})), want: invalid, reason: "too-early"},
		{name: "one that never expires", form: exchangeForm(login.forge(r.t, alice, jwt.MapClaims{"exp": nil})), want: invalid, reason: "missing-claim"},
		{name: "one without a user", form: exchangeForm(login.forge(r.t, alice, jwt.MapClaims{"sub": nil})), want: invalid, reason: "missing-claim"},
		{name: "one of another issuer", form: exchangeForm(login.forge(r.t, alice, jwt.MapClaims{"iss": "https://login.example.com"})), want: invalid, reason: "issuer-not-trusted-for-users"},
		{name: "one of ours", form: exchangeForm(r.offline(alice).AccessToken, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), want: invalid, reason: "token-of-our-own"},
		{name: "one signed by somebody else", form: exchangeForm(login.sign(r.t, parsed.Header, claims, stranger)), want: invalid, reason: "bad-signature"},
		{name: "one that was changed", form: exchangeForm(body + "." + strings.Repeat("A", len(signature))), want: invalid, reason: "bad-signature"},
		{name: "one that is not signed", form: exchangeForm(unsigned(r.t, alice)), want: invalid, reason: "unsupported-algorithm"},
		{name: "one signed with the public key as a secret", form: exchangeForm(confused(r.t, alice, login.keys["RS256"].Public())), want: invalid, reason: "unsupported-algorithm"},
		{name: "no token at all", form: exchangeForm(""), want: invalid, reason: "subject-token-missing"},
		{name: "a user outside the groups", form: exchangeForm(login.idToken(r.t, "webapp", "mallory.guests")), want: invalid, reason: "subject-claims-not-met"},
		{name: "a user in no group", form: exchangeForm(login.idToken(r.t, "webapp", "mallory")), want: invalid, reason: "subject-claims-not-met"},
		{name: "a type of token that there is not", form: exchangeForm(alice, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), want: invalid, reason: "unsupported-token-type"},
		{name: "a scope that is not granted", form: exchangeForm(alice, "scope", "delete:notes"), want: invalidScope, reason: "ungranted-scope"},
		{name: "an API that there is not", form: exchangeForm(alice, "audience", notes+"/"), want: invalidTarget, reason: "unknown-audience"},
		{name: "a client without the grant", client: "worker", form: exchangeForm(alice, "scope", "read:notes"), want: answer{http.StatusBadRequest, "unauthorized_client"}, reason: "grant-type-not-allowed"},
		{name: "a client that there is not", client: "nobody", form: exchangeForm(alice), want: invalidClient, reason: "unknown-client"},
	} {
		if c.client == "" {
			c.client = "webapp"
		}
		if a, reason := r.why(c.client, c.form); a.said() != c.want || reason != c.reason || c.want != granted && a.AccessToken+a.RefreshToken != "" {
			r.t.Errorf("%s: %v because of %q, want %v because of %q", c.name, a.said(), reason, c.want, c.reason)
		}
	}
}

// online gets access that cannot be refreshed, whatever is missing for it.
func (r *realm) online(alice string) {
	for name, form := range map[string]url.Values{
		"not asked for":           exchangeForm(alice, "scope", "read:notes"),
		"not asked for any scope": exchangeForm(alice, "scope", ""),
		"an API without":          exchangeForm(alice, "audience", "https://api.example.com/archive", "scope", "read:archive offline_access"),
	} {
		if a := r.ask("webapp", form); a.said() != granted || a.RefreshToken != "" {
			r.t.Errorf("%s: %v, refresh token %q", name, a.said(), a.RefreshToken)
		}
	}
	form := url.Values{"grant_type": {schema.GrantClientCredentials}, "audience": {notes}, "scope": {"read:notes offline_access"}}
	if a := r.ask("worker", form); a.said() != invalidScope {
		r.t.Errorf("client credentials: %v, want %v", a.said(), invalidScope)
	}
	if a, reason := r.why("worker", refreshForm(r.offline(alice).RefreshToken)); a.said() != invalidGrant || reason != "token-of-another-client" {
		r.t.Errorf("another client: %v because of %q, want %v", a.said(), reason, invalidGrant)
	}
}

// takesAway changes the configuration under a user who is offline: what is in
// force at the refresh decides, not what was in force at the sign-in.
func (r *realm) takesAway(alice string) {
	const users, exchanging = "authorization \"users\" {", `["urn:ietf:params:oauth:grant-type:token-exchange", `
	authorization := r.config[strings.Index(r.config, users):]
	authorization = authorization[:strings.Index(authorization, "}\n\n")+2]
	for _, c := range []struct {
		name, old, replacement string
		want                   answer
		reason                 string // in the log
	}{
		{"the authorization is removed", authorization, "", invalidGrant, "no-authorization"},
		{"the authorization has expired", users, users + "\n  expires_at = \"2026-01-01T00:00:00Z\"", invalidGrant, "authorization-expired"},
		{"the API allows no offline access", "true # for notes", "false", invalidGrant, "offline-access-not-allowed"},
		{"a scope is removed", `["read:notes", "write:notes"]`, `["read:notes"]`, invalidGrant, "ungranted-scope"},
		{"users must be admins now", `groups = "staff"`, `groups = "admins"`, invalidGrant, "subject-claims-not-met"},
		{"the provider names no users any more", `vouches_for = ["user"]`, `vouches_for = ["client"]`, invalidGrant, "issuer-not-trusted-for-users"},
		{"the client may not refresh any more", exchanging + `"refresh_token"]`, exchanging + `]`, answer{http.StatusBadRequest, "unauthorized_client"}, "grant-type-not-allowed"},
	} {
		before := r.offline(alice)
		restore := r.edit(c.old, c.replacement)
		if a, reason := r.why("webapp", refreshForm(before.RefreshToken)); a.said() != c.want || reason != c.reason {
			r.t.Errorf("%s: %v because of %q, want %v because of %q", c.name, a.said(), reason, c.want, c.reason)
		}
		restore()
		if a := r.refresh(r.offline(alice).RefreshToken); a.said() != granted {
			r.t.Errorf("%s, and put back: %v, want %v", c.name, a.said(), granted)
		}
	}
}

var invalidGrant = answer{http.StatusBadRequest, "invalid_grant"}

// endsFamily uses a refresh token twice: the family ends, with the successor
// that an honest client holds, and x/oauth2 tells it why.
func (r *realm) endsFamily(alice string) {
	first, other := r.offline(alice), r.offline(alice)
	second := r.refresh(first.RefreshToken)
	if second.said() != granted {
		r.t.Fatal(second.said())
	}
	if a := r.refresh(first.RefreshToken); a.said() != invalidGrant {
		r.t.Errorf("replayed: %v, want %v", a.said(), invalidGrant)
	}
	provider, _ := r.verifiers(r.t.Context())
	_, err := r.oauth2(provider).TokenSource(r.t.Context(), &oauth2.Token{RefreshToken: second.RefreshToken}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
		r.t.Errorf("the successor: %v", err)
	}
	if a := r.refresh(other.RefreshToken); a.said() != granted {
		r.t.Errorf("another family: %v, want %v", a.said(), granted)
	}
	if a := r.refresh("made-up"); a.said() != invalidGrant {
		r.t.Errorf("made up: %v, want %v", a.said(), invalidGrant)
	}
}

// remembers restarts writd: families are in its state folder, the ended ones too.
func (r *realm) remembers(alice string) {
	used, ended := r.offline(alice), r.offline(alice)
	successor := r.refresh(used.RefreshToken)
	if a := r.refresh(ended.RefreshToken); a.said() != granted {
		r.t.Fatal(a.said())
	}
	r.refresh(ended.RefreshToken)
	r.restart()
	if a := r.refresh(successor.RefreshToken); a.said() != granted {
		r.t.Errorf("after a restart: %v, want %v", a.said(), granted)
	} else {
		r.checkClaims(a.AccessToken, "alice")
	}
	for name, token := range map[string]string{"an ended family": ended.RefreshToken, "one used before the restart": used.RefreshToken} {
		if a := r.refresh(token); a.said() != invalidGrant {
			r.t.Errorf("%s: %v, want %v", name, a.said(), invalidGrant)
		}
	}
}

// cutLast splits a token before its signature.
func cutLast(token string) (body, signature string, found bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:max(i, 0)], token[i+1:], i >= 0
}

// confused is a token with an HMAC over it, keyed by what everybody knows.
func confused(t *testing.T, token string, key crypto.PublicKey) string {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(key)
	must(t, err)
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	forged.Header["kid"] = parsed.Header["kid"]
	text, err := forged.SignedString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	must(t, err)
	return text
}

// unsigned is a token with the algorithm "none".
func unsigned(t *testing.T, token string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)
	must(t, err)
	text, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	must(t, err)
	return text + "AAAA" // so that it is not refused for an empty signature
}
