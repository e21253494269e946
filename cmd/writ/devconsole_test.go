package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

const draftIssuer = `issuer {
  url = "https://auth.example.com/"

  defaults {
    token_profile  = "auth0"
    signing_alg    = "PS256"
    token_lifetime = "10m"
  }
}

api "orders" {
  identifier = "https://api.example.com/orders"
}

api "worker" {
  for_each   = toset(["a/b"])
  identifier = "https://api.example.com/worker/${each.key}"
}
`

// compiledWith compiles the fixture with one more file.
func compiledWith(t *testing.T, block string) (*compiler.Model, diag.List) {
	t.Helper()
	cfg, list := config.LoadFS(fstest.MapFS{"main.hcl": {Data: []byte(draftIssuer)}, "new.hcl": {Data: []byte(block)}}, config.Options{})
	model, found := compiler.Compile(cfg, compiler.CompileOptions{Loaded: list})
	return model, append(list, found...)
}

// draftForm asks the form what it makes of a draft.
func draftForm(t *testing.T) func(url.Values) (block string, ok bool, fields string) {
	t.Helper()
	model, list := compiledWith(t, "")
	if list.HasErrors() {
		t.Fatal(list)
	}
	body, err := snapshot.Encode(model.Document)
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	pages := console.New(console.Options{State: func() console.State { return console.State{Snapshot: snap} }})
	return func(form url.Values) (string, bool, string) {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/console/apis/new/check", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://127.0.0.1")
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		var answer struct {
			OK     bool            `json:"ok"`
			HCL    string          `json:"hcl"`
			Fields json.RawMessage `json:"fields"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return answer.HCL, answer.OK, string(answer.Fields)
	}
}

// The block of a new API compiles to what the form said, whatever the issuer's
// defaults, and lies as "writ fmt" would lay it.
func TestDraftCompilesToWhatTheFormSays(t *testing.T) {
	ask := draftForm(t)
	const odd = "Gifts \"quoted\" \\ ${x} %{ if y } $${z} %%{z} $ % ${ %{ é\u00a0日本 \\n #//"
	block, ok, fields := ask(url.Values{
		"name": {odd}, "label": {"gifts"}, "identifier": {"https://api.example.com/orders/?q=${x}&%{y}%7B"}, "token_profile": {"rfc9068"}, "signing_alg": {"HS256"},
		"signing_secret": {"env:GIFTS"}, "token_lifetime": {"1h30m"}, "allow_offline_access": {"yes"},
		"scopes": {"read:gifts " + odd + "\n\n  ${write}:%{gifts}  \r\nthird\t spaced  out"},
	})
	if !ok {
		t.Fatal(fields)
	}
	if formatted := string(hclwrite.Format([]byte(block))); formatted != block {
		t.Errorf("written\n%s\nformatted\n%s", block, formatted)
	}
	model, list := compiledWith(t, block)
	if list.HasErrors() {
		t.Fatalf("%v\n%s", list, block)
	}
	var got schema.API
	for _, api := range model.Document.APIs {
		if api.Label == "gifts" {
			got = api
		}
	}
	want := schema.API{
		Label: "gifts", Name: odd, Identifier: "https://api.example.com/orders/?q=${x}&%{y}%7B", Profile: schema.ProfileRFC9068, Alg: schema.HS256,
		SigningSecret: "env:GIFTS", TokenLifetime: 5400, AllowOfflineAccess: true, ScopeMode: schema.ScopeNarrow,
		Scopes: []schema.Scope{{Name: "read:gifts", Description: odd}, {Name: "${write}:%{gifts}"}, {Name: "third", Description: "spaced  out"}},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("compiled %+v\nwant %+v", got, want)
	}
}

// What the form takes, the compiler takes, with a warning where the form warns;
// what the form refuses, the compiler refuses.
func TestDraftRulesAreTheCompilers(t *testing.T) {
	ask := draftForm(t)
	good := map[string]string{
		"name": "Gifts", "label": "gifts", "identifier": "https://api.example.com/gifts", "token_profile": "rfc9068", "signing_alg": "RS256", "token_lifetime": "1h",
	}
	for _, c := range []struct{ field, value string }{
		{"name", ""}, {"name", strings.Repeat("n", 200)},
		{"label", "_"}, {"label", strings.Repeat("l", 63)}, {"label", "api"}, {"label", "new"},
		{"identifier", "gifts"}, {"identifier", "urn:example:gifts"}, {"identifier", "https://api.example.com/orders/"}, {"identifier", "https://api.example.com/orders"},
		{"identifier", "HTTPS://api.example.com:443/orders"}, {"identifier", "https://auth.example.com"}, {"identifier", "https://auth.example.com/userinfo/x"},
		{"identifier", "https://auth.example.com/users"}, {"identifier", "https://api.example.com/worker/a/b"}, {"identifier", "https://api.example.com/worker/a/b/"},
		{"identifier", "https://user@host/"}, {"identifier", `a\b`}, {"identifier", "é"}, {"identifier", strings.Repeat("i", 601)}, {"identifier", `"${path}"`},
		{"token_profile", "auth0"}, {"signing_alg", "EdDSA"}, {"signing_alg", "HS256"}, {"signing_secret", "env:X"},
		{"token_lifetime", "60"}, {"token_lifetime", "30d"}, {"token_lifetime", "30d1s"}, {"token_lifetime", "0"}, {"token_lifetime", "1h 30m"}, {"token_lifetime", "-1h"},
		{"scopes", "a\nb b\nc"}, {"scopes", "a\na"}, {"scopes", "profile"}, {"scopes", "é"}, {"scopes", "ok " + strings.Repeat("d", 501)}, {"scopes", `q"`},
		{"label", "orders"}, {"label", "worker"}, {"label", "-a"}, {"label", "a.b"}, {"label", ""},
	} {
		form := url.Values{}
		for name, value := range good {
			form.Set(name, value)
		}
		form.Set(c.field, c.value)
		_, ok, fields := ask(form)
		_, list := compiledWith(t, bareBlock(form))
		if got := !list.HasErrors(); ok != got && !(c.field == "label" && c.value == "") { // which the form makes of the name
			t.Errorf("%s %q: the form says %v %s, the compiler %v", c.field, c.value, ok, fields, list)
		}
		warned := false
		for _, found := range list {
			warned = warned || found.Severity == diag.Warning && (found.Code == "near-identifier" || found.Code == "identifier-not-uri")
		}
		if ok && c.field == "identifier" && warned != strings.Contains(fields, "warning") {
			t.Errorf("%s %q: the form says %s, the compiler %v", c.field, c.value, fields, list)
		}
	}
}

