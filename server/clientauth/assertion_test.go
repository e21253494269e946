package clientauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

const ourIssuer = "https://auth.example.com/"

// An assertionTest is a verifier at a time that the test moves.
type assertionTest struct {
	*Assertions
	clock *storetest.Clock
	keys  []ClientKeys
}

func newAssertionTest(t testing.TB, opts AssertionOptions) assertionTest {
	clock := storetest.NewClock()
	opts.Issuer, opts.Now = ourIssuer, clock.Now
	if opts.Store == nil {
		opts.Store = store.NewMemory(store.MemoryOptions{Now: clock.Now, MaxKeys: 1 << 30})
	}
	keys := []ClientKeys{{Label: "k1", Keys: testKeys()[schema.ES256].keys(t, map[string]any{"kid": "one"})}}
	return assertionTest{NewAssertions(opts), clock, keys}
}

// claims are those of a good assertion, changed; a nil member is taken out.
func (a assertionTest) claims(changes map[string]any) map[string]any {
	now := a.clock.Now().Unix()
	claims := map[string]any{"iss": "billing", "sub": "billing", "aud": ourIssuer, "iat": now, "exp": now + 60, "jti": rand.Text()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

func (a assertionTest) sign(header, changes map[string]any) string {
	return testKeys()[schema.ES256].token(header, a.claims(changes))
}

func (a assertionTest) present(ctx context.Context, assertion string) (label string, err error) {
	token, err := ReadToken(assertion, MaxAssertion)
	if err != nil {
		return "", err
	}
	return a.verifyOnce(ctx, AssertionType, token, token.UnverifiedSubject(), a.keys)
}

func TestAssertionIsAccepted(t *testing.T) {
	for alg, s := range testKeys() {
		a := newAssertionTest(t, AssertionOptions{})
		a.keys = []ClientKeys{{Label: "other", Keys: newES256().keys(t, nil)}, {Label: "mine", Keys: s.keys(t, map[string]any{"alg": string(alg)})}}
		label, err := a.present(t.Context(), s.token(nil, a.claims(nil)))
		if err != nil || label != "mine" {
			t.Errorf("%s: %q, %v", alg, label, err)
		}
	}
}

func newES256() signer {
	return signer{schema.ES256, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
}

func TestAssertionClaims(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	now := a.clock.Now().Unix()
	for _, test := range []struct {
		name    string
		changes map[string]any
		want    Reason
	}{
		{"good", nil, ""},
		{"no iat", map[string]any{"iat": nil}, ""},
		{"further claims", map[string]any{"aud2": "x", "scope": "admin", "nbf": now}, ""},

		{"iss of another client", map[string]any{"iss": "reports"}, ReasonWrongIssuer},
		{"iss absent", map[string]any{"iss": nil}, ReasonWrongIssuer},
		{"iss is an array", map[string]any{"iss": []string{"billing"}}, ReasonWrongIssuer},
		{"iss in another case", map[string]any{"iss": "Billing"}, ReasonWrongIssuer},
		{"iss with a space", map[string]any{"iss": "billing "}, ReasonWrongIssuer},
		{"iss with a NUL", map[string]any{"iss": "billing\x00"}, ReasonWrongIssuer},

		{"jti absent", map[string]any{"jti": nil}, ReasonMissingClaim},
		{"jti is empty", map[string]any{"jti": ""}, ReasonMissingClaim},
		{"jti is a number", map[string]any{"jti": 7}, ReasonMissingClaim},
		{"jti is an array", map[string]any{"jti": []any{}}, ReasonMissingClaim},

		{"exp absent", map[string]any{"exp": nil}, ReasonMissingClaim},
		{"exp is a string", map[string]any{"exp": fmt.Sprint(now + 60)}, ReasonMissingClaim},
		{"exp is a fraction", map[string]any{"exp": float64(now) + 60.5}, ReasonMissingClaim},
		{"exp is negative", map[string]any{"exp": -1}, ReasonMissingClaim},
		{"exp is huge", map[string]any{"exp": uint64(1<<63 + 5)}, ReasonMissingClaim},
		{"exp just past", map[string]any{"exp": now - 9, "iat": now - 60}, ""},
		{"exp past the skew", map[string]any{"exp": now - 10, "iat": now - 60}, ReasonExpired},
		{"exp five minutes ahead", map[string]any{"exp": now + 300}, ""},
		{"exp five minutes ahead of a clock that is ahead", map[string]any{"exp": now + 310, "iat": now + 10}, ""},
		{"exp further ahead", map[string]any{"exp": now + 311, "iat": now + 10}, ReasonTooLong},
		{"exp further ahead without iat", map[string]any{"exp": now + 311, "iat": nil}, ReasonTooLong},
		{"five minutes and the skew after iat", map[string]any{"exp": now + 300, "iat": now - 10}, ""},
		{"long life, near its end", map[string]any{"exp": now + 10, "iat": now - 301}, ReasonTooLong},

		{"iat ahead within the skew", map[string]any{"iat": now + 10}, ""},
		{"iat ahead of the skew", map[string]any{"iat": now + 11}, ReasonTooEarly},
		{"iat is a string", map[string]any{"iat": "now"}, ReasonWrongClaim},
		{"iat is a fraction", map[string]any{"iat": float64(now) - 0.5}, ReasonWrongClaim},
		{"nbf ahead within the skew", map[string]any{"nbf": now + 10}, ""},
		{"nbf ahead of the skew", map[string]any{"nbf": now + 11}, ReasonTooEarly},
		{"nbf is true", map[string]any{"nbf": true}, ReasonWrongClaim},
	} {
		_, err := a.present(t.Context(), a.sign(nil, test.changes))
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		wantReason(t, test.name, err, test.want)
	}
}

// A key that stands in for those of a client that has none lets nobody in, and an
// assertion that it signed is not used up.
func TestStandInKeysLetNobodyIn(t *testing.T) {
	keys := []ClientKeys{{Label: "k1", Keys: testKeys()[schema.ES256].keys(t, nil)}}
	a := newAssertionTest(t, AssertionOptions{Clients: slices.Values([][]ClientKeys{keys})})
	assertion := a.sign(nil, nil)
	a.keys = nil
	if label, err := a.present(t.Context(), assertion); label != "" || reasonOf(err) != ReasonUnknownKey {
		t.Errorf("signed by another client: %q, %v", label, err)
	}
	a.keys = keys
	if _, err := a.present(t.Context(), assertion); err != nil {
		t.Errorf("afterwards, with the client's own keys: %v", err)
	}
}

func TestAssertionSubject(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	for name, sub := range map[string]any{"another client's": "reports", "absent": nil, "array": []string{"billing"}, "case": "BILLING", "empty": ""} {
		token := must(ReadToken(a.sign(nil, map[string]any{"sub": sub}), MaxAssertion))
		_, err := a.verifyOnce(t.Context(), AssertionType, token, "billing", a.keys)
		wantReason(t, name, err, ReasonWrongSubject)
	}
	token := must(ReadToken(a.sign(nil, map[string]any{"iss": "", "sub": ""}), MaxAssertion))
	_, err := a.verifyOnce(t.Context(), AssertionType, token, "", a.keys)
	wantReason(t, "no client id at all", err, ReasonWrongIssuer)
	token = must(ReadToken(a.sign(nil, nil), MaxAssertion))
	_, err = a.verifyOnce(t.Context(), AssertionType, token, "reports", a.keys)
	wantReason(t, "client_id of another client", err, ReasonWrongIssuer)
}

// The twelve shapes of an audience. Ours alone is the only one that another
// authorization server cannot have talked the client into.
func TestAssertionAudience(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	for name, shape := range map[string]struct {
		aud any
		ok  bool
	}{
		"the issuer":             {ourIssuer, true},
		"an array of the issuer": {[]string{ourIssuer}, true},
		"the issuer and another": {[]string{ourIssuer, "https://evil.example.com/"}, false},
		"the issuer twice":       {[]string{ourIssuer, ourIssuer}, false},
		"the token endpoint":     {ourIssuer + "oauth/token", false},
		"without the slash":      {strings.TrimSuffix(ourIssuer, "/"), false},
		"with the default port":  {"https://auth.example.com:443/", false},
		"host in capitals":       {"https://AUTH.example.com/", false},
		"a star":                 {"*", false},
		"null":                   {[]any{nil}, false},
		"a number":               {7, false},
		"an object":              {map[string]any{"0": ourIssuer}, false},
		"empty":                  {"", false},
		"an empty array":         {[]string{}, false},
		"a nested array":         {[]any{[]string{ourIssuer}}, false},
		"missing":                {nil, false},
	} {
		_, err := a.present(t.Context(), a.sign(nil, map[string]any{"aud": shape.aud}))
		if shape.ok {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantReason(t, name, err, ReasonWrongAudience)
	}
}

// Tokens that say what they are for are refused everywhere else (RFC 8725
// section 3.11).
func TestTypeMatrix(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	trusted, _ := newTrustedIssuer(t)
	proofs := newProofTest(t, ProofOptions{})
	for _, test := range []struct {
		typ                     any
		assertion, proof, other bool
	}{
		{nil, true, false, true},
		{"JWT", true, false, true},
		{"jwt", true, false, true},
		{"application/jwt", true, false, true},
		{"JOSE", false, false, true},
		{"client-authentication+jwt", true, false, false},
		{"application/client-authentication+jwt", true, false, false},
		{"dpop+jwt", false, true, false},
		{"at+jwt", false, false, false},
		{"application/at+jwt", false, false, false},
		{"token-introspection+jwt", false, false, false},
		{"logout+jwt", false, false, false},
		{"secevent+jwt", false, false, false},
		{"", true, false, true},
		{"x", false, false, false},
	} {
		header := map[string]any{"typ": test.typ}
		_, assertionErr := a.present(t.Context(), a.sign(header, nil))
		_, otherErr := trusted.Verify(trusted.read(t, header, nil), trusted.now)
		_, proofErr := proofs.present(t.Context(), proofs.sign(header, nil))
		for what, got := range map[string]struct {
			err  error
			want bool
		}{"assertion": {assertionErr, test.assertion}, "foreign token": {otherErr, test.other}, "proof": {proofErr, test.proof}} {
			if (got.err == nil) != got.want {
				t.Errorf("typ %v as %s: %v", test.typ, what, got.err)
			}
			if !got.want {
				wantReason(t, fmt.Sprintf("typ %v as %s", test.typ, what), got.err, ReasonWrongType)
			}
		}
	}
}

func TestAssertionType(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	for _, typ := range []string{"", "jwt-bearer", AssertionType + " ", strings.ToUpper(AssertionType), "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"} {
		_, err := a.verifyOnce(t.Context(), typ, must(ReadToken(a.sign(nil, nil), MaxAssertion)), "billing", a.keys)
		wantReason(t, typ, err, ReasonWrongType)
	}
}

// One public text for every refusal, and nothing of the input's secrets in the
// text for the log.
func TestRefusalsLookAlike(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	canary := strings.Repeat("canary", 40)
	for _, assertion := range []string{
		canary, a.sign(nil, map[string]any{"jti": canary, "aud": canary}), a.sign(map[string]any{"kid": "k", "typ": canary}, nil),
		a.sign(nil, map[string]any{"iss": canary}), newES256().token(nil, a.claims(nil)),
	} {
		_, err := a.present(t.Context(), assertion)
		if !errors.Is(err, ErrRefused) || strings.Contains(ErrRefused.Error(), "canary") {
			t.Errorf("%v is not the public refusal", err)
		}
		if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), assertion) || len(err.Error()) > 300 {
			t.Errorf("the refusal quotes its input: %v", err)
		}
	}
	if got := excerpt("a\nb\x00\u202e"); got != `"a\nb\x00\u202e"` {
		t.Errorf("excerpt is %s", got)
	}
}

// verifyOnce is what the server does with an assertion.
func (a *Assertions) verifyOnce(ctx context.Context, assertionType string, token *Token, clientID string, keys []ClientKeys) (label string, err error) {
	if label, err = a.Verify(assertionType, token, clientID, keys); err == nil {
		err = a.UseUp(ctx, token, clientID)
	}
	if err != nil {
		return "", err
	}
	return label, nil
}
