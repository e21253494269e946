package clientauth

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/store/storetest"
)

// A keyHost serves what it is told to.
type keyHost struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newKeyHost(t *testing.T) *keyHost {
	h := new(keyHost)
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		(*h.answer.Load())(w, r)
	}))
	t.Cleanup(h.Close)
	h.Config.ErrorLog = nil
	return h
}

func (h *keyHost) says(f http.HandlerFunc) { h.answer.Store(&f) }

func (h *keyHost) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(h.Certificate())
	return pool
}

func set(keys ...map[string]any) string { return string(marshal(map[string]any{"keys": keys})) }

func serves(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }
}

func TestRemoteKeys(t *testing.T) {
	host, clock := newKeyHost(t), storetest.NewClock()
	s := testKeys()[schema.ES256]
	remote := NewFetcher(FetchOptions{Roots: host.roots(), Now: clock.Now}).Remote(host.URL, []schema.SigningAlg{schema.ES256})
	if remote.Keys() != nil {
		t.Fatal("keys before the first fetch")
	}
	fetch := func(want bool, says string) {
		t.Helper()
		done, err := remote.Fetch(t.Context())
		if done != want || (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("fetched %v, %v; want %v, %q", done, err, want, says)
		}
	}
	host.says(serves(set(s.jwk(map[string]any{"kid": "one"}))))
	fetch(true, "")
	first := remote.Keys()
	if first == nil || first.keys[0].KID != "one" {
		t.Fatal("no keys")
	}
	fetch(false, "") // not due

	// Asked for again and again: one fetch, half a minute after the last.
	host.says(serves(set(s.jwk(map[string]any{"kid": "two"}))))
	clock.Advance(20 * time.Second)
	if !remote.Ask() || remote.Ask() {
		t.Error("an unknown kid brings a fetch forward, once")
	}
	fetch(false, "")
	clock.Advance(10 * time.Second)
	fetch(true, "")
	if remote.Keys().keys[0].KID != "two" {
		t.Error("the new key is not there")
	}

	// What is no usable set leaves the last one in place.
	good := remote.Keys()
	for says, answer := range map[string]http.HandlerFunc{
		"answer 302": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusFound)
		},
		"answer 500":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"not a JSON":           serves("<html>"),
		"longer than":          serves(`{"keys":[],"x":"` + strings.Repeat("x", jose.MaxFetchedKeySetBytes) + `"}`),
		"no key for":           serves(`{"keys":[]}`),
		"private or symmetric": serves(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`),
	} {
		clock.Advance(time.Hour)
		host.says(answer)
		fetch(true, says)
		if remote.Keys() != good || remote.Err() == nil {
			t.Errorf("%s: the last good set is gone", says)
		}
	}
	// Failures wait longer and longer, and are not hurried by tokens.
	clock.Advance(time.Hour)
	asked := host.asked.Load()
	for range 600 {
		remote.Fetch(t.Context())
		remote.Ask()
		clock.Advance(time.Second)
	}
	if n := host.asked.Load() - asked; n < 2 || n > 4 {
		t.Errorf("%d fetches in ten minutes of failure", n)
	}
	host.says(serves(set(s.jwk(nil))))
	clock.Advance(time.Hour)
	fetch(true, "")
	if remote.Err() != nil || remote.Keys() == good {
		t.Error("it does not recover")
	}
}

func TestRemoteKeysEndWithTheContext(t *testing.T) {
	host := newKeyHost(t)
	release := make(chan struct{})
	host.says(func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	remote := NewFetcher(FetchOptions{Roots: host.roots()}).Remote(host.URL, AssertionAlgorithms())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := remote.Fetch(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestWhereKeysAreFetchedFrom(t *testing.T) {
	host := newKeyHost(t)
	host.says(serves(set(testKeys()[schema.ES256].jwk(nil))))
	plain := httptest.NewServer(serves(set(testKeys()[schema.ES256].jwk(nil))))
	defer plain.Close()
	get := func(address string) error {
		_, err := NewFetcher(FetchOptions{}).Remote(address, AssertionAlgorithms()).Fetch(t.Context())
		return err
	}
	if err := get(plain.URL); err != nil {
		t.Errorf("http on this machine: %v", err)
	}
	if err := get(host.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a host that no CA vouches for: %v", err)
	}
	for _, address := range []string{"ftp://127.0.0.1/", "file:///etc/passwd", "https://169.254.169.254/", "https://[fe80::1]/", "http://192.0.2.1/", "https://0.0.0.0/"} {
		if err := get(address); err == nil {
			t.Errorf("%s: fetched", address)
		}
	}
	for address, plain := range map[string]bool{"192.0.2.1:80": true, "169.254.169.254:443": false, "[::ffff:169.254.169.254]:443": false, "[fe80::1]:443": false, "0.0.0.0:443": false, "224.0.0.1:443": false} {
		ctx := t.Context()
		if plain {
			ctx = context.WithValue(ctx, plainKey{}, true)
		}
		if checkAddress(ctx, "tcp", address, nil) == nil {
			t.Errorf("%s is allowed", address)
		}
	}
	for _, address := range []string{"10.0.0.1:443", "192.168.1.1:443", "[fd00::1]:443", "127.0.0.1:443"} {
		if err := checkAddress(t.Context(), "tcp", address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	// The environment's proxy is not used unless asked.
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	if NewFetcher(FetchOptions{}).client.Transport.(*http.Transport).Proxy != nil || NewFetcher(FetchOptions{Proxy: true}).client.Transport.(*http.Transport).Proxy == nil {
		t.Error("the proxy")
	}
}
