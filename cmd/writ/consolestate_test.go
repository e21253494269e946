package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
)

const devOrigin = "http://127.0.0.1:8080"

// A devSite is "writ dev" over one file, without its port.
type devSite struct {
	*devServer
	log  *bytes.Buffer
	file string
	now  time.Time
}

func newDevSite(t *testing.T, hcl string) *devSite {
	t.Helper()
	s := &devSite{log: new(bytes.Buffer), file: filepath.Join(t.TempDir(), "main.hcl"), now: time.Now()}
	s.write(t, hcl)
	env := &cli.Env{
		Out: s.log, Err: s.log, Rand: rand.Reader, Now: func() time.Time { return s.now }, Getenv: func(string) string { return "" },
	}
	w, err := new(cli.ConfigFlags).Load(env, []string{filepath.Dir(s.file)})
	if err != nil {
		t.Fatal(err)
	}
	if s.devServer, err = newDevServer(env, w, devOrigin, &clientauth.ClientCertificates{SelfSigned: true}, true); err != nil {
		t.Fatal(err)
	}
	s.reload()
	return s
}

func (s *devSite) write(t *testing.T, hcl string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(hcl), 0o666); err != nil {
		t.Fatal(err)
	}
}

// request sends a handler what a browser on this machine would.
func request(h http.Handler, method, path string, form url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, devOrigin+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", devOrigin)
	}
	h.ServeHTTP(w, r)
	return w
}

// visit asks for a page.
func (s *devSite) visit(path string) *httptest.ResponseRecorder {
	return request(s.handler(), http.MethodGet, path, nil)
}

// submit sends a form of a page.
func (s *devSite) submit(path string, form url.Values) *httptest.ResponseRecorder {
	return request(s.handler(), http.MethodPost, path, form)
}

