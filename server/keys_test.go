package server_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/token"
)

// keySet asks for the JWK Set.
func keySet(s *server.Server) []byte {
	w := httptest.NewRecorder()
	s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
	return w.Body.Bytes()
}

// Three servers share a folder over some rotations of real RSA keys. A resource
// server that keeps key sets for up to a day, and never looks for a key that it
// does not know, verifies every token of each of them until it expires.
func TestRotationOverHTTP(t *testing.T) {
	const announce, rotate = 24 * time.Hour, 3 * 24 * time.Hour
	dir := t.TempDir()
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	clock.Store(noon.Unix())
	doc := document()
	doc.APIs[0].TokenLifetime = 24 * 3600
	servers := make([]*server.Server, 3)
	for i := range servers {
		servers[i], _ = serving(t, doc, server.Options{Keys: server.KeyOptions{Folder: dir, Announce: announce, Rotate: rotate}, Now: now})
	}
	type held struct {
		set   jwt.Keyfunc
		until int64
	}
	verifiers := make([]held, 4)
	tokens := map[string]int64{}
	kids := map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 2))
	for len(kids) < 5 {
		clock.Add(rng.Int64N(4 * 3600))
		for _, s := range servers {
			s.Active().Keys().Maintain(t.Context(), now())
		}
		res := do(t, servers[rng.IntN(3)].Public(), post(form()))
		if res.status != http.StatusOK {
			t.Fatalf("%v: %s", now(), res.raw)
		}
		header, _ := segments(t, res.body.AccessToken)
		kids[header["kid"].(string)] = true
		tokens[res.body.AccessToken] = clock.Load() + 24*3600
		for i := range verifiers {
			if v := &verifiers[i]; clock.Load() > v.until {
				set, err := keyfunc.NewJWKSetJSON(keySet(servers[rng.IntN(3)]))
				if err != nil {
					t.Fatal(err)
				}
				v.set, v.until = set.Keyfunc, clock.Load()+rng.Int64N(24*3600)
			}
		}
		v := verifiers[rng.IntN(len(verifiers))]
		for compact, expires := range tokens {
			if clock.Load() >= expires {
				delete(tokens, compact)
				continue
			}
			if _, err := jwt.Parse(compact, v.set, jwt.WithTimeFunc(now), jwt.WithValidMethods([]string{"RS256"})); err != nil {
				t.Fatalf("%v: %v", now(), err)
			}
		}
	}
}

// The servers keep their keys themselves, without a request or a reload, while
// requests come; several of them make, find and remove each other's.
func TestServersKeepTheirKeys(t *testing.T) {
	dir := t.TempDir()
	var clock atomic.Int64
	clock.Store(noon.Unix())
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer wg.Wait()
	defer cancel()
	servers := make([]*server.Server, 3)
	logs := make([]*testenv.Buffer, 3)
	for i := range servers {
		servers[i], logs[i] = serving(t, fast(), server.Options{Keys: server.KeyOptions{Folder: dir}, Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
		wg.Go(func() {
			for ctx.Err() == nil {
				failed := servers[i].Active().Keys().Maintain(t.Context(), time.Unix(clock.Load(), 0))
				if set := keySet(servers[i]); len(set) < 50 {
					t.Errorf("%s, %v, %s", set, failed, logs[i])
				}
			}
		})
	}
	kids := map[string]bool{}
	for i := range 60 {
		clock.Add(10 * 24 * 3600)
		for _, s := range servers {
			res := do(t, s.Public(), post(form()))
			if res.status != http.StatusOK {
				t.Fatalf("step %d: %s", i, res.raw)
			}
			header, _ := segments(t, res.body.AccessToken)
			kids[header["kid"].(string)] = true
		}
		time.Sleep(5 * time.Millisecond)
	}
	if len(kids) < 3 {
		t.Errorf("%d keys have signed in 600 days", len(kids))
	}
}

// Maintain is what makes the keys of a process change while nothing else happens.
func TestMaintainKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rotate = 24 * time.Hour
		s, log := serving(t, fast(), server.Options{Now: time.Now, Keys: server.KeyOptions{Announce: time.Hour, Rotate: rotate}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Maintain(ctx) })
		before := keySet(s)
		time.Sleep(rotate + token.Rescan)
		if after := keySet(s); string(after) == string(before) || strings.Count(string(after), `"kid"`) != 2 {
			t.Errorf("after %v: %s", rotate, after)
		}
		cancel()
		wg.Wait()
		if strings.Count(log.String(), "signing key made") != 2 {
			t.Errorf("log: %s", log)
		}
	})
}

