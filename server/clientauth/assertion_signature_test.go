package clientauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
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

// Whatever the client's keys, and if it has none, a refused signature costs the same:
// of each kind of key as many verifications as the client with the most of that kind.
func TestRefusedSignaturesCostTheSame(t *testing.T) {
	es := func() ClientKeys { return ClientKeys{Keys: newES256().keys(t, nil)} }
	rsa2048 := ClientKeys{Keys: testKeys()[schema.RS256].keys(t, map[string]any{"alg": "RS256"})}
	larger := must(rsa.GenerateKey(rand.Reader, 2056))
	rsa2056 := ClientKeys{Keys: signer{schema.RS256, larger}.keys(t, map[string]any{"alg": "RS256"})}
	clients := map[string][]ClientKeys{
		"one key": {es()}, "three keys": {es(), es(), es()}, "five keys": {es(), es(), es(), es(), es()}, "a key of another kind": {rsa2048}, "a larger key": {rsa2056},
		"both": {es(), rsa2048}, "expired": {{Keys: es().Keys, Window: schema.Window{ExpiresAt: 1}}}, "a kid": {{Keys: newES256().keys(t, map[string]any{"kid": "one"})}},
		"nobody": nil,
	}
	for alg, want := range map[schema.SigningAlg][]string{
		schema.ES256: slices.Repeat([]string{"verification {ES256 0 0}"}, 4), // as many as a client may have
		schema.RS256: {"verification {RS256 2048 65537}", "verification {RS256 2056 65537}"},
		schema.PS256: {"verification {PS256 2048 65537}"}, // of which no client has a key
		schema.EdDSA: {"verification {EdDSA 0 0}"},
	} {
		work := new(Work)
		a := newAssertionTest(t, AssertionOptions{Clients: maps.Values(clients), Work: work})
		stranger := signer{alg, testKeys()[alg].key}
		if alg == schema.ES256 || alg == schema.RS256 {
			stranger.key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
			if alg == schema.RS256 {
				stranger.key = must(rsa.GenerateKey(rand.Reader, 2048))
			}
		}
		for _, header := range []map[string]any{nil, {"kid": "one"}, {"kid": "other"}} {
			assertion := stranger.token(header, a.claims(nil))
			for name, keys := range clients {
				work.Done, a.keys = nil, keys
				if _, err := a.present(t.Context(), assertion); !errors.Is(err, ErrRefused) {
					t.Fatal(err)
				}
				if slices.Sort(work.Done); !slices.Equal(work.Done, want) {
					t.Errorf("%s, %v, %s: %q, want %q", alg, header, name, work.Done, want)
				}
				token := must(ReadToken(assertion, MaxAssertion))
				chosen := testing.AllocsPerRun(100, func() {
					var room [maxCandidates + maxStandIns]candidate
					own, _ := candidates(room[:0], token.JWS, keys, a.clock.Now().Unix())
					a.addStandIns(own, alg)
				})
				if chosen != 0 {
					t.Errorf("%s, %v, %s: %v allocations to choose keys, so that clients differ by them", alg, header, name, chosen)
				}
			}
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
		object := must(jose.ReadObject(claims))
		iss, _ := object.Text("iss")
		aud, _ := object.Texts("aud")
		if iss == "" || len(aud) != 1 || aud[0] != ourIssuer {
			t.Fatalf("accepted %q", claims)
		}
		if _, err := a.present(t.Context(), testKeys()[schema.ES256].compact(header, claims)); reasonOf(err) != ReasonReplayed {
			t.Fatalf("accepted twice: %q, %v", claims, err)
		}
	})
}

func base64url2(s string) ([]byte, error) {
	b, ok := jose.Base64URL(s)
	if !ok {
		return nil, errors.New("not base64url")
	}
	return b, nil
}
