package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
)

func envelope() snapshot.Envelope { return snapshot.Envelope{Serial: 1} }

// A proof of any algorithm binds the token to its key, whatever the client
// authenticates with.
func TestDPoP(t *testing.T) {
	issuer, _, _ := overListener(t, server.Options{}, func(issuer string) *schema.Document {
		doc := signers(quickDocument())
		doc.Issuer.URL = issuer
		doc.Clients[0].RequireSenderConstrained = true
		return doc
	})
	endpoint := issuer + "oauth/token"
	for alg, p := range pairs() {
		for name, v := range map[string]url.Values{"secret": form(), "assertion": asserted(pairs()[schema.ES256].assertion("signer", issuer, time.Now(), nil))} {
			res := ask(t, http.DefaultClient, endpoint, v, "DPoP", p.proof(endpoint, time.Now(), nil))
			if res.status != 200 || res.body.TokenType != "DPoP" {
				t.Fatalf("%s by %s: %d %s", alg, name, res.status, res.raw)
			}
			if cnf := confirmation(t, res.body.AccessToken); len(cnf) != 1 || cnf["jkt"] != p.thumbprint() {
				t.Errorf("%s: cnf %v, want jkt %s", alg, cnf, p.thumbprint())
			}
			inspected := ask(t, http.DefaultClient, issuer+"oauth/introspect", url.Values{
				"client_id": {clientID}, "client_secret": {clientSecret}, "token": {res.body.AccessToken}})
			if name == "secret" && (!strings.Contains(inspected.raw, `"token_type":"DPoP"`) || !strings.Contains(inspected.raw, p.thumbprint())) {
				t.Errorf("introspected: %s", inspected.raw)
			}
		}
	}
	if res := ask(t, http.DefaultClient, endpoint, form()); res.status != 400 || res.body.Error != "invalid_request" {
		t.Errorf("without a proof: %d %s", res.status, res.raw)
	}
}

// What RFC 9449 section 4.3 refuses, in both styles. The htu is held against
// the issuer's address and not against Host.
func TestRefusedProofs(t *testing.T) {
	es, endpoint := pairs()[schema.ES256], issuerURL+"oauth/token"
	good := func(changes map[string]any) string { return es.proof(endpoint, noon, changes) }
	claims := map[string]any{"jti": "1", "htm": "POST", "htu": endpoint, "iat": noon.Unix()}
	private := es.jwk()
	private["d"] = b64url(make([]byte, 32))
	used := good(nil)
	for _, style := range []schema.ErrorStyle{schema.ErrorsRFC6749, schema.ErrorsAuth0} {
		doc := quickDocument()
		doc.Issuer.ErrorStyle = style
		s, log := serving(t, doc, server.Options{Now: func() time.Time { return noon }, Store: store.NewMemory(store.MemoryOptions{})})
		if res := do(t, s.Public(), with(post(form()), "DPoP", used)); res.status != 200 || res.body.TokenType != "DPoP" {
			t.Fatalf("%d %s", res.status, res.raw)
		}
		for name, row := range map[string]struct {
			proofs []string
			reason string
		}{
			"two":                  {[]string{good(nil), good(nil)}, "proof-count"},
			"empty":                {[]string{""}, "malformed"},
			"no JWT":               {[]string{canary}, "malformed"},
			"used":                 {[]string{used}, "replayed"},
			"no jti":               {[]string{good(map[string]any{"jti": nil})}, "missing-claim"},
			"no iat":               {[]string{good(map[string]any{"iat": nil})}, "missing-claim"},
			"typ JWT":              {[]string{es.sign(map[string]any{"jwk": es.jwk()}, claims)}, "wrong-type"},
			"no jwk":               {[]string{es.sign(map[string]any{"typ": "dpop+jwt"}, claims)}, "proof-key"},
			"private jwk":          {[]string{es.sign(map[string]any{"typ": "dpop+jwt", "jwk": private}, claims)}, "proof-key"},
			"the key of another":   {[]string{es.sign(map[string]any{"typ": "dpop+jwt", "jwk": newPair().jwk()}, claims)}, "bad-signature"},
			"another method":       {[]string{good(map[string]any{"htm": "GET"})}, "wrong-method"},
			"the Host as htu":      {[]string{good(map[string]any{"htu": "http://example.com/oauth/token"})}, "wrong-target"},
			"another path":         {[]string{good(map[string]any{"htu": issuerURL + "oauth/introspect"})}, "wrong-target"},
			"old":                  {[]string{good(map[string]any{"iat": noon.Unix() - 61})}, "expired"},
			"of the future":        {[]string{good(map[string]any{"iat": noon.Unix() + 11})}, "too-early"},
			"over 4 KiB":           {[]string{good(map[string]any{"x": strings.Repeat("x", 5000)})}, "too-large"},
			"two in one, by comma": {[]string{good(nil) + "," + good(nil)}, "malformed"},
		} {
			r := post(form())
			for _, proof := range row.proofs {
				r.Header.Add("DPoP", proof)
			}
			before := len(log.String())
			res := do(t, s.Public(), r)
			if res.status != 400 || res.body.Error != "invalid_dpop_proof" || res.header.Get("DPoP-Nonce") != "" {
				t.Errorf("%s: %d %s", name, res.status, res.raw)
			}
			checkErrorAnswer(t, res)
			if line := log.String()[before:]; !strings.Contains(line, `"reason":"`+row.reason+`"`) {
				t.Errorf("%s: not for the reason %s: %s", name, row.reason, line)
			}
		}
	}
}

