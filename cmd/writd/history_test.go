//go:build linux

package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// The configuration of a serial: everything in a token follows from it, so that
// a token says by itself whether it comes from one snapshot, and from which.
const (
	generationScopes = 8
	stockURL         = "https://api.example.com/stock"
)

// bits are a serial, well mixed.
func bits(serial uint64) uint64 {
	serial *= 0x9e3779b97f4a7c15
	return serial ^ serial>>29
}

// scopesOf are what the serial grants: its own, and a part of the others.
func scopesOf(serial uint64) []string {
	scopes := []string{"serial:" + strconv.FormatUint(serial, 10)}
	for i := range generationScopes {
		if bits(serial)>>i&1 == 1 {
			scopes = append(scopes, "scope:"+strconv.Itoa(i))
		}
	}
	return scopes
}

// lifetimeOf is the lifetime of the serial's tokens, in seconds.
func lifetimeOf(serial uint64) int64 { return 600 + int64(bits(serial)>>20%1000) }

// guestOf is the client that comes with an odd serial and goes with the next.
func guestOf(serial uint64) string { return fmt.Sprintf("guest-%d", serial|1) }

// generation is the configuration of a serial.
func generation(serial uint64) *schema.Document {
	doc := &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		Clients: []schema.Client{
			client("billing", hashOf(clientSecret)),
			client("rotating", "file:rotating"),
		},
		SigningKeys: []schema.SigningKey{
			{Label: "ed", Alg: schema.EdDSA, PrivateKey: "file:ed.pem"},
			{Label: "es", Alg: schema.ES256, PrivateKey: "file:es.pem"},
		},
	}
	// The guest is removed in two ways in turn: with its authorizations, or only they.
	if odd := serial%2 == 1; odd || serial%4 == 0 {
		doc.Clients = slices.Insert(doc.Clients, 1, client(guestOf(serial-1+serial%2), hashOf(clientSecret)))
	}
	for _, api := range []schema.API{
		{Label: "orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA},
		{Label: "stock", Identifier: stockURL, Profile: schema.ProfileAuth0, Alg: schema.ES256},
	} {
		api.Name, api.TokenLifetime, api.ScopeMode = api.Label, lifetimeOf(serial), schema.ScopeNarrow
		api.Scopes = []schema.Scope{{Name: scopesOf(serial)[0]}}
		for i := range generationScopes {
			api.Scopes = append(api.Scopes, schema.Scope{Name: "scope:" + strconv.Itoa(i)})
		}
		doc.APIs = append(doc.APIs, api)
		for _, c := range doc.Clients {
			if strings.HasPrefix(c.Label, "guest") && serial%2 == 0 {
				continue
			}
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: c.Label + "-" + api.Label, Client: c.Label, API: api.Label, SubjectType: schema.SubjectClient,
				Scopes: scopesOf(serial), Claims: fmt.Sprintf(`{"serial":%d}`, serial),
			})
		}
	}
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	return doc
}

func client(id, hash string) schema.Client {
	return schema.Client{
		Label: id, Name: id, ClientID: id, GrantTypes: []string{schema.GrantClientCredentials},
		Secrets: []schema.Secret{{Label: "a", Hash: hash}},
	}
}

// A site is what writd needs beside the snapshot, and what it must then serve.
type site struct {
	t        *testing.T
	dir      string
	snapshot string
	args     []string // further arguments of writd
	keys     sync.Map // kid to public key: every key there ever was
}

func newSite(t *testing.T) *site {
	s := &site{t: t, dir: t.TempDir()}
	s.snapshot = filepath.Join(s.dir, "writ.snapshot")
	must(t, os.Mkdir(s.path("keys"), 0o700), os.Mkdir(s.path("secrets"), 0o700), os.Mkdir(s.path("tls"), 0o700))
	s.rotateKey("es.pem")
	s.rotateKey("ed.pem")
	renameOver(t, s.path("secrets/rotating"), []byte(hashOf(clientSecret)))
	writeCertificate(t, s.path("tls"), "certificate-0")
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) start() *process {
	args := []string{
		"--keys", s.path("keys"), "--secrets", s.path("secrets"),
		"--tls-cert", s.path("tls/tls.crt"), "--tls-key", s.path("tls/tls.key"),
	}
	return spawn(s.t, s.snapshot, "", append(args, s.args...)...)
}

