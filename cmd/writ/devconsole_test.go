package main

import (
	"net/http/httptest"
	"testing"
)

// The one port of "writ dev" has the console and the endpoints, and answers
// neither pages nor forms for another site's name.
func TestDevHandler(t *testing.T) {
	h := newDevSite(t, "").handler() // of which nothing compiles
	for _, c := range []struct {
		method, host, path, origin string
		want                       int
	}{
		{"GET", "127.0.0.1:8080", "/console/", "", 200},
		{"GET", "localhost:8080", "/console", "", 301},
		{"GET", "evil.example:8080", "/console/", "", 403},
		{"POST", "evil.example:8080", "/console/apis/new", "http://evil.example:8080", 403},
		{"POST", "127.0.0.1:8080", "/console/apis/new", "http://evil.example", 403},
		{"POST", "127.0.0.1:8080", "/console/apis/new", "", 403},
		{"POST", "127.0.0.1:8080", "/oauth/token", "", 503},
		{"GET", "127.0.0.1:8080", "/consoles", "", 503},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.path, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s%s from %q: %d", c.method, c.host, c.path, c.origin, w.Code)
		}
	}
}
