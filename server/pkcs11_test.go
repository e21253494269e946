//go:build pkcs11

package server_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

const tokenPIN = "canary-pin-4711"

// softToken makes a SoftHSM token with an RSA and an EC key and returns the
// module. Without SoftHSM (Debian: softhsm2) the test is skipped, in CI it fails.
func softToken(t *testing.T) (module string) {
	t.Helper()
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			module = path
		}
	}
	util, err := exec.LookPath("softhsm2-util")
	if module == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("SoftHSM is not installed: apt-get install softhsm2")
		}
		t.Skip("SoftHSM is not installed: apt-get install softhsm2")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	run := func(name string, args ...string) {
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	run(util, "--init-token", "--free", "--label", "writ", "--pin", tokenPIN, "--so-pin", "so-pin")
	for i, algorithm := range []string{"RSA", "EC", "RSA"} {
		key := filepath.Join(dir, "key.pem")
		args := []string{"genpkey", "-algorithm", algorithm, "-out", key}
		if algorithm == "EC" {
			args = append(args, "-pkeyopt", "ec_paramgen_curve:P-256")
		}
		run("openssl", args...)
		label := []string{"rsa", "ec", "rsa"}[i]
		run(util, "--import", key, "--token", "writ", "--label", label, "--id", []string{"01", "02", "03"}[i], "--pin", tokenPIN)
	}
	return module
}

// Keys in a token sign as keys in a file do, whatever goes wrong is a problem of
// the key that it concerns, and the PIN is seen nowhere.
func TestKeysInAToken(t *testing.T) {
	doc := document()
	key := func(label string, alg schema.SigningAlg, ref string) schema.SigningKey {
		return schema.SigningKey{Label: label, Alg: alg, PrivateKey: schema.SecretRef("pkcs11:" + ref + "?pin-source=env:PIN")}
	}
	doc.SigningKeys = []schema.SigningKey{
		key("a-rs256", schema.RS256, "token=writ;object=rsa;id=%01"),
		key("b-ps256", schema.PS256, "token=writ;id=%03"),
		key("c-es256", schema.ES256, "token=writ;object=ec"),
		key("d-absent", schema.RS256, "token=writ;object=nothing"),
		key("e-ambiguous", schema.RS256, "token=writ;object=rsa"),
		key("f-other-token", schema.RS256, "token=other;object=rsa"),
		key("g-wrong-kind", schema.ES256, "token=writ;id=%01"),
	}
	for i := range doc.SigningKeys[3:] {
		doc.SigningKeys[3+i].ActivatesAt = noon.Unix() * 2 // the good ones sign
	}
	base := doc.APIs[0]
	doc.APIs, doc.Authorizations = nil, nil
	algs := []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256}
	for _, alg := range algs {
		api := base
		api.Label, api.Alg, api.Identifier = strings.ToLower(string(alg)), alg, "https://api.example.com/"+string(alg)
		doc.APIs = append(doc.APIs, api)
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{
			Label: api.Label, Client: "billing", API: api.Label, SubjectType: schema.SubjectClient, Scopes: []string{"read:orders"},
		})
	}
	s, log := serving(t, doc, server.Options{Keys: server.KeyOptions{PKCS11Module: softToken(t)}, Getenv: env(map[string]string{"PIN": tokenPIN})})
	if problems := s.Active().Problems; len(problems) != 4 {
		t.Errorf("problems: %+v", problems)
	}
	set, err := keyfunc.NewJWKSetJSON(keySet(s))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, alg := range algs {
				res := do(t, s.Public(), post(form("audience", "https://api.example.com/"+string(alg))))
				if res.status != http.StatusOK {
					t.Errorf("%s: %s", alg, res.raw)
					return
				}
				if _, err := jwt.Parse(res.body.AccessToken, set.Keyfunc, jwt.WithValidMethods([]string{string(alg)})); err != nil {
					t.Errorf("%s: %v", alg, err)
				}
			}
		})
	}
	wg.Wait()
	for range 3 { // reloads share the session
		if err := s.Refresh(); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(log.String(), tokenPIN) || !strings.Contains(log.String(), "2 such keys") {
		t.Errorf("log: %s", log)
	}
	testWithoutToken(t, doc)
}

// testWithoutToken leaves out what a token needs.
func testWithoutToken(t *testing.T, doc *schema.Document) {
	doc.APIs, doc.Authorizations, doc.SigningKeys = doc.APIs[:1], nil, doc.SigningKeys[:1]
	doc.APIs[0].Label, doc.APIs[0].Alg = "rs256", schema.RS256
	doc.SigningKeys[0].Alg = schema.RS256
	doc.SigningKeys[0].PrivateKey = "pkcs11:token=writ;id=%01?pin-source=env:UNSET"
	s, log := newServer(t, server.Options{Keys: server.KeyOptions{PKCS11Module: "/usr/lib/no-such-module.so"}, Getenv: env(map[string]string{"PIN": tokenPIN})})
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err == nil || !strings.Contains(err.Error(), `"UNSET" is not set`) {
		t.Errorf("without a PIN: %v", err)
	}
	doc.SigningKeys[0].PrivateKey = "pkcs11:token=writ;id=%01?pin-source=env:PIN"
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err == nil || !strings.Contains(err.Error(), "no-such-module") || strings.Contains(log.String(), tokenPIN) {
		t.Errorf("without the module: %v", err)
	}
	s, _ = newServer(t, server.Options{Getenv: env(map[string]string{"PIN": tokenPIN})})
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err == nil || !strings.Contains(err.Error(), "--pkcs11-module") {
		t.Errorf("without the flag: %v", err)
	}
}
