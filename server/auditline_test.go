package server_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// Each decision is one line: who asked for what of which API by which grant type,
// what was granted, by which key and under which id, under which configuration,
// and why.
func TestAuditLine(t *testing.T) {
	s, log := serving(t, errorDocument(schema.ErrorsRFC6749), server.Options{Now: func() time.Time { return noon }})
	line := func(changes ...string) (result, map[string]any) {
		t.Helper()
		before := len(log.String())
		res := do(t, s.Public(), post(form(changes...)))
		var members map[string]any
		if err := json.Unmarshal([]byte(log.String()[before:]), &members); err != nil { // one line and no more
			t.Fatalf("%v: %s", err, log.String()[before:])
		}
		return res, members
	}
	check := func(got, want map[string]any) {
		t.Helper()
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				t.Errorf("%s is %v, want %v", name, got[name], want[name])
			}
		}
		if got["time"] == "" || got["snapshot"] != s.Active().Digest {
			t.Errorf("%v", got)
		}
	}
	res, got := line("scope", "read:orders")
	header, claims := segments(t, res.body.AccessToken)
	check(got, map[string]any{
		"msg": "token", "level": "INFO", "client": clientID, "api": "orders", "grant_type": "client_credentials", "method": "client_secret_post", "credential": "a",
		"asked": "read:orders", "granted": "read:orders", "authorization": "billing-orders", "kid": header["kid"], "jti": claims["jti"], "expires_in": 3600.0,
		"reason": "granted", "revision": "abc123",
	})
	_, got = line("scope", "read:orders delete:orders")
	check(got, map[string]any{
		"msg": "token", "level": "WARN", "client": clientID, "api": ordersURL, "grant_type": "client_credentials", "asked": "read:orders delete:orders", "detail": "delete:orders",
		"error": "invalid_scope", "reason": "ungranted-scope", "revision": "abc123", "granted": nil, "kid": nil, "jti": nil,
	})
	_, got = line("client_id", "nobody")
	check(got, map[string]any{"level": "WARN", "client": "nobody", "error": "invalid_client", "reason": "unknown-client", "granted": nil})
}
