package console_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
)

// worker is the path of an API that for_each made, with a slash in its label.
const worker = "/console/apis/worker%5B%22a%2Fb%22%5D"

// pages is every page of the fixture, with words that must be on it.
var pages = []struct {
	path  string
	words []string
}{
	{"/console/", []string{"The orders", "https://api.example.com/orders", "serial 3", "abc123", "3 hours ago", "5 APIs", "rfc9068"}},
	{"/console/?q=SHARED", []string{"1 API of 5", "HS256", "10m"}},
	{"/console/?q=nothing", []string{"No API matches “nothing”"}},
	{"/console/?page=99", []string{"5 APIs"}},
	{"/console/?page=-3&q=%00", []string{"No API matches"}},
	{"/console/apis/orders", []string{"Check this API", `aria-selected="true"`, "data-copy"}},
	{"/console/apis/orders/quickstart?lang=jose", []string{"main"}},
	{"/console/apis/orders/settings", []string{"token_profile", "dir/api.hcl:7", "default", "How long a token is valid."}},
	{"/console/apis/orders/scopes", []string{"read:orders", "May read:orders", "billing", "(users)"}},
	{"/console/apis/orders/clients", []string{"Authorized", "Expired", "Not authorized", "For users", "finance", "<code>email</code>", "example.com/team", "?authorize=web#grant", "?change=billing-orders#grant"}},
	{"/console/apis/orders/test", []string{"Secret of The billing", "grant_type=client_credentials", "cannot be tested here"}},
	{"/console/apis/orders/test?client=locked", []string{"none of its secrets is accepted now"}},
	{"/console/apis/orders_v1/settings", []string{"differs by a trailing slash", `<mark class="slash"`}},
	{"/console/apis/shared/scopes", []string{"No scopes"}},
	{"/console/apis/new/settings", []string{"The new", "not recorded"}},
	{"/console/apis/new/quickstart", []string{"The new"}},
	{"/console/apis/new", []string{"Create API", "1d, from the default"}},
	{"/console/new-client", []string{"Create client"}},
	{"/console/new-client?api=orders", []string{"May do on The orders", "read:orders"}},
	{"/console/apis/orders/clients?authorize=web", []string{"Authorize The web", "On behalf of"}},
	{worker, []string{"The worker", `writ quickstart &#39;worker[&#34;a/b&#34;]&#39; --lang`}},
	{worker + "/settings", []string{"each.key = &#34;a/b&#34;"}},
	{worker + "/test", []string{"No client to test with"}},
	{"/console/clients", []string{"5 clients", "nothing accepted now", "secret"}},
	{"/console/clients?q=keyed", []string{"public_key, certificate"}},
	{"/console/clients/billing", []string{"expired", "not yet", "accepted", "The orders", "read:orders", "client_id"}},
	{"/console/clients/locked", []string{"Nothing authenticates this client now", "Refresh tokens", "idle_lifetime"}},
	{"/console/clients/keyed", []string{"private_key_jwt", "keyed.example.com"}},
	{"/console/graph", []string{"<svg", "billing-orders", `href="/console/apis/new/quickstart"`}},
	{"/console/graph?api=orders", []string{"<svg", "billing-orders"}},
	{"/console/graph?client=billing&api=shared", []string{"billing-shared"}},
	{"/console/graph?client=nobody", []string{"Nothing matches"}},
	{"/console/keys", []string{">signing<", "announced", "not published", "shared"}},
}

func TestPages(t *testing.T) {
	s := newSite(t, document(), false)
	s.state.Keys = []console.Key{
		{KID: "k1", Alg: "RS256", State: "announced", ActivatesAt: noon.Add(time.Hour), JWK: []byte(`{"kid":"k1"}`)},
		{KID: "k2", Alg: "RS256", State: "signing", ActivatesAt: noon.Add(-time.Hour), JWK: []byte(`{"kid":"k2"}`)},
		{KID: "k3", Alg: "RS256", State: "retired", RetiresAt: noon.Add(-time.Hour)},
	}
	for _, p := range pages {
		before := s.asked
		body := s.page(t, p.path)
		if s.asked != before+1 {
			t.Errorf("%s: the state was asked for %d times", p.path, s.asked-before)
		}
		for _, words := range p.words {
			if !strings.Contains(strings.ReplaceAll(body, "<wbr>", ""), words) { // where a word may break
				t.Errorf("%s: %q is not on the page", p.path, words)
			}
		}
		checkMarkup(t, p.path, body)
	}
}