const servedConfig = `issuer {
  url = "https://auth.example.com/"
}
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
client "billing" {
  secret "a" { hash = %q }
}
authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

// A secret typed into the Test view goes into one request: not into a page, not
// into the log, as it stands or encoded, right or wrong.
func TestConsoleKeepsNoSecret(t *testing.T) {
	const canary = "canary-secret+/=&% \u00e9<b>"
	s := newDevSite(t, fmt.Sprintf(servedConfig, hashSecret(canary)))
	var out strings.Builder
	for _, form := range []url.Values{
		{"client": {"billing"}, "secret": {canary}},
		{"client": {"billing"}, "secret": {canary + "x"}},
		{"client": {"nobody"}, "secret": {canary}},
		{"client": {"billing"}, "secret": {canary}, "audience": {"https://api.example.com/orders/"}},
		{"client": {"billing"}, "secret": {canary}, "further": {"delete:orders"}},
		{"client": {"billing"}, "secret": {canary, canary}, "scope": {"read:orders"}},
	} {
		w := s.submit("/console/apis/orders/test", form)
		fmt.Fprintln(&out, w.Code, w.Header(), w.Body)
	}
	for _, path := range []string{"/console/", "/console/apis/orders/test", "/console/clients/billing"} {
		fmt.Fprintln(&out, s.visit(path).Body)
	}
	for _, words := range []string{"Signature verified", "401 Unauthorized", "by a trailing slash", "delete:orders"} {
		if !strings.Contains(out.String(), words) {
			t.Fatalf("the test has not seen %q:\n%s", words, out.String())
		}
	}
	everything := out.String() + s.log.String()
	for _, form := range []string{
		canary, html.EscapeString(canary), url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)), canary[:14], hashSecret(canary),
	} {
		if strings.Contains(everything, form) {
			t.Errorf("%q came out", form)
		}
	}
	// And of a token no log line holds the part that is proof.
	_, token, _ := strings.Cut(out.String(), `id="token"`)
	_, token, _ = strings.Cut(token, "<code>")
	token, _, _ = strings.Cut(token, "<")
	if signature := token[strings.LastIndexByte(token, '.')+1:]; len(signature) < 20 || strings.Contains(s.log.String(), signature) {
		t.Errorf("the signature %q is in the log", signature)
	}
}

// Guesses made through the console count like any other.
func TestConsoleGuessesAreLimited(t *testing.T) {
	s := newDevSite(t, fmt.Sprintf(servedConfig, hashSecret("right")))
	limited := false
	for range 300 {
		w := s.submit("/console/apis/orders/test", url.Values{"client": {"billing"}, "secret": {"guess"}})
		limited = limited || strings.Contains(w.Body.String(), "429 Too Many Requests")
	}
	if !limited {
		t.Error("300 guesses were answered")
	}
}

// A token of every algorithm is verified, and the page names the key.
func TestConsoleVerifies(t *testing.T) {
	config := "issuer {\n  url = \"https://auth.example.com/\"\n}\nclient \"billing\" {\n  secret \"a\" { hash = \"" + hashSecret("right") + "\" }\n}\n"
	type served struct{ label, alg string }
	var all []served
	for i, alg := range append(jose.Algs(jose.SigningKeys), schema.HS256) {
		for j, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
			api := served{fmt.Sprintf("api-%d-%d", i, j), string(alg)}
			if alg == schema.HS256 && profile == schema.ProfileRFC9068 {
				continue // whose tokens are verified with public keys
			}
			all = append(all, api)
			config += fmt.Sprintf("api %q {\n  identifier = \"urn:%[1]s\"\n  token_profile = %q\n  signing_alg = %q\n", api.label, profile, alg)
			if alg == schema.HS256 {
				config += "  signing_secret = \"env:HMAC\"\n"
			}
			config += fmt.Sprintf("}\nauthorization %q {\n  client = client.billing\n  api = api.%[1]s\n  scopes = []\n}\n", api.label)
		}
	}
	s := newDevSite(t, config)
	for _, api := range all {
		body := s.submit("/console/apis/"+api.label+"/test", url.Values{"client": {"billing"}, "secret": {"right"}}).Body.String()
		want := "of the JWK Set."
		if api.alg == string(schema.HS256) {
			want = "shared secret (HS256)"
		}
		if !strings.Contains(body, "Signature verified") || !strings.Contains(body, want) {
			t.Errorf("%v:\n%s\n%s", api, body, s.log)
		}
	}
}

// What is shown is what is in force, what is not, and why not.
func TestConsoleShowsTheServersState(t *testing.T) {
	s := newDevSite(t, "api {")
	if body := s.visit("/console/").Body.String(); !strings.Contains(body, "No snapshot yet") || !strings.Contains(body, "main.hcl line 1") {
		t.Error(body)
	}
	s.write(t, fmt.Sprintf(servedConfig, hashSecret("right")))
	s.reload()
	s.now = s.now.Add(2 * time.Hour)
	s.write(t, "api {")
	s.reload()
	body := s.visit("/console/").Body.String()
	for _, words := range []string{"serial 1", "2 hours ago", "The newest configuration was rejected", "main.hcl line 1"} {
		if !strings.Contains(body, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	w := httptest.NewRecorder()
	s.server.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, devOrigin+"/.well-known/jwks.json", nil))
	var set struct{ Keys []struct{ KID string } }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) == 0 {
		t.Fatal(err, set)
	}
	for _, key := range set.Keys {
		if w := s.visit("/console/keys/" + key.KID + ".jwk"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), key.KID) {
			t.Errorf("%s: %d", key.KID, w.Code)
		}
		if w := s.visit("/console/keys/" + key.KID + ".pem"); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "-----BEGIN PUBLIC KEY-----") {
			t.Errorf("%s: %d %s", key.KID, w.Code, w.Body)
		}
	}
}

// Over a running server pages show the snapshot with the server's own keys, problems and
// answers, and what it does not answer.
func TestConsoleOverAServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "writ.snapshot")
	content := func(serial uint64, hcl string) []byte {
		s := newDevSite(t, hcl)
		tree, err := s.w.Compile()
		if err != nil {
			t.Fatal(err)
		}
		body, err := workspace.Snapshot(tree.Model.Document, tree.Model, snapshot.Envelope{Serial: serial, Created: s.now})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	config := fmt.Sprintf(servedConfig, hashSecret("right")) + `
