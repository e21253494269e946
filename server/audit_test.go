package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
)

// hostile is input that a log has to escape, or to cut off.
var hostile = []string{
	`"},{"client":"admin"`, "a\nb\r\tc", "\x01\x1f\x7f", "\u2028\u2029", "\u00e9\U0001F511", "gpj.\u202eexe\u2066\u200f\u061c", "\u009b2J\ufeff\U000e0041",
	strings.Repeat("x", 300), strings.Repeat("\u00e9", 200),
}

// audited are requests of every outcome that the line tells apart.
func audited() []*http.Request {
	requests := []*http.Request{
		post(form()), post(form()), // the second gets the first one's token
		post(form("scope", "read:orders")),
		post(form("scope", "delete:orders")),
		post(form("client_secret", "wrong")),
		post(form("client_id", "-", "client_secret", "-")),
		post(form("audience", ordersURL+"/")),
		post(form("audience", "-", "resource", ordersURL)),
		with(post(form()), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		httptest.NewRequest(http.MethodPost, "/oauth/token", nil),
	}
	for _, text := range hostile {
		for _, name := range []string{"client_id", "audience", "resource", "scope", "grant_type"} {
			requests = append(requests, post(form(name, text)))
		}
	}
	return append(requests, post(url.Values{"client_id": {"\xff\xfe\xe2\x80"}, "grant_type": {"client_credentials"}}))
}

// Zeros is a source of no randomness.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var times = regexp.MustCompile(`"time":"[^"]*"`)

// The audit line is the same bytes whether it is put together on the spot or is
// a record.
func TestAuditLineIsSlogs(t *testing.T) {
	keys := t.TempDir()
	lines := func(logger func(*testenv.Buffer) slog.Handler) []string {
		doc := fast()
		doc.APIs[0].ReuseWindow = 60
		log := new(testenv.Buffer)
		s, _ := serving(t, doc, server.Options{
			Logger: slog.New(logger(log)), Now: func() time.Time { return noon }, Keys: server.KeyOptions{Folder: keys}, Rand: zeros{},
		})
		before := len(log.String())
		for _, r := range audited() {
			do(t, s.Public(), r)
		}
		return strings.Split(times.ReplaceAllString(log.String()[before:], ""), "\n")
	}
	ours := lines(func(log *testenv.Buffer) slog.Handler { return jsonlog.New(log) })
	theirs := lines(func(log *testenv.Buffer) slog.Handler { return jsonlog.New(log).WithAttrs(nil) }) // no jsonlog.Handler any more
	if want := len(audited()) + 1; len(ours) != want || len(theirs) != want {
		t.Fatalf("%d lines, %d as records, for %d requests", len(ours), len(theirs), want-1)
	}
	if all := strings.Join(ours, ""); !strings.Contains(all, `"reused":true`) || !strings.Contains(all, `"trace_id"`) || !strings.Contains(all, `"detail"`) {
		t.Error("the requests leave attributes out")
	}
	for i := range ours {
		if ours[i] != theirs[i] {
			t.Errorf("\n%s\nas a record\n%s", ours[i], theirs[i])
		}
	}
}

// Nothing that a client chooses acts on the terminal of who reads the log, or does
// not show there.
func TestLogHidesNothing(t *testing.T) {
	s, log := serving(t, fast(), server.Options{})
	for _, r := range audited() {
		do(t, s.Public(), r)
	}
	for _, text := range hostile {
		for _, path := range []string{"/oauth/introspect", "/oauth/revoke"} {
			r := post(form("client_id", text, "token", text))
			r.URL.Path = path
			do(t, s.Public(), r)
		}
		assertion := pairs()[schema.ES256].sign(map[string]any{"kid": text, "typ": text}, map[string]any{"iss": text, "sub": text})
		do(t, s.Public(), post(asserted(assertion)))
		do(t, s.Public(), with(post(form()), "DPoP", assertion))
	}
	for line := range strings.Lines(log.String()) {
		if at := strings.IndexFunc(strings.TrimSuffix(line, "\n"), schema.IsHidden); at >= 0 {
			t.Errorf("hidden at byte %d of %q", at, line)
		}
	}
	for _, want := range []string{`\u202e`, `\u2066`, `\u009b`, `\udb40\udc41`, `"msg":"introspect"`, `"msg":"revoke"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s is in the log", want)
		}
	}
}

// A lateWriter looks at the log when the answer begins.
type lateWriter struct {
	*httptest.ResponseRecorder
	log    *testenv.Buffer
	before int
	logged string
}

func (w *lateWriter) WriteHeader(status int) {
	w.logged = w.log.String()[w.before:]
	w.ResponseRecorder.WriteHeader(status)
}

// When the answer begins, the line has been written: no kill can lose it.
func TestAuditLineComesBeforeTheAnswer(t *testing.T) {
	s, log := serving(t, fast(), server.Options{})
	for _, r := range []*http.Request{post(form()), post(form("client_secret", "wrong"))} {
		w := &lateWriter{ResponseRecorder: httptest.NewRecorder(), log: log, before: len(log.String())}
		s.Public().ServeHTTP(w, r)
		if !strings.Contains(w.logged, `"msg":"token"`) || !strings.HasSuffix(w.logged, "}\n") {
			t.Errorf("status %d: logged before the answer: %q", w.Code, w.logged)
		}
	}
}
