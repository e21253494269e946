//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A declared signing key that appears later is found without a new snapshot. Until
// then its API is not served, and nothing of ours signs in its place.
func TestKeysReload(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	doc := &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		}},
		SigningKeys: []schema.SigningKey{{Label: "declared", Alg: schema.EdDSA, PrivateKey: "file:declared.pem"}},
	}
	for label, alg := range map[string]schema.SigningAlg{"orders": schema.EdDSA, "stock": schema.ES256} {
		doc.APIs = append(doc.APIs, schema.API{
			Label: label, Name: label, Identifier: "https://api.example.com/" + label, Profile: schema.ProfileRFC9068, Alg: alg, TokenLifetime: 60,
			ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: "read"}},
		})
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{Label: label, Client: "billing", API: label, SubjectType: schema.SubjectClient, Scopes: []string{"read"}})
	}
	if doc.APIs[0].Label != "orders" {
		doc.APIs[0], doc.APIs[1] = doc.APIs[1], doc.APIs[0]
		doc.Authorizations[0], doc.Authorizations[1] = doc.Authorizations[1], doc.Authorizations[0]
	}
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "writ.snapshot"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "--keys", keys)
	eventually(t, func() error { return p.logged("snapshot activated") })
	if _, err := p.scope(); err == nil || !strings.HasPrefix(err.Error(), "503 ") {
		t.Errorf("without its key: %v", err)
	}
	res, err := p.client.PostForm("http://writd/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {"https://api.example.com/stock"}, "client_id": {"billing"}, "client_secret": {clientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("another API: %d", res.StatusCode)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, "declared.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.wantScope("read"))
}

// The CAs of client certificates are read anew when their file is replaced, and
// a damaged file leaves the last good ones.
func TestClientCAsReload(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "writd")
	cas := filepath.Join(dir, "cas")
	if err := os.Mkdir(cas, 0o700); err != nil {
		t.Fatal(err)
	}
	replace := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(cas, "new"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(cas, "new"), filepath.Join(cas, "ca.pem")); err != nil {
			t.Fatal(err)
		}
	}
	first, fromFirst := clientCA(t)
	second, fromSecond := clientCA(t)
	replace(first)
	writeClient(t, dir, schema.Client{Certificates: []schema.Certificate{{Label: "c", SANDNS: "worker.example"}}})
	p := start(t, dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"), "--tls-client-ca", filepath.Join(cas, "ca.pem"))
	ask := func(certificate tls.Certificate) int {
		t.Helper()
		transport := &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "public.sock"))
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate}},
		}
		defer transport.CloseIdleConnections()
		status, _ := post(t, &http.Client{Transport: transport}, "https://writd", url.Values{"client_id": {"worker"}})
		return status
	}
	want := func(what string, a, b int) func() error {
		return func() error {
			if x, y := ask(fromFirst), ask(fromSecond); x != a || y != b {
				return fmt.Errorf("%s: %d and %d, want %d and %d", what, x, y, a, b)
			}
			return nil
		}
	}
	eventually(t, want("the first CA", 200, 401))
	replace(second)
	eventually(t, want("the second CA", 401, 200))
	replace([]byte("damaged"))
	eventually(t, func() error { return p.logged("CAs of client certificates rejected") })
	if err := want("a damaged file", 401, 200)(); err != nil {
		t.Error(err)
	}
}

// clientCA makes a CA, in PEM, and a client certificate that it has signed.
func clientCA(t *testing.T) (ca []byte, client tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "worker"}, DNSNames: []string{"worker.example"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Every flag has its twin in the environment.
func TestEveryFlagHasATwin(t *testing.T) {
	var help strings.Builder
	if _, err := parseFlags([]string{"--help"}, func(string) string { return "" }, &help); err != flag.ErrHelp {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(help.String()) {
		if name, ok := strings.CutPrefix(line, "  --"); ok {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
			names = append(names, name)
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		variable := "WRITD_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		read := false
		_, _ = parseFlags([]string{"--snapshot", "x"}, func(asked string) string {
			if asked == variable {
				read = true
			}
			return ""
		}, io.Discard)
		if !read {
			t.Errorf("--%s is not looked for as %s", name, variable)
		}
	}
}

// Keys that live in memory only are said to.
func TestKeysInMemoryAreAnnounced(t *testing.T) {
	dir := t.TempDir()
	snapshotFile := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, snapshotFile, 1, "read")
	p := start(t, dir)
	eventually(t, func() error { return p.logged("no --keys: generated signing keys live in memory only") })
	p.stop()
	keys := filepath.Join(dir, "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	if p := start(t, dir, "--keys", keys); strings.Contains(p.log.String(), "no --keys") {
		t.Errorf("with --keys: %s", p.log)
	}
}
