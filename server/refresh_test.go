package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// refreshing is the usual document with a policy for the refresh tokens of web.
func refreshing(policy schema.RefreshToken) *schema.Document {
	doc := userDocument()
	doc.Clients[1].RefreshToken = &policy
	return doc
}

var (
	rotating = schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 30 * 86400, IdleLifetime: 15 * 86400}
	lenient  = schema.RefreshToken{Rotation: schema.RotationRotating, Lifetime: 30 * 86400, IdleLifetime: 15 * 86400, Leeway: 10}
	staying  = schema.RefreshToken{Rotation: schema.RotationNonRotating, Lifetime: 30 * 86400, IdleLifetime: 15 * 86400}
)

// A refresh token comes when API, client and scope all ask for one; otherwise the
// same token comes without.
func TestOfflineAccess(t *testing.T) {
	forbidden := userDocument()
	forbidden.APIs[0].AllowOfflineAccess = false
	unlisted := userDocument()
	unlisted.Clients[1].GrantTypes = []string{exchangeGrant, bearerGrant}
	for name, row := range map[string]struct {
		doc     *schema.Document
		scope   string
		granted string
		offline bool
	}{
		"all three":              {userDocument(), "read:orders offline_access", "read:orders", true},
		"in the middle":          {userDocument(), "write:orders offline_access read:orders", "read:orders write:orders", true},
		"twice":                  {userDocument(), "offline_access read:orders offline_access", "read:orders", true},
		"alone":                  {userDocument(), "offline_access", "", true},
		"not asked":              {userDocument(), "read:orders", "read:orders", false},
		"no scope asked":         {userDocument(), "-", "read:orders write:orders", false},
		"forbidden by the API":   {forbidden, "read:orders offline_access", "read:orders", false},
		"not among grant types":  {unlisted, "offline_access", "", false},
		"another case":           {userDocument(), "read:orders", "read:orders", false},
		"part of another's name": {userDocument(), "write:orders", "write:orders", false},
	} {
		for _, v := range []url.Values{
			exchanged(userToken(nil), "scope", row.scope), form("grant_type", bearerGrant, "client_id", "web", "assertion", userToken(nil), "scope", row.scope),
		} {
			u := newUsers(t, row.doc, server.Options{})
			res, line := u.do(v)
			if res.status != 200 || res.body.Scope != row.granted || (res.body.Refresh != "") != row.offline || strings.Contains(line, `"offline":true`) != row.offline {
				t.Errorf("%s: %d %s\n%s", name, res.status, res.raw, line)
			}
			if _, claims := segments(t, res.body.AccessToken); row.granted == "" && claims["scope"] != nil {
				t.Errorf("%s: scope %v", name, claims["scope"])
			}
		}
	}
	everything := userDocument()
	everything.APIs[0].ScopeMode = schema.ScopeAllGranted
	u := newUsers(t, everything, server.Options{})
	if res := u.granted(exchanged(userToken(nil), "scope", "offline_access")); res.body.Scope != "read:orders write:orders" || res.body.Refresh == "" {
		t.Errorf("all_granted: %s", res.raw)
	}
	u.refused("a client for itself", form("scope", "read:orders offline_access"), 400, "invalid_scope", "ungranted-scope")
}

