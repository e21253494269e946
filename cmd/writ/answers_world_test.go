package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// A configuration of the test below is drawn from few names, so that requests
// meet objects that exist, and objects that existed in the one before.

const worldIssuer = "https://auth.example.com/"

// worldStart is when each world begins.
var worldStart = time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)

var (
	worldAPIs    = []string{"files", "ledger", "notes", "orders"}
	worldClients = []string{"billing", "jobs", "portal", "web"}
	worldScopes  = []string{"read", "write", "delete"}
	worldGrants  = []string{schema.GrantClientCredentials, schema.GrantTokenExchange, schema.GrantJWTBearer, schema.GrantRefreshToken}
	worldClaims  = []string{"", `{"groups":"finance"}`, `{"groups":["finance","staff"]}`, `{"level":3,"email":"ada@corp.example"}`}
)

func identifierOf(api string) string { return "https://api.example.com/" + api }

// A worldKey is an Ed25519 key that signs tokens of clients, issuers or proofs.
type worldKey struct {
	kid     string
	private ed25519.PrivateKey
}

// worldKeys are the keys by their kid, each made once.
type worldKeys map[string]worldKey

func (k worldKeys) get(kid string) worldKey {
	key, made := k[kid]
	if !made {
		seed := sha256.Sum256([]byte("key of " + kid))
		key = worldKey{kid, ed25519.NewKeyFromSeed(seed[:])}
		k[kid] = key
	}
	return key
}

func (k worldKey) jwk() map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": k.kid, "x": base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))}
}

// attribute is the key as the value of a jwks attribute.
func (k worldKey) attribute() string {
	set, err := json.Marshal(map[string]any{"keys": []any{k.jwk()}})
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%q", set)
}

func (k worldKey) sign(header, claims map[string]any) string {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims(claims))
	t.Header["kid"] = k.kid
	for name, value := range header {
		t.Header[name] = value
		if value == nil {
			delete(t.Header, name)
		}
	}
	compact, err := t.SignedString(k.private)
	if err != nil {
		panic(err)
	}
	return compact
}

// worldIssuers are the trusted issuers that may be declared.
var worldIssuers = map[string]struct{ url, vouchesFor, more string }{
	"cluster": {"https://cluster.example", `["client"]`, ""},
	"corp":    {"https://corp.example", `["user"]`, ""},
	"partner": {"https://partner.example", `["client", "user"]`, "caps_lifetime = true"},
}

func secretOf(client, label string) string { return "secret " + label + " of " + client }

// A draft is a configuration that is being drawn.
type draft struct {
	*rand.Rand
	strings.Builder
	keys  worldKeys
	began time.Time // when it is to be served
}

func (d *draft) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// some is a subset in the order of the list.
func some[T any](r *rand.Rand, list []T, percent int) (subset []T) {
	for _, element := range list {
		if r.IntN(100) < percent {
			subset = append(subset, element)
		}
	}
	return subset
}

func (d *draft) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// moment is a time while the configuration is served, or a little before or after.
func (d *draft) moment() string {
	return schema.FormatTime(d.began.Unix() + int64(d.IntN(6*3600)) - 3600)
}

func (d *draft) window() {
	if d.chance(20) {
		d.line("expires_at = %q", d.moment())
	} else if d.chance(10) {
		d.line("not_before = %q", d.moment())
	}
}

