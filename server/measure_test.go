package server_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
)

// scrape returns what /metrics answers.
func scrape(t testing.TB, s *server.Server) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.Admin().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	s, _ := newServer(t, server.Options{})
	if text := scrape(t, s); !strings.Contains(text, "\nwrit_ready 0\n") {
		t.Errorf("without a snapshot:\n%s", text)
	}
	if err := s.Activate(file(t, withInspector(fast(), "orders"), snapshot.Envelope{Serial: 3, Created: noon})); err != nil {
		t.Fatal(err)
	}
	if err := s.Activate([]byte("broken")); err == nil {
		t.Fatal("accepted")
	}
	compact := issued(t, s)
	do(t, s.Public(), post(form("scope", "everything")))
	do(t, s.Public(), post(form("client_secret", "wrong")))
	do(t, s.Public(), post(form("grant_type", "password")))
	do(t, s.Public(), post(form("client_id", "stranger")))
	present(t, s, "/oauth/introspect", "inspector", compact)
	present(t, s, "/oauth/introspect", "stranger", compact)
	present(t, s, "/oauth/revoke", clientID, compact)
	present(t, s, "/oauth/revoke", clientID, "x")
	text := scrape(t, s)
	for _, want := range []string{
		`writ_token_requests_total{api="orders",grant_type="client_credentials",result="issued"} 1`,
		`writ_token_requests_total{api="orders",grant_type="client_credentials",result="invalid_scope"} 1`,
		`writ_token_requests_total{api="orders",grant_type="client_credentials",result="invalid_target"} 1`,
		`writ_token_requests_total{api="(none)",grant_type="client_credentials",result="invalid_client"} 1`,
		`writ_token_requests_total{api="(none)",grant_type="(other)",result="unsupported_grant_type"} 1`,
		`writ_token_request_duration_seconds_count 5`, `writ_token_sign_duration_seconds_count{alg="EdDSA"} 1`,
		`writ_introspection_requests_total{result="active"} 1`, `writ_introspection_requests_total{result="inactive"} 1`,
		`writ_revocation_requests_total{result="unsupported_token_type"} 1`, `writ_revocation_requests_total{result="nothing_to_do"} 1`,
		`writ_snapshot_reloads_total{result="success"} 1`, `writ_snapshot_reloads_total{result="failure"} 1`,
		`writ_snapshot_last_reload_successful 0`, `writ_snapshot_info{digest="` + s.Active().Digest + `",serial="3"} 1`, `writ_ready 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for _, want := range []string{"writ_signing_key_info{", "writ_build_info{", "writ_snapshot_age_seconds ", "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// What packages register with the default mux is not served.
func TestDefaultMuxIsNotServed(t *testing.T) {
	s, _ := serving(t, fast(), server.Options{})
	for _, path := range []string{"/debug/vars", "/debug/pprof/", "/debug/pprof/cmdline", "/metrics/", "/debug/requests"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "localhost"
		if res := do(t, s.Admin(), r); res.status != http.StatusNotFound {
			t.Errorf("admin %s: %d", path, res.status)
		}
		if res := do(t, s.Public(), httptest.NewRequest(http.MethodGet, path, nil)); res.status != http.StatusNotFound {
			t.Errorf("public %s: %d", path, res.status)
		}
	}
}

// Nothing that a request holds becomes a label.
func TestRequestsMakeNoSeries(t *testing.T) {
	s, _ := serving(t, fast(), server.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"grant_type", "audience", "client_id", "client_secret", "scope", "resource", "client_assertion_type"}
	requests := func(n int) {
		for range n {
			v := form(names[random.IntN(len(names))], fmt.Sprint(random.Uint64()))
			r := post(v)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", random.IntN(256), random.IntN(256), random.IntN(256))
			do(t, s.Public(), r)
			present(t, s, "/oauth/introspect", fmt.Sprint(random.Uint64()), fmt.Sprint(random.Uint64()))
		}
	}
	count := func() int { return strings.Count(scrape(t, s), "\nwrit_") }
	n := 2000
	if testenv.RaceDetector {
		n = 200
	}
	requests(n)
	before := count()
	requests(5 * n)
	// An outcome that is rare may come for the first time. A label that requests choose
	// would make a series of each.
	if after := count(); after > before+n/20 {
		t.Errorf("%d series became %d", before, after)
	}
}

// That the snapshot file cannot be read is told everywhere, and changes nothing.
func TestUnreadable(t *testing.T) {
	s, log := serving(t, fast(), server.Options{})
	s.Unreadable(errors.New("snapshot unreadable: no such file"))
	if rejected := s.Status().LastRejected; rejected == nil || rejected.Reason != "snapshot unreadable: no such file" || !s.Status().Ready {
		t.Errorf("status %+v", s.Status())
	}
	if !strings.Contains(log.String(), "no such file") || !strings.Contains(scrape(t, s), "\nwrit_snapshot_last_reload_successful 0\n") {
		t.Error("it is not told")
	}
	if err := s.Refresh(); err != nil || !strings.Contains(scrape(t, s), "\nwrit_snapshot_last_reload_successful 0\n") {
		t.Errorf("new keys end the alert, %v", err)
	}
	issued(t, s)
}

// That the folder of keys cannot be read is told everywhere while it lasts: the
// keys of before sign on, and are not replaced in time.
func TestKeysUnreadable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, _ := serving(t, fast(), server.Options{Keys: server.KeyOptions{Folder: dir}})
	check := func(when string, want int) {
		t.Helper()
		if err := s.Refresh(); err != nil {
			t.Fatal(err)
		}
		problems := s.Status().Problems
		if len(problems) != want || want > 0 && !strings.Contains(problems[0].Reason+problems[0].Action, "no such file or directorymkdir -m 700 ") {
			t.Errorf("%s: %+v", when, problems)
		}
		if metric := fmt.Sprintf("\nwrit_snapshot_problems %d\n", want); !strings.Contains(scrape(t, s), metric) {
			t.Errorf("%s: no%s", when, metric)
		}
		issued(t, s)
	}
	check("before", 0)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	check("without the folder", 1)
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	check("after", 0)
}
