//go:build linux

package strangers

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// tamper changes the claims and leaves the signature: the subject's last letter.
func tamper(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	changed := strings.Replace(string(claims), "billing@clients", "billinh@clients", 1)
	if changed == string(claims) {
		t.Fatalf("no subject in %s", claims)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(changed))
	return strings.Join(parts, ".")
}

// forgeries are tokens that only the holder of the server's key could make and
// that are wrong in one thing each. A resource server must see it.
func (s *shop) forgeries(t *testing.T, api quickstart.API, good string) map[string]string {
	t.Helper()
	now := time.Now().Unix()
	method := string(api.Alg)
	tokens := map[string]string{
		"expired":            s.forge(t, api, good, method, func(_, claims map[string]any) { claims["iat"], claims["exp"] = now-3600, now-120 }),
		"without an expiry":  s.forge(t, api, good, method, func(_, claims map[string]any) { delete(claims, "exp") }),
		"without audience":   s.forge(t, api, good, method, func(_, claims map[string]any) { delete(claims, "aud") }),
		"without an issuer":  s.forge(t, api, good, method, func(_, claims map[string]any) { delete(claims, "iss") }),
		"other issuer":       s.forge(t, api, good, method, func(_, claims map[string]any) { claims["iss"] = "https://auth.example.com/" }),
		"issuer less slash":  s.forge(t, api, good, method, func(_, claims map[string]any) { claims["iss"] = strings.TrimSuffix(s.issuer, "/") }),
		"without signature":  s.forge(t, api, good, "none", func(_, _ map[string]any) {}),
		"other case of aud":  s.forge(t, api, good, method, func(_, claims map[string]any) { claims["aud"] = strings.ToUpper(api.Identifier) }),
		"longer aud":         s.forge(t, api, good, method, func(_, claims map[string]any) { claims["aud"] = "x" + api.Identifier }),
		"not a token at all": "e30.e30.e30",
	}
	if api.Profile == schema.ProfileRFC9068 {
		tokens["other typ"] = s.forge(t, api, good, method, func(header, _ map[string]any) { header["typ"] = "JWT" })
	}
	sibling := map[schema.SigningAlg]string{schema.RS256: "PS256", schema.PS256: "RS256", schema.HS256: "HS512"}[api.Alg]
	if sibling != "" {
		tokens["other algorithm"] = s.forge(t, api, good, sibling, func(_, _ map[string]any) {})
	}
	return tokens
}

// forge signs a changed copy of a token with the key that signed it.
func (s *shop) forge(t *testing.T, api quickstart.API, good, method string, change func(header, claims map[string]any)) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	must(t, err)
	claims := parsed.Claims.(jwt.MapClaims)
	forged := jwt.NewWithClaims(jwt.GetSigningMethod(method), claims)
	for name, value := range parsed.Header {
		if name != "alg" {
			forged.Header[name] = value
		}
	}
	change(forged.Header, claims)
	signed, err := forged.SignedString(s.privateKey(t, api.Alg, method))
	must(t, err)
	return signed
}

func (s *shop) privateKey(t *testing.T, alg schema.SigningAlg, method string) any {
	t.Helper()
	switch {
	case method == "none":
		return jwt.UnsafeAllowNoneSignatureType
	case alg == schema.HS256:
		return []byte(signingSecret)
	}
	content, err := os.ReadFile(filepath.Join(s.keys, "managed-"+string(alg)+"-000001.pem"))
	must(t, err)
	block, _ := pem.Decode(content)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	return key
}