// A server whose folder of keys is not there stays up and says how to make it. It serves
// by itself when the folder is there, whether that held up the whole snapshot or, beside
// HS256, one algorithm of it.
func TestKeyFolderAppears(t *testing.T) {
	partly := document()
	orders := partly.APIs[0]
	orders.Label, orders.Identifier, orders.Alg, orders.SigningSecret = "shared", "https://api.example.com/shared", schema.HS256, "env:HMAC"
	partly.APIs = append(partly.APIs, orders)
	for name, doc := range map[string]*schema.Document{"nothing": fast(), "one algorithm": partly} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			s, log := newServer(t, server.Options{Keys: server.KeyOptions{Folder: dir}, Getenv: env(map[string]string{"HMAC": hmacSecret}), Now: time.Now})
			err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1}))
			if (err != nil) != (name == "nothing") || !strings.Contains(log.String(), "mkdir -m 700") || !strings.Contains(log.String(), fmt.Sprint("chown ", os.Getuid())) {
				t.Errorf("%s: %v\n%s", name, err, log)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = s.Maintain(ctx) })
			time.Sleep(time.Minute)
			if n := strings.Count(log.String(), "mkdir"); n > 3 {
				t.Errorf("%s: said %d times in a minute\n%s", name, n, log)
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
			issued(t, s)
			if status := s.Status(); !status.Ready || len(status.Problems) > 0 || status.LastRejected != nil {
				t.Errorf("%s: %+v\n%s", name, status, log)
			}
			cancel()
			wg.Wait()
		})
	}
}

// /status lists managed keys with their times; neither it nor the log nor an
// answer holds anything of a private key, whatever lies in the folder.
func TestPrivateKeysStayPrivate(t *testing.T) {
	dir := t.TempDir()
	doc := everyShape(issuerURL)
	writeKey(t, dir, "declared.pem")
	doc.SigningKeys = []schema.SigningKey{
		{Label: "damaged", Alg: schema.EdDSA, PrivateKey: "file:managed-ES256-000002.pem", ActivatesAt: noon.Unix() * 2},
		{Label: "declared", Alg: schema.EdDSA, PrivateKey: "file:declared.pem"},
	}
	opts := server.Options{Keys: server.KeyOptions{Folder: dir}, Getenv: env(map[string]string{"HMAC": hmacSecret})}
	_, first := serving(t, doc, opts)
	var secrets []string
	for _, name := range []string{"managed-RS256-000001.pem", "managed-PS256-000001.pem", "managed-ES256-000001.pem", "declared.pem"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(content)
		lines := strings.Split(string(pem.EncodeToMemory(block)), "\n")
		// The public half, which is published, stands in the first lines of an RSA
		// key and in the last ones of an EC key.
		private := lines[1:2]
		if len(lines) > 10 {
			private = lines[8 : len(lines)-2]
		}
		for _, line := range private {
			for i := 0; i+24 <= len(line); i += 8 {
				secrets = append(secrets, line[i:i+24])
			}
		}
		secrets = append(secrets, fmt.Sprintf("%x", block.Bytes[len(block.Bytes)/2:]))
		if name == "declared.pem" {
			continue
		}
		head, tail, _ := strings.Cut(string(content), "KEY-----\n")
		damaged := head + "KEY-----\n" + strings.Replace(tail, "A", "B", 3)
		if err := os.WriteFile(filepath.Join(dir, strings.Replace(name, "000001", "000002", 1)), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "declared.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, second := serving(t, doc, opts)
	r := httptest.NewRequest(http.MethodGet, "/status", nil)
	r.Host = "localhost"
	status := do(t, s.Admin(), r).raw
	for _, alg := range algorithms {
		do(t, s.Public(), post(form("audience", "https://api.example.com/"+label(schema.ProfileRFC9068, alg))))
	}
	everything := first.String() + second.String() + status + string(keySet(s))
	for _, secret := range secrets {
		if strings.Contains(everything, secret) {
			t.Errorf("%q came out", secret)
		}
	}
	var parsed server.Status
	if err := json.Unmarshal([]byte(status), &parsed); err != nil {
		t.Fatal(err)
	}
	for _, alg := range []schema.SigningAlg{schema.RS256, schema.PS256, schema.ES256, schema.EdDSA} {
		if !slices.ContainsFunc(parsed.Keys, func(k server.KeyStatus) bool {
			return k.Algorithm == alg && k.State == token.Signing
		}) {
			t.Errorf("no %s key signs: %s", alg, status)
		}
	}
	for _, said := range []string{"signing key made", "key file left alone", "READABLE BY OTHERS", "signing_key.declared", "signing_key.damaged"} {
		if !strings.Contains(everything, said) {
			t.Errorf("nothing says %q", said)
		}
	}
}
