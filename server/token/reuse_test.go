package token

import (
	"strconv"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// However many different grants there are, a bounded number of tokens is kept.
func TestReuseIsBounded(t *testing.T) {
	key, err := NewSecretKey(make([]byte, minHMACBytes))
	if err != nil {
		t.Fatal(err)
	}
	issuer := NewIssuer(NewKeys(nil, map[string]*Key{"orders": key}), NewGate(1, 0), zeroes{})
	most := 0
	for n := range 2 * maxReusable {
		g := Grant{API: "orders", Alg: schema.HS256, Scope: strconv.Itoa(n), IssuedAt: 1, ExpiresAt: 100, ReuseWindow: 10}
		if _, signed, err := issuer.Issue(t.Context(), nil, &g); err != nil || signed.Reused {
			t.Fatal(signed, err)
		}
		most = max(most, len(issuer.reusable.recent)+len(issuer.reusable.before))
	}
	if most != maxReusable {
		t.Errorf("%d tokens are kept, %d are to be", most, maxReusable)
	}
}
