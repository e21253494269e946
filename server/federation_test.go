package server_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
	"github.com/writ-auth/writ/server/store"
)

// A foreigner is an issuer whose tokens we take, as it is in the world.
type foreigner struct {
	issuer string
	key    pair
	typ    string // JWT when empty
	claims map[string]any
	match  schema.Federated
	spoilt map[string]map[string]any // changes after which the token is refused, by reason
}

// foreigners are the shapes of a Kubernetes service account, GitHub Actions,
// GitLab CI and a SPIFFE workload.
func foreigners() map[string]foreigner {
	return map[string]foreigner{
		"kubernetes": {
			issuer: "https://kubernetes.default.svc.cluster.local", key: pairs()[schema.RS256],
			claims: map[string]any{
				"sub": "system:serviceaccount:payments:billing", "aud": []string{issuerURL}, "nbf": noon.Unix(), "jti": "0b1f0cf4",
				"kubernetes.io": map[string]any{"namespace": "payments", "serviceaccount": map[string]any{"name": "billing", "uid": "6f1c"}, "warnafter": noon.Unix() + 3000},
			},
			match: schema.Federated{Subject: "system:serviceaccount:payments:billing"},
			spoilt: map[string]map[string]any{
				"wrong-subject": {"sub": "system:serviceaccount:payments:billing2"}, "wrong-audience": {"aud": []string{"https://kubernetes.default.svc"}},
				"expired": {"exp": noon.Unix() - 60, "iat": noon.Unix() - 600, "nbf": nil}, "missing-claim": {"exp": nil},
			},
		},
		"github": {
			issuer: "https://token.actions.githubusercontent.com", key: pairs()[schema.RS256],
			claims: map[string]any{
				"sub": "repo:example/shop:ref:refs/heads/main", "aud": issuerURL, "ref": "refs/heads/main", "repository": "example/shop",
				"repository_owner_id": "65", "job_workflow_ref": "example/shop/.github/workflows/deploy.yml@refs/heads/main", "event_name": "push",
			},
			match: schema.Federated{SubjectPattern: "repo:example/shop:ref:refs/heads/*", Claims: `{"event_name":"push","repository_owner_id":"65"}`},
			spoilt: map[string]map[string]any{
				"wrong-subject": {"sub": "repo:example/shop:pull_request"}, "wrong-claim": {"repository_owner_id": "66"}, "wrong-issuer": {"iss": "https://token.actions.example"},
			},
		},
		"gitlab": {
			issuer: "https://gitlab.example.com", key: pairs()[schema.RS256],
			claims: map[string]any{
				"sub": "project_path:shop/billing:ref_type:branch:ref:main", "aud": issuerURL, "project_id": "22", "ref_protected": "true", "nbf": noon.Unix() - 5,
				"user_access_level": nil,
			},
			match:  schema.Federated{Subject: "project_path:shop/billing:ref_type:branch:ref:main", Claims: `{"project_id":"22","ref_protected":"true"}`},
			spoilt: map[string]map[string]any{"wrong-claim": {"ref_protected": "false"}, "too-early": {"nbf": noon.Unix() + 3600}},
		},
		"spiffe": {
			issuer: "spiffe://example.org", key: pairs()[schema.ES256], typ: "JOSE",
			claims: map[string]any{"iss": nil, "sub": "spiffe://example.org/ns/payments/sa/billing", "aud": []string{issuerURL}},
			match:  schema.Federated{Subject: "spiffe://example.org/ns/payments/sa/billing"},
			spoilt: map[string]map[string]any{
				"wrong-subject": {"sub": "spiffe://example.org/ns/payments/sa/other"}, "wrong-type": {"sub": "spiffe://example.org.evil/ns/payments/sa/billing"},
			},
		},
	}
}

func (f foreigner) token(changes map[string]any) string {
	header := map[string]any{"kid": "k1"}
	if f.typ != "" {
		header["typ"] = f.typ
	}
	claims := map[string]any{"iss": f.issuer, "iat": noon.Unix(), "exp": noon.Unix() + 600}
	return f.key.sign(header, changed(changed(claims, f.claims), changes))
}

// federated is a document in which the client "workload" is the foreigner's.
func (f foreigner) federated() *schema.Document {
	doc := quickDocument()
	doc.TrustedIssuers = []schema.TrustedIssuer{{
		Label: "foreign", Issuer: f.issuer, JWKS: f.key.jwks("k1"), Algorithms: []schema.SigningAlg{f.key.alg},
		Audiences: []string{issuerURL}, VouchesFor: []schema.SubjectType{schema.SubjectClient},
	}}
	match := f.match
	match.Label, match.TrustedIssuer = "world", "foreign"
	withClient(doc, schema.Client{Label: "workload", ClientID: "workload", Federated: []schema.Federated{match}})
	return doc
}

