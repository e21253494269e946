package location_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/location/locationtest"
)

// A webServer serves one file as net/http does, with an entity tag if asked to.
type webServer struct {
	*httptest.Server
	tags bool

	mu      sync.Mutex
	content []byte // nil: 404
	tag     string
	fault   http.HandlerFunc

	bodies      atomic.Int64 // answers with more than a header
	connections atomic.Int64
}

func newWebServer(t testing.TB, tags bool) *webServer {
	s := &webServer{tags: tags}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, tag, fault := s.content, s.tag, s.fault
	s.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	if content == nil {
		http.NotFound(w, r)
		return
	}
	if s.tags {
		w.Header().Set("ETag", tag)
	}
	if r.Header.Get("Range") == "" {
		s.bodies.Add(1)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "writ.snapshot", time.Time{}, bytes.NewReader(content))
}

func (s *webServer) put(_ testing.TB, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.tag, s.fault = content, fmt.Sprintf("%q", digestOf(content)), nil
}

func (s *webServer) fail(fault http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *webServer) options() location.Options {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return location.Options{Roots: roots}
}

func (s *webServer) open(t testing.TB) location.Location {
	t.Helper()
	return open(t, s.URL+"/s3cr3t/writ.snapshot?sig=s3cr3t", s.options())
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, tags := range []bool{true, false} {
		t.Run(fmt.Sprint("tags ", tags), func(t *testing.T) {
			t.Parallel()
			locationtest.Run(t, func(t *testing.T) locationtest.Backend {
				s := newWebServer(t, tags)
				return locationtest.Backend{Location: s.open(t), Write: s.put}
			})
		})
	}
}

// A look that finds nothing new moves no body and opens no connection.
func TestHTTPSLookIsCheap(t *testing.T) {
	t.Parallel()
	s := newWebServer(t, true)
	l := s.open(t)
	s.put(t, locationtest.File(t, location.Head{}, 5_000))
	var head location.Head
	for i := range 20 {
		next, err := l.Head(t.Context(), head)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := l.Fetch(t.Context(), next); err != nil {
				t.Fatal(err)
			}
		}
		head = next
	}
	if s.bodies.Load() != 1 || s.connections.Load() != 1 {
		t.Errorf("%d bodies over %d connections", s.bodies.Load(), s.connections.Load())
	}
}

func TestHTTPSFaults(t *testing.T) {
	t.Parallel()
	s := newWebServer(t, true)
	content := locationtest.File(t, location.Head{}, 5_000)
	s.put(t, content)
	l := s.open(t)
	head, err := l.Head(t.Context(), location.Head{})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect to http was followed") }))
	defer elsewhere.Close()
	for name, test := range map[string]struct {
		fault http.HandlerFunc
		says  string
		after time.Duration
	}{
		"500":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "answered 500", 0},
		"429":           {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "120"); w.WriteHeader(429) }, "answered 429", 2 * time.Minute},
		"403":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "answered 403 Forbidden", 0},
		"cut":           {func(w http.ResponseWriter, _ *http.Request) { cut(w, len(content), content[:3000]) }, "unexpected EOF", 0},
		"cut in header": {func(w http.ResponseWriter, _ *http.Request) { cut(w, len(content), content[:70]) }, "truncated", 0},
		"chunked cut":   {func(w http.ResponseWriter, _ *http.Request) { cut(w, -1, content[:3000]) }, "unexpected EOF", 0},
		"wrong length":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(content[:len(content)-1]) }, "ends after", 0},
		"longer":        {func(w http.ResponseWriter, _ *http.Request) { w.Write(content); w.Write([]byte("more")) }, "longer than", 0},
		"http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?sig=s3cr3t", http.StatusFound)
		}, "redirected elsewhere", 0},
		"round": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/round?sig=s3cr3t", http.StatusFound)
		}, "too often", 0},
		"large": {func(w http.ResponseWriter, _ *http.Request) { w.Write(locationtest.Endless()) }, "longer than 1073741824", 0},
		"another header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			w.WriteHeader(200)
		}, "header", 0},
	} {
		s.fail(test.fault)
		_, err := l.Fetch(t.Context(), head)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
		if status, ok := errors.AsType[*location.StatusError](err); test.after > 0 && (!ok || status.RetryAfter != test.after) {
			t.Errorf("%s: retry after %v", name, status)
		}
	}
	s.put(t, content)
	if _, err := l.Fetch(t.Context(), head); err != nil {
		t.Errorf("after the faults: %v", err)
	}
	s.Close()
	if _, err := l.Head(t.Context(), location.Head{}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("away: %v", err)
	}
}

// cut ends the connection after a part of the body. length -1 announces none.
func cut(w http.ResponseWriter, length int, part []byte) {
	if length >= 0 {
		w.Header().Set("Content-Length", fmt.Sprint(length))
	}
	w.WriteHeader(http.StatusOK)
	w.Write(part)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// A server that sends hardly anything is given up when the caller's time is.
func TestHTTPSSlow(t *testing.T) {
	t.Parallel()
	s := newWebServer(t, true)
	content := locationtest.File(t, location.Head{}, 1)
	s.fail(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:100])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.open(t).Fetch(ctx, location.Head{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Plain http is for this machine, where tests and proxies are.
func TestHTTPLoopback(t *testing.T) {
	t.Parallel()
	content := locationtest.File(t, location.Head{}, 1)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "s3cr3t" {
			t.Errorf("user %q, password %q", user, password)
		}
		w.Write(content)
	}))
	defer plain.Close()
	l := open(t, strings.Replace(plain.URL, "http://", "http://u:s3cr3t@", 1), location.Options{})
	if head, err := l.Head(t.Context(), location.Head{}); err != nil || head.Serial != 1 {
		t.Errorf("%+v, %v", head, err)
	}
	if strings.Contains(l.String(), "s3cr3t") {
		t.Error(l.String())
	}
}
