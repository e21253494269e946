package server_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/server"
)

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
