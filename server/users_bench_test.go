package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/jsonlog"
	"github.com/writ-auth/writ/server/store"
)

// asking returns what sends the form, from the parsed HTTP request to the written
// answer.
func asking(s *server.Server, v url.Values) func() {
	body := v.Encode()
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
	r.Header.Set("Content-Type", formType)
	h, w := s.Public(), &discard{header: http.Header{}}
	return func() {
		clear(w.header)
		r.Body = io.NopCloser(strings.NewReader(body))
		h.ServeHTTP(w, r)
	}
}

func benchmarkToken(name string) string {
	claims := userClaims(map[string]any{"exp": time.Now().Unix() + 86400})
	if name == "RS256" {
		return partner().sign(map[string]any{"kid": "p1"}, changed(claims, map[string]any{"iss": partnerURL, "aud": issuerURL}))
	}
	return corp().sign(map[string]any{"kid": "k1"}, claims)
}

// verifying returns what reads and verifies a subject token, and nothing more.
func verifying(b *testing.B, name string) func() {
	b.Helper()
	p := map[string]pair{"ES256": corp(), "RS256": partner()}[name]
	keys, err := clientauth.ParseKeys(p.jwks(map[string]string{"ES256": "k1", "RS256": "p1"}[name]), p.alg)
	if err != nil {
		b.Fatal(err)
	}
	issuer := clientauth.TrustedIssuer{Issuer: map[string]string{"ES256": corpURL, "RS256": partnerURL}[name], Keys: keys, Audiences: []string{issuerURL, "web-app"}}
	subject := benchmarkToken(name)
	return func() {
		token, err := clientauth.ReadToken(subject, clientauth.MaxSubjectToken)
		if err == nil {
			_, err = issuer.Verify(token, time.Now())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExchange is a token exchange, beside a token of client_credentials for
// the same API and the verification of the subject token alone. An exchange is to
// cost the second and 1.1 times the first: "beside" does all three in turn, on a
// machine that drifts, and reports what the exchange costs without the verification
// over client_credentials, each by its twentieth percentile.
func BenchmarkExchange(b *testing.B) {
	s, _ := serving(b, userDocument(), server.Options{Logger: quietJSON()})
	plain := asking(s, form())
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("client_credentials", plain)
	for _, name := range []string{"ES256", "RS256"} {
		exchange, verification := asking(s, exchanged(benchmarkToken(name))), verifying(b, name)
		run(name, exchange)
		run(name+" verification", verification)
		b.Run(name+" beside", func(b *testing.B) {
			took := [3][]time.Duration{}
			for b.Loop() {
				for i, f := range []func(){plain, verification, exchange} {
					f()
					begin := time.Now()
					for range 10 {
						f()
					}
					took[i] = append(took[i], time.Since(begin))
				}
			}
			var typical [3]float64
			for i := range took {
				slices.Sort(took[i])
				typical[i] = float64(took[i][len(took[i])/20])
			}
			b.ReportMetric((typical[2]-typical[1])/typical[0], "times-client_credentials")
		})
	}
}

// BenchmarkRefresh is a use of a refresh token that is replaced, with each backend.
// With bolt that is one commit to the disk; "bolt commit" is such a commit alone,
// and so with NATS.
func BenchmarkRefresh(b *testing.B) {
	file, err := store.OpenBolt(filepath.Join(b.TempDir(), "used.db"), store.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	bucket := natsStore(b)
	for _, in := range []struct {
		name      string
		remembers store.Store
	}{{"memory", store.NewMemory(store.MemoryOptions{})}, {"bolt", file}, {"NATS", bucket}} {
		b.Run(in.name, func(b *testing.B) {
			s, _ := serving(b, refreshing(rotating), server.Options{Store: in.remembers, RefreshTokensInMemory: true, Logger: quietJSON()})
			token := offlineNow(b, s)
			b.ReportAllocs()
			for b.Loop() {
				res := do(b, s.Public(), post(refreshed(token)))
				if token = res.body.Refresh; token == "" {
					b.Fatalf("%d %s", res.status, res.raw)
				}
			}
		})
	}
	for name, kept := range map[string]store.Store{"bolt commit": file, "NATS commit": bucket} {
		b.Run(name, func(b *testing.B) {
			value, revision, key := make([]byte, 600), uint64(0), store.NewKey("benchmark")
			if err := kept.Delete(b.Context(), key); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if revision, err = kept.CompareAndSwap(b.Context(), key, revision, value, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func quietJSON() *slog.Logger { return slog.New(jsonlog.New(io.Discard)) }
