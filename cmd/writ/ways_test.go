package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"log/slog"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
)

// tool looks for a program that lines of a page call.
func tool(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("not tested: %v", err)
		}
	}
}

// A way is the lines of a page that get one token.
type way struct{ title, lines string }

var wayOnPage = regexp.MustCompile(`(?s)<summary>([^<]*)</summary>\s*<p class="muted">[^<]*</p>\s*<figure>.*?<pre tabindex="0"><code>([^<]*)</code>`)

// waysOn are the lines that a page has people run, as they stand in its HTML.
func waysOn(page string) (all []way) {
	for _, found := range wayOnPage.FindAllStringSubmatch(page, -1) {
		all = append(all, way{html.UnescapeString(found[1]), html.UnescapeString(found[2])})
	}
	return all
}

// run runs the lines in bash, in a folder and with variables that the page's text names, and
// returns the answer, which must have a token.
func (w way) run(t *testing.T, dir string, variables ...string) (answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", w.lines)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}, variables...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || json.Unmarshal(out, &answer) != nil || answer.AccessToken == "" {
		t.Fatalf("%s: %v\n%s\n%s%s", w.title, err, w.lines, out, stderr.String())
	}
	return answer
}

// A clientKey is a key of a test's client in the forms that people have.
type clientKey struct {
	crypto.Signer
	alg  jose.Alg
	pem  []byte // PKCS #8
	jwks string // the public half
}

