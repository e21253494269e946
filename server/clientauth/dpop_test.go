package clientauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

const tokenEndpoint = "https://auth.example.com/oauth/token"

// A proofTest is a verifier at a time that the test moves.
type proofTest struct {
	*Proofs
	clock   *storetest.Clock
	request ProofRequest
}

func newProofTest(t testing.TB, opts ProofOptions) proofTest {
	t.Helper()
	clock := storetest.NewClock()
	opts.Now = clock.Now
	if opts.Store == nil {
		opts.Store = store.NewMemory(store.MemoryOptions{Now: clock.Now, MaxKeys: 1 << 30})
	}
	target, err := NewTarget(tokenEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	return proofTest{NewProofs(opts), clock, ProofRequest{Method: "POST", Target: target}}
}

func (p proofTest) claims(changes map[string]any) map[string]any {
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": tokenEndpoint, "iat": p.clock.Now().Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

func (p proofTest) sign(header, changes map[string]any) string {
	return p.signWith(testKeys()[schema.ES256], header, changes)
}

func (p proofTest) signWith(s signer, header, changes map[string]any) string {
	h := map[string]any{"typ": "dpop+jwt", "jwk": s.jwk(nil)}
	maps.Copy(h, header)
	return s.token(h, p.claims(changes))
}

func (p proofTest) present(ctx context.Context, proofs ...string) (jkt string, err error) {
	request := p.request
	request.Headers = proofs
	return p.Verify(ctx, request)
}

func (p proofTest) wantRefused(t *testing.T, what string, want Reason, proofs ...string) {
	t.Helper()
	jkt, err := p.present(t.Context(), proofs...)
	if jkt != "" {
		t.Errorf("%s: thumbprint %q beside %v", what, jkt, err)
	}
	wantReason(t, what, err, want)
}

func TestProofIsAccepted(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for alg, s := range testKeys() {
		jkt, err := p.present(t.Context(), p.signWith(s, nil, nil))
		want := s.keys(t, nil).keys[0].Thumbprint
		if err != nil || jkt != want {
			t.Errorf("%s: %q, %v, want %q", alg, jkt, err, want)
		}
	}
}

// The example of RFC 9449 section 4.1, and the thumbprint that section 6.1
// binds to its key.
func TestProofOfRFC9449(t *testing.T) {
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	at := time.Unix(1562262616, 0).Add(5 * time.Second)
	proofs := NewProofs(ProofOptions{Now: func() time.Time { return at }, Store: store.NewMemory(store.MemoryOptions{Now: func() time.Time { return at }})})
	target := must(NewTarget("https://server.example.com/token"))
	jkt, err := proofs.Verify(t.Context(), ProofRequest{Headers: []string{proof}, Method: "POST", Target: target})
	if want := "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; err != nil || jkt != want {
		t.Errorf("%q, %v, want %q", jkt, err, want)
	}
}

// The example of RFC 9449 section 7.1, a proof that comes with an access token.
func TestProofWithTokenOfRFC9449(t *testing.T) {
	const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	at := time.Unix(1562262618, 0)
	proofs := NewProofs(ProofOptions{Now: func() time.Time { return at }, Store: store.NewMemory(store.MemoryOptions{Now: func() time.Time { return at }})})
	request := ProofRequest{
		Headers: []string{proof}, Method: "GET", Target: must(NewTarget("https://resource.example.org/protectedresource")),
		AccessToken: token, Thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
	}
	if _, err := proofs.Verify(t.Context(), request); err != nil {
		t.Error(err)
	}
}

// The checks of RFC 9449 section 4.3, by their numbers.

func TestProofCheck1OneHeaderField(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	p.wantRefused(t, "none", ReasonProofCount)
	p.wantRefused(t, "two", ReasonProofCount, p.sign(nil, nil), p.sign(nil, nil))
	one := p.sign(nil, nil)
	p.wantRefused(t, "the same twice", ReasonProofCount, one, one)
}

func TestProofCheck2OneJWT(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	p.wantRefused(t, "empty", ReasonMalformed, "")
	p.wantRefused(t, "two in one field", ReasonMalformed, p.sign(nil, nil)+", "+p.sign(nil, nil))
	p.wantRefused(t, "space around it", ReasonMalformed, " "+p.sign(nil, nil))
	p.wantRefused(t, "claims are an array", ReasonMalformed, testKeys()[schema.ES256].compact(marshal(map[string]any{"typ": "dpop+jwt", "alg": "ES256"}), []byte("[]")))
	p.wantRefused(t, "over 4 KiB", ReasonTooLarge, p.sign(nil, map[string]any{"x": strings.Repeat("x", MaxProof)}))
	p.wantRefused(t, "crit", ReasonCriticalHeader, p.sign(map[string]any{"crit": []string{"b64"}}, nil))
}

func TestProofCheck3RequiredClaims(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for claim, want := range map[string]Reason{"jti": ReasonMissingClaim, "iat": ReasonMissingClaim, "htm": ReasonWrongMethod, "htu": ReasonWrongTarget} {
		p.wantRefused(t, claim+" absent", want, p.sign(nil, map[string]any{claim: nil}))
		p.wantRefused(t, claim+" is an object", want, p.sign(nil, map[string]any{claim: map[string]any{}}))
		p.wantRefused(t, claim+" is empty", want, p.sign(nil, map[string]any{claim: ""}))
	}
}

func TestProofCheck4Type(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for _, typ := range []any{nil, "JWT", "dpop", "dpop+jws", "at+jwt", "dpop+jwt ", "text/dpop+jwt"} {
		p.wantRefused(t, fmt.Sprint(typ), ReasonWrongType, p.sign(map[string]any{"typ": typ}, nil))
	}
}

func TestProofCheck5Algorithm(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for _, alg := range []string{"none", "HS256", "ES521", "RS1", ""} {
		p.wantRefused(t, alg, ReasonUnsupportedAlgorithm, p.sign(map[string]any{"alg": alg}, nil))
	}
	// One that fits neither the key's type nor the key's own alg.
	p.wantRefused(t, "RS256 with an EC key", ReasonProofKey, p.sign(map[string]any{"alg": "RS256"}, nil))
	rs := testKeys()[schema.RS256]
	p.wantRefused(t, "RS256 with a key for PS256", ReasonProofKey, p.signWith(rs, map[string]any{"jwk": rs.jwk(map[string]any{"alg": "PS256"})}, nil))
	p.wantRefused(t, "a PS256 name over an RS256 signature", ReasonBadSignature, p.signWith(rs, map[string]any{"alg": "PS256"}, nil))
}

func TestProofCheck6Signature(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	p.wantRefused(t, "another key's", ReasonBadSignature, p.sign(map[string]any{"jwk": newES256().jwk(nil)}, nil))
	good := p.sign(nil, nil)
	p.wantRefused(t, "changed", ReasonBadSignature, good[:len(good)-2]+strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'Q'
		}
		return 'A'
	}, good[len(good)-2:len(good)-1])+good[len(good)-1:])
}

