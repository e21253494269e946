package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// reusing is a document whose API gives identical requests the same token for
// ten seconds.
func reusing() *schema.Document {
	doc := fast()
	doc.APIs[0].ReuseWindow = 10
	return doc
}

// A clock is the time of a test.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time          { return noon.Add(time.Duration(c.seconds.Load()) * time.Second) }
func (c *clock) at(seconds int64) *clock { c.seconds.Store(seconds); return c }

// granted is one answer that must hold a token.
func granted(t testing.TB, s *server.Server, changes ...string) result {
	t.Helper()
	res := do(t, s.Public(), post(form(changes...)))
	if res.status != http.StatusOK || res.body.AccessToken == "" {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	return res
}

func TestReuse(t *testing.T) {
	var clock clock
	doc := reusing()
	doc.Clients = append(doc.Clients, schema.Client{
		Label: "other", Name: "Other", ClientID: "other", GrantTypes: []string{schema.GrantClientCredentials},
		Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
	})
	doc.Authorizations = append(doc.Authorizations, schema.Authorization{
		Label: "other-orders", Client: "other", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{"read:orders"},
	})
	s, log := serving(t, doc, server.Options{Now: clock.now})
	first := granted(t, s)
	second := granted(t, s, "scope", "write:orders read:orders") // the same scopes, asked for otherwise
	if second.raw != first.raw {
		t.Errorf("two tokens:\n%s\n%s", first.raw, second.raw)
	}
	clock.at(9)
	third := granted(t, s)
	if third.body.AccessToken != first.body.AccessToken || third.body.ExpiresIn != first.body.ExpiresIn-9 {
		t.Errorf("after nine seconds: %s", third.raw)
	}
	if strings.Count(log.String(), `"reused":true`) != 2 || strings.Count(log.String(), `"msg":"token"`) != 3 {
		t.Errorf("the log does not tell: %s", log)
	}
	text := scrape(t, s)
	for _, want := range []string{
		`writ_token_requests_total{api="orders",grant_type="client_credentials",result="issued"} 3`, `writ_token_sign_duration_seconds_count{alg="EdDSA"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for name, other := range map[string]result{
		"fewer scopes":     granted(t, s, "scope", "read:orders"),
		"another client":   granted(t, s, "client_id", "other"),
		"after the window": func() result { clock.at(10); return granted(t, s) }(),
		"long before":      func() result { clock.at(-3600); return granted(t, s) }(),
	} {
		if other.body.AccessToken == first.body.AccessToken {
			t.Errorf("%s: the same token", name)
		}
	}
}

// Without a window every answer is a token of its own.
func TestNoReuseByDefault(t *testing.T) {
	s, log := serving(t, fast(), server.Options{Now: new(clock).now})
	first, second := granted(t, s), granted(t, s)
	if first.body.AccessToken == second.body.AccessToken || strings.Contains(log.String(), "reused") {
		t.Error("the same token twice")
	}
}

// A token is not given out again when it has expired, though the window is longer.
func TestReuseEndsWithTheToken(t *testing.T) {
	var clock clock
	doc := reusing()
	doc.Authorizations[0].ExpiresAt = noon.Unix() + 3600
	doc.APIs[0].TokenLifetime = 5
	s, _ := serving(t, doc, server.Options{Now: clock.now})
	first := granted(t, s)
	clock.at(4)
	if last := granted(t, s); last.body.AccessToken != first.body.AccessToken || last.body.ExpiresIn != 1 {
		t.Errorf("in its last second: %s", last.raw)
	}
	clock.at(5)
	if next := granted(t, s); next.body.AccessToken == first.body.AccessToken || next.body.ExpiresIn != 5 {
		t.Errorf("an expired token: %s", next.raw)
	}
}

// The request is decided and counted each time: an authorization that ends, a
// wrong secret and a rate limit stop a token that is there to be had.
func TestReuseDecidesEachRequest(t *testing.T) {
	var clock clock
	doc := reusing()
	doc.Authorizations[0].ExpiresAt = noon.Unix() + 3
	doc.Clients[0].RateLimit = 1
	s, _ := serving(t, doc, server.Options{Now: clock.now})
	granted(t, s)
	if res := do(t, s.Public(), post(form("client_secret", "wrong"))); res.status != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %d %s", res.status, res.raw)
	}
	granted(t, s)
	if res := do(t, s.Public(), post(form())); res.status != http.StatusTooManyRequests {
		t.Errorf("beyond the rate: %d %s", res.status, res.raw)
	}
	clock.at(3)
	if res := do(t, s.Public(), post(form())); res.status != http.StatusBadRequest || res.body.Error != "invalid_target" {
		t.Errorf("after the authorization: %d %s", res.status, res.raw)
	}
}

// A reload, even of the same configuration, gives nobody an older token.
func TestReuseEndsWithTheConfiguration(t *testing.T) {
	s, _ := serving(t, reusing(), server.Options{Now: new(clock).now})
	first := granted(t, s)
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	second := granted(t, s)
	if err := s.Activate(file(t, reusing(), snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	third := granted(t, s)
	if first.body.AccessToken == second.body.AccessToken || second.body.AccessToken == third.body.AccessToken {
		t.Error("a token of an older configuration")
	}
}

// When another key signs, its tokens are the ones that are given out.
func TestReuseEndsWithTheKey(t *testing.T) {
	var clock clock
	dir := t.TempDir()
	writeKey(t, dir, "a.pem")
	writeKey(t, dir, "b.pem")
	doc := reusing()
	doc.SigningKeys = []schema.SigningKey{
		{Label: "a", Alg: schema.EdDSA, PrivateKey: "file:a.pem", ActivatesAt: noon.Unix() - 3600},
		{Label: "b", Alg: schema.EdDSA, PrivateKey: "file:b.pem", ActivatesAt: noon.Unix() + 5},
	}
	s, _ := serving(t, doc, server.Options{Now: clock.now, Keys: server.KeyOptions{Folder: dir}})
	first := granted(t, s)
	clock.at(4)
	if granted(t, s).body.AccessToken != first.body.AccessToken {
		t.Error("a token of its own while the key signs")
	}
	clock.at(5)
	if granted(t, s).body.AccessToken == first.body.AccessToken {
		t.Error("a token of a key that no longer signs")
	}
}

// Tokens that are bound to a key are given out to whoever has proved to hold
// that key, and to nobody else.
func TestReuseKeepsTokensBound(t *testing.T) {
	s, _ := serving(t, reusing(), server.Options{Now: new(clock).now, Store: store.NewMemory(store.MemoryOptions{})})
	mine, yours := newPair(), newPair()
	proved := func(p pair) result {
		res := do(t, s.Public(), with(post(form()), "DPoP", p.proof(issuerURL+"oauth/token", noon, nil)))
		if res.status != http.StatusOK || res.body.TokenType != "DPoP" {
			t.Fatalf("%d %s", res.status, res.raw)
		}
		return res
	}
	bearer, first, again, other := granted(t, s), proved(mine), proved(mine), proved(yours)
	if first.body.AccessToken != again.body.AccessToken {
		t.Error("the same key got two tokens")
	}
	if first.body.AccessToken == other.body.AccessToken || first.body.AccessToken == bearer.body.AccessToken || granted(t, s).body.AccessToken != bearer.body.AccessToken {
		t.Error("a token of another confirmation")
	}
}

// A blocking is a random source that a test lets go on, once per read.
type blocking struct {
	reads atomic.Int64
	armed atomic.Bool
	next  chan error
}

func (b *blocking) Read(p []byte) (int, error) {
	if b.armed.Load() {
		b.reads.Add(1)
		if err := <-b.next; err != nil {
			return 0, err
		}
	}
	for i := range p {
		p[i] = byte(b.reads.Load())
	}
	return len(p), nil
}

// A stampede costs one signature. When that fails, those who waited are told
// so, and the next request has a token.
func TestReuseStampede(t *testing.T) {
	for name, failure := range map[string]error{"signed": nil, "failed": errors.New("no entropy")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := &blocking{next: make(chan error)}
				s, _ := serving(t, reusing(), server.Options{Rand: random, Now: time.Now})
				random.armed.Store(true)
				const clients = 50
				answers := make(chan result, clients)
				for range clients {
					go func() { answers <- do(t, s.Public(), post(form())) }()
				}
				synctest.Wait()
				if n := random.reads.Load(); n != 1 {
					t.Fatalf("%d sign at once", n)
				}
				random.next <- failure
				tokens := map[string]int{}
				for range clients {
					res := <-answers
					tokens[res.body.AccessToken]++
					if want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[failure == nil]; res.status != want {
						t.Fatalf("%d %s", res.status, res.raw)
					}
				}
				if len(tokens) != 1 {
					t.Errorf("%d tokens", len(tokens))
				}
				random.armed.Store(false)
				if tokens[granted(t, s).body.AccessToken] != map[bool]int{true: clients}[failure == nil] {
					t.Error("what failed was kept, or what was signed was not")
				}
			})
		})
	}
}

// Who came first goes away: the others still get the token. One of the others
// goes away: it does not wait.
func TestReuseSurvivesAClientThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := &blocking{next: make(chan error)}
		s, _ := serving(t, reusing(), server.Options{Rand: random, Now: time.Now})
		random.armed.Store(true)
		request := func() (cancel func(), answer chan result) {
			r := post(form())
			ctx, stop := context.WithCancel(t.Context())
			answer = make(chan result, 1)
			go func() { answer <- do(t, s.Public(), r.WithContext(ctx)) }()
			synctest.Wait()
			return stop, answer
		}
		leave, first := request()
		leaveToo, second := request()
		_, third := request()
		leave()
		leaveToo()
		if res := <-second; res.status != http.StatusServiceUnavailable {
			t.Errorf("who left: %d", res.status)
		}
		random.next <- nil
		if a, b := <-first, <-third; a.status != http.StatusOK || a.raw != b.raw {
			t.Errorf("%s\n%s", a.raw, b.raw)
		}
	})
}

// Requests of every kind at once, through reloads: each token is of a
// configuration that was in force during its request.
func TestReuseConcurrently(t *testing.T) {
	s, _ := serving(t, reusing(), server.Options{Logger: slog.New(slog.DiscardHandler)})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				if worker == 0 && i%20 == 0 {
					if err := s.Refresh(); err != nil {
						t.Error(err)
					}
				}
				granted(t, s, "scope", []string{"read:orders", "write:orders", "-"}[i%3])
			}
		})
	}
	group.Wait()
}

// BenchmarkReuse is a token request that gets the token of the one before.
func BenchmarkReuse(b *testing.B) {
	for name, window := range map[string]int64{"off": 0, "on": 300} {
		b.Run(name, func(b *testing.B) {
			doc := document()
			doc.APIs[0].ReuseWindow = window
			s, _ := serving(b, doc, server.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
			body := []byte(form().Encode())
			r := post(nil)
			h, w := s.Public(), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				r.Body = io.NopCloser(bytes.NewReader(body))
				h.ServeHTTP(w, r)
			}
		})
	}
}
