package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// writeClient puts a snapshot whose one client authenticates with what is given.
func writeClient(t *testing.T, dir string, client schema.Client) {
	t.Helper()
	client.Label, client.Name, client.ClientID, client.GrantTypes = "worker", "Worker", "worker", []string{schema.GrantClientCredentials}
	body, err := snapshot.Encode(&schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow}},
		Clients:        []schema.Client{client},
		Authorizations: []schema.Authorization{{Label: "a", Client: "worker", API: "orders", SubjectType: schema.SubjectClient}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "writ.snapshot"), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// post asks for a token and returns the status with the answer.
func post(t *testing.T, client *http.Client, address string, v url.Values) (int, string) {
	t.Helper()
	v.Set("grant_type", "client_credentials")
	v.Set("audience", ordersURL)
	res, err := client.PostForm(address+"/oauth/token", v)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// A client certificate authenticates, and its token is bound to it.
func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "writd")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "worker"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	digest := base64.RawURLEncoding.EncodeToString(sum[:])
	writeClient(t, dir, schema.Client{Certificates: []schema.Certificate{{Label: "c", SHA256: digest}}})
	start(t, dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"), "--tls-client-self-signed")
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "public.sock"))
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
	defer transport.CloseIdleConnections()
	status, body := post(t, &http.Client{Transport: transport}, "https://writd", url.Values{"client_id": {"worker"}})
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.Token, ".")[1])
	if err != nil || !strings.Contains(string(claims), `"cnf":{"x5t#S256":"`+digest+`"}`) {
		t.Errorf("claims %s, %v", claims, err)
	}
}

// An assertingClient authenticates with its key or with its secret.
type assertingClient struct{ key ed25519.PrivateKey }

func writeAssertingClient(t *testing.T, dirs ...string) assertingClient {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	jwks := fmt.Sprintf(`{"keys":[{"crv":"Ed25519","kty":"OKP","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	sum := sha256.Sum256([]byte(clientSecret))
	for _, dir := range dirs {
		writeClient(t, dir, schema.Client{
			PublicKeys: []schema.PublicKey{{Label: "k", JWKS: jwks}}, Secrets: []schema.Secret{{Label: "s", Hash: "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])}},
		})
	}
	return assertingClient{private}
}

func (c assertingClient) assertion(t *testing.T) url.Values {
	t.Helper()
	now := time.Now().Unix()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "worker", "sub": "worker", "aud": "https://auth.example.com/", "iat": now, "exp": now + 60, "jti": rand.Text(),
	}).SignedString(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {signed}}
}

// With --state an assertion is used up for the next process, too, and one of the
// second in which it started is taken.
func TestUsedAssertionsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	client := writeAssertingClient(t, dir)
	used := client.assertion(t)
	for round, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		p := start(t, dir, "--state", dir)
		if status, body := post(t, p.client, "http://writd", used); status != want {
			t.Errorf("start %d: %d %s", round, status, body)
		}
		if status, body := post(t, p.client, "http://writd", client.assertion(t)); status != http.StatusOK {
			t.Errorf("start %d, another: %d %s", round, status, body)
		}
		if code := p.stop(); code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestClientFlagsAreChecked(t *testing.T) {
	dir := t.TempDir()
	snap := filepath.Join(dir, "writ.snapshot")
	writeSnapshot(t, snap, 1, "read")
	writeCertificate(t, dir, "writd")
	own := []string{"--snapshot", snap, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key")}
	for says, c := range map[string]struct {
		args []string
		code int
	}{
		"need --tls-cert":   {[]string{"--snapshot", snap, "--tls-client-self-signed"}, exitUsage},
		"no certificate in": {append(own, "--tls-client-ca", filepath.Join(dir, "tls.key")), exitError},
		"absent.pem":        {[]string{"--snapshot", snap, "--issuer-ca", filepath.Join(dir, "absent.pem")}, exitError},
		"state file":        {[]string{"--snapshot", snap, "--state", filepath.Join(dir, "absent")}, exitError},
	} {
		if code, out, log := runOnce(c.args...); code != c.code || !strings.Contains(out+log, says) {
			t.Errorf("%q: exit code %d, want %d:\n%s%s", says, code, c.code, out, log)
		}
	}
}
