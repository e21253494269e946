package watch

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A shelf answers with what is put on it.
type shelf struct {
	*httptest.Server
	content, tag, redirect atomic.Pointer[string]
	status                 atomic.Int64
	full                   atomic.Int64 // answers with the content
	roots                  *x509.CertPool
}

func newShelf(t *testing.T) *shelf {
	s := new(shelf)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := s.redirect.Load(); to != nil && r.URL.Path != "/moved" {
			http.Redirect(w, r, *to, http.StatusFound)
			return
		}
		if status := s.status.Load(); status != 0 {
			w.WriteHeader(int(status))
			return
		}
		if tag := s.tag.Load(); *tag != "" {
			w.Header().Set("ETag", *tag)
			if r.Header.Get("If-None-Match") == *tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		s.full.Add(1)
		_, _ = w.Write([]byte(*s.content.Load()))
	}))
	t.Cleanup(s.Close)
	s.roots = x509.NewCertPool()
	s.roots.AddCert(s.Certificate())
	return s
}

func (s *shelf) put(content, tag string) {
	s.content.Store(&content)
	s.tag.Store(&tag)
}

func TestRemote(t *testing.T) {
	s := newShelf(t)
	read := Remote(t.Context(), s.URL+"/writ.snapshot", s.roots)
	want := func(what, content string, failure string) {
		t.Helper()
		got, err := read()
		if string(got) != content || (failure == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), failure) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	s.put("first", `"1"`)
	want("first", "first", "")
	want("unchanged", "", errSame.Error())
	s.put("second", `"2"`)
	want("changed", "second", "")
	want("unchanged again", "", errSame.Error())
	if n := s.full.Load(); n != 2 {
		t.Errorf("%d whole answers", n)
	}
	s.status.Store(http.StatusServiceUnavailable)
	want("unavailable", "", "answer 503")
	s.status.Store(0)
	want("whole after a failure", "second", "")
	s.put("third", "")
	want("without a tag", "third", "")
	want("without a tag, again", "third", "")
	s.status.Store(http.StatusNotModified)
	want("not modified, and nobody asked", "", "answer 304")
	s.status.Store(0)
	for to, failure := range map[string]string{"http://127.0.0.1:1/": "redirected", s.URL + "/moved": "", s.URL + "/": "redirected"} {
		s.redirect.Store(&to)
		if failure == "" {
			want(to, "third", "")
			continue
		}
		want(to, "", failure)
	}
}

// An address may hold a credential, which no error repeats.
func TestRemoteErrorsHoldNoCredential(t *testing.T) {
	s := newShelf(t)
	s.put("x", "")
	address := strings.Replace(s.URL, "https://", "https://reader:canary@", 1) + "/canary?sig=canary"
	failing := func(what string, read Reader) {
		t.Helper()
		if _, err := read(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
	failing("nobody vouches for the host", Remote(t.Context(), address, x509.NewCertPool()))
	s.status.Store(http.StatusForbidden)
	failing("forbidden", Remote(t.Context(), address, s.roots))
	to := "http://127.0.0.1/canary"
	s.redirect.Store(&to)
	failing("redirected", Remote(t.Context(), address, s.roots))
	failing("malformed", Remote(t.Context(), "https://canary\x00", s.roots))
	s.Close()
	failing("nobody there", Remote(t.Context(), address, s.roots))
}

// A fetch ends with its context.
func TestRemoteEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	entered := make(chan struct{})
	host := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // no answer, which might come in before the end is noticed
	}))
	defer host.Close()
	roots := x509.NewCertPool()
	roots.AddCert(host.Certificate())
	ended := make(chan error, 1)
	go func() {
		_, err := Remote(ctx, host.URL, roots)()
		ended <- err
	}()
	<-entered
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRemotePoll(t *testing.T) {
	for range 100 {
		if pause := RemotePoll(); pause < DefaultPoll*4/5 || pause >= DefaultPoll*6/5 {
			t.Fatal(pause)
		}
	}
}
