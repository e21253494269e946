package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

const adminOrigin = "http://127.0.0.1:8081"

// visit asks the admin handler for a page, as a browser on this machine does.
func visit(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, adminOrigin+path, nil))
	return w
}

// submit sends a form to it.
func submit(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, adminOrigin+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", adminOrigin)
	h.ServeHTTP(w, r)
	return w
}

func TestConsoleIsOffUnlessAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		s, _ := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: on}})
		want := map[bool]int{false: http.StatusNotFound, true: http.StatusOK}[on]
		for _, path := range []string{"/console/", "/console/keys", "/console/assets/console.css", "/console/apis/orders/settings"} {
			if w := visit(s.Admin(), path); w.Code != want {
				t.Errorf("on %v: %s: %d", on, path, w.Code)
			}
			if w := visit(s.Public(), path); w.Code != http.StatusNotFound {
				t.Errorf("the public listener has %s: %d", path, w.Code)
			}
		}
		if w := visit(s.Admin(), "/console-not"); w.Code != http.StatusNotFound {
			t.Errorf("%d", w.Code)
		}
		if w := submit(s.Admin(), "/status", nil); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST /status: %d", w.Code)
		}
	}
}

// No page of another site reads it or has it do something, whatever name it
// gives this address.
func TestConsoleHostAndOrigin(t *testing.T) {
	s, log := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: true, Hosts: []string{"admin.internal"}}})
	for _, c := range []struct {
		host, origin string
		want         int
	}{
		{"127.0.0.1:8081", "", 200}, {"localhost:8081", "", 200}, {"[::1]:8081", "", 200}, {"admin.internal", "", 200},
		{"evil.example", "", 403}, {"127.0.0.1.evil.example:8081", "", 403},
		{"127.0.0.1:8081", "http://127.0.0.1:8081", 200}, {"127.0.0.1:8081", "http://evil.example", 403}, {"127.0.0.1:8081", "null", 403},
		{"127.0.0.1:8081", "http://127.0.0.1:9090", 403},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "http://127.0.0.1:8081/console/apis/new", strings.NewReader(""))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			want := c.want
			if method == http.MethodPost && c.origin == "" {
				want = 403 // nothing shows where it comes from
			}
			w := httptest.NewRecorder()
			s.Admin().ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, Host %q, Origin %q: %d, want %d", method, c.host, c.origin, w.Code, want)
			}
		}
	}
	// What another site sends reaches no token endpoint.
	before := strings.Count(log.String(), `"msg":"token"`)
	r := httptest.NewRequest(http.MethodPost, adminOrigin+"/console/apis/orders/test", strings.NewReader(url.Values{"client": {"billing"}, "secret": {"guess"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.Admin().ServeHTTP(httptest.NewRecorder(), r)
	if got := strings.Count(log.String(), `"msg":"token"`); got != before {
		t.Errorf("%d token requests were made", got-before)
	}
}

// A secret typed into the Test view goes into one request: not into a page, not
// into the log, as it stands or encoded, right or wrong.
func TestConsoleKeepsNoSecret(t *testing.T) {
	const canary = "canary-secret+/=&% \u00e9<b>"
	doc := document()
	doc.Clients[0].Secrets = append(doc.Clients[0].Secrets, schema.Secret{Label: "b", Hash: hashOf(canary)})
	s, log := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: true}})
	var out strings.Builder
	for _, form := range []url.Values{
		{"client": {"billing"}, "secret": {canary}},
		{"client": {"billing"}, "secret": {canary + "x"}},
		{"client": {"nobody"}, "secret": {canary}},
		{"client": {"billing"}, "secret": {canary}, "audience": {ordersURL + "/"}},
		{"client": {"billing"}, "secret": {canary}, "further": {"delete:orders"}},
		{"client": {"billing"}, "secret": {canary, canary}, "scope": {"read:orders"}},
	} {
		w := submit(s.Admin(), "/console/apis/orders/test", form)
		fmt.Fprintln(&out, w.Code, w.Header(), w.Body)
	}
	for _, path := range []string{"/console/", "/console/apis/orders/test", "/console/clients/billing", "/status"} {
		fmt.Fprintln(&out, visit(s.Admin(), path).Body)
	}
	if text := out.String(); !strings.Contains(text, "Signature verified") || !strings.Contains(text, "401 Unauthorized") || !strings.Contains(text, "by a trailing slash") || !strings.Contains(text, "delete:orders") {
		t.Fatalf("the test has not seen what it looks for:\n%s", text)
	}
	everything := out.String() + log.String()
	for _, form := range []string{
		canary, html.EscapeString(canary), url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)), canary[:14], hashOf(canary),
	} {
		if strings.Contains(everything, form) {
			t.Errorf("%q came out", form)
		}
	}
	// And of a token no log line holds the part that is proof.
	_, token, _ := strings.Cut(out.String(), `id="token"`)
	_, token, _ = strings.Cut(token, "<code>")
	token, _, _ = strings.Cut(token, "<")
	if signature := token[strings.LastIndexByte(token, '.')+1:]; len(signature) < 20 || strings.Contains(log.String(), signature) {
		t.Errorf("the signature %q is in the log", signature)
	}
}