func hclList(values []string) string {
	text, err := json.Marshal(append([]string{}, values...))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// drawTree draws a configuration that is served from began on.
func drawTree(r *rand.Rand, keys worldKeys, began time.Time) string {
	d := &draft{Rand: r, keys: keys, began: began}
	d.line("issuer {\nurl = %q\nerror_style = %q", worldIssuer, pick(r, []string{"rfc6749", "auth0"}))
	d.line("defaults {\nsigning_alg = %q\ntoken_lifetime = %q\n}\n}", pick(r, []string{"EdDSA", "ES256"}), pick(r, []string{"90s", "10m", "2h"}))
	issuers := map[string]bool{}
	for _, label := range []string{"cluster", "corp", "partner"} {
		if issuers[label] = d.chance(80); issuers[label] {
			i := worldIssuers[label]
			d.line("trusted_issuer %q {\nissuer = %q\njwks = %s\nalgorithms = [\"EdDSA\"]\nvouches_for = %s\n%s\n}", label, i.url, d.keys.get(label).attribute(), i.vouchesFor, i.more)
		}
	}
	apis := map[string][]string{}
	for _, label := range worldAPIs[max(0, r.IntN(4)-2):] {
		apis[label] = d.drawAPI(label)
	}
	for _, label := range worldClients {
		if d.chance(96) {
			d.drawClient(label, apis, issuers)
		}
	}
	return d.String()
}

func (d *draft) drawAPI(label string) (scopes []string) {
	scopes = some(d.Rand, worldScopes, 75)
	d.line("api %q {\nidentifier = %q\nallow_offline_access = %v\nscope_mode = %q", label, identifierOf(label), d.chance(70), pick(d.Rand, []string{"narrow", "narrow", "all_granted"}))
	if d.chance(30) {
		d.line("token_lifetime = %q", pick(d.Rand, []string{"1m", "30m", "1d"}))
	}
	if d.chance(20) {
		d.line("signing_alg = \"HS256\"\nsigning_secret = \"env:HMAC\"")
	}
	for _, scope := range scopes {
		d.line("scope %q {}", scope)
	}
	d.line("}")
	return scopes
}

func (d *draft) drawClient(label string, apis map[string][]string, issuers map[string]bool) {
	grants := some(d.Rand, worldGrants, 80)
	if len(grants) == 0 {
		grants = worldGrants[:1]
	}
	var auths []string
	for _, api := range worldAPIs {
		scopes, declared := apis[api]
		for _, subject := range []string{"client", "user"} {
			if declared && d.chance(75) {
				d.drawAuthorization(label, api, subject, scopes)
				auths = append(auths, api)
			}
		}
	}
	d.line("client %q {\nclient_id = %q\ngrant_types = %s", label, label+"-id", hclList(grants))
	if len(auths) > 0 && d.chance(40) {
		d.line("default_api = api.%s", pick(d.Rand, auths))
	}
	d.line("require_sender_constrained = %v", d.chance(20))
	if d.chance(15) {
		d.line("revoked_before = %q", d.moment())
	}
	if slices.Contains(grants, schema.GrantRefreshToken) && d.chance(60) {
		d.line("refresh_token {\nrotation = %q\nlifetime = \"8h\"\nidle_lifetime = %q\n}", pick(d.Rand, []string{"rotating", "non-rotating"}), pick(d.Rand, []string{"20m", "2h"}))
	}
	d.drawCredentials(label, issuers)
	d.line("}")
}

func (d *draft) drawCredentials(client string, issuers map[string]bool) {
	drawn := 0
	for drawn == 0 {
		for _, label := range some(d.Rand, []string{"a", "b"}, 40) {
			sum := sha256.Sum256([]byte(secretOf(client, label)))
			d.line("secret %q {\nhash = %q", label, "sha256:"+base64.RawURLEncoding.EncodeToString(sum[:]))
			d.window()
			d.line("}")
			drawn++
		}
		if d.chance(30) {
			d.line("public_key \"k\" {\njwks = %s", d.keys.get(client).attribute())
			d.window()
			d.line("}")
			drawn++
		}
		if issuers["cluster"] && d.chance(30) {
			d.line("federated \"f\" {\ntrusted_issuer = trusted_issuer.cluster\nsubject = %q", "workload:"+client)
			d.window()
			d.line("}")
			drawn++
		}
		if drawn > 0 {
			return
		}
	}
}

func (d *draft) drawAuthorization(client, api, subject string, scopes []string) {
	d.line("authorization %q {\nclient = client.%s\napi = api.%s\nsubject_type = %q\nscopes = %s",
		client+"-"+api+"-"+subject, client, api, subject, hclList(some(d.Rand, scopes, 70)))
	if d.chance(25) {
		d.line("expires_at = %q", d.moment())
	}
	if d.chance(25) {
		d.line("token_lifetime = %q", pick(d.Rand, []string{"30s", "1m"}))
	}
	if subject == "user" {
		if claims := pick(d.Rand, worldClaims); claims != "" && d.chance(70) {
			d.line("subject_claims = %s", claims)
		}
		if d.chance(40) {
			d.line("copy_claims = [\"email\", \"groups\"]")
		}
	}
	d.line("}")
}

// drawModel draws configurations until one is valid.
func drawModel(t *testing.T, r *rand.Rand, keys worldKeys, began time.Time) (*compiler.Model, string) {
	t.Helper()
	var report string
	for range 20 {
		text := drawTree(r, keys, began)
		cfg, loaded := config.LoadFS(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, config.Options{})
		model, found := compiler.Compile(cfg, compiler.CompileOptions{Now: began, Loaded: loaded})
		list := append(loaded, found...)
		if !list.HasErrors() {
			return model, text
		}
		report = fmt.Sprintf("%+v\n%s", list, text)
	}
	t.Fatalf("no configuration that is drawn is valid: %s", report)
	return nil, ""
}
