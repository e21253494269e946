package clientauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// How long a fetch may take, and when the next one is due. Each pause is drawn
// up to a fifth shorter or longer, so that instances do not ask together.
const (
	fetchTimeout  = 5 * time.Second
	fetchEvery    = 15 * time.Minute
	fetchAgain    = 10 * time.Second // after a failure, doubled each time
	fetchAgainMax = 5 * time.Minute
	fetchAsked    = 30 * time.Second // the least pause before a fetch for an unknown kid
)

// FetchOptions configure how JWK Sets are fetched.
type FetchOptions struct {
	Roots *x509.CertPool // who may vouch for the host; nil: the system's CAs
	Proxy bool           // go through the proxy that the environment names

	Now func() time.Time // time.Now when nil
}

// A Fetcher gets JWK Sets from URLs that the configuration names. It takes https,
// or http from this machine; it follows no redirect, uses no proxy unless told,
// and reads at most 1 MiB within five seconds.
//
// Private addresses are allowed, because clusters and CI systems live there, and
// a URL comes from a reviewed configuration, never from a request. Link-local,
// multicast and unspecified addresses are refused, the metadata services of
// clouds among them.
type Fetcher struct {
	now    func() time.Time
	client *http.Client
}

// NewFetcher returns a fetcher that is safe for concurrent use.
func NewFetcher(opts FetchOptions) *Fetcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: fetchTimeout, ControlContext: checkAddress}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: opts.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if opts.Proxy {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &Fetcher{now: opts.Now, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// plainKey marks the context of a fetch over plain http.
type plainKey struct{}

// checkAddress sees the address that a name has led to.
func checkAddress(ctx context.Context, _, address string, _ syscall.RawConn) error {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := peer.Addr().Unmap()
	switch {
	case ctx.Value(plainKey{}) != nil && !addr.IsLoopback():
		return fmt.Errorf("plain http is for this machine only, not for %s", addr)
	case addr.IsLinkLocalUnicast(), addr.IsMulticast(), addr.IsUnspecified():
		return fmt.Errorf("keys are not fetched from %s", addr)
	}
	return nil
}

// fetch gets and parses one set.
func (f *Fetcher) fetch(ctx context.Context, address string, algs []schema.SigningAlg) (*Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme == "http":
		ctx = context.WithValue(ctx, plainKey{}, true)
	case u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q is not https", u.Scheme)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answer %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, jose.MaxFetchedKeySetBytes+1))
	if err != nil {
		return nil, err
	}
	return ParseKeys(string(body), algs...)
}

// A RemoteKeys is the JWK Set behind one URL as it was had last. A set that
// cannot be had or used leaves the one before in place.
type RemoteKeys struct {
	fetcher *Fetcher
	url     string
	algs    []schema.SigningAlg

	keys atomic.Pointer[Keys]

	mu       sync.Mutex
	last     time.Time // of the last attempt
	due      time.Time
	failures int
	err      error // of the last attempt
}

// Remote returns the set behind an URL, which has not been fetched yet. Its keys
// are pinned to the algorithms, as by ParseKeys.
func (f *Fetcher) Remote(address string, algs []schema.SigningAlg) *RemoteKeys {
	return &RemoteKeys{fetcher: f, url: address, algs: algs}
}

// Keys returns the keys, nil before the first success.
func (r *RemoteKeys) Keys() *Keys { return r.keys.Load() }

// Err says why the last attempt failed.
func (r *RemoteKeys) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Due returns when the next fetch is to be made.
func (r *RemoteKeys) Due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.due
}

// Ask brings the next fetch forward, because a token names a key that is not in
// the set: to half a minute after the last one, however often it is called. It
// reports whether it changed anything.
func (r *RemoteKeys) Ask() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if soon := r.last.Add(fetchAsked); r.failures == 0 && soon.Before(r.due) {
		r.due = soon
		return true
	}
	return false
}

// Fetch gets the set if it is due. changed is false when it was not.
func (r *RemoteKeys) Fetch(ctx context.Context) (done bool, err error) {
	r.mu.Lock()
	now := r.fetcher.now()
	if now.Before(r.due) {
		r.mu.Unlock()
		return false, nil
	}
	r.last, r.due = now, now.Add(fetchTimeout) // one fetch at a time
	r.mu.Unlock()

	keys, err := r.fetcher.fetch(ctx, r.url, r.algs)
	if ctx.Err() != nil && err != nil {
		return false, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err != nil {
		r.failures++
		r.due = r.last.Add(jitter(min(fetchAgainMax, fetchAgain<<min(r.failures-1, 10))))
		var wrapped *url.Error // which repeats the URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return true, fmt.Errorf("fetch keys from %q: %w", r.url, err)
	}
	r.failures = 0
	r.due = r.last.Add(jitter(fetchEvery))
	r.keys.Store(keys)
	return true, nil
}

// jitter is a pause between four and six fifths of d.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5)
}