// Each use of a token gives an access token and the next token; the one before is
// worth nothing then, and who comes with it ends them all.
func TestRotation(t *testing.T) {
	u := newUsers(t, refreshing(rotating), server.Options{})
	first := u.offline()
	token, seen := first, []string{first}
	for i := range 5 {
		u.now = u.now.Add(time.Hour)
		res := u.granted(refreshed(token))
		_, claims := segments(t, res.body.AccessToken)
		if claims["sub"] != "corp|u-4711" || claims["scope"] != "read:orders write:orders" || claims["client_id"] != "web" || claims["aud"] != ordersURL ||
			claims["email"] != "ada@corp.example" || claims["iat"] != float64(u.now.Unix()) || res.body.IssuedType != "" {
			t.Fatalf("use %d: %v %s", i, claims, res.raw)
		}
		if token = res.body.Refresh; len(token) != 64 || slices.Contains(seen, token) || token[:21] != first[:21] {
			t.Fatalf("use %d: %q after %q", i, token, seen)
		}
		seen = append(seen, token)
	}
	u.refused("an old token", refreshed(seen[2]), 400, "invalid_grant", "refresh-token-used-again")
	for _, token := range seen {
		u.refused("a token of the family", refreshed(token), 400, "invalid_grant", "refresh-token-revoked")
	}
	other := u.offline()
	u.granted(refreshed(other))
	u.refused("the one just used", refreshed(other), 400, "invalid_grant", "refresh-token-used-again")
}

// Within the leeway the token before gives the very same successor, and keeps no
// other one from being used.
func TestLeeway(t *testing.T) {
	u := newUsers(t, refreshing(lenient), server.Options{})
	first := u.offline()
	second := u.granted(refreshed(first)).body.Refresh
	for _, later := range []time.Duration{0, 5 * time.Second, 4999 * time.Millisecond} {
		u.now = u.now.Add(later)
		if again := u.granted(refreshed(first)).body.Refresh; again != second {
			t.Fatalf("another successor: %q, not %q", again, second)
		}
	}
	third := u.granted(refreshed(second)).body.Refresh
	if again := u.granted(refreshed(second)).body.Refresh; again != third {
		t.Errorf("another successor: %q, not %q", again, third)
	}
	u.now = u.now.Add(10 * time.Second)
	u.refused("at its end", refreshed(second), 400, "invalid_grant", "refresh-token-used-again")
	u.refused("its successor", refreshed(third), 400, "invalid_grant", "refresh-token-revoked")

	first = u.offline()
	u.granted(refreshed(u.granted(refreshed(first)).body.Refresh))
	u.refused("the one before the one before, in the leeway", refreshed(first), 400, "invalid_grant", "refresh-token-used-again")
}

// A token that does not rotate stays, and its answer brings no other one.
func TestStayingToken(t *testing.T) {
	u := newUsers(t, refreshing(staying), server.Options{})
	token := u.offline()
	for range 4 {
		u.now = u.now.Add(10 * 24 * time.Hour)
		res, _ := u.do(refreshed(token))
		if ended := u.now.After(noon.Add(29 * 24 * time.Hour)); ended != (res.status == 400) || res.body.Refresh != "" {
			t.Errorf("after %s: %d %s", u.now.Sub(noon), res.status, res.raw)
		}
	}
	token = u.offline()
	u.now = u.now.Add(15*24*time.Hour - time.Second)
	u.granted(refreshed(token))
	u.now = u.now.Add(15 * 24 * time.Hour)
	u.refused("idle", refreshed(token), 400, "invalid_grant", "unknown-refresh-token")
}

// A family ends by its lifetime however often it is used, by its idle lifetime
// when it is not, and by the lifetimes of now.
func TestFamilyLifetimes(t *testing.T) {
	// This store keeps its keys longer than it is told to: the record itself ends.
	u := newUsers(t, refreshing(rotating), server.Options{Store: keeping{store.NewMemory(store.MemoryOptions{Now: func() time.Time { return noon }})}})
	token := u.offline()
	for range 29 {
		u.now = u.now.Add(24 * time.Hour)
		token = u.granted(refreshed(token)).body.Refresh
	}
	u.now = u.now.Add(24*time.Hour - time.Millisecond)
	token = u.granted(refreshed(token)).body.Refresh
	u.now = u.now.Add(time.Millisecond)
	u.refused("lifetime", refreshed(token), 400, "invalid_grant", "refresh-token-expired")

	token = u.offline()
	u.now = u.now.Add(15 * 24 * time.Hour)
	u.refused("idle", refreshed(token), 400, "invalid_grant", "refresh-token-expired")

	token = u.offline()
	u.now = u.now.Add(time.Hour)
	shorter := rotating
	shorter.Lifetime, shorter.IdleLifetime = 3600, 3600
	u.activate(refreshing(shorter))
	u.refused("a lifetime that was shortened", refreshed(token), 400, "invalid_grant", "refresh-token-expired")

	doc := refreshing(rotating)
	doc.Clients[1].RefreshToken = nil // the defaults
	u.activate(doc)
	u.granted(refreshed(token))
}

