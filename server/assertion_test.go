package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

// signers is a document whose client "signer" has a key of each algorithm, and
// whose client "other" has another key.
func signers(doc *schema.Document) *schema.Document {
	var keys []schema.PublicKey
	for alg, p := range pairs() {
		keys = append(keys, schema.PublicKey{Label: "key-" + strings.ToLower(string(alg)), JWKS: p.jwks("kid-" + string(alg))})
	}
	withKeys(doc, "signer", keys...)
	withKeys(doc, "other", schema.PublicKey{Label: "k", JWKS: newPair().jwks("k")})
	return doc
}

// Assertions that golang-jwt signs get tokens over TCP, with client_id and
// without, and the log says by which key.
func TestPrivateKeyJWT(t *testing.T) {
	issuer, _, log := overListener(t, server.Options{}, func(issuer string) *schema.Document {
		doc := signers(quickDocument())
		doc.Issuer.URL = issuer
		return doc
	})
	for alg, p := range pairs() {
		for _, id := range []string{"-", "signer"} {
			res := ask(t, http.DefaultClient, issuer+"oauth/token", asserted(p.assertion("signer", issuer, time.Now(), nil), "client_id", id))
			if res.status != 200 || res.body.TokenType != "Bearer" || res.body.Scope != "read:orders" {
				t.Errorf("%s, client_id %s: %d %s", alg, id, res.status, res.raw)
			}
		}
		if !strings.Contains(log.String(), `"method":"private_key_jwt","credential":"key-`+strings.ToLower(string(alg))+`"`) {
			t.Errorf("%s is not in the log", alg)
		}
	}
	// Introspection and revocation take the same.
	for _, path := range []string{"oauth/introspect", "oauth/revoke"} {
		v := url.Values{"token": {"x"}, "client_assertion_type": {assertionType}, "client_assertion": {pairs()[schema.ES256].assertion("signer", issuer, time.Now(), nil)}}
		if res := ask(t, http.DefaultClient, issuer+path, v); res.status != 200 {
			t.Errorf("%s: %d %s", path, res.status, res.raw)
		}
		if again := ask(t, http.DefaultClient, issuer+path, v); again.status != 401 {
			t.Errorf("%s, the assertion again: %d %s", path, again.status, again.raw)
		}
	}
}

