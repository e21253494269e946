package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

var update = flag.Bool("update", false, "write the golden file anew")

// unusual are names and values that a JSON writer of one's own gets wrong.
const unusual = `"":"empty","\u0000":"\u0000","a\"b\\c":[{"\"":null}],"https://example.com/tëam":"\u2028","__proto__":{"é":1e2},"\ud83d\ude00":false`

// Every profile with every algorithm, as a bearer token and bound to a key of
// either kind, against the text of header and claims. Only kid and signature
// differ from run to run.
func TestTokensAreGolden(t *testing.T) {
	var got bytes.Buffer
	for _, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
		for _, alg := range algorithms {
			for _, bound := range []Confirmation{{}, {JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, {X5TS: "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}} {
				g := testGrant(alg)
				g.Profile, g.Confirmation, g.Permissions = profile, bound, true
				g.Claims += "," + unusual
				fmt.Fprintf(&got, "%s %s\n%s\n", profile, alg, issueText(t, testKey(t, alg), g))
			}
		}
		acting := testGrant(schema.EdDSA)
		acting.Profile, acting.Subject, acting.GrantType = profile, "corp|u", schema.GrantTokenExchange
		acting.Act, acting.Claims = `{"sub":"corp|a","act":{"sub": "b"}}`, ""
		fmt.Fprintf(&got, "%s on behalf of a user\n%s\n", profile, issueText(t, testKey(t, schema.EdDSA), acting))
		g := testGrant(schema.EdDSA)
		g.Profile, g.Scope, g.Claims, g.Permissions = profile, "", "", true
		fmt.Fprintf(&got, "%s without scopes\n%s\n", profile, issueText(t, testKey(t, schema.EdDSA), g))
	}
	const file = "testdata/tokens.golden"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("tokens differ from %s; got\n%s", file, got.Bytes())
	}
}

// issueText is header and claims of a token, with KID for its kid.
func issueText(t *testing.T, key *Key, g *Grant) string {
	t.Helper()
	compact, _, err := NewIssuer(keysOf(key), NewGate(1, 0), zeroes{}).Issue(t.Context(), nil, g)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, part := range strings.Split(string(compact), ".")[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%v: %q", err, text)
		}
		lines = append(lines, string(text))
	}
	if key.kid != "" {
		lines[0] = strings.Replace(lines[0], key.kid, "KID", 1)
	}
	return strings.Join(lines, "\n")
}
