package location

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
)

// The limits of one connection and one answer. What a call may take in all is
// lookTimeout or transferTimeout.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 20 * time.Second
	maxHeader     = 64 << 10
	maxRedirects  = 3
	maxDrained    = 128 << 10 // bytes read of an unused body so that its connection can be used again

	// idleTimeout keeps a connection from one look to the next, also at the longest wait.
	idleTimeout = maxBackOff + time.Minute
)

// A StatusError is an HTTP answer with a status that brings no snapshot. Its text quotes no
// URL beyond the host.
type StatusError struct {
	Host       string
	Status     int
	Detail     string        // what the server says of it, made fit for a log; may be empty
	RetryAfter time.Duration // what the server asked for; 0 for none
}

// Error implements error.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%q answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return strings.TrimSpace(text)
}

// newClient returns the client for web servers and registries. It keeps connections between
// looks, follows few redirects and only to https, and returns a *StatusError instead of an
// answer that says that a server is busy or broken. The transport is for Close.
func newClient(roots *x509.CertPool) (*http.Client, *http.Transport) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
		// Entity tags and lengths are those of the bytes as sent, and a small compressed answer
		// could become a large one.
		DisableCompression: true,
	}
	return &http.Client{Transport: statusTransport{transport}, CheckRedirect: redirectToHTTPS}, transport
}

// redirectToHTTPS is the client's CheckRedirect. A redirect to plain http would let anybody
// on the way see a presigned URL, and change the answer.
func redirectToHTTPS(r *http.Request, before []*http.Request) error {
	if r.URL.Scheme != "https" || len(before) > maxRedirects {
		return errors.New("redirected elsewhere than to https, or too often")
	}
	return nil
}

// A statusTransport turns 429 and 5xx into a *StatusError, also under the registry library,
// which would lose Retry-After, and stores in the context's cacheHint how long an answer is
// fresh.
type statusTransport struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t statusTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
		err := statusError(res)
		drain(res.Body)
		return nil, err
	}
	if hint, ok := r.Context().Value(cacheHintKey{}).(*cacheHint); ok {
		hint.fresh = freshness(res.Header)
	}
	return res, nil
}

// statusError describes an answer by its status alone: its body may say anything.
func statusError(res *http.Response) *StatusError {
	return &StatusError{Host: res.Request.URL.Host, Status: res.StatusCode, RetryAfter: parseRetryAfter(res.Header.Get("Retry-After"), time.Now())}
}

// drain reads the rest of a short body and closes it, so that its connection can be used
// again. Of a long one it reads maxDrained bytes; closing then closes the connection.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrained)
	body.Close()
}

// parseRetryAfter reads Retry-After, which is seconds or a date (RFC 9110 section 10.2.3).
// It returns 0 for anything else, and for a date that is past.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// A cacheHint travels in the context of a look. The transport sets it, and Follow reads it
// after the look: for how long the answer is fresh.
type cacheHint struct{ fresh time.Duration }

type cacheHintKey struct{}

// freshness returns max-age of Cache-Control less the age that a cache says the answer
// has (RFC 9111 section 4.2). It is 0 without a max-age; Expires is not read.
func freshness(h http.Header) time.Duration {
	var seconds uint64
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			seconds, _ = strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		}
	}
	age, _ := strconv.ParseUint(h.Get("Age"), 10, 31)
	return max(time.Duration(seconds)-time.Duration(age), 0) * time.Second
}

// anyURL matches a URL in an error of a library. Its groups are the parts that may be
// shown, scheme and host; user, path and query may hold a credential.
var anyURL = regexp.MustCompile(`(https?://)(?:[^/\s"'?#]*@)?([^/\s"'?#@]+)[^\s"']*`)

// maxDetail is how many bytes of a server's or library's text an error quotes.
const maxDetail = 300

// A foreignError is an error of a library without the URLs in it, of which the last
// may be one that a server redirected to and signed.
type foreignError struct {
	text string
	err  error
}

// Error implements error.
func (e *foreignError) Error() string { return e.text }

// Unwrap gives the error, which is for comparing and not for printing.
func (e *foreignError) Unwrap() error { return e.err }

