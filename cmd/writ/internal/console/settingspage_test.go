package console_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
)

// rowOf is the row of a setting on a page.
func rowOf(body, name string) string {
	_, row, _ := strings.Cut(body, "<dt><code>"+name+"</code>")
	row, _, _ = strings.Cut(row, "</div>")
	return row
}

// Without the files, a value that equals the default is called so.
func TestDefaultsAreMarked(t *testing.T) {
	doc := document()
	doc.APIs[1].IncludePermissions = true
	body := newSite(t, doc, false).page(t, "/console/apis/orders/settings")
	for name, want := range map[string]string{
		"token_profile": "default", "token_lifetime": "default", "identifier": "required", "include_permissions": "set", "name": "set",
		"signing_secret": "not set", "metadata": "default", "distinct_from": "default", "claims": "compiled",
	} {
		if row := rowOf(body, name); !strings.Contains(row, `<span class="origin">`+want+`</span></dt>`) {
			t.Errorf("%s is not called %s: %s", name, want, row)
		}
	}
	block, _ := schema.LanguageBlock("api")
	for _, a := range block.Attributes {
		if rowOf(body, a.Name) == "" {
			t.Errorf("%s is missing", a.Name)
		}
	}
	if general, tokens := strings.Index(body, "<h3>General</h3>"), strings.Index(body, "<h3>Tokens</h3>"); general < 0 || tokens < general || strings.Contains(body, "<h3>Access</h3>\n<dl") {
		t.Error("the sections are not in their order")
	}
}

// With the files, each value says where it is written, and leads to the line on the page.
// What is set stands before what is not.
func TestSettingsLeadToTheirLines(t *testing.T) {
	s := newSiteWith(t, document(), func(o *console.Options) {
		o.Declared = func(address string) console.Declaration {
			if address != "api.orders" {
				return console.Declaration{}
			}
			return console.Declaration{
				Origins: map[string]console.Origin{
					"identifier": {File: "a <b>/orders.hcl", Line: 3}, "token_lifetime": {File: "issuer.hcl", Line: 9, Inherited: true}, "claims": {File: "far.hcl", Line: 1},
				},
				Blocks: []console.BlockText{
					{File: "a <b>/orders.hcl", Line: 2, Text: "api \"orders\" {\n  identifier = \"<script>\"\n}"},
					{File: "issuer.hcl", Line: 8, Text: "defaults {\n  token_lifetime = \"24h\"\n}"},
				},
			}
		}
	})
	body := s.page(t, "/console/apis/orders/settings")
	checkMarkup(t, "settings", body)
	for name, want := range map[string]string{
		"identifier":     `href="#a%20%3cb%3e%2forders.hcl:3">a &lt;b&gt;/orders.hcl:3</a>`,
		"token_lifetime": `from the issuer’s defaults, <a class="id source" href="#issuer.hcl:9">`,
		"claims":         `<span class="id source">far.hcl:1</span>`, // its line is not on the page
		"token_profile":  `<span class="origin">default</span>`,
		"name":           `<span class="origin">default</span>`, // it is not written, whatever it equals
	} {
		if row := rowOf(body, name); !strings.Contains(row, want) {
			t.Errorf("%s: no %s in %s", name, want, row)
		}
	}
	if !strings.Contains(body, `id="a &lt;b&gt;/orders.hcl:3" data-line="3"><span class="tk">  identifier</span> = <span class="ts">&#34;&lt;script&gt;&#34;</span>`) {
		t.Errorf("no line 3: %s", body)
	}
	if strings.Index(body, "<dt><code>token_lifetime") > strings.Index(body, "<dt><code>token_profile") {
		t.Error("a default stands before what is set")
	}
}
