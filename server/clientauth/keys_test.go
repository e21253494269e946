package clientauth

import (
	"fmt"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestKeySelection(t *testing.T) {
	es := testKeys()[schema.ES256]
	set := func(kids ...any) []ClientKeys {
		var sets []ClientKeys
		for i, kid := range kids {
			sets = append(sets, ClientKeys{Label: fmt.Sprint(i), Keys: es.keys(t, map[string]any{"kid": kid})})
		}
		return sets
	}
	for _, test := range []struct {
		name string
		kid  any
		sets []ClientKeys
		want string // the label, or the reason
	}{
		{"kid names the key", "b", set("a", "b"), "1"},
		{"kid before keys without one", "b", set(nil, nil, nil, nil, nil, "b"), "5"},
		{"kid, one nameless key", "x", set("a", nil), "1"},
		{"no kid, two keys", nil, set("a", "b"), "0"},
		{"no kid, four keys", nil, set("a", "b", "c", "d"), "0"},
		{"another kid", "x", set("a", "b"), string(ReasonUnknownKey)},
		{"a prefix of a kid", "a", set("ab"), string(ReasonUnknownKey)},
		{"kid in another case", "A", set("a"), string(ReasonUnknownKey)},
		{"kid is a path", "../a", set("a"), string(ReasonUnknownKey)},
		{"no keys", "a", nil, string(ReasonUnknownKey)},
		{"no kid, five keys", nil, set("a", "b", "c", "d", "e"), string(ReasonAmbiguousKey)},
	} {
		token, err := ReadToken(es.token(map[string]any{"kid": test.kid}, map[string]any{}), MaxAssertion)
		if err != nil {
			t.Fatal(err)
		}
		label, err := new(Assertions).verifySignature(token, test.sets, 0)
		if got := label + string(reasonOf(err)); got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func BenchmarkParseKeys(b *testing.B) {
	for _, alg := range AssertionAlgorithms() {
		set := jwkSet(testKeys()[alg].jwk(map[string]any{"alg": string(alg), "kid": "k1", "use": "sig"}))
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseKeys(set, alg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