func TestProofCheck7PublicKeyOnly(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	es, rs := testKeys()[schema.ES256], testKeys()[schema.RS256]
	weak := signer{schema.RS256, must(rsa.GenerateKey(rand.Reader, 1024))}
	for name, proof := range map[string]string{
		"private EC":      p.sign(map[string]any{"jwk": es.jwk(map[string]any{"d": "AA"})}, nil),
		"private RSA":     p.signWith(rs, map[string]any{"jwk": rs.jwk(map[string]any{"d": "AA", "p": "AA", "q": "AA"})}, nil),
		"symmetric":       p.sign(map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AA"}}, nil),
		"absent":          p.sign(map[string]any{"jwk": nil}, nil),
		"a string":        p.sign(map[string]any{"jwk": "key"}, nil),
		"a set":           p.sign(map[string]any{"jwk": map[string]any{"keys": []any{es.jwk(nil)}}}, nil),
		"weak":            p.signWith(weak, nil, nil),
		"off the curve":   p.sign(map[string]any{"jwk": es.jwk(map[string]any{"y": b64(make([]byte, 32))})}, nil),
		"for encryption":  p.sign(map[string]any{"jwk": es.jwk(map[string]any{"use": "enc"})}, nil),
		"leading zeros":   p.signWith(rs, map[string]any{"jwk": rs.jwk(map[string]any{"e": "AAEAAQ"})}, nil),
		"small order key": p.signWith(testKeys()[schema.EdDSA], map[string]any{"jwk": map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(make([]byte, 32))}}, nil),
	} {
		p.wantRefused(t, name, ReasonProofKey, proof)
	}
}