// rotateKey puts another signing key in the place of one and returns its kid.
func (s *site) rotateKey(name string) string {
	var private crypto.Signer
	var err error
	if name == "es.pem" {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	must(s.t, err)
	key, err := jwk.FromRaw(private.Public())
	must(s.t, err)
	must(s.t, jwk.AssignKeyID(key))
	s.keys.Store(key.KeyID(), private.Public())
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(s.t, err)
	renameOver(s.t, filepath.Join(s.path("keys"), name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return key.KeyID()
}

// A caller asks for tokens over one connection and holds each to its history.
type caller struct {
	site   *site
	http   *http.Client
	hungUp atomic.Int64 // connections that the server ended
	last   uint64       // the serial of the latest token
}

// A line is a connection of a caller. That the caller's own side gives one up,
// as Go's does on a busy machine, is nobody's fault.
type line struct {
	net.Conn
	hungUp *atomic.Int64
}

func (l line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.hungUp.Add(1)
	}
	return n, err
}

func (s *site) caller(p *process) *caller {
	c := &caller{site: s}
	c.http = &http.Client{Timeout: missed, Transport: &http.Transport{
		MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate changes, and is looked at elsewhere
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", p.socket)
			return line{conn, &c.hungUp}, err
		},
	}}
	s.t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// A refusal is an answer that is not a token.
type refusal struct {
	status int
	code   string
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.code) }

// ask gets a token and returns the serial that it comes from, or an error when
// it comes from none, from more than one, or from an earlier one than before.
func (c *caller) ask(client, secret, audience string) (uint64, error) {
	res, err := c.http.PostForm("https://localhost/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {audience}, "client_id": {client}, "client_secret": {secret},
	})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
		Error       string `json:"error"`
	}
	body, err := io.ReadAll(res.Body) // to its end, or the connection is not used again
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, refusal{res.StatusCode, answer.Error}
	}
	var claims struct {
		jwt.RegisteredClaims
		Serial   uint64 `json:"serial"`
		Scope    string `json:"scope"`
		ClientID string `json:"client_id"`
		AZP      string `json:"azp"`
	}
	if _, err := jwt.ParseWithClaims(answer.AccessToken, &claims, c.site.key, jwt.WithAudience(audience)); err != nil {
		return 0, err
	}
	serial, scope := claims.Serial, strings.Join(scopesOf(claims.Serial), " ")
	lifetime := int64(claims.ExpiresAt.Sub(claims.IssuedAt.Time) / time.Second)
	if claims.Scope != scope || answer.Scope != scope || lifetime != lifetimeOf(serial) || answer.ExpiresIn != lifetime {
		return 0, fmt.Errorf("serial %d with scope %q (answer: %q) and lifetime %d (answer: %d)", serial, claims.Scope, answer.Scope, lifetime, answer.ExpiresIn)
	}
	if claims.ClientID+claims.AZP != client {
		return 0, fmt.Errorf("%q was given a token of %q", client, claims.ClientID+claims.AZP)
	}
	if serial < c.last {
		return 0, fmt.Errorf("serial %d after %d over one connection", serial, c.last)
	}
	c.last = serial
	return serial, nil
}

func (s *site) key(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	if key, ok := s.keys.Load(kid); ok {
		return key, nil
	}
	return nil, fmt.Errorf("there never was a key %q", kid)
}

// A load is callers that ask for tokens without a pause.
type load struct {
	acknowledged atomic.Uint64 // no token that is asked for from now on is of an earlier serial
	requests     atomic.Int64
	callers      []*caller
	stop         func()
}

// callers is how many connections ask at once.
const callers = 4

