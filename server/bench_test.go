package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
)

// A discard is an http.ResponseWriter without what net/http itself costs.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkRequest is one token request from the parsed HTTP request to the
// written answer, the audit line included.
func BenchmarkRequest(b *testing.B) {
	for _, alg := range []schema.SigningAlg{schema.HS256, schema.EdDSA} {
		b.Run(string(alg), func(b *testing.B) {
			s, _ := serving(b, everyShape(issuerURL), server.Options{
				Getenv: env(map[string]string{"HMAC": hmacSecret}), Logger: slog.New(jsonlog.New(io.Discard)),
			})
			body := form("audience", "https://api.example.com/"+label(schema.ProfileRFC9068, alg)).Encode()
			r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
			r.Header.Set("Content-Type", formType)
			h, w := s.Public(), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				r.Body = io.NopCloser(strings.NewReader(body))
				h.ServeHTTP(w, r)
			}
		})
	}
}
