package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

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