// Whatever is wrong with an assertion, and whether there is such a client: the
// answer is the same bytes, and only the log says more.
func TestRefusedAssertions(t *testing.T) {
	es := pairs()[schema.ES256]
	good := func(changes map[string]any) string { return es.assertion("signer", issuerURL, noon, changes) }
	used := good(nil)
	rows := map[string]struct {
		form   url.Values
		reason string
	}{
		"unknown client":          {asserted(es.assertion("nobody", issuerURL, noon, nil)), "unknown-client"},
		"another client's key":    {asserted(es.assertion("other", issuerURL, noon, nil)), "bad-signature"},
		"client with secrets":     {asserted(es.assertion(clientID, issuerURL, noon, nil)), "unknown-key"},
		"another client_id":       {asserted(good(nil), "client_id", "other"), "wrong-issuer"},
		"client_id of nobody":     {asserted(good(nil), "client_id", "nobody"), "unknown-client"},
		"iss of another":          {asserted(good(map[string]any{"iss": "other"})), "wrong-issuer"},
		"sub of another":          {asserted(good(map[string]any{"sub": "other"}), "client_id", "signer"), "wrong-subject"},
		"token endpoint as aud":   {asserted(good(map[string]any{"aud": issuerURL + "oauth/token"})), "wrong-audience"},
		"two audiences":           {asserted(good(map[string]any{"aud": []string{issuerURL, "https://evil.example"}})), "wrong-audience"},
		"no exp":                  {asserted(good(map[string]any{"exp": nil})), "missing-claim"},
		"no jti":                  {asserted(good(map[string]any{"jti": nil})), "missing-claim"},
		"expired":                 {asserted(good(map[string]any{"iat": noon.Unix() - 120, "exp": noon.Unix() - 60})), "expired"},
		"too long":                {asserted(good(map[string]any{"exp": noon.Unix() + 3600})), "too-long"},
		"used":                    {asserted(used), "replayed"},
		"signature of another":    {asserted(good(nil)[:len(good(nil))-86] + strings.Repeat("A", 86)), "bad-signature"},
		"an access token":         {asserted(es.sign(map[string]any{"typ": "at+jwt"}, map[string]any{"iss": "signer", "sub": "signer", "aud": issuerURL, "exp": noon.Unix() + 60, "jti": "1"})), "wrong-type"},
		"no JWT":                  {asserted(canary), "malformed"},
		"nothing":                 {asserted("", "client_id", "signer"), "malformed"},
		"alg none":                {asserted("eyJhbGciOiJub25lIn0.e30."), "malformed"},
		"HS256":                   {asserted("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), "unsupported-algorithm"},
		"over 8 KiB":              {asserted(good(map[string]any{"x": strings.Repeat("x", 9000)})), "too-large"},
		"a type of SAML":          {asserted(good(nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_id", "signer"), "unsupported-method"},
		"no type":                 {asserted(good(nil), "client_assertion_type", "-"), "unsupported-method"},
		"a key before its window": {asserted(es.assertion("early", issuerURL, noon, nil)), "key-window"},
	}
	for _, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		doc := signers(quickDocument())
		doc.Issuer.ErrorStyle = style
		withKeys(doc, "early", schema.PublicKey{Label: "k", JWKS: es.jwks("k"), Window: schema.Window{NotBefore: noon.Unix() + 1}})
		s, log := serving(t, doc, server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
		if res := do(t, s.Public(), post(asserted(used))); res.status != 200 {
			t.Fatalf("%d %s\n%s", res.status, res.raw, log)
		}
		wrongSecret := do(t, s.Public(), post(form("client_secret", "wrong")))
		want := fmt.Sprint(wrongSecret.status, wrongSecret.header, wrongSecret.raw)
		for name, row := range rows {
			before := len(log.String())
			res := do(t, s.Public(), post(row.form))
			if got := fmt.Sprint(res.status, res.header, res.raw); got != want {
				t.Errorf("%s: answers differ:\n%s\n%s", name, got, want)
			}
			if line := log.String()[before:]; !strings.Contains(line, `"reason":"`+row.reason+`"`) {
				t.Errorf("%s: not for the reason %s: %s", name, row.reason, line)
			}
		}
	}
}

// Two methods in one request are malformed, also when both would do.
func TestOneMethodPerRequest(t *testing.T) {
	s, _ := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
	assertion := pairs()[schema.ES256].assertion("signer", issuerURL, noon, nil)
	for _, r := range []*http.Request{
		post(asserted(assertion, "client_secret", clientSecret)), basic("signer", clientSecret, asserted(assertion)),
	} {
		if res := do(t, s.Public(), r); res.status != 400 || res.body.Error != "invalid_request" {
			t.Errorf("%d %s", res.status, res.raw)
		}
	}
}

// 200 concurrent uses of one assertion have one winner, in memory and on disk.
func TestOneWinnerPerAssertion(t *testing.T) {
	file, err := store.OpenBolt(filepath.Join(t.TempDir(), "used.db"), store.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, used := range map[string]store.Store{"memory": store.NewMemory(store.MemoryOptions{}), "bolt": file} {
		t.Run(name, func(t *testing.T) {
			// All come from one address and fail but one: the limit must not decide.
			now := noon
			s, log := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return now }, Store: used})
			for round := range 5 {
				now = noon.Add(time.Duration(round) * time.Hour)
				assertion := pairs()[schema.ES256].assertion("signer", issuerURL, now, nil)
				var wins, losses, others atomic.Int64
				var all sync.WaitGroup
				for i := range 200 {
					all.Go(func() {
						r := post(asserted(assertion))
						r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i)
						switch res := do(t, s.Public(), r); res.status {
						case 200:
							wins.Add(1)
						case 401, 429:
							losses.Add(1)
						default:
							others.Add(1)
						}
					})
				}
				all.Wait()
				if wins.Load() != 1 || others.Load() != 0 {
					t.Fatalf("%d winners, %d refused, %d others\n%s", wins.Load(), losses.Load(), others.Load(), log)
				}
			}
		})
	}
}

// A store that forgets with the process makes the server refuse what may have
// been used before; a store that fails is answered with 503 and not with a token.
func TestStoreThatForgetsOrFails(t *testing.T) {
	es := pairs()[schema.ES256]
	s, log := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }})
	long := noon.Add(-11 * time.Second)
	if res := do(t, s.Public(), post(asserted(es.assertion("signer", issuerURL, long, nil)))); res.status != 401 || !strings.Contains(log.String(), "before-start") {
		t.Errorf("from before the start: %d %s", res.status, res.raw)
	}
	if res := do(t, s.Public(), with(post(form()), "DPoP", es.proof(issuerURL+"oauth/token", long, nil))); res.status != 400 {
		t.Errorf("a proof from before the start: %d %s", res.status, res.raw)
	}
	ahead := noon.Add(9 * time.Second) // what a clock that is ahead may have used at the last moment before the start
	if res := do(t, s.Public(), with(post(form()), "DPoP", es.proof(issuerURL+"oauth/token", ahead, nil))); res.status != 503 || res.header.Get("Retry-After") != "1" {
		t.Errorf("a proof perhaps from before the start: %d %v %s", res.status, res.header, res.raw)
	}
	after := noon.Add(10 * time.Second)
	if res := do(t, s.Public(), post(asserted(es.assertion("signer", issuerURL, after, nil)))); res.status != 200 {
		t.Errorf("from after the start: %d %s", res.status, res.raw)
	}
	if res := do(t, s.Public(), with(post(form()), "DPoP", es.proof(issuerURL+"oauth/token", after, nil))); res.status != 200 {
		t.Errorf("a proof from after the start: %d %s", res.status, res.raw)
	}
	memory := store.NewMemory(store.MemoryOptions{})
	s, log = serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }, Store: memory})
	memory.Close()
	for name, r := range map[string]*http.Request{
		"assertion": post(asserted(es.assertion("signer", issuerURL, noon, nil))),
		"proof":     with(post(form()), "DPoP", es.proof(issuerURL+"oauth/token", noon, nil)),
	} {
		res := do(t, s.Public(), r)
		if res.status != 503 || !strings.Contains(log.String(), "state-store-failed") {
			t.Errorf("%s: %d %s", name, res.status, res.raw)
		}
		checkErrorAnswer(t, res)
	}
}

