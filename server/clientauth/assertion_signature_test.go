package clientauth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/schema"
)

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
// of many measurements is compared, roughly: a signature less is a tenth. The two
// take turns, and a busy machine gets more of them: what one of them leaves out
// it leaves out each time.
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
		verify := func(keys []ClientKeys, want Reason) time.Duration {
			start := time.Now()
			_, err := a.Verify(t.Context(), AssertionType, token, "billing", keys, true)
			took := time.Since(start)
			if reasonOf(err) != want {
				t.Fatal(err)
			}
			return took
		}
		with, without := time.Hour, time.Hour
		alike := func() bool { return with/2 <= without && without <= with*2 }
		for turns := 0; turns < 200 || turns < 20_000 && !alike(); turns++ {
			with = min(with, verify(known, ReasonBadSignature))
			without = min(without, verify(nil, ReasonUnknownKey))
		}
		if !alike() {
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
