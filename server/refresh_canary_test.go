package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// Refresh tokens, users' tokens and what these say are in no log, no metric, no
// error, no status; and no part of a refresh token is in the state file.
func TestNoUserTokenComesOut(t *testing.T) {
	dir := t.TempDir()
	state, err := store.OpenBolt(filepath.Join(dir, "used.db"), store.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u := newUsers(t, refreshing(rotating), server.Options{Store: state})
	mayAct := map[string]any{"iss": clusterURL, "sub": "canary-actor"}
	claims := map[string]any{
		"sub": "canary-sub", "email": "canary-email", "nickname": "canary-nickname", "jti": "canary-jti", "may_act": mayAct, "iat": noon.Unix(), "exp": noon.Unix() + 300,
	}
	with := func(changes map[string]any) string {
		all := map[string]any{}
		for name, value := range claims {
			all[name] = value
		}
		for name, value := range changes {
			all[name] = value
		}
		return userToken(all)
	}
	actor := cluster().sign(map[string]any{"kid": "c1"}, map[string]any{"iss": clusterURL, "sub": "canary-actor", "aud": issuerURL, "exp": noon.Unix() + 60})
	var answers strings.Builder // of refusals
	var tokens []string
	ask := func(v url.Values) result {
		for _, name := range []string{"subject_token", "actor_token", "assertion", "refresh_token"} {
			if value := v.Get(name); value != "" {
				tokens = append(tokens, value)
			}
		}
		res, _ := u.do(v)
		if res.status != 200 {
			answers.WriteString(res.raw)
		}
		for _, token := range []string{res.body.Refresh, res.body.AccessToken} {
			if token != "" {
				tokens = append(tokens, token)
			}
		}
		return res
	}
	first := ask(exchanged(with(nil), "scope", "read:orders offline_access", "actor_token", actor, "actor_token_type", jwtToken))
	second := ask(refreshed(first.body.Refresh))
	if second.body.Refresh == "" {
		t.Fatalf("%s %s", first.raw, second.raw)
	}
	for _, v := range []url.Values{
		refreshed(first.body.Refresh), refreshed(second.body.Refresh), refreshed(second.body.Refresh + "A"), refreshed(second.body.Refresh, "client_id", "other"), refreshed("canary-refresh"),
		exchanged(with(map[string]any{"sub": "canary-sub\n"})), exchanged(with(map[string]any{"iss": "canary-iss"})), exchanged(with(map[string]any{"aud": "canary-aud"})),
		exchanged(with(map[string]any{"exp": 1})), exchanged(with(nil) + "canary"), exchanged(with(nil), "audience", notesURL), exchanged(with(nil), "audience", "canary-is-logged"),
		exchanged(with(map[string]any{"act": "canary-act"})), exchanged(with(nil), "actor_token", actor+"x", "actor_token_type", jwtToken),
		exchanged(with(map[string]any{"may_act": map[string]any{"sub": "canary-other"}}), "actor_token", actor, "actor_token_type", jwtToken),
		form("grant_type", bearerGrant, "client_id", "web", "assertion", with(nil)), form("grant_type", bearerGrant, "client_id", "web", "assertion", with(map[string]any{"aud": "canary-aud"})),
	} {
		ask(v)
	}
	third := ask(exchanged(with(nil), "scope", "offline_access"))
	for _, path := range []string{"/oauth/introspect", "/oauth/revoke", "/oauth/introspect"} {
		for _, client := range []string{"web", "other"} {
			res := present(t, u.server, path, client, third.body.Refresh)
			if client == "other" {
				answers.WriteString(res.raw)
			}
		}
	}
	for _, token := range tokens { // and in the query, where they may not be
		r := httptest.NewRequest(http.MethodPost, "/oauth/token?refresh_token="+url.QueryEscape(token), strings.NewReader(""))
		r.Header.Set("Content-Type", formType)
		answers.WriteString(do(t, u.server.Public(), r).raw)
	}
	r := httptest.NewRequest(http.MethodGet, "/status", nil)
	r.Host = "localhost"
	answers.WriteString(do(t, u.server.Admin(), r).raw)
	answers.WriteString(scrape(t, u.server))
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, "used.db"))
	if err != nil {
		t.Fatal(err)
	}
	shown, stored := answers.String()+u.log.String(), string(file)
	for _, want := range []string{"refresh-token-used-again", "actor-not-in-may-act", `grant_type="refresh_token"`, "credentials-in-query", `"trusted_issuer":"corp"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the test has not asked what it means to: no %s", want)
		}
	}
	if strings.Contains(strings.ReplaceAll(shown, "canary-is-logged", ""), "canary") {
		t.Errorf("what a user's token says came out:\n%s", shown)
	}
	if !strings.Contains(stored, "canary-email") || strings.Contains(stored, "canary-nickname") || strings.Contains(stored, "canary-jti") {
		t.Error("the store has what it needs not, or not what it needs")
	}
	for _, token := range tokens {
		parts := []string{token}
		if len(token) == 64 {
			parts = append(parts, token[22:], token[:21]) // secret and family
		} else if at := strings.LastIndexByte(token, '.'); at > 0 {
			parts = append(parts, token[at+1:], strings.Split(token, ".")[1])
		}
		for _, part := range parts {
			for _, text := range []string{part, hex.EncodeToString([]byte(part)), b64url([]byte(part))} {
				if len(text) > 8 && (strings.Contains(shown, text) || strings.Contains(stored, text)) {
					t.Errorf("%q of a token came out", text)
				}
			}
		}
		if raw, err := base64.RawURLEncoding.DecodeString(token); err == nil && len(raw) == 48 && (strings.Contains(stored, string(raw[:16])) || strings.Contains(stored, string(raw[16:]))) {
			t.Error("a refresh token is in the state file")
		}
	}
}