func newClientKey(t *testing.T, alg jose.Alg) clientKey {
	t.Helper()
	private, err := alg.Generate(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := jose.EncodePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return clientKey{private, alg, block, `{"keys":[` + string(jose.AppendJWK(nil, alg, private.Public())) + `]}`}
}

// certificate makes a certificate of the key, signed by a parent or, without one, by itself.
func (k clientKey) certificate(t *testing.T, template, parent *x509.Certificate, ca crypto.Signer) (leaf *x509.Certificate, block []byte) {
	t.Helper()
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, ca = template, k
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, k.Public(), ca)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return leaf, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func thumbprint(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// assertion is a token as an issuer of the test gives it.
func (k clientKey) assertion(t *testing.T, issuer, subject, audience string, more jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": issuer, "sub": subject, "aud": audience, "iat": time.Now().Unix(), "exp": time.Now().Add(4 * time.Minute).Unix(), "jti": rand.Text()}
	for name, value := range more {
		claims[name] = value
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(string(k.alg)), claims)
	token.Header["kid"] = jose.Thumbprint(k.Public())
	signed, err := token.SignedString(k.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// served is "writ dev" over files, on a port of its own.
func served(t *testing.T, files map[string]string, clients *clientauth.ClientCertificates) (d *devServer, origin, dir string, log *bytes.Buffer) {
	t.Helper()
	dir, log = t.TempDir(), new(bytes.Buffer)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin = "http://" + listener.Addr().String()
	env := &cli.Env{Out: log, Err: log, Rand: rand.Reader, Now: time.Now, Getenv: func(string) string { return "" }}
	w, err := new(cli.ConfigFlags).Load(env, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = newDevServer(env, w, origin, clients, true); err != nil {
		t.Fatal(err)
	}
	if d.reload(); d.server.Active() == nil {
		t.Fatal(log.String())
	}
	web := &http.Server{Handler: d.handler()}
	go web.Serve(listener)
	t.Cleanup(func() { web.Close() })
	return d, origin, dir, log
}

// waysConfig has a client of each key and one of each further kind; its blocks are completed
// with what the test has made.
const waysConfig = `
issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier           = "https://api.example.com/orders"
  allow_offline_access = true
  scope "read:orders" {}
}
trusted_issuer "ci" {
  issuer     = "https://ci.example.com"
  jwks       = file("issuer.json")
  algorithms = ["ES256"]
}
trusted_issuer "login" {
  issuer      = "https://login.example.com"
  jwks        = file("issuer.json")
  algorithms  = ["ES256"]
  audiences   = ["portal", "batch"]
  vouches_for = ["user"]
}
client "job" {
  name = "Job"
  federated "main" {
    trusted_issuer = trusted_issuer.ci
    subject        = "repo:acme/job"
    claims         = { environment = "production" }
  }
}
client "portal" {
  name        = "Portal"
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "refresh_token"]
  secret "a" { hash = %q }
  refresh_token {}
}
client "batch" {
  name        = "Batch"
  grant_types = ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
  public_key "k" { jwks = file("ES256.json") }
}
authorization "job-orders" {
  client = client.job
  api    = api.orders
  scopes = ["read:orders"]
}
authorization "portal-orders" {
  client       = client.portal
  api          = api.orders
  scopes       = ["read:orders"]
  subject_type = "user"
}
authorization "batch-orders" {
  client       = client.batch
  api          = api.orders
  scopes       = ["read:orders"]
  subject_type = "user"
}
`

// The lines that the Test view of "writ dev" shows for keys, tokens of platforms and users are
// run as they stand, and get tokens.
func TestTheWaysGetTokens(t *testing.T) {
	t.Parallel()
	tool(t, "bash", "curl", "openssl", "awk", "sed", "mktemp")
	issuer := newClientKey(t, jose.ES256)
	files := map[string]string{"issuer.json": issuer.jwks}
	config := fmt.Sprintf(waysConfig, hashSecret("portal's & secret"))
	keys := map[string]clientKey{}
	for _, alg := range jose.Algs(jose.Assertions) {
		key := newClientKey(t, alg)
		keys[string(alg)] = key
		files[string(alg)+".json"] = key.jwks
		config += fmt.Sprintf("client %[1]q {\n  name = %[1]q\n  client_id = \"the-%[1]s\"\n  public_key \"k\" { jwks = file(\"%[1]s.json\") }\n}\nauthorization \"key-%[1]s\" {\n  client = client.%[1]s\n  api = api.orders\n  scopes = []\n}\n", alg)
	}
	files["main.hcl"] = config
	d, origin, dir, _ := served(t, files, nil)
	page := func(client string) []way {
		return waysOn(request(d.handler(), http.MethodGet, "/console/apis/orders/test?client="+client, nil).Body.String())
	}
	find := func(ways []way, title string) way {
		t.Helper()
		for _, w := range ways {
			if w.title == title {
				return w
			}
		}
		t.Fatalf("%q is not on the page: %v", title, ways)
		return way{}
	}
	for alg, key := range keys {
		if err := os.WriteFile(filepath.Join(dir, "key.pem"), key.pem, 0o600); err != nil {
			t.Fatal(err)
		}
		find(page(alg), "With its key (private_key_jwt)").run(t, dir)
	}
	find(page("job"), "With a token of trusted_issuer.ci").run(t, dir, "PLATFORM_TOKEN="+issuer.assertion(t, "https://ci.example.com", "repo:acme/job", origin+"/", jwt.MapClaims{"environment": "production"}))
	user := func(client string) string {
		return "USER_TOKEN=" + issuer.assertion(t, "https://login.example.com", "alice", client, nil)
	}
	ways := page("job")
	answer := find(ways, "Portal").run(t, dir, user("portal"), "CLIENT_SECRET=portal's & secret")
	find(ways, "Portal, when that token has expired").run(t, dir, "REFRESH_TOKEN="+answer.RefreshToken, "CLIENT_SECRET=portal's & secret")
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), keys["ES256"].pem, 0o600); err != nil {
		t.Fatal(err)
	}
	find(ways, "Batch").run(t, dir, user("batch"))
	if want := 4; len(ways) != want {
		t.Errorf("%d ways on the page, and %d of them were run", len(ways), want)
	}
}

// certificateConfig has a client of each kind of certificate.
const certificateConfig = `
issuer { url = %q }
api "orders" { identifier = "https://api.example.com/orders" }
client "own" {
  name = "Own"
  certificate "c" { sha256 = %q }
}
client "named" {
  name = "Named"
  certificate "c" { san_dns = "worker.example.com" }
}
authorization "own-orders" {
  client = client.own
  api    = api.orders
  scopes = []
}
authorization "named-orders" {
  client = client.named
  api    = api.orders
  scopes = []
}
`

// certificates of a client that are its own and a CA's, as PEM.
type certificates struct {
	key           clientKey
	own, named    []byte
	ca            []byte
	sha256        string
	authenticates *clientauth.ClientCertificates
}

func newCertificates(t *testing.T) certificates {
	t.Helper()
	c := certificates{key: newClientKey(t, jose.ES256)}
	leaf, own := c.key.certificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "own"}}, nil, nil)
	c.own, c.sha256 = own, thumbprint(leaf)
	authority := newClientKey(t, jose.ES256)
	root, rootPEM := authority.certificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	_, c.named = c.key.certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "worker"}, DNSNames: []string{"worker.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, root, authority)
	c.ca = rootPEM
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, rootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.authenticates, err = clientauth.LoadClientCertificates(file, true); err != nil {
		t.Fatal(err)
	}
	return c
}