// A keeping store forgets nothing.
type keeping struct{ store.Store }

func (k keeping) CompareAndSwap(ctx context.Context, key store.Key, revision uint64, value []byte, _ time.Duration) (uint64, error) {
	return k.Store.CompareAndSwap(ctx, key, revision, value, store.MaxTTL)
}

// Scopes may only narrow, against what was granted at the beginning, and the
// family keeps that.
func TestRefreshedScopes(t *testing.T) {
	u := newUsers(t, refreshing(staying), server.Options{})
	token := u.offline()
	for asked, want := range map[string]string{
		"read:orders": "read:orders", "write:orders read:orders": "read:orders write:orders", "-": "read:orders write:orders",
		"read:orders offline_access": "read:orders", "offline_access": "",
	} {
		if res := u.granted(refreshed(token, "scope", asked)); res.body.Scope != want {
			t.Errorf("%q: %s", asked, res.raw)
		}
	}
	u.refused("more", refreshed(token, "scope", "read:orders delete:orders"), 400, "invalid_scope", "ungranted-scope")
	u.refused("malformed", refreshed(token, "scope", "read:orders "), 400, "invalid_scope", "malformed-scope")
	narrow := u.granted(exchanged(userToken(nil), "scope", "read:orders offline_access")).body.Refresh
	u.refused("what is authorized and was not asked", refreshed(narrow, "scope", "write:orders"), 400, "invalid_scope", "ungranted-scope")
	bare := u.granted(exchanged(userToken(nil), "scope", "offline_access")).body.Refresh
	if res := u.granted(refreshed(bare)); res.body.Scope != "" {
		t.Errorf("a family without scopes: %s", res.raw)
	}
	u.refused("a family without scopes", refreshed(bare, "scope", "read:orders"), 400, "invalid_scope", "ungranted-scope")
	everything := refreshing(staying)
	everything.APIs[0].ScopeMode = schema.ScopeAllGranted
	u.activate(everything)
	if res := u.granted(refreshed(narrow)); res.body.Scope != "read:orders" {
		t.Errorf("all_granted: %s", res.raw)
	}
	if res := u.granted(refreshed(token, "audience", ordersURL)); res.status != 200 {
		t.Errorf("%s", res.raw)
	}
	u.refused("another audience", refreshed(token, "audience", notesURL), 400, "invalid_target", "audience-of-another-grant")
	u.refused("another resource", refreshed(token, "resource", ordersURL+"/"), 400, "invalid_target", "audience-of-another-grant")
}

