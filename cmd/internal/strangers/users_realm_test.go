//go:build linux

package strangers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/writ-auth/writ/cmd/internal/programs"
	"github.com/writ-auth/writ/schema"
)

const (
	notes     = "https://api.example.com/notes"
	idToken   = "urn:ietf:params:oauth:token-type:id_token"
	usersHCL  = "users.hcl"
	keysOfOwn = "login.jwks.json" // the provider's keys, pinned
)

// usersConfig is what the files say; ISSUER, LOGIN and KEYS are put in.
const usersConfig = `
issuer {
  url = "ISSUER"
  defaults { token_lifetime = "10m" }
}

trusted_issuer "login" {
  issuer      = "LOGIN"
  KEYS
  algorithms  = ["RS256", "ES256"]
  audiences   = ["webapp", "webapp-es"]
  vouches_for = ["user"]
}

api "notes" {
  identifier           = "https://api.example.com/notes"
  signing_alg          = "ES256"
  allow_offline_access = true # for notes
  scope "read:notes" {}
  scope "write:notes" {}
}

api "archive" {
  identifier = "https://api.example.com/archive"
  scope "read:archive" {}
}

api "photos" {
  identifier           = "https://api.example.com/photos"
  allow_offline_access = true
}

client "webapp" {
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "refresh_token"]
  secret "a" { hash = "HASH" }
}

client "worker" {
  grant_types = ["client_credentials", "refresh_token"]
  secret "a" { hash = "HASH" }
}

authorization "users" {
  client         = client.webapp
  api            = api.notes
  subject_type   = "user"
  scopes         = ["read:notes", "write:notes"]
  subject_claims = { groups = "staff" }
  copy_claims    = ["email", "groups"]
}

authorization "archive" {
  client       = client.webapp
  api          = api.archive
  subject_type = "user"
  scopes       = ["read:archive"]
}

authorization "photos" {
  client       = client.webapp
  api          = api.photos
  subject_type = "user"
  scopes       = []
}

authorization "workers" {
  for_each     = toset(["client", "user"])
  client       = client.worker
  api          = api.notes
  subject_type = each.key
  scopes       = ["read:notes"]
}
`

// A realm is a configuration and writd serving what "writ apply" makes of it.
type realm struct {
	t      *testing.T
	dir    string
	config string // the files' text
	serial uint64
	issuer string
	writd  *programs.Writd
}

// newRealm serves usersConfig, with the keys of the provider fetched from it or pinned.
func newRealm(t *testing.T, login *signIn, pinned bool) *realm {
	t.Helper()
	r := &realm{t: t, dir: t.TempDir()}
	must(t, os.Mkdir(filepath.Join(r.dir, "keys"), 0o700), os.Mkdir(filepath.Join(r.dir, "state"), 0o700))
	r.start("127.0.0.1:0")
	keys := `jwks_uri = "` + login.issuer + `/jwks"`
	if pinned {
		keys = `jwks = file("` + keysOfOwn + `")`
		put(t, filepath.Join(r.dir, keysOfOwn), download(t, login.issuer+"/jwks"))
	}
	r.apply(strings.NewReplacer("ISSUER", r.issuer, "LOGIN", login.issuer, "KEYS", keys, "HASH", hashOf(clientSecret)).Replace(usersConfig))
	return r
}

// start runs writd; everything that must outlive it is in the realm's folder.
func (r *realm) start(address string) {
	r.t.Helper()
	r.writd = programs.Serve(r.t, filepath.Join(r.dir, "writ.snapshot"), "--listen", address,
		"--keys", filepath.Join(r.dir, "keys"), "--state", filepath.Join(r.dir, "state"))
	r.issuer = "http://" + r.writd.Address(r.t) + "/"
}

// restart ends writd and starts it again at the same address.
func (r *realm) restart() {
	r.t.Helper()
	r.writd.Stop()
	r.start(strings.Trim(strings.TrimPrefix(r.issuer, "http://"), "/"))
	r.writd.WaitSerial(r.t, r.serial)
}

// apply puts a configuration in force.
func (r *realm) apply(config string) {
	r.t.Helper()
	put(r.t, filepath.Join(r.dir, usersHCL), []byte(config))
	cmd := exec.CommandContext(r.t.Context(), "writ", "-C", r.dir, "apply", "--auto-approve")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("writ apply: %v\n%s", err, out)
	}
	r.config = config
	r.serial++
	r.writd.WaitSerial(r.t, r.serial)
}

