package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"html"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
)

// The lines that the Test view shows for a client with a key or with a token of its platform
// are run as they stand, and get a token.
func TestTheWaysGetTokens(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("not tested: %v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	jwks := fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k","x":%q,"y":%q}]}`, encode(public[1:33]), encode(public[33:]))
	dir := t.TempDir()
	for name, content := range map[string]string{"keys.json": jwks, "main.hcl": `
issuer { url = "https://auth.example.com/" }
api "orders" { identifier = "https://api.example.com/orders" }
client "keyed" {
  name = "Keyed"
  public_key "k" { jwks = file("keys.json") }
}
trusted_issuer "ci" {
  issuer     = "https://ci.example.com"
  jwks       = file("keys.json")
  algorithms = ["ES256"]
}
client "job" {
  name = "Job"
  federated "main" {
    trusted_issuer = trusted_issuer.ci
    subject        = "repo:acme/job"
  }
}
authorization "keyed-orders" {
  client = client.keyed
  api    = api.orders
  scopes = []
}
authorization "job-orders" {
  client = client.job
  api    = api.orders
  scopes = []
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + listener.Addr().String()
	var log strings.Builder
	env := &cli.Env{Out: &log, Err: &log, Rand: rand.Reader, Now: time.Now, Getenv: func(string) string { return "" }}
	w, err := new(cli.ConfigFlags).Load(env, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDevServer(env, w, origin, true)
	if err != nil {
		t.Fatal(err)
	}
	if d.reload(); d.server.Active() == nil {
		t.Fatal(log.String())
	}
	web := &http.Server{Handler: d.handler()}
	go web.Serve(listener)
	defer web.Close()

	assertion := func(issuer, subject string) string {
		token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
			"iss": issuer, "sub": subject, "aud": origin + "/", "iat": time.Now().Unix(), "exp": time.Now().Add(4 * time.Minute).Unix(), "jti": rand.Text(),
		})
		token.Header["kid"] = "k"
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	code := regexp.MustCompile(`(?s)<pre tabindex="0"><code>(curl [^<]*)</code>`)
	for client, variable := range map[string]string{
		"keyed": "CLIENT_ASSERTION=" + assertion("keyed", "keyed"), "job": "PLATFORM_TOKEN=" + assertion("https://ci.example.com", "repo:acme/job"),
	} {
		page := request(d.handler(), http.MethodGet, "/console/apis/orders/test?client="+client, nil).Body.String()
		found := code.FindStringSubmatch(page)
		if found == nil {
			t.Errorf("%s: no lines to run:\n%s", client, page)
			continue
		}
		line := html.UnescapeString(found[1])
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "sh", "-c", line)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), variable}
		out, err := cmd.CombinedOutput()
		if cancel(); err != nil || !strings.Contains(string(out), `"access_token"`) {
			t.Errorf("%s: %v\n%s\n%s", client, err, line, out)
		}
	}
}
