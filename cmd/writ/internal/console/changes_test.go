package console_test

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
)

// A comparer says the same of everything.
type comparer struct{ said console.Comparison }

func (c comparer) Compare(context.Context, string) console.Comparison { return c.said }
func (c comparer) ID(_ context.Context, ref string) string            { return "id of " + ref }

// comparing is a console whose files were compared.
func comparing(t testing.TB, c console.Comparison) *site {
	t.Helper()
	s := newSite(t, document(), false)
	c.Choices = []console.Base{{Ref: "snapshot", Name: "writ.snapshot"}, {Ref: "git:HEAD", Name: "git:HEAD"}}
	s.handler = console.New(console.Options{State: func() console.State { return s.state }, Changes: comparer{c}, Live: new(console.Live)})
	return s
}

// Addresses in a sentence lead to the pages of what they name, and to nothing where there is
// no such page; names that are markup stay words.
func TestChangesLinkTheirObjects(t *testing.T) {
	line := func(address, text string) console.ChangeLine {
		return console.ChangeLine{PlanLine: console.PlanLine{Sign: "+", Address: address, Text: text}, Place: "a/b.hcl:3", Owner: "<b>me</b>", Excerpt: []console.SourceLine{{Number: 3, Text: "</pre><script>", Meant: true}}}
	}
	s := comparing(t, console.Comparison{Ref: "git:HEAD", Differs: true, Summary: "1 client gains access.", Sections: []console.ChangeSection{{Heading: "Gains", Widens: true, More: 7, Lines: []console.ChangeLine{
		line("client.billing", "may now read:orders on api.orders (from <i>now</i>)"),
		line("", `api.worker["a/b"] and api.gone, authorization.billing-orders, client.billing2`),
	}}}})
	page := s.page(t, "/console/changes")
	for _, want := range []string{
		`<a href="/console/clients/billing"><code>client.<wbr>billing</code></a> may now read:orders on <a href="/console/apis/orders"><code>api.<wbr>orders</code></a> (from &lt;i&gt;now&lt;/i&gt;)`,
		`<a href="/console/apis/worker%5B%22a%2Fb%22%5D">`, ` and api.gone, <a href="/console/apis/orders/clients?q=billing">`, `, client.billing2`,
		`<span class="id source">a/b.hcl:3</span> <span class="muted">&lt;b&gt;me&lt;/b&gt;`, `&lt;/pre&gt;&lt;script&gt;`, "And 7 more", `Gains <span class="muted">9</span>`,
		`data-events="/console/events?against=git%3AHEAD"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
}

// Nothing that differs is said calmly, and so is that there is nothing to compare with. Where
// there are no files, there is no such page.
func TestChangesWithoutAny(t *testing.T) {
	for want, c := range map[string]console.Comparison{
		"The files grant and declare what stands there.":            {Summary: "No changes."},
		"No changes: the files differ, and nothing in tokens does.": {Summary: "No changes: the files differ, and nothing in tokens does."},
		"Git is not installed.":                                     {Absent: true, Problem: "Git is not installed."},
		"so there is no plan":                                       {Absent: true, Report: "Error: ..."},
	} {
		if page := comparing(t, c).page(t, "/console/changes"); !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
	s := newSite(t, document(), false)
	if w := s.get("/console/changes"); w.Code != 404 || strings.Contains(w.Body.String(), `href="/console/changes"`) {
		t.Errorf("without files: %d %s", w.Code, w.Body)
	}
}