// Whether an assertion was used before the start is not known yet in the server's first
// seconds. The answer is that it cannot answer now, and when to ask again; it is the
// same for clients that do not exist, and no failure of anybody.
func TestAssertionsSoonAfterTheStart(t *testing.T) {
	stranger := newPair()
	s, log := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }})
	for _, row := range []struct {
		iat   time.Duration
		after string
	}{{-10 * time.Second, "20"}, {0, "10"}, {9 * time.Second, "1"}} {
		var answers []string
		for _, id := range []string{"signer", clientID, "nobody"} {
			for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
				r := post(asserted(stranger.assertion(id, issuerURL, noon.Add(row.iat), nil)))
				r.URL.Path = path
				before := len(log.String())
				res := do(t, s.Public(), r)
				answers = append(answers, fmt.Sprint(res.status, res.header, res.raw))
				if res.status != 503 || res.header.Get("Retry-After") != row.after || res.body.Error != "temporarily_unavailable" {
					t.Errorf("%s at %s, iat %s: %d %v %s", id, path, row.iat, res.status, res.header, res.raw)
				}
				if line := log.String()[before:]; !strings.Contains(line, "server-just-started") {
					t.Errorf("the log does not tell: %s", line)
				}
			}
		}
		if len(slices.Compact(answers)) != 1 {
			t.Errorf("the answers differ: %q", answers)
		}
	}
	for range 300 { // more than may fail
		if res := do(t, s.Public(), post(asserted(stranger.assertion("signer", issuerURL, noon, nil)))); res.status != 503 {
			t.Fatalf("%d %s", res.status, res.raw)
		}
	}
	if res := do(t, s.Public(), post(asserted(pairs()[schema.ES256].assertion("signer", issuerURL, noon.Add(10*time.Second), nil)))); res.status != 200 {
		t.Errorf("one that the clock dates after the start: %d %s", res.status, res.raw)
	}
}

// Failed assertions are throttled as failed secrets are.
func TestFailedAssertionsAreThrottled(t *testing.T) {
	s, _ := serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
	var last result
	for range 51 {
		last = do(t, s.Public(), post(asserted("x.y.z", "client_id", "signer")))
	}
	if last.status != 429 {
		t.Errorf("%d %s", last.status, last.raw)
	}
}

