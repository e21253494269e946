package view

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// This file asks a real server, over HTTP and with real credentials, who gets which token.

// A served is a server whose snapshot and clock a test sets.
type served struct {
	t      *testing.T
	server *server.Server
	now    time.Time
	serial uint64
	asked  int
	tokens map[string]string // of users, by issuer and time
}

func newServed(t *testing.T) *served {
	t.Helper()
	s := &served{t: t, now: planNoon.Add(-time.Hour), tokens: map[string]string{}}
	clock := func() time.Time { return s.now }
	var err error
	s.server, err = server.New(server.Options{Now: clock, Logger: slog.New(slog.DiscardHandler), Store: store.NewMemory(store.MemoryOptions{Now: clock}), RefreshTokensInMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// activate puts a document in force.
func (s *served) activate(d *schema.Document) {
	s.t.Helper()
	body, err := snapshot.Encode(d)
	if err != nil {
		s.t.Fatal(err)
	}
	s.serial++
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: s.serial, Created: planNoon}, body, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.server.Activate(file); err != nil {
		s.t.Fatal(err)
	}
}

// granted is what the server gives at a time, in the form of decided: of users of one issuer,
// and to clients themselves. A request without scopes is given all that there are.
func (s *served) granted(d *schema.Document, issuer string, at time.Time) map[string]bool {
	s.t.Helper()
	s.now = at
	granted := map[string]bool{}
clients:
	for i := range d.Clients {
		c := &d.Clients[i]
		secret, inForce := secretInForce(c, at)
		for j := range d.APIs {
			for _, user := range []string{"", issuer} {
				form := url.Values{"audience": {d.APIs[j].Identifier}, "client_id": {c.ClientID}, "client_secret": {secret}}
				switch {
				case user == "":
					form.Set("grant_type", schema.GrantClientCredentials)
				case slices.Contains(c.GrantTypes, schema.GrantJWTBearer):
					form.Set("grant_type", schema.GrantJWTBearer)
					form.Set("assertion", s.userToken(user))
				default:
					form.Set("grant_type", schema.GrantTokenExchange)
					form.Set("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
					form.Set("subject_token", s.userToken(user))
				}
				scope, ok := s.post(form)
				if !ok && !inForce {
					continue clients // whatever it asks for, it has not authenticated
				}
				if !ok {
					continue
				}
				for _, scope := range append([]string{""}, strings.Fields(scope)...) {
					granted[fmt.Sprint(c.ClientID, " ", d.APIs[j].Identifier, " ", user, " ", scope)] = true
				}
			}
		}
	}
	return granted
}

// post asks for a token. Each request comes from an address of its own, as refusals are
// counted by address.
func (s *served) post(form url.Values) (scope string, granted bool) {
	s.t.Helper()
	s.asked++
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4000", s.asked>>16&0xff, s.asked>>8&0xff, s.asked&0xff)
	w := httptest.NewRecorder()
	s.server.Public().ServeHTTP(w, r)
	var answer struct {
		Scope string `json:"scope"`
		Error string `json:"error_description"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		s.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if w.Code == http.StatusTooManyRequests || w.Code >= http.StatusInternalServerError {
		s.t.Fatalf("the server has not decided: %d %s", w.Code, w.Body)
	}
	return answer.Scope, w.Code == http.StatusOK
}

// secretOf is what a client of a random document presents.
func secretOf(client, label string) string { return "the secret " + label + " of " + client }

func hashOf(client, label string) string {
	sum := sha256.Sum256([]byte(secretOf(client, label)))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// secretInForce is one of the client's secrets: one that is in force, if there is one.
func secretInForce(c *schema.Client, at time.Time) (secret string, inForce bool) {
	for _, s := range c.Secrets {
		if s.Window.Contains(at.Unix()) {
			return secretOf(c.Label, s.Label), true
		}
	}
	return secretOf(c.Label, c.Secrets[0].Label), false
}

// userKey is the key by which an issuer signs its users' tokens.
func userKey(issuer string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(issuer))
	return ed25519.NewKeyFromSeed(seed[:])
}

// userJWKS is the issuer's key set as a document has it.
func userJWKS(issuer string) string {
	x := base64.RawURLEncoding.EncodeToString(userKey(issuer).Public().(ed25519.PublicKey))
	return `{"keys":[{"crv":"Ed25519","kid":"` + issuer + `","kty":"OKP","x":"` + x + `"}]}`
}

// userToken is a token about a user, which may be used until it expires.
func (s *served) userToken(issuer string) string {
	s.t.Helper()
	name := fmt.Sprint(issuer, " ", s.now.Unix())
	if made, ok := s.tokens[name]; ok {
		return made
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://" + issuer + ".example.com", "sub": "anna", "aud": "x", "iat": s.now.Unix(), "exp": s.now.Unix() + 60, "jti": name,
	})
	t.Header["kid"] = issuer
	compact, err := t.SignedString(userKey(issuer))
	if err != nil {
		s.t.Fatal(err)
	}
	s.tokens[name] = compact
	return compact
}