func TestProofCheck8Method(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for _, method := range []string{"GET", "post", "POST ", "Post"} {
		p.wantRefused(t, method, ReasonWrongMethod, p.sign(nil, map[string]any{"htm": method}))
	}
}

func TestProofCheck9Target(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	for htu, ok := range map[string]bool{
		tokenEndpoint:                                     true,
		tokenEndpoint + "?audience=x#y":                   true,
		tokenEndpoint + "#y?z":                            true,
		"HTTPS://AUTH.EXAMPLE.com/oauth/token":            true,
		"https://auth.example.com:443/oauth/token":        true,
		"https://auth.example.com:/oauth/token":           true,
		"https://auth.example.com/oauth/%74oken":          true,
		"https://auth.example.com/oauth/x/../token":       true,
		"https://auth.example.com/./oauth/x/%2E%2e/token": true,

		"":                                    false,
		"/oauth/token":                        false,
		"//auth.example.com/oauth/token":      false,
		"http://auth.example.com/oauth/token": false,
		"https://auth.example.com:8443/oauth/token":     false,
		"https://auth.example.com:80/oauth/token":       false,
		"https://auth.example.com/oauth/token/":         false,
		"https://auth.example.com//oauth/token":         false,
		"https://auth.example.com/OAUTH/token":          false,
		"https://auth.example.com/oauth%2Ftoken":        false,
		"https://auth.example.com./oauth/token":         false,
		"https://evil.example.com/oauth/token":          false,
		"https://auth.example.com@evil.com/oauth/token": false,
		"https://user@auth.example.com/oauth/token":     false,
		`https://auth.example.com\oauth\token`:          false,
		"https://auth.example.com/oauth/token\n":        false,
		" https://auth.example.com/oauth/token":         false,
		"https://auth.ex%61mple.com/oauth/token":        false,
		"https://аuth.example.com/oauth/token":          false,
		"https:auth.example.com/oauth/token":            false,
		"https://auth.example.com/oauth/%zz/token":      false,
		"*": false,
	} {
		_, err := p.present(t.Context(), p.sign(nil, map[string]any{"htu": htu}))
		if ok && err != nil {
			t.Errorf("htu %q: %v", htu, err)
		} else if !ok {
			wantReason(t, htu, err, ReasonWrongTarget)
		}
	}
	p.request.Target = Target{}
	p.wantRefused(t, "no target", ReasonWrongTarget, p.sign(nil, nil))
	p.wantRefused(t, "no target and no URL", ReasonWrongTarget, p.sign(nil, map[string]any{"htu": ""}))
}

func TestProofCheck10Nonce(t *testing.T) {
	p := newProofTest(t, ProofOptions{Nonce: func(nonce string) bool { return nonce == "ours" }})
	for _, nonce := range []any{nil, "", "theirs", 7, []string{"ours"}} {
		p.wantRefused(t, fmt.Sprint(nonce), ReasonNonce, p.sign(nil, map[string]any{"nonce": nonce}))
	}
	if _, err := p.present(t.Context(), p.sign(nil, map[string]any{"nonce": "ours"})); err != nil {
		t.Error(err)
	}
	without := newProofTest(t, ProofOptions{})
	if _, err := without.present(t.Context(), without.sign(nil, map[string]any{"nonce": "theirs"})); err != nil {
		t.Errorf("a nonce that nobody demands: %v", err)
	}
}