// A proof is looked at only when the client has authenticated: nobody else
// fills the store.
func TestProofComesAfterTheClient(t *testing.T) {
	used := store.NewMemory(store.MemoryOptions{})
	s, _ := serving(t, quickDocument(), server.Options{Now: func() time.Time { return noon }, Store: used})
	proof := pairs()[schema.ES256].proof(issuerURL+"oauth/token", noon, nil)
	if res := do(t, s.Public(), with(post(form("client_secret", "wrong")), "DPoP", proof)); res.status != 401 || used.Len() != 0 {
		t.Errorf("%d %s, %d remembered", res.status, res.raw, used.Len())
	}
	if res := do(t, s.Public(), with(post(form()), "DPoP", proof)); res.status != 200 || used.Len() != 1 {
		t.Errorf("%d %s, %d remembered", res.status, res.raw, used.Len())
	}
}

func TestProofNonce(t *testing.T) {
	now := noon
	s, _ := serving(t, quickDocument(), server.Options{Now: func() time.Time { return now }, Store: store.NewMemory(store.MemoryOptions{}), ProofNonce: true})
	es := pairs()[schema.ES256]
	try := func(nonce any) result {
		return do(t, s.Public(), with(post(form()), "DPoP", es.proof(issuerURL+"oauth/token", now, map[string]any{"nonce": nonce})))
	}
	var nonce string
	for name, wrong := range map[string]any{"none": nil, "empty": "", "made up": "AAAAAAAAAAAAAAAAAAAAAA", "a number": 1} {
		res := try(wrong)
		if nonce = res.header.Get("DPoP-Nonce"); res.status != 400 || res.body.Error != "use_dpop_nonce" || nonce == "" {
			t.Errorf("%s: %d %s %q", name, res.status, res.raw, nonce)
		}
	}
	if res := try(nonce); res.status != 200 || res.body.TokenType != "DPoP" || res.header.Get("DPoP-Nonce") == "" {
		t.Errorf("%d %s", res.status, res.raw)
	}
	now = noon.Add(2 * time.Minute)
	if res := try(nonce); res.status != 200 || res.header.Get("DPoP-Nonce") == nonce {
		t.Errorf("the nonce before: %d %s", res.status, res.raw)
	}
	now = noon.Add(4 * time.Minute)
	if res := try(nonce); res.status != 400 || res.body.Error != "use_dpop_nonce" {
		t.Errorf("an old nonce: %d %s", res.status, res.raw)
	}
	if res := do(t, s.Public(), post(form())); res.status != 200 || res.body.TokenType != "Bearer" || res.header.Get("DPoP-Nonce") != "" {
		t.Errorf("without a proof: %d %s", res.status, res.raw)
	}
}
