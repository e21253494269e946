package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

const (
	ordersURL    = "https://api.example.com/orders"
	clientSecret = "jMpy2RT_pcIUnhqVRMjHDrBZjbBNoFsCRyGz4vRlSXM"
)

// writeSnapshot puts a snapshot with one API at path, by rename.
func writeSnapshot(t testing.TB, path string, serial uint64, scope string) {
	t.Helper()
	sum := sha256.Sum256([]byte(clientSecret))
	writeDocument(t, path, serial, scope, "sha256:"+base64.RawURLEncoding.EncodeToString(sum[:]))
}

// writeDocument is writeSnapshot with another secret hash, or a reference to one.
func writeDocument(t testing.TB, path string, serial uint64, scope, hash string) {
	t.Helper()
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: scope}},
		}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hash}},
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
	log    *testenv.Buffer
	stop   func() int // ends it and returns the exit code
}

// start runs writd on unix sockets in dir.
func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	public, admin := filepath.Join(dir, "public.sock"), filepath.Join(dir, "admin.sock")
	args = append([]string{"--snapshot", filepath.Join(dir, "writ.snapshot"), "--listen", "unix:" + public, "--admin", "unix:" + admin}, args...)
	p := &program{client: overSocket(public), admin: overSocket(admin), log: new(testenv.Buffer)}
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

func eventually(t testing.TB, f func() error) {
	t.Helper()
	t.Helper()
	deadline := time.Now().Add(time.Minute)
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

// A run that ends by itself: its exit code, output and log.
func runOnce(args ...string) (code int, out, log string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, stdio{out: &o, err: &e, getenv: func(string) string { return "" }})
	return code, o.String(), e.String()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	snap := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, snap, 1, "read")
	private := filepath.Join(dir, "not-a-key.pem")
	if err := os.WriteFile(private, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"version":              {[]string{"version"}, exitOK, "writd "},
		"--version":            {[]string{"--version"}, exitOK, "\nmodule github.com/lestrrat-go/jwx/v2 v2."},
		"version as JSON":      {[]string{"version", "--json"}, exitOK, `"snapshot_formats":[1,2,3]`},
		"modules as JSON":      {[]string{"version", "--json"}, exitOK, `{"path":"github.com/nats-io/nats.go","version":"v1.`},
		"version with more":    {[]string{"version", "x"}, exitUsage, "usage"},
		"help":                 {[]string{"--help"}, exitOK, "--tls-cert"},
		"nothing":              {nil, exitUsage, "--snapshot is missing"},
		"an unknown flag":      {[]string{"--snapsot", snap}, exitUsage, "snapsot"},
		"an empty value":       {[]string{"--snapshot", snap, "--environment", ""}, exitUsage, "--environment has an empty value"},
		"an argument":          {[]string{"--snapshot", snap, "serve"}, exitUsage, `"serve"`},
		"not loopback":         {[]string{"--snapshot", snap, "--listen", "0.0.0.0:0"}, exitUsage, "cannot be verified after a restart"},
		"half a certificate":   {[]string{"--snapshot", snap, "--tls-cert", "x"}, exitUsage, "go together"},
		"no certificate":       {[]string{"--snapshot", snap, "--tls-cert", "absent", "--tls-key", "absent"}, exitError, "absent"},
		"trust in nothing":     {[]string{"--snapshot", snap, "--trust", private}, exitUsage, "no Ed25519 public key"},
		"a bad address":        {[]string{"--snapshot", snap, "--listen", "127.0.0.1:99999"}, exitError, "99999"},
		"a socket that is not": {[]string{"--snapshot", snap, "--listen", "unix:" + snap}, exitError, "not a socket"},
	} {
		code, out, log := runOnce(c.args...)
		if code != c.code || !strings.Contains(out+log, c.says) {
			t.Errorf("%s: exit code %d, want %d, with %q:\n%s%s", name, code, c.code, c.says, out, log)
		}
		if c.code == exitOK && log != "" || c.code != exitOK && out != "" {
			t.Errorf("%s: on the wrong stream", name)
		}
	}
}

func TestFlagsBeatTheEnvironment(t *testing.T) {
	getenv := func(name string) string {
		return map[string]string{"WRITD_SNAPSHOT": "from-env", "WRITD_TLS_CERT": "cert", "WRITD_TLS_KEY": "key", "WRITD_LISTEN": "unix:/env"}[name]
	}
	set, err := parseFlags([]string{"-listen", "unix:/flag"}, getenv, io.Discard)
	if err != nil || set.snapshot.text != "from-env" || set.tlsCert != "cert" || set.listen != "unix:/flag" || set.admin != "127.0.0.1:8081" {
		t.Errorf("%+v, %v", set, err)
	}
	if _, err := parseFlags(nil, func(name string) string { return map[string]string{"WRITD_TRUST": "absent"}[name] }, io.Discard); err == nil || !strings.Contains(err.Error(), "WRITD_TRUST") {
		t.Errorf("%v", err)
	}
}

// writeCertificate makes a self-signed certificate for 127.0.0.1.
func writeCertificate(t *testing.T, dir, name string) {
	t.Helper()
	writeCertificateUntil(t, dir, name, time.Now().Add(time.Hour))
}

func writeCertificateUntil(t *testing.T, dir, name string, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: end, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The certificate is replaced while the server runs; nothing below TLS 1.3 is spoken.
// An expired certificate is served, as there is nothing better, and said.
func TestExpiredCertificate(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	writeCertificateUntil(t, dir, "first", time.Now().Add(-time.Hour))
	p := start(t, dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	eventually(t, func() error { return p.logged("TLS certificate has expired") })
}

func TestCertificateReloads(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "first")
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	served := func(version uint16) (string, error) {
		conn, err := net.Dial("unix", filepath.Join(dir, "public.sock"))
		if err != nil {
			return "", err
		}
		defer conn.Close()
		client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
		if err := client.Handshake(); err != nil {
			return "", err
		}
		return client.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
	}
	if name, err := served(tls.VersionTLS13); err != nil || name != "first" {
		t.Fatalf("%q, %v", name, err)
	}
	if _, err := served(tls.VersionTLS12); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	writeCertificate(t, dir, "second")
	eventually(t, func() error {
		name, err := served(tls.VersionTLS13)
		if err == nil && name != "second" {
			err = fmt.Errorf("certificate %q", name)
		}
		return err
	})
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return p.logged("certificate rejected") })
	if name, err := served(tls.VersionTLS13); err != nil || name != "second" {
		t.Errorf("after a damaged one: %q, %v", name, err)
	}
}

// A secret that appears later is found, without a new snapshot.
func TestSecretsReload(t *testing.T) {
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "--secrets", secrets)
	sum := sha256.Sum256([]byte(clientSecret))
	writeDocument(t, filepath.Join(dir, "writ.snapshot"), 1, "read", "file:billing")
	eventually(t, func() error { return p.logged("no client credential can be used") })
	hash := "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(secrets, "billing"), []byte(hash), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.wantScope("read"))
}

func TestSIGHUP(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	eventually(t, p.wantScope("read"))
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return p.logged("reload on SIGHUP") })
	if err := p.wantScope("read")(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "writ.snapshot")); err != nil {
		t.Fatal(err)
	}
	unreadable := func(least int) func() error {
		return func() error {
			if got := strings.Count(p.log.String(), "snapshot unreadable"); got < least {
				return fmt.Errorf("%d times unreadable:\n%s", got, p.log)
			}
			return nil
		}
	}
	eventually(t, unreadable(1)) // seen by the watcher
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, unreadable(2)) // asked for by hand: it must not look as if it went well
}