// A workload's own token is all that its client needs: again and again until it
// expires, and for no other client.
func TestFederatedTokens(t *testing.T) {
	for name, f := range foreigners() {
		t.Run(name, func(t *testing.T) {
			s, log := serving(t, f.federated(), server.Options{Now: func() time.Time { return noon }})
			for range 2 {
				res := do(t, s.Public(), post(asserted(f.token(nil), "client_id", "workload")))
				if res.status != 200 || !strings.Contains(log.String(), `"method":"federated","credential":"world"`) {
					t.Fatalf("%d %s\n%s", res.status, res.raw, log)
				}
			}
			wrong := do(t, s.Public(), post(form("client_secret", "wrong")))
			refused := func(what, reason, token, id string) {
				t.Helper()
				before := len(log.String())
				res := do(t, s.Public(), post(asserted(token, "client_id", id)))
				if fmt.Sprint(res.status, res.header, res.raw) != fmt.Sprint(wrong.status, wrong.header, wrong.raw) {
					t.Errorf("%s: %d %s", what, res.status, res.raw)
				}
				if line := log.String()[before:]; !strings.Contains(line, `"reason":"`+reason+`"`) {
					t.Errorf("%s: not for the reason %s: %s", what, reason, line)
				}
			}
			for reason, changes := range f.spoilt {
				refused(reason, reason, f.token(changes), "workload")
			}
			refused("a client without federated", "not-registered", f.token(nil), clientID)
			refused("a client that does not exist", "unknown-client", f.token(nil), "nobody")
			refused("without client_id", "unknown-client", f.token(nil), "-")
			forged := f
			forged.key = pair{f.key.alg, f.key.private}
			if f.key.alg == schema.ES256 {
				forged.key = newPair()
				refused("another key", "bad-signature", forged.token(nil), "workload")
			}
			refused("an access token", "wrong-type", f.key.sign(map[string]any{"typ": "at+jwt", "kid": "k1"},
				changed(changed(map[string]any{"iss": f.issuer, "exp": noon.Unix() + 60}, f.claims), nil)), "workload")
		})
	}
}

// A JWT-SVID may come as what it is, and nothing else may come as one: neither
// another issuer's token nor a client's own assertion.
func TestSPIFFEAssertionType(t *testing.T) {
	const kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
	status := func(doc *schema.Document, v url.Values) int {
		s, _ := serving(t, doc, server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
		return do(t, s.Public(), post(v)).status
	}
	for name, f := range foreigners() {
		want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[name == "spiffe"]
		if got := status(f.federated(), asserted(f.token(nil), "client_id", "workload", "client_assertion_type", kind)); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	svid := foreigners()["spiffe"]
	if got := status(quickDocument(), asserted(svid.token(nil), "client_id", clientID, "client_assertion_type", kind)); got != http.StatusUnauthorized {
		t.Errorf("of a trust domain that nobody trusts: %d", got)
	}
	own := pairs()[schema.ES256].assertion("signer", issuerURL, noon, nil)
	if got := status(signers(quickDocument()), asserted(own)); got != http.StatusOK {
		t.Fatalf("a client's own assertion: %d", got)
	}
	if got := status(signers(quickDocument()), asserted(own, "client_assertion_type", kind)); got != http.StatusUnauthorized {
		t.Errorf("a client's own assertion as a JWT-SVID: %d", got)
	}
}

// A token of our own is nobody's credential, though a snapshot trusts its issuer:
// an API that was called with it would become the client that may have it.
func TestOwnTokenIsNoCredential(t *testing.T) {
	doc := quickDocument()
	doc.APIs[0].Profile = schema.ProfileAuth0 // whose tokens call themselves plain JWTs
	// What it trusts is filled in when the keys are known.
	doc.TrustedIssuers = []schema.TrustedIssuer{{
		Label: "ourselves", Issuer: issuerURL, JWKS: pairs()[doc.APIs[0].Alg].jwks("k1"), Algorithms: []schema.SigningAlg{doc.APIs[0].Alg},
		Audiences: []string{ordersURL}, VouchesFor: []schema.SubjectType{schema.SubjectClient},
	}}
	withClient(doc, schema.Client{Label: "high", ClientID: "high", Federated: []schema.Federated{{
		Label: "low", TrustedIssuer: "ourselves", Subject: clientID + "@clients",
	}}})
	s, log := newServer(t, server.Options{Now: func() time.Time { return noon }})
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1})); err != nil {
		t.Fatal(err)
	}
	doc.TrustedIssuers[0].JWKS = do(t, s.Public(), httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)).raw
	if err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 2})); err != nil {
		t.Fatal(err)
	}
	token := do(t, s.Public(), post(form())).body.AccessToken
	res := do(t, s.Public(), post(asserted(token, "client_id", "high")))
	if res.status != http.StatusUnauthorized {
		t.Errorf("%d %s\n%s", res.status, res.raw, log)
	}
	if problems := s.Active().Problems; len(problems) != 1 || problems[0].Address != "trusted_issuer.ourselves" {
		t.Errorf("problems %v", problems)
	}
}

