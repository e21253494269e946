package clientauth

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/store/storetest"
)

// A trustedTest is a trusted issuer whose key the test has.
type trustedTest struct {
	*TrustedIssuer
	now    time.Time
	claims map[string]any
}

// newTrustedIssuer returns an issuer in the shape of a Kubernetes cluster and
// the claims of a service account's token.
func newTrustedIssuer(t testing.TB) (trustedTest, map[string]any) {
	now := storetest.NewClock().Now()
	issuer := "https://kubernetes.default.svc"
	claims := map[string]any{
		"iss": issuer, "sub": "system:serviceaccount:payments:billing", "aud": []string{ourIssuer},
		"iat": now.Unix() - 1800, "nbf": now.Unix() - 1800, "exp": now.Unix() + 1800, "jti": "0b7a",
		"kubernetes.io": map[string]any{"namespace": "payments", "pod": map[string]any{"name": "billing-7d"}},
	}
	trusted := &TrustedIssuer{
		Issuer: issuer, Audiences: []string{ourIssuer, "writ"},
		Keys: testKeys()[schema.ES256].keys(t, map[string]any{"kid": "cluster-1"}),
	}
	return trustedTest{trusted, now, claims}, claims
}

func (f trustedTest) read(t testing.TB, header, changes map[string]any) *Token {
	t.Helper()
	claims := maps.Clone(f.claims)
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	h := map[string]any{"kid": "cluster-1"}
	maps.Copy(h, header)
	token, err := ReadToken(testKeys()[schema.ES256].token(h, claims), MaxAssertion)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTrustedIssuer(t *testing.T) {
	trusted, _ := newTrustedIssuer(t)
	now := trusted.now.Unix()
	for _, test := range []struct {
		name            string
		header, changes map[string]any
		want            Reason
	}{
		{"good", nil, nil, ""},
		{"no jti, no iat, no nbf", nil, map[string]any{"jti": nil, "iat": nil, "nbf": nil}, ""},
		{"aud as a string", nil, map[string]any{"aud": ourIssuer}, ""},
		{"aud, two that are ours", nil, map[string]any{"aud": []string{"writ", ourIssuer}}, ""},
		{"a long life", nil, map[string]any{"exp": now + 86400*365}, ""},

		{"iss of another", nil, map[string]any{"iss": "https://kubernetes.default.svc.evil.example"}, ReasonWrongIssuer},
		{"iss with a slash", nil, map[string]any{"iss": "https://kubernetes.default.svc/"}, ReasonWrongIssuer},
		{"iss in capitals", nil, map[string]any{"iss": "https://KUBERNETES.default.svc"}, ReasonWrongIssuer},
		{"iss absent", nil, map[string]any{"iss": nil}, ReasonWrongIssuer},
		{"iss is an array", nil, map[string]any{"iss": []string{"https://kubernetes.default.svc"}}, ReasonWrongIssuer},
		{"sub absent", nil, map[string]any{"sub": nil}, ReasonMissingClaim},
		{"sub is empty", nil, map[string]any{"sub": ""}, ReasonMissingClaim},
		{"sub is a number", nil, map[string]any{"sub": 7}, ReasonMissingClaim},
		{"aud absent", nil, map[string]any{"aud": nil}, ReasonWrongAudience},
		{"aud is empty", nil, map[string]any{"aud": []string{}}, ReasonWrongAudience},
		{"aud of another", nil, map[string]any{"aud": "https://kubernetes.default.svc"}, ReasonWrongAudience},
		{"aud, ours and another's", nil, map[string]any{"aud": []string{ourIssuer, "vault"}}, ReasonWrongAudience},
		{"aud, ours and a number", nil, map[string]any{"aud": []any{ourIssuer, 1}}, ReasonWrongAudience},
		{"exp absent", nil, map[string]any{"exp": nil}, ReasonMissingClaim},
		{"exp past", nil, map[string]any{"exp": now - 10}, ReasonExpired},
		{"exp within the skew", nil, map[string]any{"exp": now - 9}, ""},
		{"nbf ahead", nil, map[string]any{"nbf": now + 11}, ReasonTooEarly},
		{"iat ahead", nil, map[string]any{"iat": now + 11}, ReasonTooEarly},
		{"another kid", map[string]any{"kid": "cluster-2"}, nil, ReasonUnknownKey},
	} {
		verified, err := trusted.Verify(trusted.read(t, test.header, test.changes), trusted.now)
		switch {
		case test.want != "":
			wantReason(t, test.name, err, test.want)
			if verified != nil {
				t.Errorf("%s: claims beside an error", test.name)
			}
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		case verified.Subject() != "system:serviceaccount:payments:billing" || verified.Expires() == 0:
			t.Errorf("%s: subject %q, expires %d", test.name, verified.Subject(), verified.Expires())
		}
	}
}

func TestTrustedIssuerPins(t *testing.T) {
	trusted, claims := newTrustedIssuer(t)
	// Another issuer's key does not vouch for this one's tokens.
	_, err := trusted.Verify(must(ReadToken(newES256().token(map[string]any{"kid": "cluster-1"}, claims), MaxAssertion)), trusted.now)
	wantReason(t, "another key", err, ReasonBadSignature)

	// An algorithm that is not allowed finds no key, though one would fit.
	rs := testKeys()[schema.RS256]
	if trusted.Keys, err = ParseKeys(jwkSet(rs.jwk(nil)), schema.PS256); err != nil {
		t.Fatal(err)
	}
	_, err = trusted.Verify(must(ReadToken(rs.token(nil, claims), MaxAssertion)), trusted.now)
	wantReason(t, "RS256 where PS256 is pinned", err, ReasonUnknownKey)

	// A token to exchange may say that it is an access token, if the caller
	// takes such.
	trusted, _ = newTrustedIssuer(t)
	token := trusted.read(t, map[string]any{"typ": "at+jwt"}, nil)
	_, err = trusted.Verify(token, trusted.now)
	wantReason(t, "at+jwt", err, ReasonWrongType)
	if _, err := trusted.Verify(token, trusted.now, "at+jwt"); err != nil {
		t.Errorf("at+jwt where it is taken: %v", err)
	}
}

func TestSPIFFE(t *testing.T) {
	trusted, _ := newTrustedIssuer(t)
	trusted.Issuer = "spiffe://example.org"
	svid := map[string]any{"iss": nil, "jti": nil, "nbf": nil, "kubernetes.io": nil, "sub": "spiffe://example.org/payments/billing", "aud": []string{ourIssuer}}
	for _, test := range []struct {
		name    string
		changes map[string]any
		want    Reason
	}{
		{"JWT-SVID", nil, ""},
		{"with iss", map[string]any{"iss": "spiffe://example.org"}, ""},
		{"iss of another", map[string]any{"iss": "https://example.org"}, ReasonWrongIssuer},
		{"iss is empty", map[string]any{"iss": ""}, ReasonWrongIssuer},
		{"another trust domain", map[string]any{"sub": "spiffe://example.com/payments/billing"}, ReasonWrongSubject},
		{"a longer trust domain", map[string]any{"sub": "spiffe://example.org.evil.com/x"}, ReasonWrongSubject},
		{"the trust domain itself", map[string]any{"sub": "spiffe://example.org"}, ReasonWrongSubject},
		{"iss, another trust domain", map[string]any{"iss": "spiffe://example.org", "sub": "spiffe://example.com/x"}, ReasonWrongSubject},
		{"no sub", map[string]any{"sub": nil}, ReasonMissingClaim},
	} {
		changes := maps.Clone(svid)
		maps.Copy(changes, test.changes)
		_, err := trusted.Verify(trusted.read(t, map[string]any{"typ": "JOSE"}, changes), trusted.now)
		if test.want == "" && err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if test.want != "" {
			wantReason(t, test.name, err, test.want)
		}
	}
	// Only a SPIFFE trust domain may leave iss out.
	trusted.Issuer = "https://example.org"
	_, err := trusted.Verify(trusted.read(t, nil, svid), trusted.now)
	wantReason(t, "no iss, other issuer", err, ReasonWrongIssuer)
}

func verifiedClaims(t *testing.T, text string) *Verified {
	t.Helper()
	claims := must(jose.ReadObject([]byte(text)))
	sub, _ := claims.Text("sub")
	return &Verified{claims: claims, sub: sub}
}

func TestMatchFederated(t *testing.T) {
	now := storetest.NewClock().Now()
	github := verifiedClaims(t, `{"sub":"repo:acme/billing:ref:refs/heads/main","repository_owner":"acme","run_attempt":"1","environment":null,"groups":["a","b"],"n":1,"o":{"x":{"y":true}}}`)
	for _, test := range []struct {
		name       string
		credential schema.Federated
		want       Reason
	}{
		{"exact", schema.Federated{Subject: "repo:acme/billing:ref:refs/heads/main"}, ""},
		{"pattern", schema.Federated{SubjectPattern: "repo:acme/billing:ref:refs/heads/*"}, ""},
		{"pattern across parts", schema.Federated{SubjectPattern: "repo:acme/billing:**"}, ""},
		{"claims", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"groups":["a","b"],"n":1,"o":{"x":{"y":true}},"repository_owner":"acme"}`}, ""},
		{"claim that is null", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"environment":null}`}, ""},
		{"open window", schema.Federated{SubjectPattern: "repo:acme/**", Window: schema.Window{NotBefore: now.Unix()}}, ""},

		{"prefix of the subject", schema.Federated{Subject: "repo:acme/billing"}, ReasonWrongSubject},
		{"longer than the subject", schema.Federated{Subject: "repo:acme/billing:ref:refs/heads/main2"}, ReasonWrongSubject},
		{"case", schema.Federated{Subject: "repo:Acme/billing:ref:refs/heads/main"}, ReasonWrongSubject},
		{"a star in an exact subject", schema.Federated{Subject: "repo:acme/*"}, ReasonWrongSubject},
		{"anchored at the end", schema.Federated{SubjectPattern: "repo:acme/*"}, ReasonWrongSubject},
		{"anchored at the start", schema.Federated{SubjectPattern: "acme/billing:**"}, ReasonWrongSubject},
		{"star stops at separators", schema.Federated{SubjectPattern: "repo:*:ref:refs/heads/main"}, ReasonWrongSubject},
		{"another owner", schema.Federated{SubjectPattern: "repo:acm/**"}, ReasonWrongSubject},
		{"neither", schema.Federated{}, ReasonWrongSubject},
		{"both", schema.Federated{Subject: "repo:acme/billing:ref:refs/heads/main", SubjectPattern: "repo:**"}, ReasonWrongSubject},
		{"claim differs", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"repository_owner":"acme2"}`}, ReasonWrongClaim},
		{"claim absent", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"repository":"acme"}`}, ReasonWrongClaim},
		{"absent is not null", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"repository":null}`}, ReasonWrongClaim},
		{"claim of another type", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"run_attempt":1}`}, ReasonWrongClaim},
		{"one of an array", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"groups":"a"}`}, ReasonWrongClaim},
		{"array in another order", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{"groups":["b","a"]}`}, ReasonWrongClaim},
		{"claims are broken", schema.Federated{SubjectPattern: "repo:acme/**", Claims: `{`}, ReasonWrongClaim},
		{"expired", schema.Federated{SubjectPattern: "repo:acme/**", Window: schema.Window{ExpiresAt: now.Unix()}}, ReasonKeyWindow},
	} {
		test.credential.Label, test.credential.TrustedIssuer = test.name, "github"
		other := schema.Federated{Label: "other", TrustedIssuer: "gitlab", SubjectPattern: "repo:**"}
		label, err := MatchFederated(github, "github", slices.Values([]schema.Federated{other, test.credential}), now)
		if test.want == "" {
			if err != nil || label != test.name {
				t.Errorf("%s: %q, %v", test.name, label, err)
			}
			continue
		}
		wantReason(t, test.name, err, test.want)
	}
	_, err := MatchFederated(github, "github", slices.Values([]schema.Federated(nil)), now)
	wantReason(t, "no credential", err, ReasonNotRegistered)
	long := verifiedClaims(t, `{"sub":"repo:`+strings.Repeat("x", 5000)+`"}`)
	_, err = MatchFederated(long, "g", slices.Values([]schema.Federated{{TrustedIssuer: "g", SubjectPattern: "repo:*"}}), now)
	wantReason(t, "a very long subject", err, ReasonWrongSubject)
}

func TestVerifiedEqual(t *testing.T) {
	v := verifiedClaims(t, `{"a":"\u00e9","b":"/","n":1.0,"deep":[{"x":[1,2]}]}`)
	for object, want := range map[string]bool{
		"": true, `{}`: true, `{"a":"é"}`: true, `{"a":"\u00E9","b":"\/"}`: true, `{"deep":[ { "x": [1, 2] } ]}`: true,
		`{"n":1.0}`: true, `{"n":1}`: false, `{"A":"é"}`: false, `{"deep":[{"x":[1]}]}`: false, `[]`: false, `{"a":"é","a":"é"}`: false,
	} {
		if got := v.Equal(object); got != want {
			t.Errorf("Equal(%s) = %v", object, got)
		}
	}
}