// The configuration of now decides.
func TestConfigurationOfNowDecides(t *testing.T) {
	authorization := func(doc *schema.Document) *schema.Authorization {
		return &doc.Authorizations[slices.IndexFunc(doc.Authorizations, func(a schema.Authorization) bool { return a.Label == "web-orders" })]
	}
	for name, row := range map[string]struct {
		change func(*schema.Document)
		code   string
		reason string
	}{
		"API no longer allows":       {func(d *schema.Document) { d.APIs[0].AllowOfflineAccess = false }, "invalid_grant", "offline-access-not-allowed"},
		"grant type withdrawn":       {func(d *schema.Document) { d.Clients[1].GrantTypes = []string{exchangeGrant} }, "unauthorized_client", "grant-type-not-allowed"},
		"authorization gone":         {func(d *schema.Document) { authorization(d).SubjectType = schema.SubjectClient }, "invalid_grant", "no-authorization"},
		"authorization expired":      {func(d *schema.Document) { authorization(d).ExpiresAt = noon.Unix() }, "invalid_grant", "authorization-expired"},
		"scope withdrawn":            {func(d *schema.Document) { authorization(d).Scopes = []string{"read:orders"} }, "invalid_grant", "ungranted-scope"},
		"demands changed":            {func(d *schema.Document) { authorization(d).SubjectClaims = `{"groups":"finance"}` }, "invalid_grant", "subject-claims-not-met"},
		"issuer gone":                {func(d *schema.Document) { d.TrustedIssuers = slices.Delete(d.TrustedIssuers, 1, 2) }, "invalid_grant", "issuer-not-trusted-for-users"},
		"issuer vouches no more":     {func(d *schema.Document) { d.TrustedIssuers[1].VouchesFor = []schema.SubjectType{"client"} }, "invalid_grant", "issuer-not-trusted-for-users"},
		"label for another issuer":   {func(d *schema.Document) { d.TrustedIssuers[1].Issuer = "https://other.example" }, "invalid_grant", "issuer-not-trusted-for-users"},
		"API under another name":     {func(d *schema.Document) { d.APIs[0].Identifier = ordersURL + "/v2" }, "invalid_grant", "unknown-audience"},
		"revoked before":             {func(d *schema.Document) { d.Clients[1].RevokedBefore = noon.Unix() + 1 }, "invalid_grant", "issued-before-revoked-before"},
		"bound tokens only":          {func(d *schema.Document) { d.Clients[1].RequireSenderConstrained = true }, "invalid_request", "not-sender-constrained"},
		"client under another id":    {func(d *schema.Document) { d.Clients[1].ClientID = "web2" }, "invalid_client", "unknown-client"},
		"nothing of it":              {func(d *schema.Document) {}, "", ""},
		"revoked before it began":    {func(d *schema.Document) { d.Clients[1].RevokedBefore = noon.Unix() }, "", ""},
		"claim no longer copied":     {func(d *schema.Document) { authorization(d).CopyClaims = []string{"groups"} }, "", ""},
		"labels changed":             {func(d *schema.Document) { d.Clients[1].Label = "web9"; relabel(d, "web", "web9") }, "", ""},
		"all trusted issuers but it": {func(d *schema.Document) { d.TrustedIssuers = d.TrustedIssuers[1:2] }, "", ""},
	} {
		u := newUsers(t, refreshing(rotating), server.Options{})
		token := u.offline()
		doc := refreshing(rotating)
		row.change(doc)
		u.activate(doc)
		if row.code != "" {
			status := map[string]int{"invalid_client": 401}[row.code]
			u.refused(name, refreshed(token), max(status, 400), row.code, row.reason)
			// What is taken back ends the refusal: nothing was spent.
			u.activate(refreshing(rotating))
		}
		res := u.granted(refreshed(token))
		if _, claims := segments(t, res.body.AccessToken); (claims["email"] == nil) != (name == "claim no longer copied") {
			t.Errorf("%s: %v", name, claims)
		}
	}
}

func relabel(doc *schema.Document, from, to string) {
	for i := range doc.Authorizations {
		if doc.Authorizations[i].Client == from {
			doc.Authorizations[i].Client = to
		}
	}
}

