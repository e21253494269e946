package token

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// readers are the keys of one configuration: an asymmetric key and the secrets
// of two APIs.
func readers(t testing.TB) *Keys {
	t.Helper()
	_, private, err := ed25519.GenerateKey(strings.NewReader(strings.Repeat("seed", 8)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(schema.EdDSA, private)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]*Key{}
	for _, label := range []string{"a", "b"} {
		if secrets[label], err = NewSecretKey([]byte(strings.Repeat(label, 32))); err != nil {
			t.Fatal(err)
		}
	}
	return NewKeys([]Scheduled{{Key: key, RetiresAt: 2000}}, secrets)
}

func labelOf(audience string) (string, bool) {
	label, ok := strings.CutPrefix(audience, "https://")
	return label, ok
}

func grantFor(label string, alg schema.SigningAlg, profile schema.Profile) *Grant {
	return &Grant{
		Issuer: "https://issuer/", Audience: "https://" + label, Subject: "c@clients", ClientID: "c", GrantType: schema.GrantClientCredentials,
		API: label, Profile: profile, Alg: alg, Scope: "x y", IssuedAt: 1000, ExpiresAt: 1600, Claims: `"Scope":"z","EXP":1,"n":{"aud":"q"}`,
	}
}

func issue(t testing.TB, keys *Keys, g *Grant) string {
	t.Helper()
	compact, _, err := NewIssuer(keys, NewGate(1, 1), zeroes{}).Issue(context.Background(), nil, g)
	if err != nil {
		t.Fatal(err)
	}
	return string(compact)
}

func TestRead(t *testing.T) {
	keys := readers(t)
	for _, alg := range []schema.SigningAlg{schema.EdDSA, schema.HS256} {
		for _, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
			compact := issue(t, keys, grantFor("a", alg, profile))
			read, err := keys.Read(compact, labelOf, 1000)
			if err != nil {
				t.Fatalf("%s %s: %v", alg, profile, err)
			}
			if read.ClientID != "c" || read.Audience != "https://a" || read.Scope != "x y" || read.IssuedAt != 1000 || read.ExpiresAt != 1600 ||
				(read.KID == "") != (alg == schema.HS256) || (read.JTI == "") != (profile == schema.ProfileAuth0) || string(read.Claims["EXP"]) != "1" {
				t.Errorf("%s %s: %+v", alg, profile, read)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	keys := readers(t)
	asymmetric, shared := issue(t, keys, grantFor("a", schema.EdDSA, schema.ProfileAuth0)), issue(t, keys, grantFor("a", schema.HS256, schema.ProfileAuth0))
	if _, err := keys.Read(asymmetric, labelOf, 2000); !errors.Is(err, ErrNotOurs) {
		t.Errorf("by a retired key: %v", err)
	}
	nobody := func(string) (string, bool) { return "", false }
	if _, err := keys.Read(shared, nobody, 1000); !errors.Is(err, ErrNotOurs) {
		t.Errorf("for an API that is not there: %v", err)
	}
	if _, err := keys.Read(shared, func(string) (string, bool) { return "b", true }, 1000); !errors.Is(err, ErrNotOurs) {
		t.Errorf("by another API's secret: %v", err)
	}
	for _, compact := range []string{"", ".", "..", asymmetric + "=", asymmetric + "\n", strings.ToLower(asymmetric), shared[:len(shared)-1]} {
		if _, err := keys.Read(compact, labelOf, 1000); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%q: %v", compact, err)
		}
	}
}

// What Read takes is a token that was issued, whatever is done to one.
func FuzzRead(f *testing.F) {
	keys := readers(f)
	var all []string
	for _, alg := range []schema.SigningAlg{schema.EdDSA, schema.HS256} {
		for _, profile := range []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068} {
			compact := issue(f, keys, grantFor("a", alg, profile))
			all = append(all, compact)
			f.Add(compact)
			f.Add(compact[:len(compact)-1] + "A")
			f.Add(strings.Replace(compact, ".", "..", 1))
		}
	}
	f.Fuzz(func(t *testing.T, compact string) {
		if _, err := keys.Read(compact, labelOf, 1000); err == nil && !slices.Contains(all, compact) {
			t.Errorf("%q is taken", compact)
		}
	})
}
