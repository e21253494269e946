package diag_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
)

// TestCodesAreSorted holds what LookUp searches by, and that a name stands once.
func TestCodesAreSorted(t *testing.T) {
	codes := diag.Codes()
	for i := 1; i < len(codes); i++ {
		if codes[i-1].Name >= codes[i].Name {
			t.Errorf("%q stands before %q", codes[i-1].Name, codes[i].Name)
		}
	}
	for _, c := range codes {
		if found, ok := diag.LookUp(c.Name); !ok || found != c {
			t.Errorf("LookUp(%q) = %+v, %t", c.Name, found, ok)
		}
	}
	if c, ok := diag.LookUp("no-such-code"); ok {
		t.Errorf("LookUp of an unknown code = %+v", c)
	}
}

// TestCodesHaveWholePages holds the wording of the catalogue: each part of a
// page is there, and is made of sentences.
func TestCodesHaveWholePages(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	for _, c := range diag.Codes() {
		if !name.MatchString(c.Name) {
			t.Errorf("name %q", c.Name)
		}
		if n := len(strings.Fields(c.Summary)); n == 0 || n > 5 || strings.HasSuffix(c.Summary, ".") {
			t.Errorf("%s: summary %q", c.Name, c.Summary)
		}
		for _, text := range []string{c.Meaning, c.Remedy} {
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "\n") || text[:1] == strings.ToLower(text[:1]) && text[0] != '-' {
				t.Errorf("%s: %q", c.Name, text)
			}
		}
		if !slices.Contains([]diag.Severity{diag.Error, diag.Warning, diag.Notice}, c.Severity) || c.Either && c.Severity != diag.Error {
			t.Errorf("%s: severity %q", c.Name, c.Severity)
		}
		if c.Example == "" || c.Example != strings.TrimSpace(c.Example) {
			t.Errorf("%s: example %q", c.Name, c.Example)
		}
		if !strings.HasSuffix(c.URL(), "/docs/codes.md#"+c.Name) {
			t.Errorf("%s: address %q", c.Name, c.URL())
		}
	}
}

// TestNewKnowsItsCodes holds that no diagnostic has a code without a page, or a
// severity that its page does not name.
func TestNewKnowsItsCodes(t *testing.T) {
	d := diag.New("near-identifier", hcl.Range{Filename: "a.hcl"}, "It is near.", diag.Related{Message: "the other"})
	if d.Severity != diag.Warning || d.Summary != "Look-alike API identifiers" || d.Detail != "It is near." || d.Range.Filename != "a.hcl" || len(d.Related) != 1 {
		t.Errorf("got %+v", d)
	}
	if d := diag.Newf("policy-failed", hcl.Range{}, "%d of them.", 2).WithSeverity(diag.Warning).Titled("Two policies"); d.Severity != diag.Warning || d.Summary != "Two policies" || d.Detail != "2 of them." {
		t.Errorf("got %+v", d)
	}
	for name, mistake := range map[string]func(){
		"unknown code":   func() { diag.New("no-such-code", hcl.Range{}, "") },
		"other severity": func() { d.WithSeverity(diag.Error) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			mistake()
		})
	}
	changed := diag.Codes()
	slices.Reverse(changed)
	if _, found := diag.LookUp("near-identifier"); !found {
		t.Error("a caller can change the catalogue")
	}
}

// TestCodesDocument holds docs/codes.md to the catalogue. WRIT_UPDATE=1 writes it.
func TestCodesDocument(t *testing.T) {
	golden(t, "../../../docs/codes.md", diag.CodesMarkdown())
}

func TestCodePage(t *testing.T) {
	c, _ := diag.LookUp("unsafe-key-schedule")
	var b strings.Builder
	if err := c.WriteText(&b, 60); err != nil {
		t.Fatal(err)
	}
	golden(t, "page.txt", b.String())
	encoded, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "page.json", string(encoded)+"\n")
}
