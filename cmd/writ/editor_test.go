package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
)

// A workbench is "writ console" over a folder, without its port and without a key.
type workbench struct {
	t     *testing.T
	dir   string
	opts  console.Options
	pages http.Handler
}

// newWorkbench opens the console over a copy of an example, or over files.
func newWorkbench(t *testing.T, example string, files map[string]string) *workbench {
	t.Helper()
	b := &workbench{t: t, dir: t.TempDir()}
	if example != "" {
		if err := os.CopyFS(b.dir, os.DirFS(filepath.Join("../../examples", example))); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		b.put(name, content)
	}
	env := &cli.Env{Out: io.Discard, Err: io.Discard, Now: time.Now, Getenv: func(string) string { return "" }}
	var err error
	if b.opts, err = consoleOfFolder(t.Context(), env, []string{b.dir}, new(cli.ConfigFlags)); err != nil {
		t.Fatal(err)
	}
	b.opts.NewSecret = secretMaker(strings.NewReader(strings.Repeat("0123456789abcdef", 100)))
	b.pages = console.New(b.opts)
	return b
}

func (b *workbench) put(name, content string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *workbench) file(name string) string {
	content, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		return "gone"
	}
	return string(content)
}

func (b *workbench) get(path string) string {
	b.t.Helper()
	w := request(b.pages, http.MethodGet, path, nil)
	if w.Code != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// seenPattern finds what the author has looked at.
var seenPattern = regexp.MustCompile(`name="seen" value="([0-9a-f]+)"`)

// write looks at a change and writes it.
func (b *workbench) write(path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	form.Set("action", "show")
	shown := request(b.pages, http.MethodPost, path, form)
	m := seenPattern.FindStringSubmatch(shown.Body.String())
	if m == nil {
		b.t.Fatalf("%s: it is refused: %d %s", path, shown.Code, shown.Body)
	}
	form.Set("seen", m[1])
	form.Set("action", "write")
	return request(b.pages, http.MethodPost, path, form)
}

// validates holds what is on disk to the compiler, as "writ validate" does.
func (b *workbench) validates() {
	b.t.Helper()
	env := &cli.Env{Out: io.Discard, Err: io.Discard, Now: time.Now, Getenv: func(string) string { return "" }}
	w, err := new(cli.ConfigFlags).Load(env, []string{b.dir})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := w.Compile(); err != nil {
		b.t.Errorf("what was written is refused: %v", err)
	}
}

func holds(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("%q is not on the page:\n%s", w, page)
		}
	}
}