// edit changes one place of the configuration and returns how to put it back.
func (r *realm) edit(old, replacement string) (restore func()) {
	r.t.Helper()
	before := r.config
	if strings.Count(before, old) != 1 {
		r.t.Fatalf("%q is %d times in the configuration", old, strings.Count(before, old))
	}
	r.apply(strings.Replace(before, old, replacement, 1))
	return func() { r.apply(before) }
}

// A grantAnswer is what the token endpoint says.
type grantAnswer struct {
	status          int
	AccessToken     string `json:"access_token"`
	RefreshToken    string `json:"refresh_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int    `json:"expires_in"`
	Scope           string
	Error           string
}

// said is the answer as far as clients act on it.
func (a grantAnswer) said() answer { return answer{a.status, a.Error} }

// ask sends a form to the token endpoint as a client with the usual secret.
func (r *realm) ask(client string, form url.Values) grantAnswer {
	r.t.Helper()
	return r.askWithin("", client, form)
}

// askWithin asks within a trace, "" for none.
func (r *realm) askWithin(trace, client string, form url.Values) grantAnswer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.issuer+"oauth/token", strings.NewReader(form.Encode()))
	must(r.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(client, clientSecret)
	if trace != "" {
		req.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	}
	res, err := http.DefaultClient.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	a := grantAnswer{status: res.StatusCode}
	must(r.t, json.NewDecoder(res.Body).Decode(&a))
	if a.status != http.StatusOK && a.Error == "" {
		r.t.Errorf("%d without a code", a.status)
	}
	return a
}

// exchangeForm asks for an access token for a user; changed says otherwise, as
// name, value, name, value. An empty value leaves the parameter out.
func exchangeForm(subject string, changed ...string) url.Values {
	form := url.Values{
		"grant_type": {schema.GrantTokenExchange}, "subject_token": {subject}, "subject_token_type": {idToken},
		"audience": {notes}, "scope": {"read:notes write:notes offline_access"},
	}
	for i := 0; i < len(changed); i += 2 {
		if form.Set(changed[i], changed[i+1]); changed[i+1] == "" {
			form.Del(changed[i])
		}
	}
	return form
}

// offline exchanges an ID token for access that can be refreshed.
func (r *realm) offline(subject string) grantAnswer {
	r.t.Helper()
	a := r.ask("webapp", exchangeForm(subject))
	if a.said() != granted || a.RefreshToken == "" {
		r.t.Fatalf("%v, refresh token %q\n%s", a.said(), a.RefreshToken, r.lastLog())
	}
	return a
}

func (r *realm) refresh(token string) grantAnswer {
	r.t.Helper()
	return r.ask("webapp", refreshForm(token))
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {schema.GrantRefreshToken}, "refresh_token": {token}}
}

// lastLog is what writd said last.
func (r *realm) lastLog() string {
	lines := strings.Split(strings.TrimSpace(r.writd.Log.String()), "\n")
	return lines[len(lines)-1]
}

// why is what the token endpoint says to a request, and the reason in the log.
func (r *realm) why(client string, form url.Values) (a grantAnswer, reason string) {
	r.t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:])
	trace := hex.EncodeToString(id[:])
	a = r.askWithin(trace, client, form)
	programs.Eventually(r.t, func() error { // the log comes through a pipe
		for line := range strings.Lines(r.writd.Log.String()) {
			if strings.Contains(line, trace) {
				var said struct{ Reason string }
				err := json.Unmarshal([]byte(line), &said)
				reason = said.Reason
				return err
			}
		}
		return errors.New("nothing is logged")
	})
	return a, reason
}

// oauth2 is the web application's configuration of x/oauth2, by discovery.
func (r *realm) oauth2(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: "webapp", ClientSecret: clientSecret, Endpoint: provider.Endpoint()}
}

// verifiers fetch the realm's metadata and keys as an API's owner does.
func (r *realm) verifiers(ctx context.Context) (*oidc.Provider, keyfunc.Keyfunc) {
	r.t.Helper()
	provider, err := oidc.NewProvider(ctx, r.issuer)
	must(r.t, err)
	storage, err := jwkset.NewStorageFromHTTP(r.issuer+".well-known/jwks.json", jwkset.HTTPClientStorageOptions{Ctx: ctx})
	must(r.t, err)
	keys, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage})
	must(r.t, err)
	return provider, keys
}

func download(t *testing.T, address string) []byte {
	t.Helper()
	res, err := http.Get(address)
	must(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	must(t, err)
	return content
}
