package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A token server over HTTP, for the commands and pages that ask one. It never follows a
// redirect and never sends a secret over plain http to another machine.

// maxAnswer bounds what a server may answer, in bytes. A JWK Set of a hundred keys is far
// below it.
const maxAnswer = 1 << 20

// fetchTimeout bounds every request to a token server, from the connection to the last byte
// of the answer.
const fetchTimeout = 30 * time.Second

// A tokenServer is a server that issues tokens, asked over HTTP. Its methods may be called
// at the same time once discover has returned.
type tokenServer struct {
	base   string      // URL of the server, which need not be its issuer's
	issuer string      // what it says of itself, after discover
	hint   string      // what to do when it does not answer, "" to check --server
	shared []verifyKey // HS256 secrets, where they are known
}

// discover asks the server for its issuer (RFC 8414, at the path of OpenID Connect
// Discovery). It has to come before a token is checked, which is compared with that issuer.
func (s *tokenServer) discover(ctx context.Context) error {
	body, err := s.get(ctx, "/.well-known/openid-configuration")
	if err != nil {
		return err
	}
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(body, &metadata); err != nil || metadata.Issuer == "" {
		return diag.Failf("unreachable", "", "%s is not a token server: its discovery document names no issuer", s.base)
	}
	s.issuer = metadata.Issuer
	return nil
}

// jwks fetches the server's public keys as they are; jose.ReadKeys reads them. They come
// from below the base, not from where the metadata says: behind a port-forward only the
// base is reachable.
func (s *tokenServer) jwks(ctx context.Context) ([]byte, error) {
	return s.get(ctx, "/.well-known/jwks.json")
}

// get fetches a document; any status but 200 is an error.
func (s *tokenServer) get(ctx context.Context, path string) ([]byte, error) {
	status, body, err := s.do(ctx, http.MethodGet, path, nil)
	if err == nil && status != http.StatusOK {
		err = diag.Failf("unreachable", "", "get %q: the server answered %d", s.url(path), status)
	}
	return body, err
}

// token posts a token request with the client's secret in the Authorization header, and
// returns status and body of the answer, whatever the status: a refusal is an answer too.
func (s *tokenServer) token(ctx context.Context, client, secret string, form url.Values) (int, []byte, error) {
	return s.do(ctx, http.MethodPost, "/oauth/token", func(r *http.Request) {
		body := form.Encode()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret)) // RFC 6749 section 2.3.1
	})
}

// url is the address of a path below the server, with one slash between them.
func (s *tokenServer) url(path string) string { return strings.TrimSuffix(s.base, "/") + path }

// do sends a request that prepare completes; nil leaves it as it is. Plain http is for
// loopback only, since there are credentials in requests. Redirects are not followed: they
// would carry these somewhere else. The answer is cut at maxAnswer bytes.
func (s *tokenServer) do(ctx context.Context, method, path string, prepare func(*http.Request)) (int, []byte, error) {
	parsed, err := url.Parse(s.base)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return 0, nil, diag.Usagef("invalid server URL %q: it begins with http:// or https://, as in %s", s.base, defaultServer)
	}
	if parsed.Scheme == "http" && !schema.IsLoopback(parsed.Hostname()) {
		return 0, nil, diag.Usagef("%q: plain http is for loopback addresses only", s.base)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.url(path), nil)
	if err != nil {
		return 0, nil, diag.Usagef("invalid server URL %q: it begins with http:// or https://, as in %s", s.base, defaultServer)
	}
	if prepare != nil { // body, headers, authentication
		prepare(request)
	}
	// A client's certificate belongs to one request of the Test page. Its connection is not
	// kept: TLS would show the same certificate for the next client.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if certificate := console.ClientCertificate(ctx); certificate != nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		defer transport.CloseIdleConnections() // the next request may be another client's
		client.Transport = transport
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, s.unreachable(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, s.unreachable(err)
	}
	return response.StatusCode, body, nil
}

// unreachable is the error about a server that does not answer, with what to do about it.
// The address is named once: that of *url.Error is dropped.
func (s *tokenServer) unreachable(err error) error {
	if cause, ok := errors.AsType[*url.Error](err); ok {
		err = cause.Err
	}
	hint := "Check --server."
	switch {
	case s.hint != "":
		hint = s.hint
	case s.base == defaultServer:
		hint = "Start one with \"writ dev\", or name another with --server."
	}
	return diag.Failf("unreachable", hint, "%w", fmt.Errorf("no answer from %s: %w", s.base, err))
}