// The lines for a client with a certificate get tokens of a server with TLS, and from the
// console over that server the chosen files do.
func TestCertificatesOverTLS(t *testing.T) {
	t.Parallel()
	tool(t, "bash", "curl")
	c := newCertificates(t)
	running, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), ClientCertificates: c.authenticates})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(running.Public())
	web.TLS = &tls.Config{}
	c.authenticates.Ask(web.TLS)
	web.StartTLS()
	defer web.Close()
	tree := newDevSite(t, fmt.Sprintf(certificateConfig, web.URL+"/", c.sha256))
	compiled, err := tree.w.Compile()
	if err != nil {
		t.Fatal(err)
	}
	file, err := workspace.Snapshot(compiled.Model.Document, compiled.Model, snapshot.Envelope{Serial: 1, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Activate(file); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "writ.snapshot")
	for name, content := range map[string][]byte{
		"writ.snapshot": file, "client.key": c.key.pem, "server.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts, err := consoleOfFile(&cli.Env{Now: time.Now}, path)
	if err != nil {
		t.Fatal(err)
	}
	pages := console.New(opts)
	for client, certificate := range map[string][]byte{"own": c.own, "named": c.named} {
		if err := os.WriteFile(filepath.Join(dir, "client.pem"), certificate, 0o600); err != nil {
			t.Fatal(err)
		}
		ways := waysOn(request(pages, http.MethodGet, "/console/apis/orders/test?client="+client, nil).Body.String())
		if len(ways) != 1 {
			t.Fatalf("%s: %v", client, ways)
		}
		ways[0].run(t, dir, "CURL_CA_BUNDLE="+filepath.Join(dir, "server.pem"))
	}
}

// choose sends the files of the Test view's form.
func choose(t *testing.T, h http.Handler, client string, files map[string][]byte) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("client", client)
	for name, content := range files {
		part, err := form.CreateFormFile(name, "chosen file")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(content)
	}
	form.Close()
	r := httptest.NewRequest(http.MethodPost, devOrigin+"/console/apis/orders/test?client="+client, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", devOrigin)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", client, w.Code, w.Body)
	}
	return html.UnescapeString(w.Body.String())
}

