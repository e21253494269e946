package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/server"
)

// The audit line says to which trace a request belongs, when that is said as it
// should be.
func TestTraceID(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	s, log := serving(t, withInspector(fast()), server.Options{})
	for header, want := range map[string]bool{
		"00-" + id + "-00f067aa0ba902b7-01":                      true,
		"cc-" + id + "-00f067aa0ba902b7-01-what":                 true,
		"00-" + id + "-00f067aa0ba902b7-01-what":                 false,
		"ff-" + id + "-00f067aa0ba902b7-01":                      false,
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     false,
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": false,
		"00-" + id + "-0000000000000000-01":                      false,
		"00-" + id + "-00f067aa0ba902b7":                         false,
		"00-" + id + "\"-0f067aa0ba902b7-01":                     false,
		"":                                                       false,
	} {
		before := len(log.String())
		do(t, s.Public(), with(post(form()), "traceparent", header))
		do(t, s.Public(), with(post(form("client_secret", "wrong")), "traceparent", header))
		line := log.String()[before:]
		if got := strings.Count(line, `"trace_id":"`+id+`"`) == 2; got != want || !want && strings.Contains(line, "trace_id") {
			t.Errorf("%q: %s", header, line)
		}
	}
	before := len(log.String())
	const good = "00-" + id + "-00f067aa0ba902b7-01"
	do(t, s.Public(), with(post(form()), "traceparent", good, "traceparent", good))
	if strings.Contains(log.String()[before:], "trace_id") {
		t.Error("two headers are taken")
	}
	r := formTo("/oauth/introspect", form())
	do(t, s.Public(), with(r, "traceparent", good))
	if !strings.Contains(log.String()[before:], `"trace_id":"`+id+`"`) {
		t.Error("introspection has no trace")
	}
}

// A tracer that remembers what it is told.
type remembering struct {
	mu      sync.Mutex
	decided []string
}

func (*remembering) Around(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		w.Header().Set("Route", path)
		next.ServeHTTP(w, r)
	})
}

func (m *remembering) Decided(_ context.Context, attrs ...slog.Attr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.decided = append(m.decided, fmt.Sprint(attrs))
}

// A tracer is around every endpoint, says which trace the audit line names, and is
// told what a token request came to, in no word of the caller's.
func TestTracer(t *testing.T) {
	tracer := new(remembering)
	s, log := serving(t, fast(), server.Options{Tracer: tracer})
	for path, wanted := range map[string]string{
		"/oauth/token": "/oauth/token", "/oauth/introspect": "/oauth/introspect", "/oauth/revoke": "/oauth/revoke", "/elsewhere": "",
	} {
		w := httptest.NewRecorder()
		s.Public().ServeHTTP(w, formTo(path, form()))
		if got := w.Header().Get("Route"); got != wanted {
			t.Errorf("%s: route %q", path, got)
		}
	}
	if !strings.Contains(log.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("no trace in %s", log)
	}
	do(t, s.Public(), post(form("client_id", "CANARY", "grant_type", "CANARY", "audience", "CANARY", "scope", "CANARY")))
	do(t, s.Public(), post(form("scope", "CANARY")))
	all := strings.Join(tracer.decided, "\n")
	if strings.Contains(all, "CANARY") || strings.Contains(all, clientSecret) {
		t.Errorf("a caller's word: %s", all)
	}
	for _, want := range []string{"writ.reason=granted", "writ.reason=unknown-client", "writ.api=orders", "writ.grant_type=(other)", "writ.client="} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in %s", want, all)
		}
	}
}
