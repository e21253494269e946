package clientauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

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
	return a.Verify(ctx, AssertionType, token, token.UnverifiedSubject(), a.keys)
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

func TestAssertionSubject(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	for name, sub := range map[string]any{"another client's": "reports", "absent": nil, "array": []string{"billing"}, "case": "BILLING", "empty": ""} {
		token := must(ReadToken(a.sign(nil, map[string]any{"sub": sub}), MaxAssertion))
		_, err := a.Verify(t.Context(), AssertionType, token, "billing", a.keys)
		wantReason(t, name, err, ReasonWrongSubject)
	}
	token := must(ReadToken(a.sign(nil, map[string]any{"iss": "", "sub": ""}), MaxAssertion))
	_, err := a.Verify(t.Context(), AssertionType, token, "", a.keys)
	wantReason(t, "no client id at all", err, ReasonWrongIssuer)
	token = must(ReadToken(a.sign(nil, nil), MaxAssertion))
	_, err = a.Verify(t.Context(), AssertionType, token, "reports", a.keys)
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
		_, err := a.Verify(t.Context(), typ, must(ReadToken(a.sign(nil, nil), MaxAssertion)), "billing", a.keys)
		wantReason(t, typ, err, ReasonWrongType)
	}
}

func TestAssertionKeys(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	now := a.clock.Now().Unix()
	mine := testKeys()[schema.ES256].keys(t, nil)
	other := newES256().keys(t, nil)
	for _, test := range []struct {
		name string
		keys []ClientKeys
		want Reason
	}{
		{"no keys", nil, ReasonUnknownKey},
		{"another client's key", []ClientKeys{{Keys: other}}, ReasonBadSignature},
		{"key of another type", []ClientKeys{{Keys: testKeys()[schema.RS256].keys(t, nil)}}, ReasonUnknownKey},
		{"five keys without kids", []ClientKeys{{Keys: mine}, {Keys: other}, {Keys: other}, {Keys: other}, {Keys: other}}, ReasonAmbiguousKey},
		{"not yet", []ClientKeys{{Keys: mine, Window: schema.Window{NotBefore: now + 1}}}, ReasonKeyWindow},
		{"no longer", []ClientKeys{{Keys: mine, Window: schema.Window{ExpiresAt: now}}}, ReasonKeyWindow},
		{"no longer, beside another", []ClientKeys{{Keys: mine, Window: schema.Window{ExpiresAt: now}}, {Keys: other}}, ReasonBadSignature},
		{"in its window", []ClientKeys{{Keys: other}, {Keys: mine, Window: schema.Window{NotBefore: now, ExpiresAt: now + 1}}}, ""},
	} {
		a.keys = test.keys
		_, err := a.present(t.Context(), a.sign(nil, nil))
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		wantReason(t, test.name, err, test.want)
	}
}

// The private halves of the decoys are printed in RFCs.
func TestDecoyKeysAuthenticateNobody(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	a.keys = nil
	const claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	token := must(ReadToken("eyJhbGciOiJFUzI1NiJ9."+claims+".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", MaxAssertion))
	_, err := a.verifySignature(token, nil, a.clock.Now().Unix())
	wantReason(t, "decoy", err, ReasonUnknownKey)
}

// An unknown client takes the time of a known one with a wrong key. The least
// of many measurements is compared, roughly: a signature less is a tenth.
func TestUnknownClientTakesAsLong(t *testing.T) {
	for _, alg := range []schema.SigningAlg{schema.ES256, schema.EdDSA, schema.RS256, schema.PS256} {
		a := newAssertionTest(t, AssertionOptions{})
		other := signer{alg, testKeys()[alg].key}
		known := []ClientKeys{{Keys: other.keys(t, map[string]any{"alg": string(alg)})}}
		token := must(ReadToken(other.token(nil, a.claims(nil)), MaxAssertion))
		token.signed[0] ^= 1
		if first := &token.signature[0]; alg == schema.RS256 {
			*first = 0xff // over most moduli
		} else if alg == schema.PS256 {
			*first = 0 // under all of them
		}
		least := func(keys []ClientKeys, want Reason) time.Duration {
			least := time.Hour
			for range 200 {
				start := time.Now()
				_, err := a.Verify(t.Context(), AssertionType, token, "billing", keys)
				least = min(least, time.Since(start))
				if reasonOf(err) != want {
					t.Fatal(err)
				}
			}
			return least
		}
		with, without := least(known, ReasonBadSignature), least(nil, ReasonUnknownKey)
		if without < with/2 || without > with*2 {
			t.Errorf("%s: %s with a wrong key, %s without one", alg, with, without)
		}
	}
}

