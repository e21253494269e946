package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// form is a good draft with changes: name, value pairs.
func form(changes ...string) url.Values {
	v := url.Values{
		"name": {"Gift cards"}, "identifier": {"https://api.example.com/gifts"}, "token_profile": {"rfc9068"}, "signing_alg": {"RS256"},
		"token_lifetime": {"1h"}, "scopes": {"read:gifts Read them\nwrite:gifts"},
	}
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return v
}

// checked is what the form's module is told.
type checked struct {
	OK          bool
	Label, File string
	HCL         string
	Fields      map[string]struct{ Error, Warning string }
}

func check(t *testing.T, s *site, v url.Values) checked {
	t.Helper()
	w := s.post("/console/apis/new/check", v)
	var c checked
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return c
}

func TestDraftIsChecked(t *testing.T) {
	s := newSite(t, document(), false)
	for _, c := range []struct{ field, value, err, warning string }{
		{"name", "", "", ""},
		{"name", "<b>", "leave out < and >", ""},
		{"name", strings.Repeat("x", 201), "201 characters", ""},
		{"label", "orders", "There is an api.orders already", ""},
		{"label", "worker", "There is an api.worker already", ""},
		{"label", "../etc", "must have 1 to 63 letters", ""},
		{"label", "a/b", "must have 1 to 63 letters", ""},
		{"label", "9lives", "begin with a letter", ""},
		{"identifier", "", "1 to 600", ""},
		{"identifier", "https://api.example.com/orders", "Taken by api.orders", ""},
		{"identifier", "HTTPS://API.example.com:443/shared/", "", "of api.shared only"},
		{"identifier", "https://auth.example.com", "issuer itself", ""},
		{"identifier", "https://auth.example.com/api/v2/", "issuer itself", ""},
		{"identifier", "https://a b", "has a space", ""},
		{"identifier", "https://a#b", "has a fragment", ""},
		{"identifier", "gifts", "", "absolute URI"},
		{"token_profile", "jwt", "none of rfc9068, auth0", ""},
		{"signing_alg", "none", "none of RS256", ""},
		{"signing_secret", "env:X", "Only HS256 has a signing secret", ""},
		{"token_lifetime", "", "no duration", ""},
		{"token_lifetime", "0s", "1s to 30d", ""},
		{"token_lifetime", "31d", "1s to 30d", ""},
		{"token_lifetime", "2d", "", "cannot be taken back"},
		{"scopes", "openid", "OpenID Connect", ""},
		{"scopes", "a\nb\na", `"a" stands twice`, ""},
		{"scopes", "a\"b", "printable ASCII", ""},
		{"scopes", strings.Repeat("s", 281), "281 bytes", ""},
		{"scopes", "a \u202ebidi", "control character", ""},
	} {
		got := check(t, s, form(c.field, c.value))
		field := got.Fields[c.field]
		if !strings.Contains(field.Error, c.err) || c.err == "" && field.Error != "" || !strings.Contains(field.Warning, c.warning) || c.warning == "" && field.Warning != "" {
			t.Errorf("%s %q: %+v", c.field, c.value, field)
		}
		name := c.field
		if c.field == "name" && c.value == "" {
			name = "label" // which is made of it
		}
		if got.OK != (c.err == "" && name != "label") || got.OK != (got.HCL != "") {
			t.Errorf("%s %q: ok %v\n%s", c.field, c.value, got.OK, got.HCL)
		}
	}
}

func TestDraftBlock(t *testing.T) {
	s := newSite(t, document(), false)
	got := check(t, s, form("allow_offline_access", "yes", "identifier", "https://api.example.com/orders/x/..", "distinct_from", "yes", "name", `Gift ${x} %{y} "z" \`))
	want := `api "gift-x-y-z" {
  name                 = "Gift $${x} %%{y} \"z\" \\"
  identifier           = "https://api.example.com/orders/x/.."
  token_profile        = "rfc9068"
  signing_alg          = "RS256"
  token_lifetime       = "1h"
  allow_offline_access = true
  distinct_from        = [api.orders]

  scope "read:gifts" { description = "Read them" }
  scope "write:gifts" {}
}
`
	if got.HCL != want && got.HCL != strings.Replace(want, "api.orders]", "api.orders_v1]", 1) {
		t.Errorf("%s", got.HCL)
	}
	if got.Label != "gift-x-y-z" || got.File != "gift-x-y-z.hcl" {
		t.Errorf("label %q, file %q", got.Label, got.File)
	}
}

// A server's configuration is changed by commits only.
func TestReadOnly(t *testing.T) {
	s := newSite(t, document(), false)
	if body := s.page(t, "/console/apis/new"); strings.Contains(body, `value="write"`) {
		t.Error("there is a button to write")
	}
	v := form()
	v.Set("action", "write")
	if w := s.post("/console/apis/new", v); w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	v.Set("action", "show")
	if w := s.post("/console/apis/new", v); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "api &#34;gift-cards&#34; {") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWrite(t *testing.T) {
	s := newSite(t, document(), true)
	v := form("action", "write")
	w := s.post("/console/apis/new", v)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/apis/gift-cards/created" || !strings.HasPrefix(s.written["gift-cards.hcl"], `api "gift-cards" {`) {
		t.Fatalf("%d %s\n%s", w.Code, w.Header(), s.written)
	}
	waiting := s.get("/console/apis/gift-cards/created")
	if waiting.Header().Get("Refresh") != "1" || !strings.Contains(waiting.Body.String(), "goes on by itself") {
		t.Errorf("%s %s", waiting.Header(), waiting.Body)
	}
	if w := s.get("/console/apis/orders/created"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/apis/orders" {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	if w := s.post("/console/apis/new", v); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "There is a file gift-cards.hcl already") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, label := range []string{"../x", "a/b", "", ".hidden", "orders"} {
		w := s.post("/console/apis/new", form("action", "write", "label", label, "name", ""))
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("label %q: %d", label, w.Code)
		}
	}
	if len(s.written) != 1 {
		t.Errorf("written: %v", s.written)
	}
	big := form("scopes", strings.Repeat("s", 1<<20))
	if w := s.post("/console/apis/new", big); w.Code != http.StatusBadRequest {
		t.Errorf("too large: %d", w.Code)
	}
}