// Guesses made through the console count like any other.
func TestConsoleGuessesAreLimited(t *testing.T) {
	now := noon
	s, _ := serving(t, document(), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: true}, Now: func() time.Time { return now }})
	limited := false
	for range 300 {
		w := submit(s.Admin(), "/console/apis/orders/test", url.Values{"client": {"billing"}, "secret": {"guess"}})
		limited = limited || strings.Contains(w.Body.String(), "429 Too Many Requests")
	}
	if !limited {
		t.Error("300 guesses were answered")
	}
}

// A token of every algorithm is verified, and the page names the key.
func TestConsoleVerifies(t *testing.T) {
	s, _ := serving(t, everyShape(issuerURL), server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: true}, Getenv: env(map[string]string{"HMAC": strings.Repeat("k", 32)})})
	for _, alg := range algorithms {
		for _, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
			body := submit(s.Admin(), "/console/apis/"+label(profile, alg)+"/test", url.Values{"client": {"billing"}, "secret": {clientSecret}}).Body.String()
			want := "of the JWK Set."
			if alg == schema.HS256 {
				want = "shared secret (HS256)"
			}
			if !strings.Contains(body, "Signature verified") || !strings.Contains(body, want) {
				t.Errorf("%s %s:\n%s", alg, profile, body)
			}
		}
	}
}

// What is shown is what is in force, what is not, and why not.
func TestConsoleShowsTheServersState(t *testing.T) {
	now := noon
	doc := document()
	doc.APIs = append(doc.APIs, schema.API{
		Label: "shared", Name: "Shared", Identifier: "urn:shared", Profile: schema.ProfileRFC9068, Alg: schema.HS256, SigningSecret: "env:MISSING",
		TokenLifetime: 60, ScopeMode: schema.ScopeNarrow,
	})
	s, _ := newServer(t, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Admin: server.AdminOptions{Console: true}, Now: func() time.Time { return now }})
	if body := visit(s.Admin(), "/console/").Body.String(); !strings.Contains(body, "No snapshot yet") {
		t.Error(body)
	}
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 7, Revision: "abc123", NotAfter: noon.Add(time.Hour)})); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(2 * time.Hour)
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 3})); err == nil {
		t.Fatal("a rollback was taken")
	}
	body := visit(s.Admin(), "/console/").Body.String()
	for _, words := range []string{"serial 7", "abc123", "2 hours ago", "The newest configuration was rejected", "api.shared", "past its"} {
		if !strings.Contains(body, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	var set struct{ Keys []struct{ KID string } }
	if err := json.Unmarshal([]byte(do(t, s.Public(), httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)).raw), &set); err != nil || len(set.Keys) == 0 {
		t.Fatal(err, set)
	}
	for _, key := range set.Keys {
		if w := visit(s.Admin(), "/console/keys/"+key.KID+".jwk"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), key.KID) {
			t.Errorf("%s: %d", key.KID, w.Code)
		}
		if w := visit(s.Admin(), "/console/keys/"+key.KID+".pem"); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "-----BEGIN PUBLIC KEY-----") {
			t.Errorf("%s: %d %s", key.KID, w.Code, w.Body)
		}
	}
	if w := submit(s.Admin(), "/console/apis/new", url.Values{"action": {"write"}}); w.Code != http.StatusForbidden {
		t.Errorf("writd would write: %d", w.Code)
	}
}