func TestAssertionTampering(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	good := a.sign(map[string]any{"kid": "one"}, nil)
	refused := 0
	for i := range len(good) {
		for _, c := range []byte("A_.") {
			if good[i] == c {
				continue
			}
			if label, err := a.present(t.Context(), good[:i]+string(c)+good[i+1:]); err == nil {
				t.Fatalf("byte %d changed to %q and accepted with %q", i, c, label)
			} else if !errors.Is(err, ErrRefused) {
				t.Fatalf("byte %d changed to %q: %v", i, c, err)
			}
			refused++
		}
		if _, err := a.present(t.Context(), good[:i]); !errors.Is(err, ErrRefused) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if refused < len(good)*2 {
		t.Errorf("only %d changes were tried", refused)
	}
	if _, err := a.present(t.Context(), good); err != nil {
		t.Errorf("a refused change used up the jti: %v", err)
	}
}

func TestAssertionReplay(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	assertion := a.sign(nil, map[string]any{"jti": "once", "exp": a.clock.Now().Unix() + 60})
	if _, err := a.present(t.Context(), assertion); err != nil {
		t.Fatal(err)
	}
	// Until the very end of its life, skew included, it is a replay; then it
	// has expired. There is no moment between the two.
	for second := range 80 {
		_, err := a.present(t.Context(), assertion)
		want := ReasonReplayed
		if second >= 70 {
			want = ReasonExpired
		}
		wantReason(t, fmt.Sprintf("%d seconds later", second), err, want)
		a.clock.Advance(time.Second)
	}
	if _, err := a.present(t.Context(), a.sign(nil, map[string]any{"jti": "once"})); err != nil {
		t.Errorf("the same jti a lifetime later: %v", err)
	}
	if _, err := a.present(t.Context(), a.sign(nil, map[string]any{"jti": "once", "iss": "reports", "sub": "reports"})); err != nil {
		t.Errorf("the same jti of another client: %v", err)
	}
}

// One jti, 200 requests at once, one winner, on every backend.
func TestAssertionReplayRace(t *testing.T) {
	clock := storetest.NewClock()
	bolt, err := store.OpenBolt(filepath.Join(t.TempDir(), "state.db"), store.BoltOptions{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer bolt.Close()
	for name, s := range map[string]store.Store{"memory": nil, "bolt": bolt} {
		a := newAssertionTest(t, AssertionOptions{Store: s})
		for round := range 5 {
			assertion := a.sign(nil, nil)
			won, replayed := 0, 0
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					_, err := a.present(t.Context(), assertion)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won++
					} else if reasonOf(err) == ReasonReplayed {
						replayed++
					} else {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won != 1 || replayed != 199 {
				t.Errorf("%s, round %d: %d won, %d replayed", name, round, won, replayed)
			}
		}
	}
}

// A failingStore answers every call with one error.
type failingStore struct {
	store.Store
	err error
}

func (f failingStore) PutOnce(context.Context, store.Key, time.Duration) error { return f.err }

func TestAssertionStoreFailure(t *testing.T) {
	for _, storeErr := range []error{store.ErrClosed, store.ErrFull, errors.New("disk full"), context.DeadlineExceeded} {
		a := newAssertionTest(t, AssertionOptions{Store: failingStore{err: storeErr}})
		_, err := a.present(t.Context(), a.sign(nil, nil))
		if !errors.Is(err, storeErr) || errors.Is(err, ErrRefused) {
			t.Errorf("store error %v became %v", storeErr, err)
		}
		_, err = a.present(t.Context(), a.sign(nil, map[string]any{"aud": "x"}))
		wantReason(t, "a bad assertion beside a failing store", err, ReasonWrongAudience)
	}
	a := newAssertionTest(t, AssertionOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.present(ctx, a.sign(nil, nil)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrRefused) {
		t.Errorf("a request that ended: %v", err)
	}
}

func TestAssertionsFromBeforeTheStart(t *testing.T) {
	start := storetest.NewClock().Now().Add(500 * time.Millisecond)
	a := newAssertionTest(t, AssertionOptions{Since: start})
	at := start.Unix()
	for _, test := range []struct {
		name     string
		after    time.Duration
		iat, exp any
		want     Reason
	}{
		{"before the start", time.Second, at - 5, at + 60, ReasonBeforeStart},
		{"within the second of the start", time.Second, at, at + 60, ReasonBeforeStart},
		{"after the start", time.Second, at + 1, at + 60, ""},
		{"no iat, soon after the start", time.Minute, nil, at + 120, ReasonBeforeStart},
		{"no iat, when none from before can live", 6 * time.Minute, nil, at + 420, ""},
	} {
		a.clock = storetest.NewClock()
		a.clock.Advance(test.after)
		a.Assertions = NewAssertions(AssertionOptions{Issuer: ourIssuer, Now: a.clock.Now, Since: start, Store: store.NewMemory(store.MemoryOptions{Now: a.clock.Now})})
		_, err := a.present(t.Context(), a.sign(nil, map[string]any{"iat": test.iat, "exp": test.exp}))
		if test.want == "" && err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if test.want != "" {
			wantReason(t, test.name, err, test.want)
		}
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

// Assertions as two other libraries make them.
func TestForeignSigners(t *testing.T) {
	a := newAssertionTest(t, AssertionOptions{})
	for alg, s := range testKeys() {
		a.keys = []ClientKeys{{Label: "k", Keys: s.keys(t, map[string]any{"alg": string(alg)})}}

		byJWX, err := jws.Sign(marshal(a.claims(nil)), jws.WithKey(jwa.SignatureAlgorithm(alg), s.key))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.present(t.Context(), string(byJWX)); err != nil {
			t.Errorf("%s by jwx: %v", alg, err)
		}

		byGolang, err := jwt.NewWithClaims(jwt.GetSigningMethod(string(alg)), jwt.MapClaims(a.claims(nil))).SignedString(s.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.present(t.Context(), byGolang); err != nil {
			t.Errorf("%s by golang-jwt: %v", alg, err)
		}
	}
}

func FuzzAssertion(f *testing.F) {
	a := newAssertionTest(f, AssertionOptions{})
	header, claims, _ := strings.Cut(a.sign(map[string]any{"kid": "one", "typ": "JWT"}, nil), ".")
	claims, _, _ = strings.Cut(claims, ".")
	f.Add(must(base64url2(header)), must(base64url2(claims)))
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		// Signed by the client, so that only what is signed can be refused.
		_, err := a.present(t.Context(), testKeys()[schema.ES256].compact(header, claims))
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Fatalf("an error that is no refusal: %v", err)
			}
			return
		}
		object := must(readObject(claims))
		iss, _ := object.text("iss")
		aud, _ := object.texts("aud")
		if iss == "" || len(aud) != 1 || aud[0] != ourIssuer {
			t.Fatalf("accepted %q", claims)
		}
		if _, err := a.present(t.Context(), testKeys()[schema.ES256].compact(header, claims)); reasonOf(err) != ReasonReplayed {
			t.Fatalf("accepted twice: %q, %v", claims, err)
		}
	})
}

func base64url2(s string) ([]byte, error) {
	b, ok := base64url(s)
	if !ok {
		return nil, errors.New("not base64url")
	}
	return b, nil
}

// What an assertion costs beside its signature.
func BenchmarkAssertion(b *testing.B) {
	for _, alg := range []schema.SigningAlg{schema.ES256, schema.EdDSA, schema.RS256} {
		s := testKeys()[alg]
		a := newAssertionTest(b, AssertionOptions{})
		a.keys = []ClientKeys{{Keys: s.keys(b, map[string]any{"kid": "one"})}}
		token := must(ReadToken(s.token(map[string]any{"kid": "one", "typ": "JWT"}, a.claims(nil)), MaxAssertion))
		set := jwkSet(s.jwk(map[string]any{"kid": "one", "alg": string(alg)}))
		b.Run(string(alg)+"/signature alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !a.keys[0].Keys.keys[0].verify(&token.compact) {
					b.Fatal("signature")
				}
			}
		})
		b.Run(string(alg)+"/unknown client", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Verify(b.Context(), AssertionType, token, "billing", nil); reasonOf(err) != ReasonUnknownKey {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(alg)+"/whole", func(b *testing.B) {
			benchmarkWhole(b, a, s, func() []ClientKeys { return a.keys })
		})
		b.Run(string(alg)+"/whole with parsing the key", func(b *testing.B) {
			benchmarkWhole(b, a, s, func() []ClientKeys { return []ClientKeys{{Keys: must(ParseKeys(set, alg))}} })
		})
	}
}

// Everything but the signature: reading, claims, and the jti in memory.
func BenchmarkAssertionBesideSignature(b *testing.B) {
	a := newAssertionTest(b, AssertionOptions{})
	assertions := make([]string, 1<<12)
	for i := range assertions {
		assertions[i] = a.sign(map[string]any{"kid": "one", "typ": "JWT"}, nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(assertions) == 0 {
			a.opts.Store = store.NewMemory(store.MemoryOptions{Now: a.clock.Now})
		}
		token, err := ReadToken(assertions[i%len(assertions)], MaxAssertion)
		now := a.clock.Now()
		if err := errors.Join(err, a.checkClaims(AssertionType, token, "billing", now.Unix()), a.useUp(b.Context(), token, "billing", now)); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkWhole(b *testing.B, a assertionTest, s signer, keys func() []ClientKeys) {
	assertions := make([]string, 0, b.N)
	next := func() string {
		if len(assertions) == 0 {
			b.StopTimer()
			for range 1000 {
				assertions = append(assertions, s.token(map[string]any{"kid": "one", "typ": "JWT"}, a.claims(nil)))
			}
			b.StartTimer()
		}
		last := assertions[len(assertions)-1]
		assertions = assertions[:len(assertions)-1]
		return last
	}
	b.ReportAllocs()
	for b.Loop() {
		a.keys = keys()
		if _, err := a.present(b.Context(), next()); err != nil {
			b.Fatal(err)
		}
	}
}