// checkMarkup holds a page to its own content security policy.
func checkMarkup(t *testing.T, path, body string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, body)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		from := ""
		for _, a := range e.Attr {
			switch name := strings.ToLower(a.Name.Local); {
			case name == "style" || strings.HasPrefix(name, "on"):
				t.Errorf("%s: %q stands in the page", path, name)
			case name == "src" || name == "href" || name == "action":
				from = a.Value
				if !strings.HasPrefix(from, "/console/") && !strings.HasPrefix(from, "?") && !strings.HasPrefix(from, "#") {
					t.Errorf("%s: leads to %q", path, from)
				}
			}
		}
		if name := e.Name.Local; name == "style" || name == "script" && !(strings.HasPrefix(from, "/console/assets/") && strings.Contains(from, ".js?v=")) {
			t.Errorf("%s: an element %s", path, name)
		}
	}
	if strings.Contains(body, "tpy1Xw_SDXS9") {
		t.Errorf("%s: shows a hash", path)
	}
	if strings.Count(body, "<h1") != 1 || !strings.HasSuffix(body, "</html>\n") {
		t.Errorf("%s: not a whole page", path)
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t, document(), false)
	for _, path := range []string{"/console/", "/console/nowhere", "/console/assets/console.css", "/console/keys"} {
		h := s.get(path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if got := s.get("/console/").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if w := s.get("/console"); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/console/" {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	w := s.do(httptest.NewRequest(http.MethodHead, origin+"/console/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, "TRACE"} {
		if w := s.do(httptest.NewRequest(method, origin+"/console/", nil)); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// Labels that are none lead nowhere, and not out of the console.
func TestNotFound(t *testing.T) {
	s := newSite(t, document(), true)
	for _, path := range []string{
		"/console/nowhere", "/console/apis/order", "/console/apis/orders/nothing", "/console/apis/orders/settings/more", "/console/apis/%2e%2e",
		"/console/apis/..%2f..%2fetc%2fpasswd", "/console/apis/..%2f..%2fetc%2fpasswd/settings", "/console/apis/a%00b", "/console/apis//settings", "/console/apis/",
		"/console/clients/%3Cscript%3E", "/console/clients/billing/x", "/console/keys/..%2fk1.jwk", "/console/keys/none.pem",
		"/console/assets/..%2fconsole.go", "/console/assets/nothing.css", "/console/assets/", "/console/apis/orders?x=%zz/../..%2f", "/console//",
	} {
		w := s.get(path)
		if want := http.StatusNotFound; w.Code != want && path != "/console/apis/orders?x=%zz/../..%2f" {
			t.Errorf("%s: %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: markup came back", path)
		}
	}
	if body := s.get("/console/apis/order").Body.String(); !strings.Contains(body, `href="/console/apis/orders"`) {
		t.Errorf("no suggestion:\n%s", body)
	}
	for _, path := range []string{"/console/", "/console/clients", "/console/apis/orders/settings", "/console/keys/k", "/console/assets/console.js", "/console/graph"} {
		if w := s.post(path, url.Values{}); w.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}

func TestStates(t *testing.T) {
	s := newSite(t, nil, false)
	for _, path := range []string{"/console/", "/console/apis/orders", "/console/clients", "/console/graph", "/console/apis/new"} {
		if body := s.page(t, path); !strings.Contains(body, "No snapshot yet") {
			t.Errorf("%s: %s", path, body)
		}
	}
	s.page(t, "/console/keys")
	s.state.Rejected = &console.Rejection{Reason: "<b>damaged</b>", At: noon}
	if body := s.page(t, "/console/"); !strings.Contains(body, "&lt;b&gt;damaged") || !strings.Contains(body, "No configuration could be put in force") {
		t.Error(body)
	}

	s = newSite(t, &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientID}}, false)
	if body := s.page(t, "/console/"); !strings.Contains(body, "No APIs yet") {
		t.Error(body)
	}
	if body := s.page(t, "/console/clients"); !strings.Contains(body, "No clients yet") {
		t.Error(body)
	}
	if body := s.page(t, "/console/graph"); !strings.Contains(body, "nothing to draw") {
		t.Error(body)
	}

	s = newSite(t, document(), false)
	s.state.Stale = true
	s.state.Problems = []console.Problem{{Address: "api.shared", Reason: "env:SHARED is not set"}}
	s.state.Rejected = &console.Rejection{Digest: "sha256:0123456789abcdef", Reason: "serial 2 is lower", At: noon.Add(-time.Minute)}
	body := s.page(t, "/console/")
	for _, words := range []string{"past its", "1 problem with what is served", "env:SHARED is not set", "The newest configuration was rejected", "serial 2 is lower", "1 minute ago", "sha256:0123456789ab…"} {
		if !strings.Contains(body, words) {
			t.Errorf("%q is not on the page", words)
		}
	}
	checkMarkup(t, "states", body)
}

// A list of 250 has three pages, and a long list of scopes folds.
func TestLongLists(t *testing.T) {
	doc := document()
	for i := range 245 {
		doc.APIs = append(doc.APIs, schema.API{
			Label: fmt.Sprintf("s%03d", i), Name: "Service", Identifier: fmt.Sprintf("https://s%03d.example.com", i),
			Profile: schema.ProfileAuth0, Alg: schema.RS256, TokenLifetime: 60, ScopeMode: schema.ScopeNarrow,
		})
	}
	for i := range 300 {
		doc.APIs[1].Scopes = append(doc.APIs[1].Scopes, schema.Scope{Name: fmt.Sprintf("scope:%03d", i)})
		doc.Authorizations[0].Scopes = append(doc.Authorizations[0].Scopes, fmt.Sprintf("scope:%03d", i))
	}
	s := newSite(t, doc, false)
	if body := s.page(t, "/console/?page=3"); !strings.Contains(body, "201–250 of 250") || strings.Contains(body, `rel="next"`) {
		t.Error(body)
	}
	if body := s.page(t, "/console/?q=service&page=2"); !strings.Contains(body, `href="?page=1&amp;q=service"`) {
		t.Error(body)
	}
	if body := s.page(t, "/console/apis/orders/clients"); !strings.Contains(body, "<summary>302 scopes</summary>") {
		t.Error(body)
	}
	if body := s.page(t, "/console/apis/orders/scopes"); strings.Count(body, "<tr>") != 303 {
		t.Errorf("%d rows", strings.Count(body, "<tr>"))
	}
	if body := s.page(t, "/console/graph"); !strings.Contains(body, `class="drawing matrix"`) || strings.Contains(body, "<svg") {
		t.Error(body)
	}
	s.page(t, "/console/apis/orders/test")
}

// Names are words, whatever they hold.
func TestHostileNames(t *testing.T) {
	const evil = `"><script>alert(1)</script>' onload=x {{.}} </pre></code>`
	doc := document()
	for i := range doc.APIs {
		doc.APIs[i].Name = evil
		doc.APIs[i].Metadata = map[string]string{evil: evil}
		for j := range doc.APIs[i].Scopes {
			doc.APIs[i].Scopes[j].Description = evil
		}
	}
	for i := range doc.Clients {
		doc.Clients[i].Name = evil
	}
	for i := range doc.Authorizations {
		doc.Authorizations[i].Claims = `{"x":"<script>alert(1)</script>"}`
	}
	s := newSite(t, doc, true)
	s.tokens = answering(400, `{"error":"`+`<script>alert(1)</script>`+`"}`)
	s.state.Explain = func(string, string, string) (string, string) { return "no-authorization", evil }
	for _, p := range pages {
		checkMarkup(t, p.path, s.page(t, p.path))
	}
	body := s.post("/console/apis/orders/test", url.Values{"client": {"billing"}, "secret": {"x"}, "further": {evil}, "audience": {evil}, "scope": {evil}}).Body.String()
	checkMarkup(t, "test", body)
	checkMarkup(t, "create", s.post("/console/apis/new", url.Values{"name": {evil}, "label": {evil}, "identifier": {evil}, "scopes": {evil}, "token_lifetime": {evil}}).Body.String())
}

func TestPostsComeFromThisOrigin(t *testing.T) {
	s := newSite(t, document(), true)
	for _, c := range []struct {
		name, origin, site string
		want               int
	}{
		{"own page", origin, "same-origin", 200},
		{"own page, no Origin", "", "same-origin", 200},
		{"no Fetch metadata", origin, "", 200},
		{"neither", "", "", 403},
		{"another site", "https://evil.example", "cross-site", 403},
		{"another port", "http://127.0.0.1:9999", "same-site", 403},
		{"opaque", "null", "same-origin", 403},
		{"a lie about one of them", "https://evil.example", "same-origin", 403},
		{"same site", "", "same-site", 403},
		{"typed", "", "none", 403},
		{"no URL", "::", "same-origin", 403},
	} {
		for _, path := range []string{"/console/apis/new", "/console/undo", "/console/apis/orders/test"} {
			r := httptest.NewRequest(http.MethodPost, origin+path, strings.NewReader("name=Gifts"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			if w := s.do(r); w.Code != c.want {
				t.Errorf("%s: %s: %d", c.name, path, w.Code)
			}
		}
	}
}

// No page of another site reads it or has it do something, whatever name it
// gives this address.
func TestHostAndOrigin(t *testing.T) {
	s := newSite(t, document(), false)
	for _, c := range []struct {
		host, origin string
		want         int
	}{
		{"127.0.0.1:8081", "", 200}, {"localhost:8081", "", 200}, {"[::1]:8081", "", 200},
		{"evil.example", "", 403}, {"127.0.0.1.evil.example:8081", "", 403},
		{"127.0.0.1:8081", "http://127.0.0.1:8081", 200}, {"127.0.0.1:8081", "http://evil.example", 403}, {"127.0.0.1:8081", "null", 403},
		{"127.0.0.1:8081", "http://127.0.0.1:9090", 403},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "http://127.0.0.1:8081/console/apis/new", strings.NewReader(""))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			want := c.want
			if method == http.MethodPost && c.origin == "" {
				want = 403 // nothing shows where it comes from
			}
			if w := s.do(r); w.Code != want {
				t.Errorf("%s, Host %q, Origin %q: %d, want %d", method, c.host, c.origin, w.Code, want)
			}
		}
	}
	// What another site sends reaches no token endpoint.
	s.tokens = func(http.ResponseWriter, *http.Request) { t.Error("a token request was made") }
	r := httptest.NewRequest(http.MethodPost, origin+"/console/apis/orders/test", strings.NewReader(url.Values{"client": {"billing"}, "secret": {"guess"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.do(r)
}

// The list of APIs says what needs to be seen, and is sorted and narrowed by its address.
func TestAPIList(t *testing.T) {
	doc := document()
	for i := range doc.APIs {
		switch a := &doc.APIs[i]; a.Label {
		case "orders":
			a.Metadata, a.Scopes[1].Sensitive = map[string]string{"owner": "commerce"}, true
		case "shared":
			a.Metadata = map[string]string{"team": "data"}
		}
	}
	for i := range doc.Authorizations {
		if a := &doc.Authorizations[i]; a.Label == "billing-shared" {
			a.ExpiresAt = noon.Add(72 * time.Hour).Unix()
		}
	}
	s := newSite(t, doc, false)
	s.state.Problems = []console.Problem{{Address: "api.shared", Reason: "env:SHARED is not set"}}
	// rows are the labels of the list, by the addresses of its links.
	rows := func(query string) string {
		var labels []string
		for _, part := range strings.Split(s.page(t, "/console/"+query), `<a class="row" href="/console/apis/`)[1:] {
			label, _, _ := strings.Cut(part, `"`)
			labels = append(labels, strings.TrimSuffix(label, "/quickstart"))
		}
		return strings.Join(labels, " ")
	}
	const encoded = "worker%5B%22a%2Fb%22%5D"
	for query, want := range map[string]string{
		"": "new orders orders_v1 shared " + encoded, "?sort=scopes": "orders new orders_v1 shared " + encoded, "?sort=lifetime": "new orders orders_v1 " + encoded + " shared",
		"?owner=commerce": "orders", "?owner=data&alg=HS256": "shared", "?owner=data&alg=RS256": "", "?q=commerce": "orders", "?sort=nonsense": "new orders orders_v1 shared " + encoded,
	} {
		if got := rows(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, words := range []string{">not served</span>", "env:SHARED is not set", ">expires in 3 days</span>", ">sensitive</span>", ">nobody may call it</span>", `href="?sort=owner"`} {
		if !strings.Contains(s.page(t, "/console/"), words) {
			t.Errorf("%q is not on the page", words)
		}
	}
}

// The rail is the way from a declared API to its first token, and gone where nobody needs it.
func TestRail(t *testing.T) {
	s := newSite(t, document(), true)
	s.tokens = answering(200, `{"access_token":"e30.e30.x"}`)
	rail := func(path string) string {
		_, list, found := strings.Cut(s.page(t, path), `<ol class="rail"`)
		if !found {
			return ""
		}
		list, _, _ = strings.Cut(list, "</ol>")
		var steps []string
		for _, part := range strings.Split(list, `<li class="`)[1:] {
			class, _, _ := strings.Cut(part, `"`)
			steps = append(steps, class)
		}
		return strings.Join(steps, ",")
	}
	if got := rail("/console/apis/orders"); got != "" {
		t.Errorf("an API with clients: %q", got)
	}
	if got := rail("/console/apis/orders_v1"); got != "done,now," {
		t.Errorf("an API without clients: %q", got)
	}
	grant := url.Values{"scope": {"read:orders"}, "action": {"write"}, "seen": {"as it was"}}
	if w := s.post("/console/apis/orders/clients?change=billing-orders", grant); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := rail("/console/apis/orders/clients"); got != "done,done,now" {
		t.Errorf("a client was authorized here: %q", got)
	}
	w := s.post("/console/apis/orders/test", url.Values{"client": {"billing"}, "secret": {"x"}})
	if !strings.Contains(w.Body.String(), `<ol class="rail"`) {
		t.Errorf("at the first token: %s", w.Body)
	}
	if got := rail("/console/apis/orders"); got != "" {
		t.Errorf("after the first token: %q", got)
	}
}
