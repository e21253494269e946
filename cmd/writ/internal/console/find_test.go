package console_test

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
)

var foundPattern = regexp.MustCompile(`<li><a href="([^"]*)"><bdi>(.*?)</bdi>`)

// found is what the search page lists, group after group.
func found(t testing.TB, s *site, query string) (texts []string) {
	t.Helper()
	_, page, _ := strings.Cut(s.page(t, "/console/search?q="+query), `id="found"`)
	for _, m := range foundPattern.FindAllStringSubmatch(page, -1) {
		texts = append(texts, m[2])
	}
	return texts
}

// One search finds pages, actions, APIs, clients and scopes, by every name that they have, the
// nearest first.
func TestSearchOverEverything(t *testing.T) {
	s := newSite(t, document(), true)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{"Create API", "Create client", "Undo", "APIs", "Clients", "Graph", "Keys"}},
		{"ORDERS", []string{"The orders", "The orders_v1", "read:orders", "write:orders"}},
		{"orders+v1", []string{"The orders_v1"}}, // all words, in any of the names
		{"api.example.com/wor", []string{"The worker[&#34;a/b&#34;]"}},
		{"create", []string{"Create API", "Create client"}},
		{"billing", []string{"The billing"}},
		{"written", []string{"Undo"}},
		{"%3Cscript%3E", nil},
	} {
		got := found(t, s, c.query)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%q finds %q, want %q", c.query, got, c.want)
		}
	}
	if got := found(t, s, "orders"); len(got) == 0 || got[0] != "The orders" {
		t.Errorf("the API itself does not come first: %q", got)
	}
	s.editor = nil
	if page := newSite(t, nil, false).page(t, "/console/search?q=keys"); !strings.Contains(page, `href="/console/keys"><bdi>Keys`) {
		t.Errorf("without a snapshot no page is found:\n%s", page)
	}
}

// Of many the first few are shown, and where the rest is; names at their limits, in another
// direction of writing or with markup in them stay words.
func TestSearchShowsAFewOfMany(t *testing.T) {
	doc := document()
	for i := range 30 {
		doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("many%d", i), Name: "Many", Identifier: fmt.Sprintf("urn:many:%d", i), Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: 60, ScopeMode: schema.ScopeNarrow})
	}
	long := strings.Repeat("n", 390)
	doc.APIs = append(doc.APIs, schema.API{Label: "rtl", Name: "<b>שלום</b>" + long, Identifier: "urn:rtl", Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: 60, ScopeMode: schema.ScopeNarrow})
	s := newSite(t, doc, false)
	page := s.page(t, "/console/search?q=many")
	if n := len(found(t, s, "many")); n != 8 || !strings.Contains(page, `<a href="/console/?q=many">And 22 more</a>`) || !strings.Contains(page, `data-total="30"`) {
		t.Errorf("%d are shown:\n%s", n, page)
	}
	if page := s.page(t, "/console/search?q=%3Cb%3E"); !strings.Contains(page, "<bdi>&lt;b&gt;שלום&lt;/b&gt;"+long) {
		t.Errorf("a hostile name:\n%s", page)
	}
}

// BenchmarkSearch is a keystroke in the palette over 5,000 APIs with ten scopes each.
func BenchmarkSearch(b *testing.B) {
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	for i := range 5000 {
		api := schema.API{Label: fmt.Sprintf("api%04d", i), Name: fmt.Sprintf("Service %d", i), Identifier: fmt.Sprintf("https://api%04d.example.com/", i), Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow}
		for j := range 10 {
			api.Scopes = append(api.Scopes, schema.Scope{Name: fmt.Sprintf("do%d:%s", j, api.Label)})
		}
		doc.APIs = append(doc.APIs, api)
	}
	s := newSite(b, doc, false)
	pages := console.New(console.Options{State: func() console.State { return s.state }})
	for _, query := range []string{"a", "api4999", "service+4999", "nothing"} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				pages.ServeHTTP(w, httptest.NewRequest("GET", origin+"/console/search?q="+query, nil))
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
