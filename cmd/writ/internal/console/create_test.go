package console_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
)

// form is a good draft with changes: name, value pairs.
func form(changes ...string) url.Values {
	v := url.Values{
		"name": {"Gift cards"}, "identifier": {"https://api.example.com/gifts"}, "token_lifetime": {"1h"}, "action": {"show"},
		"scope_name": {"read:gifts", "", "write:gifts"}, "scope_description": {"Read them", "", ""}, "scope_sensitive": {"2"},
		"metadata_key": {"owner", ""}, "metadata_value": {"gifts", ""},
	}
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return v
}

// The block has what the form says and nothing else, laid out as "writ fmt" does.
func TestDraftBlock(t *testing.T) {
	s := newSite(t, document(), true)
	s.post("/console/apis/new", form("allow_offline_access", "yes", "identifier", "https://api.example.com/orders/x/..", "distinct_from", "yes", "name", `Gift ${x} %{y} "z" \`))
	want := `api "gift-x-y-z" {
  name                 = "Gift $${x} %%{y} \"z\" \\"
  identifier           = "https://api.example.com/orders/x/.."
  token_lifetime       = "1h"
  allow_offline_access = true
  distinct_from        = [api.orders]
  metadata             = { owner = "gifts" }

  scope "read:gifts" { description = "Read them" }
  scope "write:gifts" { sensitive = true }
}
`
	c := s.editor.tried[0]
	if got := c.Edits[0].Text; got != want && got != strings.Replace(want, "api.orders]", "api.orders_v1]", 1) {
		t.Errorf("%s", got)
	}
	if c.Title != "Create api.gift-x-y-z" || c.Edits[0].File != "dir/gift-x-y-z.hcl" { // beside the nearest sibling
		t.Errorf("%+v", c)
	}
	s.post("/console/apis/new", url.Values{"name": {"x"}, "file": {"elsewhere.hcl"}})
	if got := s.editor.tried[1].Edits[0]; got.Text != "api \"x\" {\n}\n" || got.File != "dir/x.hcl" {
		t.Errorf("%+v", got)
	}
	s.editor.hints.Files = []string{"elsewhere.hcl"}
	s.post("/console/apis/new", url.Values{"name": {"x"}, "file": {"elsewhere.hcl"}})
	if got := s.editor.tried[2].Edits[0].File; got != "elsewhere.hcl" {
		t.Errorf("the chosen file: %q", got)
	}
}

// What the compiler finds stands at the field that it is about, unless nobody has come to that
// field yet, and otherwise beside the form.
func TestDraftFindings(t *testing.T) {
	s := newSite(t, document(), true)
	s.editor.outcome = console.Outcome{Findings: []console.Finding{
		{Error: true, Code: "missing-attribute", Text: "It has no identifier."},
		{Error: true, Code: "invalid-lifetime", Text: "It lives too long.", Attribute: "token_lifetime"},
		{Error: true, Code: "invalid-scope", Text: "No scope.", Attribute: "scope:x"},
		{Code: "near-identifier", Text: "It looks like another.", Attribute: "identifier"},
		{Error: true, Code: "policy-failed", Text: "It needs an owner.", Where: "gifts.hcl:1"},
	}}
	at := func(body, id string) string {
		_, note, _ := strings.Cut(body, `id="`+id+`-finding"`)
		note, _, _ = strings.Cut(note, "</p>")
		_, text, _ := strings.Cut(note, ">")
		return text
	}
	body := s.post("/console/apis/new", form()).Body.String()
	for field, want := range map[string]string{"identifier": "It has no identifier.", "token_lifetime": "It lives too long.", "scopes": "No scope.", "name": ""} {
		if got := at(body, field); got != want {
			t.Errorf("%s: %q", field, got)
		}
	}
	if !strings.Contains(body, `<p class="error">It needs an owner. <span class="id source">gifts.hcl:1</span></p>`) || strings.Contains(body, `id="write"`) {
		t.Error(body)
	}
	body = s.post("/console/apis/new", form("identifier", "", "touched", "name scopes")).Body.String()
	if got := at(body, "identifier") + at(body, "scopes"); got != "No scope." {
		t.Errorf("%q", got)
	}
	for _, label := range []string{"../x", "a/b", ".hidden", "9lives", strings.Repeat("l", 64)} {
		w := s.post("/console/apis/new", form("label", label, "action", "write"))
		if w.Code != http.StatusUnprocessableEntity || at(w.Body.String(), "label") == "" {
			t.Errorf("label %q: %d", label, w.Code)
		}
	}
	if w := s.post("/console/apis/new", form("name", "")); !strings.Contains(at(w.Body.String(), "label"), "Type a name") {
		t.Errorf("%s", w.Body)
	}
	if len(s.editor.tried) != 2 {
		t.Errorf("%d drafts without a label were compiled", len(s.editor.tried)-2)
	}
}

// The form begins with the issuer's defaults and says where they stand.
func TestDraftDefaults(t *testing.T) {
	s := newSite(t, document(), true)
	s.editor.hints = console.Hints{
		Defaults: map[string]console.Default{"token_lifetime": {Value: "12h", Origin: "issuer.hcl:9"}}, Metadata: []console.MetadataKey{{Key: "owner", Values: []string{"payments"}}},
	}
	body := s.page(t, "/console/apis/new")
	for _, words := range []string{`placeholder="12h, from issuer.hcl:9"`, `rfc9068 (the default)`, `placeholder="owner"`, `<option value="payments"`} {
		if !strings.Contains(body, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	checkMarkup(t, "create", body)
}

// Where no files can be written, there is HCL to copy.
func TestReadOnly(t *testing.T) {
	s := newSite(t, document(), false)
	for _, action := range []string{"show", "write"} {
		w := s.post("/console/apis/new", form("action", action))
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "api &#34;gift-cards&#34; {") || strings.Contains(body, `value="write"`) {
			t.Errorf("%s: %d %s", action, w.Code, w.Body)
		}
	}
	if w := s.get("/console/undo"); w.Code != http.StatusNotFound {
		t.Errorf("undo: %d", w.Code)
	}
}

// Nothing is written that was not looked at, and what is written is said and can be taken back.
func TestWrite(t *testing.T) {
	s := newSite(t, document(), true)
	if w := s.post("/console/apis/new", form("action", "write")); len(s.editor.wrote) != 0 {
		t.Errorf("written unseen: %d", w.Code)
	}
	shown := s.post("/console/apis/new", form())
	if !strings.Contains(shown.Body.String(), `name="seen" value="as it was"`) || len(s.editor.wrote) != 0 {
		t.Fatal(shown.Body)
	}
	w := s.post("/console/apis/new", form("action", "write", "seen", "as it was"))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/apis/gift-cards/clients?wrote=1" || len(s.editor.wrote) != 1 {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	after := s.page(t, "/console/apis/orders/clients?wrote=1")
	if !strings.Contains(after, "Create api.gift-cards: written to") || !strings.Contains(after, `href="/console/undo?id=1"`) {
		t.Error(after)
	}
	if body := s.page(t, "/console/undo"); !strings.Contains(body, "Create api.gift-cards") {
		t.Error(body)
	} else {
		checkMarkup(t, "undo", body)
	}
	if w := s.post("/console/undo", url.Values{"id": {"1"}}); w.Code != http.StatusSeeOther {
		t.Errorf("undo: %d", w.Code)
	}
	if w := s.post("/console/apis/new", form("name", strings.Repeat("s", 1<<20))); w.Code != http.StatusBadRequest {
		t.Errorf("too large: %d", w.Code)
	}
}

// In a client's row it is authorized, changed and removed; only what changes is written.
func TestGrant(t *testing.T) {
	s := newSite(t, document(), true)
	for _, c := range []struct {
		query string
		form  url.Values
		want  console.BlockEdit
	}{
		{"authorize=late", url.Values{"scope": {"write:orders", "read:orders", "no:such"}, "token_lifetime": {"10m"}, "expires_at": {"2027-06-30"}, "subject_type": {"user"}}, console.BlockEdit{
			File: "dir/authorization.hcl", Type: "authorization", Label: "late-orders-2", Text: `authorization "late-orders-2" {
  client         = client.late
  api            = api.orders
  scopes         = ["read:orders", "write:orders"]
  subject_type   = "user"
  token_lifetime = "10m"
  expires_at     = "2027-06-30T00:00:00Z"
}
`}},
		{"change=billing-orders", url.Values{"scope": {"read:orders"}, "expires_at": {"soon"}}, console.BlockEdit{
			File: "dir/authorization.hcl", Type: "authorization", Label: "billing-orders",
			Set: []console.Attribute{{Name: "scopes", Value: `["read:orders"]`}, {Name: "expires_at", Value: `"soon"`}},
		}},
		{"remove=billing-orders", url.Values{}, console.BlockEdit{File: "dir/authorization.hcl", Type: "authorization", Label: "billing-orders", Remove: true}},
	} {
		checkMarkup(t, c.query, s.page(t, "/console/apis/orders/clients?"+c.query))
		s.editor.tried = nil
		w := s.post("/console/apis/orders/clients?"+c.query, c.form)
		if w.Code != http.StatusOK || len(s.editor.tried) != 1 {
			t.Fatalf("%s: %d %s", c.query, w.Code, w.Body)
		}
		got := s.editor.tried[0].Edits[0]
		if got.File != c.want.File || got.Label != c.want.Label || got.Text != c.want.Text || got.Remove != c.want.Remove || len(got.Set) != len(c.want.Set) {
			t.Errorf("%s: %+v", c.query, got)
		}
		for i := range c.want.Set {
			if got.Set[i] != c.want.Set[i] {
				t.Errorf("%s: %+v", c.query, got.Set[i])
			}
		}
	}
	s.editor.tried = nil
	if w := s.post("/console/apis/orders/clients?change=billing-orders", url.Values{"scope": {"read:orders", "write:orders"}}); len(s.editor.tried) != 0 {
		t.Errorf("nothing changes, and it was compiled: %s", w.Body)
	}
	for _, query := range []string{"authorize=nobody", "change=billing-shared", "remove=", ""} {
		if w := s.post("/console/apis/orders/clients?"+query, url.Values{"action": {"write"}, "seen": {"as it was"}}); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
}

// The secret of a new client is on the page that has written its hash, and on no other.
func TestCreateClient(t *testing.T) {
	s := newSite(t, document(), true)
	v := url.Values{"name": {"Order importer"}, "scope": {"read:orders"}, "action": {"show"}}
	body := s.post("/console/new-client?api=orders", v).Body.String()
	checkMarkup(t, "new client", body)
	if c := s.editor.tried[0]; strings.Contains(body, madeSecret) || len(c.Edits) != 2 || strings.Contains(c.Edits[0].Text, "of-it") {
		t.Fatalf("%+v", c)
	}
	v.Set("action", "write")
	v.Set("seen", "as it was")
	w := s.post("/console/new-client?api=orders", v)
	if strings.Count(w.Body.String(), madeSecret) != 1 || w.Header().Get("Cache-Control") != "no-store" {
		t.Error(w.Body)
	}
	checkMarkup(t, "written client", w.Body.String())
	want := `client "order-importer" {
  name = "Order importer"

  secret "2026-11-23" { hash = "sha256:of-it" }
}
` + `authorization "order-importer-orders" {
  client = client.order-importer
  api    = api.orders
  scopes = ["read:orders"]
}
`
	if edits := s.editor.wrote[0].Edits; edits[0].Text+edits[1].Text != want || edits[0].File != edits[1].File || edits[0].File != "dir/order-importer.hcl" {
		t.Errorf("%+v", edits)
	}
	for _, path := range []string{"/console/new-client?api=orders", "/console/undo", "/console/clients?wrote=1"} {
		if strings.Contains(s.page(t, path), madeSecret) {
			t.Errorf("%s shows the secret again", path)
		}
	}
	// A block that the compiler refuses has no secret.
	s.editor.outcome.OK = false
	if w := s.post("/console/new-client?api=orders", v); strings.Contains(w.Body.String(), madeSecret) {
		t.Error(w.Body)
	}
}

// The key in the address works once, and pages are read-only for who has not used it.
func TestLock(t *testing.T) {
	s := newSite(t, document(), true)
	announced := 0
	s.pages = console.New(console.Options{
		State: func() console.State { return s.state }, Editor: s.editor, Writable: true, Locked: true, Secret: "throw-away", Tokens: answering(200, "{}"), Announce: func() { announced++ },
	})
	s.handler = s.pages
	v := form("action", "write", "seen", "as it was")
	refused := func(when string) {
		t.Helper()
		if w := s.post("/console/apis/new", v); w.Code != http.StatusForbidden || len(s.editor.wrote) != 0 {
			t.Errorf("%s: %d", when, w.Code)
		}
		if body := s.post("/console/apis/new", form()).Body.String(); strings.Contains(body, `id="write"`) || !strings.Contains(body, "These pages write nothing") {
			t.Errorf("%s: %s", when, body)
		}
	}
	refused("without a key")
	address := s.pages.Address("")
	if w := s.get("/console/apis/new?key=wrong&x=1"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/apis/new?x=1" || len(w.Result().Cookies()) != 0 {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	if s.pages.Address("") != address {
		t.Error("a wrong key has used it up")
	}
	w := s.get(address)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/" || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	// Another browser: the address does not work again, and the terminal has a new one.
	if w := s.get(address); len(w.Result().Cookies()) != 0 || announced != 1 || s.pages.Address("") == address {
		t.Errorf("a second time: %s, announced %d", w.Header(), announced)
	}
	refused("with a used key")
	s.cookies = []*http.Cookie{{Name: cookies[0].Name, Value: cookies[0].Value + "x"}}
	refused("with a wrong cookie")
	s.cookies = []*http.Cookie{{Name: "writ_console_9999", Value: cookies[0].Value}}
	refused("with the cookie of another port")
	s.cookies = cookies
	if w := s.post("/console/apis/new", v); w.Code != http.StatusSeeOther || len(s.editor.wrote) != 1 {
		t.Errorf("with the cookie: %d", w.Code)
	}
}

// A client with a key of its own is made of the public half; a private one is refused and not
// sent back.
func TestNewClientWithAKey(t *testing.T) {
	s := newSite(t, document(), true)
	public := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
	form := url.Values{"name": {"Printer"}, "with": {"key"}, "public_key": {"# ${x}\n" + public}, "scope": {"read:orders"}, "action": {"write"}, "seen": {"as it was"}}
	w := s.post("/console/new-client?api=orders", form)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/console/apis/orders/test?client=printer&wrote=") {
		t.Fatalf("%d %q %s", w.Code, to, w.Body)
	}
	want := "client \"printer\" {\n  name = \"Printer\"\n\n  public_key \"main\" {\n    pem = <<-EOT\n      " + strings.ReplaceAll(strings.TrimSpace(public), "\n", "\n      ") + "\n    EOT\n  }\n}\n"
	if got := s.editor.wrote[0].Edits[0].Text; got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	form.Set("public_key", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)
	s.post("/console/new-client?api=orders", form)
	if got := s.editor.wrote[1].Edits[0].Text; !strings.Contains(got, `    jwks = "{\"keys\":[{`) {
		t.Error(got)
	}
	for key, words := range map[string]string{
		"": "Paste the public half", "canary": "PEM text has no block", `{"kty":"OKP","d":"canary"}`: "holds a private or symmetric key",
		"-----BEGIN PRIVATE KEY-----\ncanary00\n-----END PRIVATE KEY-----": "is a private key",
	} {
		form.Set("public_key", key)
		w := s.post("/console/new-client?api=orders", form)
		body := html.UnescapeString(w.Body.String())
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, words) || key != "canary" && strings.Contains(body, "canary") {
			t.Errorf("%q: %d\n%s", key, w.Code, body)
		}
	}
	if len(s.editor.wrote) != 2 {
		t.Errorf("%d clients were written", len(s.editor.wrote))
	}
	// An empty field is no error before the author has come to it.
	form.Set("public_key", "")
	form.Set("touched", "name with -")
	if body := s.post("/console/new-client?api=orders", form).Body.String(); strings.Contains(body, "Paste the public half") || !strings.Contains(body, "Complete the form") {
		t.Error("the key is missed before anybody could paste it")
	}
}
