package transport

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// overloaded answers as the endpoints do.
func overloaded(w http.ResponseWriter, ofAddress bool) {
	if ofAddress {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// Over one connection of HTTP/2 no more requests are answered at once than there
// may be connections, and those beyond get an answer at once.
func TestLimitStreams(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	h := limitStreams(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.Copy(io.Discard, r.Body)
	}), 3, 0, overloaded)
	ts := httptest.NewUnstartedServer(h)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			res, err := ts.Client().Post(ts.URL, formType, strings.NewReader("x"))
			if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
				t.Errorf("%v %v", res, err)
				return
			}
			res.Body.Close()
		})
		<-entered
	}
	res, err := ts.Client().Post(ts.URL, formType, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("beyond the limit: %d", res.StatusCode)
	}
	close(release)
	all.Wait()
	if res, err := ts.Client().Get(ts.URL); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v %v", res, err)
	}
}

// One address takes no more than its share, and HTTP/1 is bounded by connections
// alone.
func TestLimitStreamsOfAnAddress(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	h := limitStreams(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release }), 100, 2, overloaded)
	ask := func(remote string, major int) int {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
		r.RemoteAddr, r.ProtoMajor = remote, major
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	var all sync.WaitGroup
	busy := func(remote string, major int) {
		t.Helper()
		all.Go(func() {
			if status := ask(remote, major); status != http.StatusOK {
				t.Errorf("%s: %d", remote, status)
			}
		})
		select {
		case <-entered:
		case <-time.After(time.Minute):
			t.Fatalf("%s is not let in", remote)
		}
	}
	busy("192.0.2.1:1", 2)
	busy("192.0.2.1:2", 2)
	if status := ask("192.0.2.1:3", 2); status != http.StatusTooManyRequests {
		t.Errorf("a third one: %d", status)
	}
	busy("192.0.2.1:3", 1)
	busy("192.0.2.2:1", 2)
	for range 3 {
		busy("127.0.0.1:1", 2)
	}
	close(release)
	all.Wait()
	if status := ask("192.0.2.1:3", 2); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}