// A configuration whose secrets are all unusable serves what else there is, and
// is refused when there is nothing else.
func TestUnusableSecretsBesideKeys(t *testing.T) {
	broken := func() *schema.Document {
		doc := quickDocument()
		doc.Clients[0].Secrets = []schema.Secret{{Label: "a", Hash: "env:ABSENT"}}
		return doc
	}
	s, _ := serving(t, signers(broken()), server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
	if res := do(t, s.Public(), post(asserted(pairs()[schema.ES256].assertion("signer", issuerURL, noon, nil)))); res.status != 200 {
		t.Errorf("%d %s", res.status, res.raw)
	}
	if problems := s.Active().Problems; len(problems) != 1 || problems[0].Address != "client.billing" {
		t.Errorf("%v", problems)
	}
	for name, doc := range map[string]func(*schema.Document){
		"nothing":  func(*schema.Document) {},
		"bad keys": func(doc *schema.Document) { withKeys(doc, "x", schema.PublicKey{Label: "k", JWKS: `{"keys":[]}`}) },
		"certificates without TLS": func(doc *schema.Document) {
			withClient(doc, schema.Client{Label: "x", ClientID: "x", Certificates: []schema.Certificate{{Label: "c", SANDNS: "x.example"}}})
		},
	} {
		d := broken()
		doc(d)
		s, _ := newServer(t, server.Options{})
		if err := s.Activate(file(t, d, envelope())); err == nil || !strings.Contains(err.Error(), "no client credential can be used") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that has the server remember as much as it can does not keep the others
// from using their assertions and proofs up, and is told that it asks too much.
func TestOneClientFillsItsShareAlone(t *testing.T) {
	const keys = 64
	es, endpoint := pairs()[schema.ES256], issuerURL+"oauth/token"
	other, doc := newPair(), signers(quickDocument())
	withKeys(doc, "third", schema.PublicKey{Label: "k", JWKS: other.jwks("k")})
	clock := func() time.Time { return noon }
	s, log := serving(t, doc, server.Options{Now: clock, Store: store.NewMemory(store.MemoryOptions{MaxKeys: keys, Now: clock})})
	greedy := map[int]int{}
	for range 2 * keys { // it has no scope at the audience that it makes up
		greedy[do(t, s.Public(), post(asserted(es.assertion("signer", issuerURL, noon, nil), "audience", "https://nowhere.example"))).status]++
	}
	if greedy[400] != keys/2 || greedy[429] != 2*keys-keys/2 {
		t.Errorf("answers to who asks too much: %v", greedy)
	}
	if !strings.Contains(log.String(), "client-share-of-store-full") {
		t.Error("the log does not tell")
	}
	if res := do(t, s.Public(), post(asserted(other.assertion("third", issuerURL, noon, nil)))); res.status != 200 {
		t.Errorf("another client's assertion: %d %s", res.status, res.raw)
	}
	r := post(form())
	r.Header.Set("DPoP", es.proof(endpoint, noon, nil))
	if res := do(t, s.Public(), r); res.status != 200 {
		t.Errorf("another client's proof: %d %s", res.status, res.raw)
	}
}

// A rate_limit counts what a client asks for and not what it is given, and holds
// before anything is remembered: the assertion that came too early is good later.
func TestLimitsHoldBeforeAnythingIsRemembered(t *testing.T) {
	es, now := pairs()[schema.ES256], noon
	doc := signers(quickDocument())
	for i := range doc.Clients {
		if doc.Clients[i].ClientID == "signer" {
			doc.Clients[i].RateLimit = 0.5
		}
	}
	memory := store.NewMemory(store.MemoryOptions{Now: func() time.Time { return now }})
	s, _ := serving(t, doc, server.Options{Now: func() time.Time { return now }, Store: memory})
	if res := do(t, s.Public(), post(asserted(es.assertion("signer", issuerURL, noon, nil), "audience", "https://nowhere.example"))); res.status != 400 {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	early := asserted(es.assertion("signer", issuerURL, noon, nil))
	if res := do(t, s.Public(), post(early)); res.status != 429 || memory.Len() != 1 {
		t.Errorf("beyond the rate: %d %s, %d are remembered", res.status, res.raw, memory.Len())
	}
	now = now.Add(2 * time.Second)
	if res := do(t, s.Public(), post(early)); res.status != 200 {
		t.Errorf("two seconds later: %d %s", res.status, res.raw)
	}
	// Without one there is a limit, too: of what is remembered, at every endpoint.
	s, _ = serving(t, signers(quickDocument()), server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
	answers := map[int]int{}
	for range 1010 {
		v := asserted(es.assertion("signer", issuerURL, noon, nil))
		v.Set("token", "x")
		r := post(v)
		r.URL.Path = "/oauth/introspect"
		answers[do(t, s.Public(), r).status]++
	}
	if answers[200] != 1000 || answers[429] != 10 {
		t.Errorf("1,010 assertions at once: %v", answers)
	}
	// Proofs count as well, whether they are good or not.
	clear(answers)
	for range 1010 {
		answers[do(t, s.Public(), with(post(form()), "DPoP", "x")).status]++
	}
	if answers[400] != 1000 || answers[429] != 10 {
		t.Errorf("1,010 proofs at once: %v", answers)
	}
}