// A private key that is chosen in the page makes one request and comes out nowhere.
func TestChosenKeys(t *testing.T) {
	t.Parallel()
	c := newCertificates(t)
	issuer := newClientKey(t, jose.ES256)
	files := map[string]string{"issuer.json": issuer.jwks}
	config := fmt.Sprintf(waysConfig, hashSecret("x")) + strings.NewReplacer("issuer { url = \"https://auth.example.com/\" }\n", "", "api \"orders\" { identifier = \"https://api.example.com/orders\" }\n", "").
		Replace(fmt.Sprintf(certificateConfig, "https://auth.example.com/", c.sha256))
	keys := map[string]clientKey{}
	for _, alg := range jose.Algs(jose.Assertions) {
		key := newClientKey(t, alg)
		keys[string(alg)], files[string(alg)+".json"] = key, key.jwks
		config += fmt.Sprintf("client %[1]q {\n  name = %[1]q\n  public_key \"k\" { jwks = file(\"%[1]s.json\") }\n}\nauthorization \"key-%[1]s\" {\n  client = client.%[1]s\n  api = api.orders\n  scopes = []\n}\n", alg)
	}
	files["main.hcl"] = config
	d, origin, _, log := served(t, files, c.authenticates)
	var all strings.Builder
	ask := func(client string, files map[string][]byte) string {
		page := choose(t, d.handler(), client, files)
		all.WriteString(page)
		return page
	}
	for alg, key := range keys {
		if page := ask(alg, map[string][]byte{"key": key.pem}); !strings.Contains(page, "Signature verified") {
			t.Errorf("%s:\n%s\n%s", alg, page, log)
		}
	}
	token := issuer.assertion(t, "https://ci.example.com", "repo:acme/job", origin+"/", jwt.MapClaims{"environment": "production"})
	wrong := issuer.assertion(t, "https://ci.example.com", "repo:acme/other", origin+"/", nil)
	foreign := issuer.assertion(t, "https://elsewhere.example.com", "x", origin+"/", nil)
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	for _, c := range []struct {
		what, client     string
		key, certificate []byte
		want             string
	}{
		{"a token", "job", []byte(token + "\n"), nil, "Signature verified"},
		{"the issuer's key", "job", issuer.pem, nil, "Signature verified"},
		{"a certificate and its key", "own", c.key.pem, c.own, "Signature verified"},
		{"both in one file", "own", append(append([]byte{}, c.own...), c.key.pem...), nil, "Signature verified"},
		{"a name that a CA vouches for", "named", c.key.pem, c.named, "Signature verified"},
		{"a token of another subject", "job", []byte(wrong), nil, "It says iss https://ci.example.com, sub repo:acme/other"},
		{"a token of another issuer", "job", []byte(foreign), nil, `The token is of "https://elsewhere.example.com"`},
		{"another client's key", "ES256", keys["ES384"].pem, nil, "This key is none of the client’s: its thumbprint"},
		{"a key for a client with certificates", "own", keys["ES256"].pem, nil, "choose that too"},
		{"a certificate that is none of the client's", "own", c.key.pem, c.named, "This certificate is none of the client’s: its sha256 is"},
		{"a name that nobody vouches for", "named", c.key.pem, c.own, "The server does not take this certificate"},
		{"a certificate of another key", "own", keys["ES256"].pem, c.own, "does not belong to the certificate"},
		{"a passphrase", "ES256", encrypted, nil, "encrypted with a passphrase"},
		{"nothing", "ES256", nil, nil, "No file was chosen."},
		{"no key", "ES256", []byte("hello"), nil, "neither PEM, nor a JWK, nor a token"},
		{"a token for a key", "ES256", []byte(token), nil, "the client authenticates with none"},
		{"a large file", "ES256", bytes.Repeat([]byte("x"), 100<<10), nil, "has over 64 KiB"},
		{"a very large file", "ES256", bytes.Repeat([]byte("x"), 1<<20), nil, "The files are too large"},
	} {
		if page := ask(c.client, map[string][]byte{"key": c.key, "certificate": c.certificate}); !strings.Contains(page, c.want) {
			_, at, _ := strings.Cut(page, `<details class="how"`)
			t.Errorf("%s: %q is not on the page:\n%s", c.what, c.want, at)
		}
	}
	everything := all.String() + log.String()
	for name, secret := range map[string][]byte{"key": keys["RS256"].pem, "certificate's key": c.key.pem, "token": []byte(token)} {
		for _, line := range strings.Split(strings.TrimSpace(string(secret)), "\n") {
			if part := line[max(0, len(line)-30):]; len(line) > 30 && !strings.HasPrefix(line, "---") && strings.Contains(everything, part) {
				t.Errorf("a part of the %s came out", name)
			}
		}
	}
}
