package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// writd sends a span of each token request, whose trace the audit line names, and
// its metrics; no credential and no token is in either. Without a collector it
// serves as well.
func TestTelemetryIsSent(t *testing.T) {
	var mu sync.Mutex
	sent := map[string]*bytes.Buffer{"/v1/traces": {}, "/v1/metrics": {}}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if b := sent[r.URL.Path]; b != nil {
			io.Copy(b, r.Body)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	trace, got := tracedToken(t)
	if got == "" {
		t.Fatal("no token")
	}
	mu.Lock()
	defer mu.Unlock()
	id, err := hex.DecodeString(trace)
	if err != nil || len(id) != 16 {
		t.Fatalf("the audit line names the trace %q", trace)
	}
	for path, wants := range map[string][]string{
		"/v1/traces":  {"POST /oauth/token", "writ.reason", "granted", string(id)},
		"/v1/metrics": {"writ_token_requests_total", "writ_token_request_duration_seconds"},
	} {
		for _, want := range wants {
			if !bytes.Contains(sent[path].Bytes(), []byte(want)) {
				t.Errorf("%s: no %q in %d bytes", path, want, sent[path].Len())
			}
		}
		for _, canary := range []string{clientSecret, got} {
			if bytes.Contains(sent[path].Bytes(), []byte(canary)) {
				t.Errorf("%s: a credential was sent", path)
			}
		}
	}
	collector.Close()
	if _, got := tracedToken(t); got == "" {
		t.Error("no token without the collector")
	}
}

// tracedToken runs writd for one token and returns the trace that the audit
// line names.
func tracedToken(t *testing.T) (trace, token string) {
	t.Helper()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	log := new(testenv.Buffer)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "is read by the libraries"}
	getenv := func(name string) string { return env[name] }
	set, err := parseFlags([]string{"--snapshot", filepath.Join(dir, "writ.snapshot"), "--listen", "unix:" + dir + "/p.sock", "--admin", "off"}, getenv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	daemon, err := newDaemon(set, getenv, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- daemon.run(ctx) }()
	client := overSocket(dir + "/p.sock")
	eventually(t, func() error {
		status, body := post(t, client, "http://writd", map[string][]string{"client_id": {"billing"}, "client_secret": {clientSecret}})
		if status != http.StatusOK {
			return fmt.Errorf("%d %s", status, body)
		}
		_, rest, _ := strings.Cut(body, `"access_token":"`)
		token, _, _ = strings.Cut(rest, `"`)
		return nil
	})
	client.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_, line, _ := strings.Cut(log.String(), `"trace_id":"`)
	trace, _, _ = strings.Cut(line, `"`)
	return trace, token
}

// What is asked for and cannot be had is an error at the start; what is switched
// off is not asked for.
func TestTelemetryVariables(t *testing.T) {
	dir := t.TempDir()
	set, err := parseFlags([]string{"--snapshot", filepath.Join(dir, "none"), "--listen", "unix:" + dir + "/s", "--admin", "off"}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_TRACES_EXPORTER", "papyrus")
	env := map[string]string{"OTEL_TRACES_EXPORTER": "papyrus"}
	getenv := func(name string) string { return env[name] }
	if _, err := newDaemon(set, getenv, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_EXPORTER") {
		t.Errorf("an unknown exporter: %v", err)
	}
	env["OTEL_SDK_DISABLED"] = "true"
	d, err := newDaemon(set, getenv, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if d.exporter != nil {
		t.Error("what is disabled is sent")
	}
	d.listeners.Public.Close()
}