// A refresh token is its client's alone: another one learns nothing by it and ends
// nothing.
func TestRefreshTokenIsBoundToItsClient(t *testing.T) {
	u := newUsers(t, refreshing(rotating), server.Options{})
	token := u.offline()
	res, _ := u.do(refreshed(strings.Repeat("A", 64), "client_id", "other"))
	u.refused("another client", refreshed(token, "client_id", "other"), 400, "invalid_grant", "token-of-another-client")
	if again, _ := u.do(refreshed(token, "client_id", "other")); again.raw != res.raw {
		t.Errorf("it learns something: %s, %s", again.raw, res.raw)
	}
	if res := present(t, u.server, "/oauth/revoke", "other", token); res.status != 200 || res.raw != "{}\n" {
		t.Errorf("revoked by another client: %d %s", res.status, res.raw)
	}
	wantInactive(t, "introspected by another client", present(t, u.server, "/oauth/introspect", "other", token))
	for _, spoilt := range []string{
		token[:63], token + "A", token + "=", token[:32] + "\n" + token[32:], " " + token, token + " ", strings.ToLower(token), token[:60] + "+/+/", strings.Repeat("é", 32), token[:63] + "\n",
	} {
		u.refused(spoilt, refreshed(spoilt), 400, "invalid_grant", "unknown-refresh-token")
	}
	u.granted(refreshed(token))
}

// A signer that fails spends no refresh token.
func TestFailingSignerLosesNoToken(t *testing.T) {
	doc := refreshing(rotating)
	doc.APIs[0].Alg, doc.APIs[0].SigningSecret = schema.HS256, "env:HMAC"
	var absent atomic.Bool
	u := newUsers(t, doc, server.Options{Getenv: func(name string) string {
		if absent.Load() {
			return ""
		}
		return hmacSecret
	}})
	token := u.offline()
	absent.Store(true)
	u.activate(doc)
	u.refused("without a key", refreshed(token), 503, "temporarily_unavailable", "no-signing-key")
	absent.Store(false)
	u.activate(doc)
	u.granted(refreshed(token))
}

// A store that is down is answered with 503 where it is needed, and is needed for
// nothing else.
func TestStoreDown(t *testing.T) {
	broken := &breaking{Store: store.NewMemory(store.MemoryOptions{})}
	u := newUsers(t, refreshing(rotating), server.Options{Store: broken})
	token := u.offline()
	broken.down.Store(true)
	u.refused("refresh", refreshed(token), 503, "temporarily_unavailable", "state-store-failed")
	u.refused("offline", exchanged(userToken(nil), "scope", "offline_access"), 503, "temporarily_unavailable", "state-store-failed")
	for _, path := range []string{"/oauth/revoke", "/oauth/introspect"} {
		if res := present(t, u.server, path, "web", token); res.status != 503 {
			t.Errorf("%s: %d %s", path, res.status, res.raw)
		}
	}
	access := u.granted(exchanged(userToken(nil))).body.AccessToken
	u.granted(form())
	if res := present(t, u.server, "/oauth/introspect", "web", access); !strings.Contains(res.raw, `"active":true`) {
		t.Errorf("an access token: %d %s", res.status, res.raw)
	}
	broken.down.Store(false)
	broken.mute.Store(true) // reads, and cannot write
	u.refused("refresh", refreshed(token), 503, "temporarily_unavailable", "state-store-failed")
	broken.mute.Store(false)
	u.granted(refreshed(token))
	// The record of a version to come decides nothing.
	broken.garbage.Store(true)
	u.refused("a record that cannot be read", refreshed(token), 503, "temporarily_unavailable", "state-store-failed")
}

// A breaking store fails when it is told to.
type breaking struct {
	store.Store
	down, mute, garbage atomic.Bool
}

var errDown = errors.New("the store is down")

func (b *breaking) Get(ctx context.Context, key store.Key) (store.Entry, error) {
	if b.down.Load() {
		return store.Entry{}, errDown
	}
	entry, err := b.Store.Get(ctx, key)
	if b.garbage.Load() {
		entry.Value = []byte(`{"v":2}`)
	}
	return entry, err
}

func (b *breaking) CompareAndSwap(ctx context.Context, key store.Key, revision uint64, value []byte, ttl time.Duration) (uint64, error) {
	if b.down.Load() || b.mute.Load() {
		return 0, errDown
	}
	return b.Store.CompareAndSwap(ctx, key, revision, value, ttl)
}