func (s *site) load(p *process) *load {
	l := new(load)
	var done atomic.Bool
	var running sync.WaitGroup
	for i := range callers {
		c := s.caller(p)
		l.callers = append(l.callers, c)
		running.Go(func() {
			audience := []string{ordersURL, stockURL}[i%2]
			for !done.Load() && !s.t.Failed() {
				floor := l.acknowledged.Load()
				serial, err := c.ask("billing", clientSecret, audience)
				if err != nil || serial < floor {
					s.t.Errorf("serial %d, %d was acknowledged before: %v", serial, floor, err)
				}
				l.requests.Add(1)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { done.Store(true); running.Wait() })
	s.t.Cleanup(l.stop)
	return l
}

// Reloads under load lose no request and mix no two snapshots: every token
// comes from exactly one, over one connection they never go back, none is older
// than what /status said before it was asked for, and a client that was removed
// gets nothing from then on. Secrets, keys and the certificate are replaced
// meanwhile.
func TestHistory(t *testing.T) {
	t.Parallel()
	reloads := uint64(rounds(10_000, 300))
	s := newSite(t)
	put(t, s.snapshot, marshal(t, snapshot.Envelope{Serial: 1}, generation(1), nil))
	p := s.start()
	inForce(t, p.serial, 1)
	l := s.load(p)
	guest, fresh := s.caller(p), s.caller(p)
	var took []time.Duration
	start := time.Now()
	for serial := uint64(2); serial <= reloads && !t.Failed(); serial++ {
		renameOver(t, s.snapshot, marshal(t, snapshot.Envelope{Serial: serial}, generation(serial), nil))
		if hangup := serial%2 == 0; hangup {
			must(t, syscall.Kill(p.pid, syscall.SIGHUP))
			inForce(t, p.serial, serial)
		} else {
			took = append(took, inForce(t, p.serial, serial))
		}
		l.acknowledged.Store(serial)
		checkGuest(t, guest, serial)
		switch serial % 75 {
		case 0:
			s.checkKey(p, fresh)
		case 25:
			s.checkSecret(fresh, serial)
		case 50:
			s.checkCertificate(p, serial)
		}
	}
	l.stop()
	for _, c := range l.callers {
		if n := c.hungUp.Load(); n != 0 {
			t.Errorf("writd ended %d connections of a caller", n)
		}
	}
	slices.Sort(took)
	t.Logf("%d requests, %.0f a second, during %d reloads in %v; by event in force after %v (median), %v (99 %%), %v (longest)",
		l.requests.Load(), float64(l.requests.Load())/time.Since(start).Seconds(), reloads, time.Since(start).Round(time.Second),
		took[len(took)/2], took[(len(took)-1)*99/100], took[len(took)-1])
}

// checkGuest asks on behalf of the client that comes and goes. The first
// request after the acknowledgement decides.
func checkGuest(t *testing.T, c *caller, serial uint64) {
	t.Helper()
	if serial%2 == 1 {
		if got, err := c.ask(guestOf(serial), clientSecret, ordersURL); err != nil || got != serial {
			t.Errorf("the guest of serial %d: serial %d, %v", serial, got, err)
		}
		return
	}
	want := refusal{http.StatusUnauthorized, "invalid_client"}
	if serial%4 == 0 {
		want = refusal{http.StatusBadRequest, "invalid_target"}
	}
	got, err := c.ask(guestOf(serial-1), clientSecret, ordersURL)
	if refused, ok := errors.AsType[refusal](err); !ok || refused != want {
		t.Errorf("the guest that went with serial %d: serial %d, %v, want %v", serial, got, err, want)
	}
}

// checkKey replaces a signing key: it is published and signs.
func (s *site) checkKey(p *process, c *caller) {
	kid := s.rotateKey("ed.pem")
	eventually(s.t, func() error {
		status, err := p.status()
		if err == nil && !strings.Contains(fmt.Sprint(status.Keys), kid) {
			err = fmt.Errorf("key %q is not in use: %v", kid, status.Keys)
		}
		return err
	})
	res, err := c.http.Get("https://localhost/.well-known/jwks.json")
	must(s.t, err)
	defer res.Body.Close()
	var set struct{ Keys []struct{ KID string } }
	must(s.t, json.NewDecoder(res.Body).Decode(&set))
	if !strings.Contains(fmt.Sprint(set), kid) {
		s.t.Errorf("key %q is not published: %v", kid, set)
	}
	if _, err := c.ask("billing", clientSecret, ordersURL); err != nil {
		s.t.Error(err)
	}
}

// checkSecret replaces the hash of a secret: the new one is accepted, the old
// one no longer.
func (s *site) checkSecret(c *caller, serial uint64) {
	name := s.path("secrets/rotating")
	next := fmt.Sprintf("secret-%d-of-at-least-thirty-two-characters", serial)
	renameOver(s.t, name, []byte(hashOf(next)))
	deadline := time.Now().Add(missed)
	for {
		_, err := c.ask("rotating", next, stockURL)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // failures are rationed
	}
	if _, err := c.ask("rotating", clientSecret, stockURL); !errors.Is(err, refusal{http.StatusUnauthorized, "invalid_client"}) {
		s.t.Errorf("the secret before: %v", err)
	}
}

// checkCertificate replaces the server's certificate: new connections see it.
func (s *site) checkCertificate(p *process, serial uint64) {
	name := fmt.Sprintf("certificate-%d", serial)
	writeCertificate(s.t, s.path("tls"), name)
	eventually(s.t, func() error {
		var seen string
		trace := &httptrace.ClientTrace{TLSHandshakeDone: func(state tls.ConnectionState, _ error) {
			seen = state.PeerCertificates[0].Subject.CommonName
		}}
		c := s.caller(p)
		defer c.http.CloseIdleConnections()
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(s.t.Context(), trace), http.MethodGet, "https://localhost/.well-known/jwks.json", nil)
		must(s.t, err)
		res, err := c.http.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if seen != name {
			return fmt.Errorf("certificate %q, want %q", seen, name)
		}
		return nil
	})
}
