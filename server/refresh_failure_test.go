package server_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

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
		if len(problems) != 1 || problems[0].Address != "api.orders" || problems[0].Reason != "refresh tokens need --state or --store" {
			t.Errorf("%s: problems %v", name, problems)
		}
		if grants := grantTypes(t, s); slices.Contains(grants, "refresh_token") || !slices.Contains(grants, exchangeGrant) {
			t.Errorf("%s: grant types %v", name, grants)
		}
	}
	s, _ := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}})
	if problems := s.Status().Problems; len(problems) != 0 {
		t.Errorf("nobody may refresh: %v", problems)
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