// A server whose store forgets with the process issues no refresh tokens, and
// says so where operators look.
func TestNoRefreshTokensInMemory(t *testing.T) {
	for name, opts := range map[string]server.Options{"no store": {}, "memory": {Store: store.NewMemory(store.MemoryOptions{})}} {
		opts.Now = func() time.Time { return noon }
		doc := refreshing(rotating)
		quiet := doc.APIs[0] // allows it to nobody
		quiet.Label, quiet.Identifier = "quiet", "https://api.example.com/quiet"
		doc.APIs = append(doc.APIs, quiet)
		s, _ := serving(t, doc, opts)
		res := do(t, s.Public(), post(exchanged(userToken(nil), "scope", "read:orders offline_access")))
		if res.status != 200 || res.body.Refresh != "" || res.body.Scope != "read:orders" {
			t.Errorf("%s: %d %s", name, res.status, res.raw)
		}
		if res := do(t, s.Public(), post(refreshed(strings.Repeat("A", 64)))); res.status != 400 || res.body.Error != "unsupported_grant_type" {
			t.Errorf("%s: %d %s", name, res.status, res.raw)
		}
		problems := s.Status().Problems
		if len(problems) != 1 || problems[0] != (server.Problem{Address: "api.orders", Reason: "refresh tokens need --state or --store"}) {
			t.Errorf("%s: problems %v", name, problems)
		}
		if grants := grantTypes(t, s); slices.Contains(grants, "refresh_token") || !slices.Contains(grants, exchangeGrant) {
			t.Errorf("%s: grant types %v", name, grants)
		}
	}
	s, _ := serving(t, document(), server.Options{Keys: sharedKeys})
	if problems := s.Status().Problems; len(problems) != 0 {
		t.Errorf("nobody may refresh: %v", problems)
	}
}

// A refresh token that is revoked ends its whole family, whatever the hint says
// and whichever token of the family it is.
func TestRevokeRefreshTokens(t *testing.T) {
	for _, hint := range []string{"", "refresh_token", "access_token", canary} {
		u := newUsers(t, refreshing(rotating), server.Options{})
		first := u.offline()
		second := u.granted(refreshed(first)).body.Refresh
		for i, token := range []string{first, second, strings.Repeat("A", 64)} {
			v := url.Values{"token": {token}, "token_type_hint": {hint}, "client_id": {"web"}, "client_secret": {clientSecret}}
			if res := do(t, u.server.Public(), formTo("/oauth/revoke", v)); res.status != 200 || res.raw != "{}\n" {
				t.Errorf("hint %q, token %d: %d %s", hint, i, res.status, res.raw)
			}
		}
		u.refused("after it", refreshed(second), 400, "invalid_grant", "refresh-token-revoked")
		wantInactive(t, "after it", present(t, u.server, "/oauth/introspect", "web", second))
		if strings.Contains(u.log.String(), first[22:]) || strings.Contains(u.log.String(), second[22:]) {
			t.Error("a token is in the log")
		}
	}
}

// A refresh token is introspected by its client: what it stands for, and whether
// it would be taken now.
func TestIntrospectRefreshTokens(t *testing.T) {
	u := newUsers(t, withInspector(refreshing(rotating), "orders"), server.Options{})
	first := u.offline()
	ask := func(client, token string) result { return present(t, u.server, "/oauth/introspect", client, token) }
	want := func(what, token string, iat, exp time.Time) {
		t.Helper()
		var got map[string]any
		res := ask("web", token)
		if err := json.Unmarshal([]byte(res.raw), &got); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]any{
			"active": true, "client_id": "web", "sub": "corp|u-4711", "scope": "read:orders write:orders", "iss": issuerURL, "aud": ordersURL,
			"iat": float64(iat.Unix()), "exp": float64(exp.Unix()),
		} {
			if got[name] != value {
				t.Errorf("%s: %s is %v, want %v", what, name, got[name], value)
			}
		}
		if len(got) != 8 || res.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s", what, res.raw)
		}
	}
	const day = 24 * time.Hour
	want("first", first, noon, noon.Add(15*day))
	u.now = noon.Add(14 * day)
	want("unused", first, noon, noon.Add(15*day))
	second := u.granted(refreshed(first)).body.Refresh
	want("second", second, u.now, noon.Add(29*day))
	wantInactive(t, "used", ask("web", first))
	want("a used one was introspected, which ends nothing", second, u.now, noon.Add(29*day))
	wantInactive(t, "the API's own server", ask("inspector", second))
	wantInactive(t, "another client", ask("other", second))
	wantInactive(t, "unknown", ask("web", strings.Repeat("A", 64)))
	doc := withInspector(refreshing(rotating), "orders")
	doc.APIs[0].AllowOfflineAccess = false
	u.activate(doc)
	wantInactive(t, "no longer allowed", ask("web", second))
	doc = withInspector(refreshing(rotating), "orders")
	doc.Clients[1].RequireSenderConstrained = true
	u.activate(doc)
	want("bound tokens only", second, u.now, noon.Add(29*day))
}