// redacted makes an error of net/http or a library fit for a log. Our own errors have no URLs
// and are returned without what the library wrapped around them.
func redacted(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status
	}
	if moved, ok := errors.AsType[*MovedError](err); ok {
		return moved
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &foreignError{clean(err.Error()), err}
}

// clean makes a foreign text fit for a log line: URLs are cut after the host, control
// characters and line separators become spaces, and the length is bounded.
func clean(text string) string {
	text = anyURL.ReplaceAllString(text, "$1$2/...")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "..."
	}
	return text
}

// A webLocation is a file that a web server offers. It is read by a request for the
// beginning of the file, with the entity tag of what is known (RFC 9110 section
// 13.1.2), so that the body is fetched once for each change. Whoever answers is
// not trusted with the content: that has its own signature.
type webLocation struct {
	address   Address
	client    *http.Client
	transport *http.Transport
	program   string
}

func openWeb(a Address, opts Options) *webLocation {
	client, transport := newClient(opts.Roots)
	return &webLocation{address: a, client: client, transport: transport, program: opts.Program}
}

func (l *webLocation) String() string { return l.address.String() }

// maxBeginning is how many bytes hold the header of any snapshot: its fixed part and the
// longest envelope.
const maxBeginning = 64 + 64<<10

func (l *webLocation) Head(ctx context.Context, known Head) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	head, err := l.head(ctx, known)
	if err != nil {
		return Head{}, fmt.Errorf("look at %s: %w", l, redacted(err))
	}
	return head, nil
}

func (l *webLocation) head(ctx context.Context, known Head) (Head, error) {
	res, err := l.get(ctx, http.Header{"Range": {fmt.Sprintf("bytes=0-%d", maxBeginning-1)}}, known.etag)
	if err != nil {
		return Head{}, err
	}
	if res == nil {
		return known, nil
	}
	header, err := snapshot.ReadHeader(res.Body)
	if res.StatusCode == http.StatusPartialContent {
		drain(res.Body)
	} else {
		res.Body.Close() // the server knows no ranges and would send it all
	}
	if err == nil {
		err = checkSize(header, lengthOf(res))
	}
	if err != nil {
		return Head{}, err
	}
	head := headBySum(header)
	head.etag = res.Header.Get("ETag")
	return head, nil
}

// get requests the file, and returns nil and no error when it still has the entity tag. The
// caller closes the body of an answer.
func (l *webLocation) get(ctx context.Context, header http.Header, etag string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.address.url.String(), nil)
	if err != nil {
		return nil, errors.New("the address is malformed")
	}
	r.Header = header
	r.Header.Set("User-Agent", l.program)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	res, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return res, nil
	}
	drain(res.Body)
	switch {
	case res.StatusCode == http.StatusNotModified && etag != "":
		return nil, nil
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		return nil, ErrAbsent
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return nil, errors.New("the file is empty")
	}
	return nil, statusError(res)
}

// lengthOf returns the length of the whole file, from Content-Range if the answer is a part
// of it; -1 when the answer does not say.
func lengthOf(res *http.Response) int64 {
	if res.StatusCode != http.StatusPartialContent {
		return res.ContentLength
	}
	_, total, _ := strings.Cut(res.Header.Get("Content-Range"), "/")
	length, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return -1
	}
	return length
}

func (l *webLocation) Fetch(ctx context.Context, head Head) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	file, err := l.fetch(ctx, head)
	if err != nil {
		return nil, fmt.Errorf("fetch from %s: %w", l, redacted(err))
	}
	return file, nil
}

func (l *webLocation) fetch(ctx context.Context, head Head) ([]byte, error) {
	res, err := l.get(ctx, http.Header{}, "")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	file, header, err := receive(res.Body, res.ContentLength)
	if err != nil {
		return nil, err
	}
	if now := headBySum(header); !now.Same(head) {
		return nil, &MovedError{Location: l.String(), Expected: head, Now: now}
	}
	return file, nil
}

func (l *webLocation) Put(context.Context, []byte, Head) (Head, error) {
	return Head{}, fmt.Errorf("put to %s: %w", l, ErrReadOnly)
}

func (l *webLocation) History(ctx context.Context) iter.Seq2[Head, error] { return onlyNewest(ctx, l) }

func (l *webLocation) Close() error {
	l.transport.CloseIdleConnections()
	return nil
}
