package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// listed is so many APIs in the root, in "shop" and in folders below it.
func listed(t testing.TB, n int) *site {
	t.Helper()
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	for i := range n {
		doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("api%04d", i), Name: fmt.Sprintf("Service %d", i), Identifier: fmt.Sprintf("https://api.example.com/%d", i), Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: int64(60 + i), ScopeMode: schema.ScopeNarrow})
	}
	s := newSite(t, doc, false)
	s.state.Snapshot = openAt(t, doc, func(kind snapshot.Kind, label string) (string, int, bool) {
		if kind != snapshot.KindAPI {
			return "main.hcl", 1, true
		}
		return []string{"main.hcl", "shop/apis.hcl", "shop/eu/apis.hcl", "shopping/apis.hcl"}[label[len(label)-1]%4], 1, true
	})
	return s
}

// The list is narrowed by folder, with the folders below it, and its address keeps that
// beside the order of the rows.
func TestListByFolder(t *testing.T) {
	s := listed(t, 500)
	for query, want := range map[string]string{
		"": "500 APIs", "?folder=shop": "250 APIs of 500", "?folder=shop%2Feu": "100 APIs of 500", "?folder=.": "150 APIs of 500", "?folder=nowhere": "0 APIs of 500",
		"?folder=shop&q=service+11": "6 APIs of 500",
	} {
		if page := s.page(t, "/console/"+query); !strings.Contains(page, want+"</p>") {
			_, total, _ := strings.Cut(page, `class="total"`)
			t.Errorf("%s: want %s, not %.80s", query, want, total)
		}
	}
	page := s.page(t, "/console/?folder=shop&sort=lifetime")
	for _, want := range []string{
		`<option value=".">in the root</option>`, `<option value="shop" selected>shop/</option>`, `<option value="shop/eu">shop/eu/</option>`, `<option value="shopping">`,
		`<input type="hidden" name="sort" value="lifetime">`, `href="?folder=shop&amp;page=2&amp;sort=lifetime"`, `href="?folder=shop&amp;sort=clients"`,
		`class="num" aria-sort="descending"><a href="?folder=shop&amp;sort=lifetime">`, `aria-sort="none"><a href="?folder=shop&amp;sort=label">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if page := s.page(t, "/console/?folder=nowhere"); !strings.Contains(page, "No API is in this part of the list") {
		t.Error("an empty part is not said")
	}
	if page := newSite(t, document(), false).page(t, "/console/"); strings.Contains(page, `id="folder"`) {
		t.Error("one folder is offered as a choice")
	}
}

// The list with nothing, one, one page and many.
func TestListStates(t *testing.T) {
	for n, want := range map[int]string{0: "No APIs yet", 1: `">1 API</p>`, 20: `">20 APIs</p>`, 5000: "1–100 of 5,000"} {
		page := listed(t, n).page(t, "/console/")
		if !strings.Contains(page, want) {
			t.Errorf("%d: %s is not on the page", n, want)
		}
		if rows := strings.Count(page, `<th scope="row">`); rows != min(n, 100) {
			t.Errorf("%d: %d rows", n, rows)
		}
	}
}

// What most identifiers begin with is set apart from the rest, and the end, which tells one
// from another, from what may be cut.
func TestListIdentifiers(t *testing.T) {
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	long := "https://api.example.com/v2/" + strings.Repeat("é", 30)
	for i, identifier := range []string{"https://api.example.com/", "https://api.example.com/orders", "https://api.example.com/v2/orders/", "urn:example:tracking", long} {
		doc.APIs = append(doc.APIs, schema.API{Label: fmt.Sprintf("api%d", i), Identifier: identifier, Profile: schema.ProfileRFC9068, Alg: schema.RS256, TokenLifetime: 60, ScopeMode: schema.ScopeNarrow})
	}
	s := newSite(t, doc, false)
	s.state.Snapshot = openAt(t, doc, func(snapshot.Kind, string) (string, int, bool) { return "main.hcl", 1, true })
	page := s.page(t, "/console/")
	const shared = `<span class="muted">https://api.example.com/</span>`
	for _, want := range []string{
		`<span class="head end17">https://</span>api.example.com<mark class="slash"`, // it would begin with itself
		`<span class="head end6">` + shared + `</span>orders</span>`,
		`<span class="head end8">` + shared + `v2/</span>orders<mark class="slash"`,
		`<span class="head end8">urn:example:</span>tracking</span>`,
		`<span class="head end16">` + shared + `v2/` + strings.Repeat("é", 14) + `</span>` + strings.Repeat("é", 16) + `</span>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if n := strings.Count(listed(t, 0).page(t, "/console/"), `href="/console/apis/new"`); n != 1 {
		t.Errorf("an empty list has %d ways to create an API", n)
	}
}
