package console

import (
	"maps"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// No attribute of the language is forgotten: each has a value here, or is known
// to have none of its own in a snapshot.
func TestEveryAttributeHasAValue(t *testing.T) {
	sections := maps.Clone(sectionOf)
	for _, object := range []any{
		&schema.API{Label: `worker["eu"]`, Name: "n", Identifier: "i", Profile: "p", Alg: "a", SigningSecret: "env:X", ScopeMode: "narrow"},
		&schema.Client{Label: `worker["eu"]`, Name: "n", ClientID: "c", DefaultAPI: "orders", RateLimit: 0.5, RevokedBefore: 1},
		&schema.RefreshToken{Rotation: "rotating"},
	} {
		block := schema.BlockOf(object)
		settings := settingsOf(block, object, `worker["eu"]`, Declaration{})
		if len(settings) != len(block.Attributes) {
			t.Errorf("%s: %d settings of %d attributes", block.Type, len(settings), len(block.Attributes))
		}
		for _, s := range settings {
			delete(sections, s.Name)
			if s.Value == "" && s.Name != "claims" { // compiled into each authorization
				t.Errorf("%s: %s has no value", block.Type, s.Name)
			}
		}
	}
	for name, title := range sections {
		t.Errorf("%s stands under %q, and is no attribute", name, title)
	}
}

func TestHCLStrings(t *testing.T) {
	for s, want := range map[string]string{
		"": `""`, `a"b\c`: `"a\"b\\c"`, "${x}": `"$${x}"`, "%{x}": `"%%{x}"`, "$": `"$"`, "$$": `"$$"`, "100%": `"100%"`, "a\nb\tc\r": `"a\nb\tc\r"`, "é": `"é"`,
	} {
		if got := hclString(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	if got := hclMap(map[string]string{"b": "1", "a b": "2"}); got != `{ "a b" = "2", b = "1" }` {
		t.Error(got)
	}
}
