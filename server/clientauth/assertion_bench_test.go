package clientauth

import (
	"errors"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/store"
)

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
				if !a.keys[0].Keys.keys[0].Verify(token.JWS) {
					b.Fatal("signature")
				}
			}
		})
		b.Run(string(alg)+"/unknown client", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.verifyOnce(b.Context(), AssertionType, token, "billing", nil); reasonOf(err) != ReasonUnknownKey {
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
		if err := errors.Join(err, a.checkClaims(AssertionType, token, "billing", now.Unix()), a.UseUp(b.Context(), token, "billing")); err != nil {
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
