package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

var algorithms = jose.Coded()

// testKey makes a key for the algorithm, with the API label "orders" for HS256.
func testKey(t testing.TB, alg schema.SigningAlg) *Key {
	t.Helper()
	if alg == schema.HS256 {
		key, err := NewSecretKey([]byte(strings.Repeat("k", minHMACBytes)))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	private, err := alg.Generate(rand.Reader, jose.MinRSABits)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(alg, private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keysOf(key *Key) *Keys {
	if key.alg == schema.HS256 {
		return NewKeys(nil, map[string]*Key{"orders": key})
	}
	return NewKeys([]Scheduled{{Key: key}}, nil)
}

func testGrant(alg schema.SigningAlg) *Grant {
	return &Grant{
		Issuer: "https://auth.example.com/", Audience: "https://api.example.com/orders", Subject: "billing@clients",
		ClientID: "billing", GrantType: schema.GrantClientCredentials, API: "orders", Profile: schema.ProfileRFC9068, Alg: alg,
		Scope: "read:orders write:orders", Claims: `"https://example.com/team":"payments"`, IssuedAt: 1795435200, ExpiresAt: 1795438800,
	}
}

func TestAllocations(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			key := testKey(t, alg)
			issuer := NewIssuer(keysOf(key), NewGate(3, 8), rand.Reader)
			g, dst, input := testGrant(alg), make([]byte, 0, 4096), make([]byte, 600)
			issue := func() {
				if _, _, err := issuer.Issue(t.Context(), dst, g); err != nil {
					t.Fatal(err)
				}
			}
			issue()
			total := testing.AllocsPerRun(20, issue)
			primitive := testing.AllocsPerRun(20, func() {
				if _, err := key.signer.Sign(input, key.raw); err != nil {
					t.Fatal(err)
				}
			})
			if beyond := total - primitive; beyond > 4 {
				t.Errorf("%v allocations beyond the signer's %v", beyond, primitive)
			}
		})
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, alg := range algorithms {
		key := testKey(b, alg)
		b.Run(string(alg)+"/token", func(b *testing.B) {
			issuer := NewIssuer(keysOf(key), NewGate(3, 8), rand.Reader)
			g, dst := testGrant(alg), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := issuer.Issue(b.Context(), dst, g); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(alg)+"/bare", func(b *testing.B) {
			input := make([]byte, 600)
			b.ReportAllocs()
			for b.Loop() {
				bareSignature(b, key, input)
			}
		})
	}
	b.Run("claims", func(b *testing.B) {
		g, dst, jti := testGrant(schema.RS256), make([]byte, 0, 4096), make([]byte, jtiLen)
		b.ReportAllocs()
		for b.Loop() {
			AppendClaims(dst, g, jti)
		}
	})
}

// bareSignature is the signature with the standard library and nothing around it.
func bareSignature(b *testing.B, key *Key, input []byte) {
	var err error
	digest := sha256.Sum256(input)
	switch private := key.raw.(type) {
	case []byte:
		mac := hmac.New(sha256.New, private)
		mac.Write(input)
		mac.Sum(nil)
	case *rsa.PrivateKey:
		if key.alg == schema.PS256 {
			_, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			_, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
		}
	case sealed:
		_, _, err = ecdsa.Sign(rand.Reader, private.Signer.(*ecdsa.PrivateKey), digest[:])
	case ed25519.PrivateKey:
		ed25519.Sign(private, input)
	default:
		b.Fatalf("a key of type %T", private)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// The claims of both profiles, byte for byte: their order is part of what is promised.
func TestClaims(t *testing.T) {
	jti := []byte("AAAAAAAAAAAAAAAAAAAAAA")
	const common = `{"iss":"https://auth.example.com/","aud":"https://api.example.com/orders","sub":"billing@clients","iat":1795435200,"exp":1795438800`
	for name, c := range map[string]struct {
		change func(*Grant)
		want   string
	}{
		"rfc9068": {func(*Grant) {}, common + `,"client_id":"billing","jti":"AAAAAAAAAAAAAAAAAAAAAA","scope":"read:orders write:orders","https://example.com/team":"payments"}`},
		"auth0": {func(g *Grant) { g.Profile = schema.ProfileAuth0 },
			common + `,"azp":"billing","gty":"client-credentials","scope":"read:orders write:orders","https://example.com/team":"payments"}`},
		"permissions": {func(g *Grant) { g.Profile, g.Permissions, g.Claims = schema.ProfileAuth0, true, "" },
			common + `,"azp":"billing","gty":"client-credentials","scope":"read:orders write:orders","permissions":["read:orders","write:orders"]}`},
		"nothing granted": {func(g *Grant) { g.Permissions, g.Scope, g.Claims = true, "", "" },
			common + `,"client_id":"billing","jti":"AAAAAAAAAAAAAAAAAAAAAA","permissions":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			g := testGrant(schema.RS256)
			c.change(g)
			if got := string(AppendClaims(nil, g, jti)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	for _, alg := range algorithms {
		key := testKey(t, alg)
		for profile, typ := range map[schema.Profile]string{schema.ProfileAuth0: "JWT", schema.ProfileRFC9068: "at+jwt"} {
			encoded, _ := strings.CutSuffix(string(key.headers[profile]), ".")
			header, err := base64.RawURLEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"alg":"` + string(alg) + `","typ":"` + typ + `"`
			if alg != schema.HS256 {
				want += `,"kid":"` + key.kid + `"`
			}
			if string(header) != want+"}" {
				t.Errorf("header %s, want %s}", header, want)
			}
		}
	}
}

// Whatever the strings hold, the claims are JSON and say what the grant says.
func FuzzClaims(f *testing.F) {
	f.Add("https://auth.example.com/", "billing", "read:orders write:orders")
	f.Add(`quote"`, `back\slash`, "a\x00b")
	f.Add("\xff\xfe", "\u2028<>&", "é")
	f.Fuzz(func(t *testing.T, issuer, clientID, scope string) {
		g := &Grant{Issuer: issuer, ClientID: clientID, Scope: scope, Profile: schema.ProfileAuth0, Permissions: true}
		var claims struct {
			Iss, Azp, Scope string
			Permissions     []string
		}
		raw := AppendClaims(nil, g, nil)
		if err := json.Unmarshal(raw, &claims); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		// A byte that is not UTF-8 becomes U+FFFD, one by one, as ranging over a string has it.
		want := func(s string) string { return string([]rune(s)) }
		if claims.Iss != want(issuer) || claims.Azp != want(clientID) || claims.Scope != want(scope) {
			t.Errorf("%s says another thing than %q %q %q", raw, issuer, clientID, scope)
		}
	})
}

func TestIssueFailures(t *testing.T) {
	key := testKey(t, schema.EdDSA)
	broken := errors.New("no entropy")
	for name, c := range map[string]struct {
		issuer *Issuer
		alg    schema.SigningAlg
		want   error
	}{
		"no key":     {NewIssuer(keysOf(key), NewGate(1, 0), rand.Reader), schema.RS256, ErrNoKey},
		"no secret":  {NewIssuer(keysOf(key), NewGate(1, 0), rand.Reader), schema.HS256, ErrNoKey},
		"no entropy": {NewIssuer(keysOf(key), NewGate(1, 0), failing{broken}), schema.EdDSA, broken},
		"busy":       {NewIssuer(keysOf(key), NewGate(0, 0), rand.Reader), schema.EdDSA, ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			out, signed, err := c.issuer.Issue(t.Context(), []byte("before"), testGrant(c.alg))
			if !errors.Is(err, c.want) || string(out) != "before" || signed != (Signed{}) {
				t.Errorf("%q, %+v, %v; want %v", out, signed, err, c.want)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