// bareBlock writes a draft down without checking it, for the compiler to judge.
func bareBlock(form url.Values) string {
	quote := func(s string) string {
		return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "api %s {\n", quote(form.Get("label")))
	for _, name := range []string{"name", "identifier", "token_profile", "signing_alg", "signing_secret", "token_lifetime"} {
		if value := form.Get(name); value != "" || name == "identifier" || name == "token_lifetime" {
			fmt.Fprintf(&b, "  %s = %s\n", name, quote(value))
		}
	}
	for line := range strings.Lines(form.Get("scopes")) {
		name, description, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintf(&b, "  scope %s { description = %s }\n", quote(name), quote(description))
	}
	return b.String() + "}\n"
}

// The one port of "writ dev" has the console and the endpoints, and answers
// neither pages nor forms for another site's name.
func TestDevHandler(t *testing.T) {
	served, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := (&devServer{env: &cli.Env{Now: time.Now}, server: served, w: &workspace.Workspace{Dir: t.TempDir()}}).handler()
	for _, c := range []struct {
		method, host, path, origin string
		want                       int
	}{
		{"GET", "127.0.0.1:8080", "/console/", "", 200},
		{"GET", "localhost:8080", "/console", "", 301},
		{"GET", "evil.example:8080", "/console/", "", 403},
		{"POST", "evil.example:8080", "/console/apis/new", "http://evil.example:8080", 403},
		{"POST", "127.0.0.1:8080", "/console/apis/new", "http://evil.example", 403},
		{"POST", "127.0.0.1:8080", "/console/apis/new", "", 403},
		{"POST", "127.0.0.1:8080", "/oauth/token", "", 503},
		{"GET", "127.0.0.1:8080", "/consoles", "", 503},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.path, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s%s from %q: %d", c.method, c.host, c.path, c.origin, w.Code)
		}
	}
}

// Files are made in the folder and nowhere else, and none is changed.
func TestCreateBelow(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.hcl"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out": outside, "file.hcl": filepath.Join(outside, "file.hcl"), "dangling.hcl": filepath.Join(dir, "later.hcl")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := createBelow(dir, "new.hcl", []byte("new")); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "new.hcl")); err != nil || string(content) != "new" {
		t.Errorf("%q, %v", content, err)
	}
	for _, name := range []string{"mine.hcl", "new.hcl", "file.hcl", "dangling.hcl"} {
		if err := createBelow(dir, name, []byte("x")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"../up.hcl", "out/x.hcl", filepath.Join(outside, "abs.hcl"), "", ".", "none/x.hcl", "a\x00b"} {
		if err := createBelow(dir, name, []byte("x")); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
	if content, _ := os.ReadFile(filepath.Join(dir, "mine.hcl")); string(content) != "mine" {
		t.Errorf("changed to %q", content)
	}
	if err := createBelow(filepath.Join(dir, "nowhere"), "x.hcl", nil); err == nil {
		t.Error("no folder, and no error")
	}
}
