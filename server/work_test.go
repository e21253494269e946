package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// slowHash is in the form of a bcrypt hash that no secret has.
var slowHash = "$2b$10$" + strings.Repeat("a", 53)

// A client that does not exist, a wrong credential, one outside its window and one of
// another kind cost the server the same: the same look-ups, comparisons, hashes and
// signatures. Time would tell only what differs here; the answers are the same bytes.
func TestRefusalsCostTheSame(t *testing.T) {
	es, rs := pairs()[schema.ES256], pairs()[schema.RS256]
	doc := signers(quickDocument())
	withClient(doc, schema.Client{Label: "imported", ClientID: "imported", Secrets: []schema.Secret{{Label: "a", Hash: slowHash}}})
	withClient(doc, schema.Client{Label: "imported-too", ClientID: "imported-too", Secrets: []schema.Secret{{Label: "a", Hash: slowHash[:len(slowHash)-1] + "b"}}})
	withClient(doc, schema.Client{Label: "old", ClientID: "old", Secrets: []schema.Secret{
		{Label: "a", Hash: hashOf("expired"), Window: schema.Window{ExpiresAt: noon.Unix()}}, {Label: "b", Hash: hashOf("early"), Window: schema.Window{NotBefore: noon.Unix() + 1}},
	}})
	withClient(doc, schema.Client{Label: "rsa", ClientID: "rsa", PublicKeys: []schema.PublicKey{{Label: "a", JWKS: rs.jwks("k1")}}})
	withClient(doc, schema.Client{Label: "withdrawn", ClientID: "withdrawn", PublicKeys: []schema.PublicKey{
		{Label: "a", JWKS: es.jwks("k1"), Window: schema.Window{ExpiresAt: 1}},
	}})
	secret := func(id, secret string) url.Values { return form("client_id", id, "client_secret", secret) }
	signed := func(by pair, id string) url.Values { return asserted(by.assertion(id, issuerURL, noon, nil)) }
	stranger := newPair()
	for name, row := range map[string]struct {
		want     string
		requests map[string]url.Values // by the reason in the log
	}{
		"secret": {"bcrypt comparison comparison look-up look-up", map[string]url.Values{
			"unknown-client": secret("nobody", "wrong"), "wrong-secret": secret(clientID, "wrong"), "expired-secret": secret("old", "expired"),
			"secret-not-valid-yet": secret("old", "early"), "method-not-registered": secret("signer", "wrong"), "wrong-secret of a slow hash": secret("imported", "wrong"),
			"wrong-secret of another slow hash": secret("imported-too", "wrong"),
		}},
		"assertion by ES256": {"look-up verification {ES256 0 0}", map[string]url.Values{
			"unknown-client": signed(stranger, "nobody"), "bad-signature": signed(stranger, "signer"), "unknown-key": signed(stranger, clientID),
			"unknown-key of another kind": signed(stranger, "rsa"), "key-window": signed(es, "withdrawn"),
		}},
		"assertion by RS256": {"look-up verification {RS256 2048 65537}", map[string]url.Values{
			"unknown-client": signed(rs, "nobody"), "unknown-key": signed(rs, clientID), "unknown-key of another kind": signed(rs, "withdrawn"),
		}},
	} {
		for reloads := range uint64(3) { // at servers that differ, and after reloads
			s, log := newServer(t, server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
			work := server.CountWork(s)
			server.SlowHashes(s, func(string, string) bool {
				work.Did("bcrypt")
				return false
			})
			for serial := range reloads + 1 {
				if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: serial + 1})); err != nil {
					t.Fatal(err)
				}
			}
			var answers []string
			for reason, v := range row.requests {
				reason, _, _ := strings.Cut(reason, " ")
				before := len(log.String())
				work.Done = nil
				res := do(t, s.Public(), post(v))
				answers = append(answers, fmt.Sprint(res.status, res.header, res.raw))
				if line := log.String()[before:]; res.status != http.StatusUnauthorized || !strings.Contains(line, `"reason":"`+reason+`"`) {
					t.Errorf("%s, not for the reason %s: %d %s", name, reason, res.status, line)
				}
				if slices.Sort(work.Done); strings.Join(work.Done, " ") != row.want {
					t.Errorf("%s, %s: %q, want %q", name, reason, work.Done, row.want)
				}
			}
			if len(slices.Compact(answers)) != 1 {
				t.Errorf("%s: the answers differ: %q", name, answers)
			}
		}
	}
}

// What is refused for load counts as a failure of the address, which is soon not heard
// any more, and of nobody else.
func TestRefusalsForLoadCountForTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := quickDocument()
		doc.Clients[0].Secrets[0].Hash = slowHash
		s, _ := newServer(t, server.Options{Store: store.NewMemory(store.MemoryOptions{})})
		server.SlowHashes(s, func(_, secret string) bool {
			time.Sleep(300 * time.Millisecond)
			return secret == clientSecret
		})
		if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err != nil {
			t.Fatal(err)
		}
		ask := func(addr string, changes ...string) int {
			r := post(form(changes...))
			r.RemoteAddr = addr + ":1"
			return do(t, s.Public(), r).status
		}
		statuses := map[int]int{}
		answered := make(chan int)
		for i := range 400 {
			id := fmt.Sprint("made-up-", i)
			if i%2 == 0 { // also in the name of one who is not to blame
				id = clientID
			}
			go func() { answered <- ask("192.0.2.1", "client_id", id, "client_secret", fmt.Sprint("wrong-", i)) }()
			synctest.Wait() // for it to be answered or to wait its turn
		}
		for i := range 400 {
			if statuses[<-answered]++; i == 350 { // almost all were refused at once
				if status := ask("198.51.100.1"); status != 200 {
					t.Errorf("a client at another address: %d", status)
				}
			}
		}
		if statuses[503] < 200 || statuses[429] == 0 || statuses[503]+statuses[401]+statuses[429] != 400 {
			t.Errorf("answers %v", statuses)
		}
	})
}
