package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

const (
	ordersURL    = "https://api.example.com/orders"
	clientSecret = "jMpy2RT_pcIUnhqVRMjHDrBZjbBNoFsCRyGz4vRlSXM"
)

// writeSnapshot puts a snapshot with one API at path, by rename.
func writeSnapshot(t testing.TB, path string, serial uint64, scope string) {
	t.Helper()
	sum := sha256.Sum256([]byte(clientSecret))
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.RS256,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: scope}},
		}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])}},
		}},
		Authorizations: []schema.Authorization{{
			Label: "a", Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{scope},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: serial}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// A program is writd running inside the test.
type program struct {
	client *http.Client // of the public socket
	admin  *http.Client
	log    *syncBuffer
	stop   func() int // ends it and returns the exit code
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs writd on unix sockets in dir.
func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	public, admin := filepath.Join(dir, "public.sock"), filepath.Join(dir, "admin.sock")
	args = append([]string{"--snapshot", filepath.Join(dir, "writ.snapshot"), "--listen", "unix:" + public, "--admin", "unix:" + admin}, args...)
	p := &program{client: overSocket(public), admin: overSocket(admin), log: new(syncBuffer)}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, stdio{out: io.Discard, err: p.log, getenv: func(string) string { return "" }})
	}()
	p.stop = sync.OnceValue(func() int {
		cancel()
		p.client.CloseIdleConnections()
		p.admin.CloseIdleConnections()
		return <-code
	})
	t.Cleanup(func() { p.stop() })
	eventually(t, func() error { return status(p.admin, "/livez", http.StatusOK) })
	return p
}

func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

func status(c *http.Client, path string, want int) error {
	res, err := c.Get("http://writd" + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		return fmt.Errorf("GET %s: %d, want %d", path, res.StatusCode, want)
	}
	return nil
}

// scope asks for a token and returns the scope granted, or the error.
func (p *program) scope() (string, error) {
	res, err := p.client.PostForm("http://writd/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {ordersURL}, "client_id": {"billing"}, "client_secret": {clientSecret},
	})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var body struct{ Scope, Error string }
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%d %s", res.StatusCode, body.Error)
	}
	return body.Scope, nil
}

func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *program) wantScope(want string) func() error {
	return func() error {
		scope, err := p.scope()
		if err == nil && scope != want {
			err = fmt.Errorf("scope %q, want %q", scope, want)
		}
		return err
	}
}

func TestServesAndReloads(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "writ.snapshot")
	p := start(t, dir)
	if err := status(p.admin, "/readyz", http.StatusServiceUnavailable); err != nil {
		t.Error(err)
	}
	if _, err := p.scope(); err == nil || !strings.HasPrefix(err.Error(), "503 ") {
		t.Errorf("without a snapshot: %v", err)
	}
	writeSnapshot(t, path, 1, "first")
	eventually(t, p.wantScope("first"))
	if err := status(p.admin, "/readyz", http.StatusOK); err != nil {
		t.Error(err)
	}
	writeSnapshot(t, path, 2, "second")
	eventually(t, p.wantScope("second"))

	if err := os.WriteFile(path, []byte("not a snapshot"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return p.logged("snapshot rejected") })
	if err := p.wantScope("second")(); err != nil {
		t.Errorf("after a bad snapshot: %v", err)
	}
	writeSnapshot(t, path, 1, "first")
	eventually(t, func() error { return p.logged("is a rollback") })
	if err := p.wantScope("second")(); err != nil {
		t.Errorf("after a rollback: %v", err)
	}
	if code := p.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func (p *program) logged(text string) error {
	if !strings.Contains(p.log.String(), text) {
		return fmt.Errorf("the log lacks %q", text)
	}
	return nil
}