// Where the issuer caps the lifetime of what its tokens are exchanged for, a
// refresh token does not outwit it.
func TestCappedFamily(t *testing.T) {
	u := newUsers(t, refreshing(rotating), server.Options{})
	subject := partner().sign(map[string]any{"kid": "p1"}, userClaims(map[string]any{"iss": partnerURL, "aud": issuerURL, "exp": noon.Unix() + 900}))
	token := u.granted(exchanged(subject, "scope", "offline_access")).body.Refresh
	u.now = noon.Add(10 * time.Minute)
	res := u.granted(refreshed(token))
	if res.body.ExpiresIn != 300 {
		t.Errorf("%s", res.raw)
	}
	u.now = noon.Add(15 * time.Minute)
	if res, _ := u.do(refreshed(res.body.Refresh)); res.status != 400 || res.body.Error != "invalid_grant" {
		t.Errorf("%d %s", res.status, res.raw)
	}
}

// A request that is bound to a key gets a bound token, and the actor stays.
func TestRefreshedTokenIsBoundAndHasItsActor(t *testing.T) {
	doc := refreshing(rotating)
	doc.Clients[1].RequireSenderConstrained = true
	u := newUsers(t, doc, server.Options{})
	key := newPair()
	bound := func(v url.Values) result {
		t.Helper()
		res := do(t, u.server.Public(), with(post(v), "DPoP", key.proof(issuerURL+"oauth/token", u.now, nil)))
		if res.status != 200 || res.body.TokenType != "DPoP" || confirmation(t, res.body.AccessToken)["jkt"] != key.thumbprint() {
			t.Fatalf("%d %s\n%s", res.status, res.raw, u.log)
		}
		return res
	}
	subject := userToken(map[string]any{"act": map[string]any{"sub": "helpdesk"}})
	first := bound(exchanged(subject, "scope", "offline_access"))
	again := bound(refreshed(first.body.Refresh))
	if payload := payloadText(t, again.body.AccessToken); !strings.Contains(payload, `"act":{"sub":"corp|helpdesk"}`) {
		t.Errorf("%s", payload)
	}
}

// A random source that fails gives no token and spends none.
func TestNoRandomness(t *testing.T) {
	source := &drying{}
	u := newUsers(t, refreshing(rotating), server.Options{Rand: source})
	token := u.offline()
	source.dry.Store(true)
	u.refused("offline", exchanged(userToken(nil), "scope", "offline_access"), 503, "temporarily_unavailable", "signer-failed")
	u.refused("refresh", refreshed(token), 503, "temporarily_unavailable", "signer-failed")
	source.dry.Store(false)
	u.granted(refreshed(token))
}

// A drying source of bytes, each different from the last.
type drying struct {
	dry atomic.Bool
	n   atomic.Uint64
}

func (d *drying) Read(p []byte) (int, error) {
	if d.dry.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	for i := range p {
		p[i] = byte(d.n.Add(1) * 31)
	}
	return len(p), nil
}
