package console

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

var marks = regexp.MustCompile(`</?span[^>]*>`)

// text is what a browser shows of marked code.
func text(marked string) string { return html.UnescapeString(marks.ReplaceAllString(marked, "")) }

// Marks change nothing of what is copied, and every language of a quickstart has a lexicon
// that finds something in it.
func TestHighlightKeepsTheCode(t *testing.T) {
	api := quickstart.API{
		Issuer: "https://auth.example.com/", Label: "orders", Name: `Orders </code><script>"'`, Identifier: "https://api.example.com/orders?a=1&b=2",
		Profile: schema.ProfileRFC9068, Alg: schema.RS256, Scopes: []string{"read:<b>"},
	}
	for _, target := range quickstart.Targets() {
		files, err := target.Files(api)
		if err != nil {
			continue
		}
		for _, f := range files {
			got := string(highlight(f.Language, f.Content, api.Issuer, api.Identifier))
			if text(got) != f.Content {
				t.Errorf("%s: %s: the text is another", target.Name, f.Name)
			}
			if !strings.Contains(got, "<span") {
				t.Errorf("%s: %s: no mark for language %q", target.Name, f.Name, f.Language)
			}
			if strings.Contains(got, "<script") || strings.Contains(got, "<b>") {
				t.Errorf("%s: %s: markup of a name", target.Name, f.Name)
			}
		}
	}
}

func TestHighlight(t *testing.T) {
	for _, c := range []struct{ language, code, want string }{
		{"go", `return "a\"b" // no "string"`, `<span class="tk">return</span> <span class="ts">&#34;a\&#34;b&#34;</span> <span class="tc">// no &#34;string&#34;</span>`},
		{"go", "returned := `x\ny`", "returned := <span class=\"ts\">`x</span>\n<span class=\"ts\">y`</span>"},
		{"python", `"""a "b" # c""" # d`, `<span class="ts">&#34;&#34;&#34;a &#34;b&#34; # c&#34;&#34;&#34;</span><span class="tc"> # d</span>`},
		{"javascript", `"open`, `&#34;open`},
		{"javascript", `iss = "https://auth.example.com/"`, `iss = <span class="ts own">&#34;https://auth.example.com/&#34;</span>`},
		{"yaml", "- name: x # y", `<span class="tk">- name:</span> x<span class="tc"> # y</span>`},
		{"xml", `<a b="c">d</a>`, `<span class="tk">&lt;a</span> b=<span class="ts">&#34;c&#34;</span><span class="tk">&gt;</span>d<span class="tk">&lt;/a</span><span class="tk">&gt;</span>`},
		{"hcl", `api "orders" {`, `<span class="tk">api</span> <span class="ts">&#34;orders&#34;</span> {`},
		{"cobol", "<MOVE>", "&lt;MOVE&gt;"},
	} {
		if got := string(highlight(c.language, c.code, "https://auth.example.com/")); got != c.want {
			t.Errorf("%s: %s:\n got %s\nwant %s", c.language, c.code, got, c.want)
		}
	}
}

// Whatever a language is given, the text stays the text.
func FuzzHighlight(f *testing.F) {
	for language := range lexicons {
		f.Add(language, "a 'b \"c` # // /* <!-- \n</span><script> \"\"\" \xff\x00 é")
	}
	f.Fuzz(func(t *testing.T, language, code string) {
		got := string(highlight(language, code, "b"))
		want := strings.ReplaceAll(code, "\x00", "\uFFFD") // as html/template writes a NUL
		if text(got) != want {
			t.Errorf("%q became %q", want, text(got))
		}
		if strings.Count(got, "<") != 2*strings.Count(got, "</span>") {
			t.Errorf("markup: %q", got)
		}
	})
}
