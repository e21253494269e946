package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/schema/snapshot"
)

// A bucket is where snapshots are fetched from.
type bucket struct {
	*httptest.Server
	private ed25519.PrivateKey
	file    atomic.Pointer[[]byte] // nil: an outage
	whole   atomic.Int64
	ca      string
}

func newBucket(t *testing.T, dir string) *bucket {
	t.Helper()
	b := new(bucket)
	var err error
	if _, b.private, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	b.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file := b.file.Load()
		if file == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		tag := fmt.Sprintf("%q", digestOf(*file))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		b.whole.Add(1)
		_, _ = w.Write(*file)
	}))
	t.Cleanup(b.Close)
	b.ca = filepath.Join(dir, "bucket.pem")
	if err := os.WriteFile(b.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func digestOf(file []byte) string { return hashOf(string(file)) }

// put signs the snapshot of a scope with a key, nil for none, and puts it there.
func (b *bucket) put(t *testing.T, serial uint64, scope string, key ed25519.PrivateKey) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ.snapshot")
	writeSnapshot(t, path, serial, scope)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		snap, err := snapshot.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		envelope := snap.Envelope()
		envelope.Bind(snap.Body(), nil)
		snapshot.Sign(&envelope, key)
		if file, err = snapshot.Marshal(envelope, snap.Body(), nil); err != nil {
			t.Fatal(err)
		}
	}
	b.file.Store(&file)
}

func (b *bucket) args(state string) []string {
	public := base64.StdEncoding.EncodeToString(b.private.Public().(ed25519.PublicKey))
	return []string{"--snapshot", strings.Replace(b.URL, "https://", "https://reader:canary@", 1) + "/prod/writ.snapshot?sig=canary", "--snapshot-ca", b.ca, "--trust", public, "--state", state}
}

// A snapshot is fetched and followed, is trusted by its signature alone, and the
// last good one outlives an outage and the process.
func TestFetchedSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBucket(t, dir)
	p := start(t, dir, b.args(state)...)
	if err := status(p.admin, "/readyz", http.StatusServiceUnavailable); err != nil {
		t.Errorf("an outage, and nothing kept: %v", err)
	}
	b.put(t, 1, "first", b.private)
	eventually(t, p.wantScope("first"))
	b.put(t, 2, "second", b.private)
	eventually(t, p.wantScope("second"))

	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for says, key := range map[string]ed25519.PrivateKey{"not signed": nil, "none of the trusted keys": stranger} {
		rejected := strings.Count(p.log.String(), "snapshot rejected")
		b.put(t, 3, "evil", key)
		eventually(t, func() error {
			if strings.Count(p.log.String(), "snapshot rejected") == rejected {
				return errors.New(says + ": not rejected yet")
			}
			return nil
		})
		if err := p.wantScope("second")(); err != nil {
			t.Errorf("%s: %v", says, err)
		}
	}
	b.put(t, 1, "first", b.private)
	eventually(t, func() error { return p.logged("is a rollback") })
	b.file.Store(nil)
	eventually(t, func() error { return p.logged("answer 503") })
	if err := p.wantScope("second")(); err != nil {
		t.Errorf("during an outage: %v", err)
	}
	if code := p.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}

	again := start(t, dir, b.args(state)...)
	eventually(t, again.wantScope("second"))
	if err := again.logged("serving the snapshot that was kept"); err != nil {
		t.Error(err)
	}
	b.put(t, 4, "fourth", b.private)
	eventually(t, again.wantScope("fourth"))
	for _, log := range []string{p.log.String(), again.log.String()} {
		if strings.Contains(log, "canary") {
			t.Errorf("a credential of the address is in the log: %s", log)
		}
	}
	again.stop()
	kept, err := os.Stat(filepath.Join(state, "last.snapshot"))
	if err != nil || kept.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", kept, err)
	}
}

func TestFetchedSnapshotIsChecked(t *testing.T) {
	dir := t.TempDir()
	public := base64.StdEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize))
	for says, args := range map[string][]string{
		"needs --trust":                 {"--snapshot", "https://bucket.example/s?sig=canary", "--state", dir},
		"needs --state":                 {"--snapshot", "https://bucket.example/s?sig=canary", "--trust", public},
		"--snapshot is not a URL":       {"--snapshot", "https:///s?sig=canary", "--trust", public, "--state", dir},
		"needs a --snapshot that begin": {"--snapshot", "writ.snapshot", "--snapshot-ca", "x"},
	} {
		code, out, log := runOnce(append([]string{"--listen", "unix:" + filepath.Join(dir, "p.sock"), "--admin", "off"}, args...)...)
		if code != exitUsage || !strings.Contains(log, says) || strings.Contains(out+log, "canary") {
			t.Errorf("%q: exit code %d\n%s%s", says, code, out, log)
		}
	}
}