// An issuer that only names users vouches for no client.
func TestIssuerOfUsersAuthenticatesNoClient(t *testing.T) {
	f := foreigners()["github"]
	doc := f.federated()
	doc.TrustedIssuers[0].VouchesFor = []schema.SubjectType{schema.SubjectUser}
	s, _ := serving(t, doc, server.Options{Now: func() time.Time { return noon }})
	if res := do(t, s.Public(), post(asserted(f.token(nil), "client_id", "workload"))); res.status != 401 {
		t.Errorf("%d %s", res.status, res.raw)
	}
}

// Keys behind a jwks_uri are fetched beside the requests. Until they are there
// the answer is 503, for this credential only; an unknown kid fetches them anew.
func TestFetchedKeys(t *testing.T) {
	f := foreigners()["gitlab"]
	var jwks atomic.Pointer[string]
	var asked atomic.Int64
	host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if body := jwks.Load(); body != nil {
			w.Write([]byte(*body))
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer host.Close()
	pool := x509.NewCertPool()
	pool.AddCert(host.Certificate())

	doc := f.federated()
	doc.TrustedIssuers[0].JWKS, doc.TrustedIssuers[0].JWKSURI = "", host.URL+"/-/jwks"
	var ahead atomic.Int64
	now := func() time.Time { return noon.Add(time.Duration(ahead.Load()) * time.Second) }
	s, log := serving(t, doc, server.Options{Now: now, IssuerKeys: clientauth.FetchOptions{Roots: pool}, Store: store.NewMemory(store.MemoryOptions{Now: now})})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Maintain(ctx) }()
	defer func() { cancel(); <-ended }()

	present := func(changes map[string]any) result {
		return do(t, s.Public(), post(asserted(f.token(changes), "client_id", "workload")))
	}
	eventually := func(what string, ok func() bool) {
		t.Helper()
		for range 1200 { // a minute
			if ok() {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%s never happened\n%s", what, log)
	}
	eventually("a failed fetch", func() bool { return strings.Contains(log.String(), "not fetched") })
	if problems := s.Status().Problems; len(problems) != 1 || problems[0].Address != "trusted_issuer.foreign" || !strings.Contains(problems[0].Reason, "503") {
		t.Errorf("/status: %v", problems)
	}
	res := present(nil)
	if res.status != 503 || !strings.Contains(log.String(), "trusted-issuer-keys-missing") {
		t.Fatalf("%d %s", res.status, res.raw)
	}
	checkErrorAnswer(t, res)
	if res := do(t, s.Public(), post(form())); res.status != 200 {
		t.Errorf("another client: %d %s", res.status, res.raw)
	}
	first := f.key.jwks("k1")
	jwks.Store(&first)
	ahead.Store(60)
	eventually("the fetch", func() bool { return present(nil).status == 200 })
	if problems := s.Status().Problems; len(problems) != 0 {
		t.Errorf("/status: %v", problems)
	}

	// The issuer moves on to another key.
	f.key = pair{schema.RS256, f.key.private}
	second := f.key.jwks("k2")
	jwks.Store(&second)
	ahead.Store(60 + 31)
	before := asked.Load()
	next := f.key.sign(map[string]any{"kid": "k2"}, changed(changed(map[string]any{"iss": f.issuer, "iat": noon.Unix(), "exp": noon.Unix() + 600}, f.claims), nil))
	eventually("the new key", func() bool {
		return do(t, s.Public(), post(asserted(next, "client_id", "workload"))).status == 200
	})
	if n := asked.Load() - before; n != 1 {
		t.Errorf("%d fetches for one unknown kid", n)
	}
	// A reload keeps the keys, and does not ask again.
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	if res := do(t, s.Public(), post(asserted(next, "client_id", "workload"))); res.status != 200 || asked.Load()-before != 1 {
		t.Errorf("after a reload: %d %s, %d fetches", res.status, res.raw, asked.Load()-before)
	}
}

// Of two issuers with one name, the one whose keys have not been had may be whose
// token it is: nothing is decided, whichever is asked first.
func TestFederatedKeysNotFetchedYet(t *testing.T) {
	host := httptest.NewServer(http.NotFoundHandler())
	defer host.Close()
	f := foreigners()["gitlab"]
	for _, label := range []string{"aaa", "zzz"} {
		doc := f.federated()
		pinned := doc.TrustedIssuers[0]
		pinned.Label, pinned.JWKS, pinned.JWKSURI = label, "", host.URL+"/jwks"
		doc.TrustedIssuers[0].JWKS = f.key.jwks("k9")
		if doc.TrustedIssuers = append(doc.TrustedIssuers, pinned); label == "aaa" {
			slices.Reverse(doc.TrustedIssuers)
		}
		s, log := serving(t, doc, server.Options{Now: func() time.Time { return noon }})
		res := do(t, s.Public(), post(asserted(f.token(nil), "client_id", "workload")))
		if res.status != 503 || !strings.Contains(log.String(), "trusted-issuer-keys-missing") {
			t.Errorf("%s: %d %s\n%s", label, res.status, res.raw, log)
		}
	}
}
