package server_test

import (
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// fast is the usual document with keys that are made at once.
func fast() *schema.Document {
	doc := document()
	doc.APIs[0].Alg = schema.EdDSA
	return doc
}

// signed makes a snapshot file signed with the keys.
func signed(t *testing.T, doc *schema.Document, env snapshot.Envelope, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	body, err := snapshot.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	env.Bind(body, nil)
	for _, key := range keys {
		snapshot.Sign(&env, key)
	}
	content, err := snapshot.Marshal(env, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The trust table fails closed in both directions.
func TestTrust(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	_, stranger, _ := ed25519.GenerateKey(nil)
	env := snapshot.Envelope{Serial: 1}
	for name, c := range map[string]struct {
		trust []ed25519.PublicKey
		file  []byte
		ok    bool
	}{
		"unsigned, no keys":          {nil, signed(t, fast(), env), true},
		"signed, no keys":            {nil, signed(t, fast(), env, private), false},
		"unsigned, keys":             {[]ed25519.PublicKey{public}, signed(t, fast(), env), false},
		"signed by another, keys":    {[]ed25519.PublicKey{public}, signed(t, fast(), env, stranger), false},
		"signed, keys":               {[]ed25519.PublicKey{public}, signed(t, fast(), env, private), true},
		"signed by both, keys":       {[]ed25519.PublicKey{public}, signed(t, fast(), env, stranger, private), true},
		"signed, one of several key": {[]ed25519.PublicKey{stranger.Public().(ed25519.PublicKey), public}, signed(t, fast(), env, private), true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, server.Options{Trust: c.trust})
			err := s.Activate(c.file)
			if (err == nil) != c.ok || (s.Active() != nil) != c.ok || s.Status().Ready != c.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		server, envelope, issuer string
		ok                       bool
	}{
		"none":               {"", "", "", true},
		"a server for none":  {"", "prod", "prod", true},
		"the same":           {"prod", "prod", "prod", true},
		"only the issuer's":  {"prod", "", "prod", true},
		"another envelope's": {"prod", "staging", "prod", false},
		"another issuer's":   {"prod", "prod", "staging", false},
		"a snapshot without": {"prod", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			doc := fast()
			doc.Issuer.Environment = c.issuer
			s, _ := newServer(t, server.Options{Environment: c.server})
			if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1, Environment: c.envelope})); (err == nil) != c.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

// version makes a document that differs by its one scope.
func version(name string) *schema.Document {
	doc := fast()
	doc.APIs[0].Scopes = []schema.Scope{{Name: name}}
	doc.Authorizations[0].Scopes = []string{name}
	return doc
}

// scopeOf asks for a token and returns what it grants.
func scopeOf(t *testing.T, s *server.Server) string {
	t.Helper()
	res := do(t, s.Public(), post(form()))
	if res.status != 200 {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	return res.body.Scope
}

// Older serials, forks and damaged files leave the last good one serving; the
// reason is in the log and in the status; the next good one takes over.
func TestLastGoodKeepsServing(t *testing.T) {
	s, log := newServer(t, server.Options{})
	activate := func(doc *schema.Document, serial uint64) error {
		return s.Activate(file(t, doc, snapshot.Envelope{Serial: serial}))
	}
	if err := activate(version("v2"), 2); err != nil {
		t.Fatal(err)
	}
	flipped := file(t, version("v3"), snapshot.Envelope{Serial: 3})
	flipped[len(flipped)/2] ^= 1
	for want, try := range map[string]func() error{
		"rollback": func() error { return activate(version("v1"), 1) },
		"fork":     func() error { return activate(version("other"), 2) },
		"":         func() error { return s.Activate(flipped) },
		"snapshot": func() error { return s.Activate([]byte("WRITSNAP")) },
	} {
		err := try()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if status := s.Status(); status.LastRejected == nil || status.LastRejected.Reason != err.Error() || !status.Ready {
			t.Errorf("status %+v", status)
		}
		if scopeOf(t, s) != "v2" {
			t.Errorf("%s: the last good snapshot does not serve", want)
		}
	}
	if strings.Count(log.String(), `"snapshot rejected"`) != 4 {
		t.Errorf("log:\n%s", log)
	}
	if err := activate(version("v2"), 2); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := activate(version("v1"), 3); err != nil {
		t.Errorf("old content under a new serial: %v", err)
	}
	if status := s.Status(); scopeOf(t, s) != "v1" || status.LastRejected != nil || status.Serial != 3 {
		t.Errorf("status %+v", status)
	}
}

// With a state folder the highest serial is remembered by the next process.
func TestRollbackIsRefusedAfterARestart(t *testing.T) {
	state := t.TempDir()
	first, _ := newServer(t, server.Options{State: state})
	if err := first.Activate(file(t, version("v2"), snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	second, _ := newServer(t, server.Options{State: state})
	if err := second.Activate(file(t, version("v1"), snapshot.Envelope{Serial: 1})); err == nil {
		t.Error("a rollback was served")
	}
	if err := second.Activate(file(t, version("v2"), snapshot.Envelope{Serial: 2})); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(state, "served.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(server.Options{State: state}); err == nil {
		t.Error("a damaged record was taken for none")
	}
}

func TestNotAfter(t *testing.T) {
	now := noon
	s, _ := newServer(t, server.Options{Now: func() time.Time { return now }})
	frozen := func() []byte {
		return file(t, fast(), snapshot.Envelope{Serial: 1, NotAfter: noon.Add(time.Hour)})
	}
	if err := s.Activate(frozen()); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(2 * time.Hour)
	if status := s.Status(); !status.Stale || !status.Ready {
		t.Errorf("past not_after: %+v", status)
	}
	if err := s.Activate(frozen()); err != nil {
		t.Errorf("the one in force, read again: %v", err)
	}
	other, _ := newServer(t, server.Options{Now: func() time.Time { return now }})
	if err := other.Activate(frozen()); err == nil {
		t.Error("a snapshot past its not_after was activated")
	}
}

// One secret that cannot be read fails what needs it and nothing else; when
// nothing would be left, the snapshot is refused.
func TestUnreadableSecrets(t *testing.T) {
	doc := everyShape(issuerURL)
	doc.Clients = append(doc.Clients, schema.Client{Label: "other", Name: "x", ClientID: "other", GrantTypes: []string{schema.GrantClientCredentials},
		Secrets: []schema.Secret{{Label: "a", Hash: "file:other"}}})
	secrets := t.TempDir()
	s, log := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Secrets: secrets})
	if problems := s.Active().Problems; len(problems) != 3 { // two HS256 APIs, one client
		t.Errorf("problems %v", problems)
	}
	if !strings.Contains(log.String(), "api.rfc9068-hs256") || !strings.Contains(log.String(), "client.other") {
		t.Errorf("log:\n%s", log)
	}
	target := form("audience", "https://api.example.com/rfc9068-eddsa")
	if res := do(t, s.Public(), post(target)); res.status != 200 {
		t.Errorf("the others: %d %s", res.status, res.raw)
	}
	if res := do(t, s.Public(), post(form("audience", "https://api.example.com/rfc9068-hs256"))); res.status != 503 || res.body.Error != "temporarily_unavailable" {
		t.Errorf("the API without its secret: %d %s", res.status, res.raw)
	}
	target.Set("client_id", "other")
	if res := do(t, s.Public(), post(target)); res.status != 401 {
		t.Errorf("the client without its hash: %d %s", res.status, res.raw)
	}
	if err := os.WriteFile(filepath.Join(secrets, "other"), []byte(hashOf(clientSecret)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	if res := do(t, s.Public(), post(target)); res.status == 401 {
		t.Errorf("with its hash: %d %s", res.status, res.raw)
	}
}

func TestNothingLeft(t *testing.T) {
	noSecret := fast()
	noSecret.Clients[0].Secrets[0].Hash = "env:ABSENT"
	noKey := document()
	noKey.APIs[0].Alg, noKey.APIs[0].SigningSecret = schema.HS256, "env:SHORT"
	noDeclared := fast()
	noDeclared.SigningKeys = []schema.SigningKey{{Label: "a", Alg: schema.EdDSA, PrivateKey: "file:../outside.pem"}}
	for name, doc := range map[string]*schema.Document{"no secret": noSecret, "no key": noKey, "no declared key": noDeclared} {
		s, _ := newServer(t, server.Options{Keys: server.KeyOptions{Folder: t.TempDir()}, Getenv: env(map[string]string{"SHORT": "31-bytes-are-not-enough-for-HMAC"[:31]})})
		if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err == nil || s.Active() != nil {
			t.Errorf("%s: activated", name)
		}
	}
}

// Files are read inside their folder, whatever the links in it say.
func TestReferencesStayInside(t *testing.T) {
	outside, secrets := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte(hashOf(clientSecret)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(secrets, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secrets, "big"), make([]byte, 65<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(secrets, secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", rel, secret, ".", "big"} {
		doc := fast()
		doc.Clients[0].Secrets = append(doc.Clients[0].Secrets, schema.Secret{Label: "b", Hash: "file:" + name})
		s, _ := newServer(t, server.Options{Secrets: secrets})
		body, err := snapshot.Encode(doc)
		if err != nil {
			continue // the name is not one that a snapshot may hold
		}
		content, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Activate(content); err != nil || len(s.Active().Problems) != 1 {
			t.Errorf("%q was read: %v", name, err)
		}
	}
}

// Kubernetes mounts a secret as links through a link.
func TestSecretsOfKubernetes(t *testing.T) {
	secrets := t.TempDir()
	if err := os.Mkdir(filepath.Join(secrets, "..2026_11_23"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secrets, "..2026_11_23", "billing"), []byte(hashOf(clientSecret)+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"..data": "..2026_11_23", "billing": "..data/billing"} {
		if err := os.Symlink(target, filepath.Join(secrets, link)); err != nil {
			t.Fatal(err)
		}
	}
	doc := fast()
	doc.Clients[0].Secrets[0].Hash = "file:billing"
	s, _ := serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: sharedKeys}, Secrets: secrets})
	if res := do(t, s.Public(), post(form())); res.status != 200 {
		t.Errorf("%d %s", res.status, res.raw)
	}
}

// A page of another site can reach a loopback address by the victim's browser,
// but not with our Host and Origin.
func TestAdminChecksHostAndOrigin(t *testing.T) {
	s, _ := serving(t, fast(), server.Options{Admin: server.AdminOptions{Hosts: []string{"writ.internal"}}})
	for name, c := range map[string]struct {
		host, origin string
		want         int
	}{
		"loopback":             {"127.0.0.1:8081", "", 200},
		"IPv6":                 {"[::1]:8081", "", 200},
		"localhost":            {"localhost:8081", "", 200},
		"a pod's address":      {"10.1.2.3:8081", "", 200},
		"a name that is known": {"writ.internal:8081", "", 200},
		"its own origin":       {"localhost:8081", "http://localhost:8081", 200},
		"a rebound name":       {"evil.example:8081", "", 403},
		"another origin":       {"localhost:8081", "https://evil.example", 403},
		"another port":         {"localhost:8081", "http://localhost:9999", 403},
		"a null origin":        {"localhost:8081", "null", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/status", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if res := do(t, s.Admin(), r); res.status != c.want {
			t.Errorf("%s: %d, want %d", name, res.status, c.want)
		}
	}
}

func TestAdmin(t *testing.T) {
	s, _ := newServer(t, server.Options{})
	ask := func(method, path string) result {
		r := httptest.NewRequest(method, path, nil)
		r.Host = "localhost"
		return do(t, s.Admin(), r)
	}
	if ask("GET", "/livez").status != 200 || ask("GET", "/readyz").status != 503 || ask("GET", "/status").status != 200 {
		t.Error("before the first snapshot")
	}
	if err := s.Activate(file(t, fast(), snapshot.Envelope{Serial: 7, Revision: "abc123"})); err != nil {
		t.Fatal(err)
	}
	if ask("GET", "/readyz").status != 200 {
		t.Error("not ready with a snapshot")
	}
	status := ask("GET", "/status").raw
	for _, want := range []string{s.Active().Digest, `"serial": 7`, `"revision": "abc123"`, `"state": "signing"`, issuerURL} {
		if !strings.Contains(status, want) {
			t.Errorf("status lacks %s:\n%s", want, status)
		}
	}
	s.Drain()
	if ask("GET", "/readyz").status != 503 || ask("GET", "/livez").status != 200 {
		t.Error("while draining")
	}
	if res := do(t, s.Public(), post(form())); res.status != 200 {
		t.Errorf("a request while draining: %d", res.status)
	}
	for _, path := range []string{"/", "/livez/", "//livez", "/oauth/token", "/debug/pprof/"} {
		if ask("GET", path).status != 404 {
			t.Errorf("%s is served", path)
		}
	}
	if ask("POST", "/status").status != 405 {
		t.Error("POST /status")
	}
}
