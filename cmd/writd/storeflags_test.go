package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer returns its address, and how to start and stop it.
func natsServer(t *testing.T) (address string, start, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	dir := t.TempDir()
	var s *server.Server
	start = func() {
		opts := &server.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, JetStream: true, StoreDir: dir, SyncAlways: true, NoLog: true, NoSigs: true}
		if s, err = server.NewServer(opts); err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("the server does not start")
		}
	}
	stop = func() {
		if s != nil {
			s.Shutdown()
			s.WaitForShutdown()
		}
		s = nil
	}
	t.Cleanup(func() { stop() })
	return l.Addr().String(), start, stop
}

// Two writd share a store: an assertion is used once at both. Without the store
// assertions are refused as unavailable and secrets go on.
func TestSharedStore(t *testing.T) {
	address, startStore, stopStore := natsServer(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	client := writeAssertingClient(t, dirs...)
	args := []string{"--store", "nats://" + address + "?replicas=1&timeout=3s", "--store-allow-unsafe"}
	first, second := start(t, dirs[0], args...), start(t, dirs[1], args...) // before there is a store
	want := func(p *program, what string, v url.Values, want int) {
		t.Helper()
		if status, body := post(t, p.client, "http://writd", v); status != want {
			t.Errorf("%s: %d %s, want %d", what, status, body, want)
		}
	}
	secret := url.Values{"client_id": {"worker"}, "client_secret": {clientSecret}}
	outage := func(when string) {
		t.Helper()
		for _, p := range []*program{first, second} {
			want(p, "assertion "+when, client.assertion(t), http.StatusServiceUnavailable)
			want(p, "secret "+when, secret, http.StatusOK)
			if err := status(p.admin, "/readyz", http.StatusOK); err != nil {
				t.Errorf("%s: %v", when, err)
			}
			eventually(t, p.tellsOfStore("writ_store_up 0", true))
		}
	}
	works := func(p *program) func() error {
		return func() error {
			if status, body := post(t, p.client, "http://writd", client.assertion(t)); status != http.StatusOK {
				return fmt.Errorf("assertion: %d %s", status, body)
			}
			return nil
		}
	}
	outage("before the store is there")
	startStore()
	eventually(t, works(first))
	eventually(t, works(second))
	eventually(t, func() error { return first.logged("UNSAFE STORE") })

	eventually(t, first.tellsOfStore("writ_store_up 1", false))
	used := client.assertion(t)
	want(first, "an assertion", used, http.StatusOK)
	want(first, "the same at the same instance", used, http.StatusUnauthorized)
	want(second, "the same at another instance", used, http.StatusUnauthorized)

	stopStore()
	outage("while the store is away")
	startStore()
	eventually(t, works(first))
	eventually(t, works(second))
	want(second, "an assertion from before", used, http.StatusUnauthorized)
}

// tellsOfStore asks whether /metrics holds the text, and whether /status names the store
// among the problems.
func (p *program) tellsOfStore(metric string, problem bool) func() error {
	return func() error {
		if got := answerOf(p.admin, "/metrics"); !strings.Contains(got, "\n"+metric+"\n") {
			return fmt.Errorf("no %q in %s", metric, got)
		}
		if got := answerOf(p.admin, "/status"); strings.Contains(got, `"address": "store"`) != problem {
			return fmt.Errorf("/status is %s", got)
		}
		return nil
	}
}

// answerOf is what a path answers, or why it does not.
func answerOf(c *http.Client, path string) string {
	res, err := c.Get("http://writd" + path)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func TestStoreFlagsAreChecked(t *testing.T) {
	address, startStore, _ := natsServer(t)
	startStore()
	dir := t.TempDir()
	snap := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, snap, 1, "read")
	for says, c := range map[string]struct {
		args []string
		code int
	}{
		"--store-key need a --store": {[]string{"--store-creds", "x"}, exitUsage},
		"--store-key go together":    {[]string{"--store", "nats://" + address, "--store-cert", "x"}, exitUsage},
		"begins with nats://":        {[]string{"--store", "redis://writd:s3cr3t@host"}, exitError},
		"absent.creds":               {[]string{"--store", "nats://" + address, "--store-creds", filepath.Join(dir, "absent.creds")}, exitError},
		"--store-allow-unsafe":       {[]string{"--store", "nats://writd:s3cr3t@" + address + "?replicas=1"}, exitError},
		"replicas > 1 not supported": {[]string{"--store", "nats://writd:s3cr3t@" + address}, exitError},
	} {
		args := append([]string{"--snapshot", snap, "--listen", "unix:" + filepath.Join(dir, "p.sock"), "--admin", "off"}, c.args...)
		code, out, log := runOnce(args...)
		if code != c.code || !strings.Contains(out+log, says) || strings.Contains(out+log, "s3cr3t") {
			t.Errorf("%q: exit code %d, want %d:\n%s%s", says, code, c.code, out, log)
		}
	}
	env := func(name string) string { return map[string]string{"WRITD_STORE": "nats://a:4222,b:4222"}[name] }
	if set, err := parseFlags([]string{"--snapshot", "x"}, env, io.Discard); err != nil || set.store.url != "nats://a:4222,b:4222" {
		t.Errorf("from the environment: %+v, %v", set.store, err)
	}
}
