package console

import (
	"testing"

	"github.com/writ-auth/writ/schema"
)

// No attribute of the language is forgotten: each has a value here, or is known
// to have none of its own in a snapshot.
func TestEveryAttributeHasAValue(t *testing.T) {
	full := schema.Client{
		Label: `worker["eu"]`, DefaultAPI: "orders", RateLimit: 0.5, RevokedBefore: 1, RefreshToken: &schema.RefreshToken{},
	}
	refresh, ok := block("client").Block("refresh_token")
	if !ok {
		t.Fatal("no block refresh_token")
	}
	for _, c := range []struct {
		block  *schema.Block
		values map[string]string
	}{
		{block("api"), apiValues(schema.API{Label: `worker["eu"]`, SigningSecret: "env:X"})},
		{block("client"), clientValues(full)},
		{refresh, refreshValues(full.RefreshToken)},
	} {
		for _, a := range c.block.Attributes {
			if c.values[a.Name] == "" && a.Name != "claims" { // compiled into each authorization
				t.Errorf("%s: %s has no value", c.block.Type, a.Name)
			}
		}
		known := map[string]bool{"\x00label": true}
		for _, a := range c.block.Attributes {
			known[a.Name] = true
		}
		for name := range c.values {
			if !known[name] {
				t.Errorf("%s: there is no attribute %q", c.block.Type, name)
			}
		}
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