// From a new API over a client and its authorization to their removal, in a tree with policies:
// what they demand is said before anything is written, and what is written compiles.
func TestConsoleWritesWhatCompiles(t *testing.T) {
	b := newWorkbench(t, "platform", nil)
	v := url.Values{"name": {"Gift cards"}, "identifier": {"https://api.dev.example.com/gift-cards"}, "scope_name": {"read:cards", "redeem:cards"}, "scope_sensitive": {"1"}}
	form := b.get("/console/apis/new")
	holds(t, form, "12h, from issuer.hcl:9", `placeholder="owner"`, "commerce@example.com")
	v.Set("action", "write")
	refused := request(b.pages, http.MethodPost, "/console/apis/new", v)
	holds(t, refused.Body.String(), "needs metadata.owner, so that somebody can be called at night.")
	if refused.Code != http.StatusUnprocessableEntity || b.file("commerce/gift-cards.hcl") != "gone" {
		t.Fatalf("a policy fails, and it was written: %d", refused.Code)
	}
	v["metadata_key"], v["metadata_value"] = []string{"owner"}, []string{"commerce@example.com"}
	if w := b.write("/console/apis/new", v); w.Header().Get("Location") != "/console/apis/gift-cards/clients?wrote=1" {
		t.Fatalf("%d %s %s", w.Code, w.Header(), w.Body)
	}
	b.validates()
	if got := b.file("commerce/gift-cards.hcl"); strings.Contains(got, "token_") || !strings.Contains(got, "sensitive = true") {
		t.Errorf("%s", got)
	}
	// The page that follows shows it, without a wait for the watch.
	holds(t, b.get("/console/apis/gift-cards/clients?wrote=1"), "Create api.gift-cards: written to", "Authorize a client")

	shown := b.get("/console/apis/gift-cards/clients?authorize=billing&scope=redeem:cards")
	holds(t, shown, "may now redeem:cards (sensitive) on api.gift-cards", "payments/authorizations.hcl", "sensitive")
	grant := url.Values{"scope": {"read:cards", "redeem:cards"}, "token_lifetime": {"13h"}}
	holds(t, request(b.pages, http.MethodPost, "/console/apis/gift-cards/clients?authorize=billing", grant).Body.String(), `id="token_lifetime-finding" data-follow class="error">`)
	grant.Set("token_lifetime", "5m")
	if w := b.write("/console/apis/gift-cards/clients?authorize=billing", grant); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.validates()
	before := b.file("payments/authorizations.hcl")

	narrow := url.Values{"scope": {"read:cards"}, "token_lifetime": {"5m"}}
	shown = request(b.pages, http.MethodPost, "/console/apis/gift-cards/clients?change=billing-gift-cards", narrow).Body.String()
	holds(t, shown, "may no longer redeem:cards (sensitive) on api.gift-cards")
	if w := b.write("/console/apis/gift-cards/clients?change=billing-gift-cards", narrow); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.validates()
	if got := b.file("payments/authorizations.hcl"); got != strings.Replace(before, `["read:cards", "redeem:cards"]`, `["read:cards"]`, 1) {
		t.Errorf("more than the scopes changed:\n%s", got)
	}

	if w := b.write("/console/apis/gift-cards/clients?remove=billing-gift-cards", url.Values{}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.validates()
	// What for_each made is not changed one by one.
	holds(t, b.get("/console/apis/carts/clients?change=storefront%5B%22carts%22%5D"), "one of several", "commerce/authorizations.hcl:")

	client := url.Values{"name": {"Card printer"}, "scope": {"read:cards"}}
	w := b.write("/console/new-client?api=gift-cards", client)
	holds(t, w.Body.String(), "shown only now", "commerce/card-printer.hcl")
	b.validates()
	secret := regexp.MustCompile(`id="secret"[^>]*><code>([^<]+)`).FindStringSubmatch(w.Body.String())
	if secret == nil || strings.Contains(b.file("commerce/card-printer.hcl"), secret[1]) || !strings.Contains(b.file("commerce/card-printer.hcl"), hashSecret(secret[1])) {
		t.Errorf("%v\n%s", secret, b.file("commerce/card-printer.hcl"))
	}

	// What another change lies over waits for it.
	holds(t, b.get("/console/undo?id=2"), "was written later, into the same file")
	// All of it is taken back, the newest first, and then the tree is as it was.
	for id := 5; id >= 1; id-- {
		if w := request(b.pages, http.MethodPost, "/console/undo", url.Values{"id": {fmt.Sprint(id)}}); w.Code != http.StatusSeeOther {
			t.Fatalf("undo %d: %d %s", id, w.Code, w.Body)
		}
	}
	b.validates()
	for _, name := range []string{"payments/authorizations.hcl", "commerce/gift-cards.hcl", "commerce/card-printer.hcl"} {
		want := "gone"
		if content, err := os.ReadFile(filepath.Join("../../examples/platform", name)); err == nil {
			want = string(content)
		}
		if got := b.file(name); got != want {
			t.Errorf("%s is not as it was:\n%s", name, got)
		}
	}
}

// What somebody writes in an editor at the same time is neither lost nor taken back.
func TestConsoleBesideAnEditor(t *testing.T) {
	const main = "issuer {\n  url = \"https://auth.example.com/\"\n}\n"
	b := newWorkbench(t, "", map[string]string{"main.hcl": main, "apis.hcl": "# APIs\n"})
	v := url.Values{"name": {"Gifts"}, "identifier": {"urn:gifts"}, "file": {"apis.hcl"}, "action": {"show"}}
	shown := request(b.pages, http.MethodPost, "/console/apis/new", v).Body.String()
	v.Set("seen", seenPattern.FindStringSubmatch(shown)[1])
	v.Set("action", "write")
	mine := "# APIs\n\n# mine, typed meanwhile\n"
	b.put("apis.hcl", mine)
	w := request(b.pages, http.MethodPost, "/console/apis/new", v)
	holds(t, w.Body.String(), "has changed since this difference was shown", "mine, typed meanwhile")
	if w.Code != http.StatusConflict || b.file("apis.hcl") != mine {
		t.Fatalf("%d %q", w.Code, b.file("apis.hcl"))
	}
	if w := b.write("/console/apis/new", v); w.Code != http.StatusSeeOther || !strings.HasPrefix(b.file("apis.hcl"), mine) {
		t.Fatalf("%d %q", w.Code, b.file("apis.hcl"))
	}
	written := b.file("apis.hcl") + "# and more\n"
	b.put("apis.hcl", written)
	w = request(b.pages, http.MethodPost, "/console/undo", url.Values{"id": {"1"}})
	holds(t, w.Body.String(), "apis.hcl has other bytes than were written here")
	if w.Code != http.StatusConflict || b.file("apis.hcl") != written {
		t.Errorf("%d %q", w.Code, b.file("apis.hcl"))
	}
	// A tree that does not compile takes no change, and says why.
	b.put("broken.hcl", "api {")
	v.Set("name", "More")
	v.Set("identifier", "urn:more")
	v.Set("file", "apis.hcl")
	if w := request(b.pages, http.MethodPost, "/console/apis/new", v); b.file("apis.hcl") != written || !strings.Contains(w.Body.String(), "broken.hcl") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// An empty folder begins with the page alone: issuer, API, client.
func TestConsoleFromNothing(t *testing.T) {
	b := newWorkbench(t, "", nil)
	holds(t, b.get("/console/"), "Nothing is declared here yet", "Write issuer.hcl")
	v := url.Values{"url": {"http://auth.example.com/?x"}, "action": {"show"}}
	holds(t, request(b.pages, http.MethodPost, "/console/start", v).Body.String(), `id="url-finding" data-follow class="error">`)
	v.Set("url", "https://auth.example.com/")
	if w := b.write("/console/start", v); w.Header().Get("Location") != "/console/apis/new?wrote=1" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := b.file("issuer.hcl"); got != "issuer {\n  url = \"https://auth.example.com/\"\n}\n" {
		t.Errorf("%s", got)
	}
	if w := b.write("/console/apis/new", url.Values{"name": {"Orders"}, "identifier": {"https://api.example.com/orders"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	holds(t, b.write("/console/new-client?api=orders", url.Values{"name": {"Billing"}}).Body.String(), "shown only now")
	b.validates()
	holds(t, b.get("/console/apis/orders/clients"), "Authorized")
}

// A draft says of itself what the form says, in every spelling, or is refused at its field.
func TestDraftCompilesToWhatTheFormSays(t *testing.T) {
	b := newWorkbench(t, "", map[string]string{"main.hcl": "issuer {\n  url = \"https://auth.example.com/\"\n}\n\napi \"orders\" {\n  identifier = \"https://api.example.com/orders\"\n}\n"})
	const odd = "Gifts \"quoted\" \\ ${x} %{ if y } $${z} %%{z} $ % ${ %{ é\u00a0日本 \\n #//"
	w := b.write("/console/apis/new", url.Values{
		"name": {odd}, "label": {"gifts"}, "identifier": {"https://api.example.com/orders/?q=${x}&%{y}%7B"}, "token_profile": {"auth0"}, "signing_alg": {"HS256"},
		"signing_secret": {"env:GIFTS"}, "token_lifetime": {"1h30m"}, "allow_offline_access": {"yes"},
		"scope_name": {"read:gifts", "${write}:%{gifts}"}, "scope_description": {odd, ""}, "metadata_key": {"a key"}, "metadata_value": {odd},
	})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	api, ok := b.opts.State().Snapshot.APIByLabel("gifts")
	if !ok {
		t.Fatal("it is not shown")
	}
	got := api.Schema()
	if got.Name != odd || got.Identifier != "https://api.example.com/orders/?q=${x}&%{y}%7B" || got.SigningSecret != "env:GIFTS" || got.TokenLifetime != 5400 || !got.AllowOfflineAccess ||
		got.Scopes[0].Description != odd || got.Scopes[1].Name != "${write}:%{gifts}" || got.Metadata["a key"] != odd {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ field, value, at string }{
		{"name", "<b>", "name"}, {"label", "orders", "label"}, {"identifier", "", "identifier"}, {"identifier", "https://api.example.com/orders", "identifier"},
		{"identifier", "https://api.example.com/orders/", "identifier"}, {"identifier", "https://auth.example.com/userinfo", "identifier"}, {"identifier", "a b", "identifier"},
		{"token_profile", "jwt", "token_profile"}, {"signing_alg", "none", "signing_alg"}, {"signing_alg", "HS256", "signing_secret"}, {"signing_secret", "env:X", "signing_secret"},
		{"signing_secret", "plain", "signing_secret"}, {"token_lifetime", "31d", "token_lifetime"}, {"token_lifetime", "2d", "token_lifetime"}, {"scope_name", "openid", "scopes"}, {"scope_name", `q"`, "scopes"},
	} {
		v := url.Values{"name": {"Cards"}, "identifier": {"https://api.example.com/cards"}, "action": {"show"}}
		v.Set(c.field, c.value)
		body := request(b.pages, http.MethodPost, "/console/apis/new", v).Body.String()
		_, note, _ := strings.Cut(body, `id="`+c.at+`-finding"`)
		note, _, _ = strings.Cut(note, "</p>")
		if _, text, _ := strings.Cut(note, ">"); text == "" {
			t.Errorf("%s %q: nothing is said at the field %s", c.field, c.value, c.at)
		}
	}
}

// One keystroke in Create API at 1,000 APIs: the whole tree is compiled and planned.
func BenchmarkKeystroke(b *testing.B) {
	dir := b.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("issuer.hcl", "issuer {\n  url = \"https://auth.example.com/\"\n}\n")
	for team := range 20 {
		var s strings.Builder
		for i := range 50 {
			label := fmt.Sprintf("api%02d%02d", team, i)
			fmt.Fprintf(&s, "api %q {\n  identifier = %q\n  metadata = { owner = \"team\" }\n  scope \"read\" { description = \"Read\" }\n  scope \"write\" {}\n}\n", label, "https://api.example.com/"+label)
			fmt.Fprintf(&s, "client %q {\n  secret \"a\" { hash = %q }\n}\n", "c"+label, hashSecret(label))
			fmt.Fprintf(&s, "authorization %q {\n  client = client.c%s\n  api = api.%s\n  scopes = [\"read\"]\n}\n", label, label, label)
		}
		write(fmt.Sprintf("team%02d.hcl", team), s.String())
	}
	env := &cli.Env{Out: io.Discard, Err: io.Discard, Now: time.Now, Getenv: func(string) string { return "" }}
	opts, err := consoleOfFolder(b.Context(), env, []string{dir}, new(cli.ConfigFlags))
	if err != nil {
		b.Fatal(err)
	}
	pages := console.New(opts)
	v := url.Values{"name": {"Cards"}, "identifier": {"https://api.example.com/cards"}, "scope_name": {"read:cards"}}
	b.ReportAllocs()
	for b.Loop() {
		if w := request(pages, http.MethodPost, "/console/apis/new", v); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "What it changes") {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// Over a snapshot there are no files, and what the form gives to copy was compiled with the
// names that the snapshot has.
func TestConsoleOverASnapshotCompiles(t *testing.T) {
	s := newDevSite(t, fmt.Sprintf(servedConfig, hashSecret("right"))+`
api "worker" {
  for_each   = { "a/b" = "urn:ab", c = "urn:c" }
  identifier = each.value
  name       = "W $${x}"
  metadata   = { "owner of" = "$${x}" }
}
client "job" {
  for_each  = toset(["x"])
  client_id = "job-${each.key}"
  secret "a" { hash = "env:JOB" }
}
authorization "jobs" {
  for_each = api.worker
  client   = client.job["x"]
  api      = each.value
  scopes   = []
}
api "shared" {
  identifier     = "urn:shared"
  signing_alg    = "HS256"
  signing_secret = "env:SHARED"
}
`)
	state := func() console.State { return s.consoleState() }
	pages := console.New(console.Options{State: state, Editor: editorOf(s.env, state), NewSecret: secretMaker(s.env.Rand)})
	ask := func(path string, form url.Values) string {
		return request(pages, http.MethodPost, path, form).Body.String()
	}
	v := url.Values{"name": {"Gifts"}, "identifier": {"urn:gifts"}}
	holds(t, ask("/console/apis/new", v), "What it changes", "These pages write nothing", "api &#34;gifts&#34; {")
	for identifier, says := range map[string]string{"urn:c": "error", "https://api.example.com/orders/": "warning", "a b": "error", "http://127.0.0.1:8080/userinfo": "error"} {
		v.Set("identifier", identifier)
		holds(t, ask("/console/apis/new", v), `id="identifier-finding" data-follow class="`+says+`">`)
	}
	v.Set("identifier", "urn:gifts")
	v.Set("label", "worker")
	holds(t, ask("/console/apis/new", v), `id="label-finding" data-follow class="error">`)
	holds(t, ask("/console/apis/shared/clients?authorize=billing", url.Values{}), "may now get tokens without scopes for api.shared")
	holds(t, ask("/console/apis/orders/clients?remove=billing-orders", url.Values{}), "change authorization.billing-orders where it stands, in main.hcl")
	w := ask("/console/new-client?api=orders", url.Values{"name": {"New"}, "action": {"make"}})
	holds(t, w, "shown only now", "hash = &#34;sha256:")
}
