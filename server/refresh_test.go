package server_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
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

// One client holds a bounded number of refresh tokens of one user. Beyond it the one
// that began first ends, and one that was revoked before any that is in use; another
// user's stay.
func TestFamiliesOfOneUserAreBounded(t *testing.T) {
	u := newUsers(t, refreshing(staying), server.Options{})
	again := func(token string) int { res, _ := u.do(refreshed(token)); return res.status }
	another := u.granted(exchanged(userToken(map[string]any{"sub": "another"}), "scope", "read:orders offline_access")).body.Refresh
	tokens := []string{u.offline(), u.offline()}
	revoke := post(form("client_id", "web", "token", tokens[1], "grant_type", "-", "audience", "-"))
	revoke.URL.Path = "/oauth/revoke"
	if res := do(t, u.server.Public(), revoke); res.status != 200 {
		t.Fatalf("revoke: %d %s", res.status, res.raw)
	}
	for len(tokens) < schema.MaxRefreshFamilies+1 {
		tokens = append(tokens, u.offline())
	}
	if status := again(tokens[0]); status != 200 {
		t.Fatalf("though one was revoked, the oldest ended: %d", status)
	}
	last := u.offline()
	u.refused("the oldest", refreshed(tokens[0]), 400, "invalid_grant", "unknown-refresh-token")
	for _, token := range []string{tokens[2], last, another} {
		if status := again(token); status != 200 {
			t.Errorf("another one: %d", status)
		}
	}
}

// No client begins them faster than anybody signs in.
func TestFamiliesOfOneClientAreLimited(t *testing.T) {
	u := newUsers(t, refreshing(staying), server.Options{})
	for range 100 {
		u.offline()
	}
	u.refused("one more at once", exchanged(userToken(nil), "scope", "read:orders offline_access"), 429, "too_many_requests", "client-refresh-token-limit")
	u.now = u.now.Add(time.Second)
	u.offline()
}
