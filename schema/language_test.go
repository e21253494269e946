package schema

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// walkLanguage calls f for every block of the language.
func walkLanguage(f func(path string, b *Block)) {
	var walk func(prefix string, blocks []Block)
	walk = func(prefix string, blocks []Block) {
		for i := range blocks {
			f(prefix+blocks[i].Type, &blocks[i])
			walk(prefix+blocks[i].Type+".", blocks[i].Blocks)
		}
	}
	walk("", Language)
	walk("", TestLanguage)
}

func TestLanguageIsWhole(t *testing.T) {
	walkLanguage(func(path string, b *Block) {
		if b.Doc == "" || !strings.HasPrefix(b.Example, b.Type+" ") || !strings.HasSuffix(b.Doc, ".") {
			t.Errorf("%s: doc %q, example %q", path, b.Doc, b.Example)
		}
		if (b.Label == "") != (b.CheckLabel == nil) || (b.Label == "") != (b.LabelCode == "") {
			t.Errorf("%s: a label, its rule and its code go together", path)
		}
		names := map[string]bool{}
		for _, a := range b.Attributes {
			checkAttribute(t, path+"."+a.Name, a)
			if names[a.Name] {
				t.Errorf("%s.%s stands twice", path, a.Name)
			}
			names[a.Name] = true
		}
	})
}

func checkAttribute(t *testing.T, path string, a Attribute) {
	t.Helper()
	if a.Doc == "" || a.Example == "" || a.Type == "" || !strings.HasSuffix(a.Doc, ".") {
		t.Errorf("%s: doc %q, example %q, type %q", path, a.Doc, a.Example, a.Type)
	}
	if a.Required && a.Default != "" {
		t.Errorf("%s is required and has a default", path)
	}
	if namesWarnings := a.Type == TypeStrings && a.Of == OfWarning; (a.Type == TypeReference || a.Type == TypeReferences || namesWarnings) != (a.Of != "") {
		t.Errorf("%s refers to %q", path, a.Of)
	}
	if a.Of != "" && a.Of != OfWarning {
		if _, found := LanguageBlock(a.Of); !found {
			t.Errorf("%s refers to %q", path, a.Of)
		}
	}
	for _, text := range []string{a.Example, a.Default} {
		s, err := strconv.Unquote(text)
		if err != nil || a.Type != TypeString && a.Type != TypeDuration && a.Type != TypeTime {
			continue
		}
		checkValue(t, path, a, s)
	}
}

func checkValue(t *testing.T, path string, a Attribute, s string) {
	t.Helper()
	if len(a.Enum) > 0 && !slices.Contains(a.Enum, s) {
		t.Errorf("%s: %q is not among %q", path, s, a.Enum)
	}
	if a.Check != nil {
		if err := a.Check(s); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	switch a.Type {
	case TypeDuration:
		if n, err := ParseDuration(s); err != nil || n < a.Min || n > a.Max {
			t.Errorf("%s: %q is %d, %v", path, s, n, err)
		}
	case TypeTime:
		if _, err := ParseTime(s); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestDurationsAreToldByName: a plan shows an attribute as a duration by its name
// alone, so no attribute of another type may have that name.
func TestDurationsAreToldByName(t *testing.T) {
	for _, name := range []string{"token_lifetime", "reuse_window", "lifetime", "idle_lifetime", "leeway"} {
		if !IsDuration(name) {
			t.Errorf("%s is no duration", name)
		}
	}
	walkLanguage(func(path string, b *Block) {
		for _, a := range b.Attributes {
			if IsDuration(a.Name) != (a.Type == TypeDuration) {
				t.Errorf("%s.%s is a %s, and its name is that of a duration: %v", path, a.Name, a.Type, IsDuration(a.Name))
			}
		}
	})
}

// TestRendering compares the reference page with testdata. Write it anew with
// UPDATE=1.
func TestRendering(t *testing.T) {
	data, err := JSON(nil, nil, sampleLimits)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"testdata/language.md": Markdown(nil, nil, sampleLimits), "testdata/language.json": string(data)} {
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is out of date: run the test with UPDATE=1 and review the difference", name)
		}
	}
}

var sampleLimits = []Limit{{64, "brackets inside one another", ""}, {1024, "bytes in one name", "Shorten it."}}

func TestRenderingNamesEverything(t *testing.T) {
	page := Markdown(nil, nil, sampleLimits)
	data, err := JSON(nil, nil, sampleLimits)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	walkLanguage(func(path string, b *Block) {
		if !strings.Contains(page, "# "+path+"\n") {
			t.Errorf("the page has no section %s", path)
		}
		for _, a := range b.Attributes {
			if !strings.Contains(page, "| `"+a.Name+"` |") || !strings.Contains(string(data), `"name": "`+a.Name+`"`) {
				t.Errorf("%s.%s is not rendered", path, a.Name)
			}
		}
	})
}

// What a client that declares no refresh_token block gets is what the language
// table says the attributes of an empty one are.
func TestRefreshTokenDefaults(t *testing.T) {
	policy := (*RefreshToken)(nil).OrDefault()
	want := map[string]string{
		"rotation": string(policy.Rotation), "lifetime": FormatDuration(policy.Lifetime), "idle_lifetime": FormatDuration(policy.IdleLifetime), "leeway": FormatDuration(policy.Leeway),
	}
	for _, a := range refreshTokenBlock.Attributes {
		if a.Default != `"`+want[a.Name]+`"` {
			t.Errorf("%s: the table says %s, a client without the block gets %q", a.Name, a.Default, want[a.Name])
		}
	}
}
