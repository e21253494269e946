package watch

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
	"net/url"
	"time"
)

// The limits of one fetch.
const (
	remoteTimeout   = 60 * time.Second // from the connection to the last byte
	remoteConnect   = 5 * time.Second
	remoteHeader    = 10 * time.Second
	remoteRedirects = 3
)

// Remote reads what an https address answers, at most 1 GiB of it, until ctx
// ends. It asks for it only if it has changed (RFC 9110 section 13.1.2), and
// follows redirects to https alone. roots vouch for the host; nil: the system's
// CAs. Whoever answers is not trusted with the content: that has its own
// signature. Errors name the host, and nothing else of an address that may hold
// a credential.
func Remote(ctx context.Context, address string, roots *x509.CertPool) Reader {
	client := &http.Client{
		Timeout: remoteTimeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: remoteConnect}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    remoteConnect,
			ResponseHeaderTimeout:  remoteHeader,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // the tag is of what is sent, and a small answer may become a large one
			DisableKeepAlives:      true,
		},
		CheckRedirect: RedirectToHTTPS,
	}
	tag := ""
	return func() ([]byte, error) {
		content, next, err := fetch(ctx, client, address, tag)
		if tag = next; err != nil && !errors.Is(err, errSame) {
			tag = "" // what is there is to be had whole again
		}
		return content, err
	}
}

// RedirectToHTTPS is a CheckRedirect of http.Client that follows few redirects,
// and none to anything but https.
func RedirectToHTTPS(r *http.Request, before []*http.Request) error {
	if r.URL.Scheme != "https" || len(before) > remoteRedirects {
		return errors.New("redirected elsewhere than to https, or too often")
	}
	return nil
}

// fetch asks for what the address has, unless it still has the entity tag.
func fetch(ctx context.Context, client *http.Client, address, tag string) (content []byte, next string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", errors.New("the address is malformed")
	}
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	res, err := client.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, "", fmt.Errorf("fetch from %q: %w", r.URL.Host, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotModified && tag != "":
		return nil, tag, errSame
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("fetch from %q: answer %d", r.URL.Host, res.StatusCode)
	}
	content, err = io.ReadAll(io.LimitReader(res.Body, maxFile+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("fetch from %q: %w", r.URL.Host, err)
	case len(content) > maxFile:
		return nil, "", fmt.Errorf("fetch from %q: longer than %d bytes", r.URL.Host, maxFile)
	}
	return content, res.Header.Get("ETag"), nil
}

// RemotePoll is a pause between looks at a Remote: DefaultPoll, drawn up to a
// fifth shorter or longer, so that instances do not ask together.
func RemotePoll() time.Duration { return DefaultPoll*4/5 + rand.N(DefaultPoll*2/5) }
