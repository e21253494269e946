package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

const testNow = 1_800_000_000

// issued makes a token as the server does, and the keys to check it with.
func issued(t *testing.T, alg schema.SigningAlg) (string, []verifyKey) {
	t.Helper()
	grant := &token.Grant{
		Issuer: "https://auth.example.com/", Audience: "https://api.example.com/orders", Subject: "billing@clients",
		ClientID: "billing", GrantType: schema.GrantClientCredentials, API: "orders", Profile: schema.ProfileRFC9068, Alg: alg,
		Scope: "read:orders", IssuedAt: testNow, ExpiresAt: testNow + 600,
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	var keys *token.Keys
	var known []verifyKey
	if alg == schema.HS256 {
		key, err := token.NewSecretKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		keys = token.NewKeys(nil, map[string]*token.Key{"orders": key})
		known = []verifyKey{{Alg: alg, Key: secret}}
	} else {
		private, err := newPrivateKey(rand.Reader, alg)
		if err != nil {
			t.Fatal(err)
		}
		key, err := token.NewKey(alg, private)
		if err != nil {
			t.Fatal(err)
		}
		keys = token.NewKeys([]token.Scheduled{{Key: key}}, nil)
		if known, err = jose.ReadKeys(string(keys.JWKS(testNow))); err != nil {
			t.Fatal(err)
		}
	}
	compact, _, err := token.NewIssuer(keys, token.NewGate(1, 1), rand.Reader).Issue(context.Background(), nil, grant)
	if err != nil {
		t.Fatal(err)
	}
	return string(compact), known
}

func TestInspectTokensOfTheServer(t *testing.T) {
	t.Parallel()
	for _, alg := range jose.Algs(jose.APITokens) {
		compact, keys := issued(t, alg)
		parsed, err := parseJWS(compact)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		good := expectation{issuer: "https://auth.example.com/", keys: keys, audience: "https://api.example.com/orders", now: testNow}
		if checks := good.inspect(parsed); !passed(checks) {
			t.Errorf("%s: %+v", alg, checks)
		}
		_, others := issued(t, alg)
		if alg == schema.HS256 {
			others[0].Key = []byte("another secret of thirty-two byt")
		}
		others[0].KID = ""
		for _, bad := range []struct {
			check string
			expectation
		}{
			{"signature", expectation{issuer: good.issuer, keys: others, now: testNow}},
			{"signature", expectation{issuer: good.issuer, now: testNow}},
			{"iss", expectation{issuer: "https://auth.example.com", keys: keys, now: testNow}},
			{"aud", expectation{issuer: good.issuer, keys: keys, audience: "https://api.example.com/orders/", now: testNow}},
			{"exp", expectation{issuer: good.issuer, keys: keys, now: testNow + 600}},
			{"iat", expectation{issuer: good.issuer, keys: keys, now: testNow - clockSkew - 1}},
		} {
			if failed := failures(bad.inspect(parsed)); failed != bad.check {
				t.Errorf("%s: failed %q, want %q", alg, failed, bad.check)
			}
		}
	}
}

// failures names the checks that failed.
func failures(checks []tokenCheck) string {
	var names []string
	for _, c := range checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}

// TestAlgorithmIsNotTheTokensChoice: a public key must not verify as an HMAC
// secret, nor "none" as anything.
func TestAlgorithmIsNotTheTokensChoice(t *testing.T) {
	compact, keys := issued(t, schema.RS256)
	parts := strings.Split(compact, ".")
	for _, alg := range []string{"none", "HS256", "PS256", "ES256", "rs256"} {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"at+jwt"}`))
		parsed, err := parseJWS(header + "." + parts[1] + "." + parts[2])
		if err != nil {
			t.Fatal(err)
		}
		e := expectation{issuer: "https://auth.example.com/", keys: keys, now: testNow}
		if c := e.checkSignature(parsed); c.OK {
			t.Errorf("alg %q verifies", alg)
		}
	}
}

func TestParseJWSRefuses(t *testing.T) {
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	header, claims := encode(`{"alg":"RS256"}`), encode(`{}`)
	for name, compact := range map[string]string{
		"two parts":         header + "." + claims,
		"four parts":        header + "." + claims + ".a.b",
		"padding":           header + "." + claims + ".YQ==",
		"stray bits":        header + "." + claims + ".YR",
		"line break":        header + "." + claims + ".Y\nQ",
		"claims not JSON":   header + "." + encode(`{`) + ".YQ",
		"claims a list":     header + "." + encode(`[]`) + ".YQ",
		"claims null":       header + "." + encode(`null`) + ".YQ",
		"claims twice":      header + "." + encode(`{}{}`) + ".YQ",
		"a member twice":    encode(`{"alg":"RS256","alg":"none"}`) + "." + claims + ".YQ",
		"escaped duplicate": header + "." + encode(`{"sub":"a","s\u0075b":"b"}`) + ".YQ",
		"too long":          header + "." + strings.Repeat("a", maxToken) + ".YQ",
	} {
		if _, err := parseJWS(compact); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := parseJWS(header + "." + claims + ".YQ"); err != nil {
		t.Errorf("a good one is refused: %v", err)
	}
}

func TestSecretDoesNotFollowRedirects(t *testing.T) {
	leaked := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	defer thief.Close()
	front := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer front.Close()
	remote := &tokenServer{base: front.URL}
	status, _, err := remote.token(context.Background(), "c", "s", nil)
	if err != nil || status != http.StatusTemporaryRedirect || leaked {
		t.Errorf("status %d, error %v, leaked %v", status, err, leaked)
	}
}

func TestShownTokenKeepsItsBytes(t *testing.T) {
	if got := indented(json.RawMessage(`{"b":1,"a":"<x>"}`)); got != "  {\n    \"b\": 1,\n    \"a\": \"<x>\"\n  }" {
		t.Errorf("got %s", got)
	}
}

// TestTokensDoNotSteerTheTerminal: a claim cannot fake a line of the report.
func TestTokensDoNotSteerTheTerminal(t *testing.T) {
	env, out, _ := testStdio()
	writeChecks(env, out, []tokenCheck{{"sub", false, "x\n  ok      signature\x1b[2J\u009b"}})
	if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u009b") {
		t.Errorf("printed %q", got)
	}
	if got := indented(json.RawMessage("{\"a\":\"\u009b\"}")); strings.Contains(got, "\u009b") {
		t.Errorf("printed %q", got)
	}
}