func TestProofCheck11Age(t *testing.T) {
	for _, opts := range []ProofOptions{{}, {MaxAge: 5 * time.Minute}} {
		p := newProofTest(t, opts)
		now, age := p.clock.Now().Unix(), int64(60)
		if opts.MaxAge != 0 {
			age = 300
		}
		for iat, want := range map[int64]Reason{
			now: "", now - age: "", now - age - 1: ReasonExpired, now + 10: "", now + 11: ReasonTooEarly, 0: ReasonExpired, now + 1<<33: ReasonTooEarly,
		} {
			_, err := p.present(t.Context(), p.sign(nil, map[string]any{"iat": iat}))
			if want == "" && err != nil {
				t.Errorf("iat %+d: %v", iat-now, err)
			} else if want != "" {
				wantReason(t, fmt.Sprintf("iat %+d", iat-now), err, want)
			}
		}
		p.wantRefused(t, "a fraction", ReasonMissingClaim, p.sign(nil, map[string]any{"iat": float64(now) + 0.5}))
	}
}

func TestProofCheck12Binding(t *testing.T) {
	p := newProofTest(t, ProofOptions{})
	sum := sha256.Sum256([]byte("token"))
	ath := b64(sum[:])
	mine := testKeys()[schema.ES256].keys(t, nil).keys[0].Thumbprint
	p.request.AccessToken, p.request.Thumbprint = "token", mine
	if _, err := p.present(t.Context(), p.sign(nil, map[string]any{"ath": ath})); err != nil {
		t.Error(err)
	}
	p.wantRefused(t, "ath absent", ReasonWrongBinding, p.sign(nil, nil))
	p.wantRefused(t, "ath of another token", ReasonWrongBinding, p.sign(nil, map[string]any{"ath": b64(make([]byte, 32))}))
	p.wantRefused(t, "another key", ReasonWrongBinding, p.signWith(newES256(), nil, map[string]any{"ath": ath}))
	p.request.Thumbprint = ""
	p.wantRefused(t, "a token that is bound to nothing", ReasonWrongBinding, p.sign(nil, map[string]any{"ath": ath}))
}

func FuzzProof(f *testing.F) {
	p := newProofTest(f, ProofOptions{})
	f.Add(marshal(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": testKeys()[schema.ES256].jwk(nil)}), marshal(p.claims(nil)))
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		proof := testKeys()[schema.ES256].compact(header, claims)
		jkt, err := p.present(t.Context(), proof)
		if (err == nil) != (jkt != "") {
			t.Fatalf("thumbprint %q beside %v", jkt, err)
		}
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Fatalf("an error that is no refusal: %v", err)
		}
		if err == nil {
			if _, err := p.present(t.Context(), proof); reasonOf(err) != ReasonReplayed {
				t.Fatalf("accepted twice: %v", err)
			}
		}
	})
}

func BenchmarkProof(b *testing.B) {
	for _, alg := range []schema.SigningAlg{schema.ES256, schema.EdDSA, schema.RS256} {
		b.Run(string(alg), func(b *testing.B) {
			p := newProofTest(b, ProofOptions{})
			var proofs []string
			b.ReportAllocs()
			for b.Loop() {
				if len(proofs) == 0 {
					b.StopTimer()
					for range 1000 {
						proofs = append(proofs, p.signWith(testKeys()[alg], nil, nil))
					}
					b.StartTimer()
				}
				if _, err := p.present(b.Context(), proofs[len(proofs)-1]); err != nil {
					b.Fatal(err)
				}
				proofs = proofs[:len(proofs)-1]
			}
		})
	}
}