client "broken" {
  secret "a" { hash = "env:MISSING" }
}
`
	if err := os.WriteFile(file, content(4, config), 0o666); err != nil {
		t.Fatal(err)
	}
	running, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Activate(content(4, config)); err != nil {
		t.Fatal(err)
	}
	public, admin := httptest.NewServer(running.Public()), httptest.NewServer(running.Admin())
	defer public.Close()
	defer admin.Close()
	env := &cli.Env{Now: time.Now}
	place, err := workspace.OpenPlace(file, location.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := consoleOfServer(t.Context(), env, place, &consoleFlags{server: public.URL, admin: admin.URL})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(h http.Handler, method, path string, form url.Values) string {
		return request(h, method, path, form).Body.String()
	}
	holds := func(page string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(page, w) {
				t.Errorf("%q is not on the page:\n%s", w, page)
			}
		}
	}
	kid := running.Status().Keys[0].KID
	pages := console.New(opts)
	home := ask(pages, "GET", "/console/", nil)
	holds(home, "serial 4", "put in force", "client.broken")
	if strings.Contains(home, "these pages show") {
		t.Errorf("another snapshot is said to be served:\n%s", home)
	}
	holds(ask(pages, "GET", "/console/keys", nil), kid, ">signing<")
	holds(ask(pages, "GET", "/console/keys/"+kid+".pem", nil), "-----BEGIN PUBLIC KEY-----")
	right, wrong := url.Values{"client": {"billing"}, "secret": {"right"}}, url.Values{"client": {"billing"}, "secret": {"wrong"}}
	holds(ask(pages, "POST", "/console/apis/orders/test", right), "Signature verified", kid)
	holds(ask(pages, "POST", "/console/apis/orders/test", wrong), "401 Unauthorized")
	right.Set("further", "delete:orders")
	holds(ask(pages, "POST", "/console/apis/orders/test", right), "400 Bad Request", "ungranted-scope", "delete:orders")
	if form := ask(pages, "POST", "/console/apis/new", url.Values{"action": {"write"}, "name": {"Gifts"}, "identifier": {"urn:gifts"}}); strings.Contains(form, `value="write"`) {
		t.Errorf("the console of a running server offers to write:\n%s", form)
	}

	// Without the admin listener, what is public.
	bare, err := consoleOfServer(t.Context(), env, place, &consoleFlags{server: public.URL})
	if err != nil {
		t.Fatal(err)
	}
	holds(ask(console.New(bare), "GET", "/console/keys", nil), kid, "published", ".jwk")

	// The server goes on to another snapshot, rejects one, and goes away.
	if err := running.Activate(content(5, config+"api \"more\" {\n  identifier = \"urn:more\"\n}\n")); err != nil {
		t.Fatal(err)
	}
	if err := running.Activate([]byte("no snapshot")); err == nil {
		t.Fatal("it was taken")
	}
	holds(ask(pages, "GET", "/console/", nil), "it serves serial 5", "these pages show serial 4", "The newest configuration was rejected")
	public.Close()
	admin.Close()
	holds(ask(pages, "GET", "/console/", nil), "no answer from "+public.URL, "no answer from "+admin.URL)
	right.Del("further")
	holds(ask(pages, "POST", "/console/apis/orders/test", right), "502 Bad Gateway", "no answer from")
	if _, err := consoleOfServer(t.Context(), env, place, &consoleFlags{server: public.URL}); err == nil {
		t.Error("no server, and no error")
	}
}

// A usage file beside the configuration is read when it has changed; one that cannot be read is
// a line on the page, and the page is there.
func TestConsoleUsageFile(t *testing.T) {
	s := newDevSite(t, fmt.Sprintf(servedConfig, hashSecret("right")))
	path := filepath.Join(filepath.Dir(s.file), usage.FileName)
	page := func(want string) {
		t.Helper()
		w := s.visit("/console/apis/orders/clients")
		if text := html.UnescapeString(w.Body.String()); w.Code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%d, %q is not on the page:\n%s", w.Code, want, text)
		}
	}
	f := usage.New()
	f.Lines, f.From, f.To = 1, usage.Time(s.now.Unix()-3600*24*40), usage.Time(s.now.Unix())
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	page("not used since the logs begin (" + f.From.Date() + ")")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	page(`not what "writ usage" writes`)
	if err := os.Truncate(path, maxShownUsage+1); err != nil { // holes
		t.Fatal(err)
	}
	page("is larger than 64 MiB")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	page("is no regular file")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if body := s.visit("/console/apis/orders/clients").Body.String(); strings.Contains(body, "last used") || strings.Contains(body, "not used") {
		t.Errorf("something is said without a file:\n%s", body)
	}
}
