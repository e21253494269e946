package schema

import (
	"slices"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct {
		name      string
		check     func(string) error
		good, bad []string
	}{
		{"label", CheckLabel, []string{"a", "_", "orders_v1", "billing-reads", "A1", long}, []string{"", "1a", "-a", "a.b", "a b", "é", long + "a", `a"`}},
		{"key label", CheckKeyLabel, []string{"2026-q4", "a", "_1", long}, []string{"", "-a", "a.b", long + "a"}},
		{"instance key", CheckInstanceKey, []string{"eu", "eu-west-1", "a/b:c@d+e.f_g", "1"}, []string{"", "a b", `a"`, "a]", "$a", "é", strings.Repeat("a", 129)}},
		{"client id", CheckClientID, []string{"billing", "a.b_c-d", "7", strings.Repeat("a", 128)}, []string{"", "a b", "a:b", "a@clients", "a/b", "a%", strings.Repeat("a", 129)}},
		{"environment", CheckEnvironment, []string{"prod", "eu-1.prod"}, []string{"", "a b", "a/b"}},
		{"name", CheckName, []string{"Orders", "Bestellungen für alle", strings.Repeat("é", 200)}, []string{"", "<b>", "a\nb", "a\u202eb", "a\xff", strings.Repeat("a", 201)}},
		{"description", CheckDescription, []string{"", "Read <all> orders"}, []string{"a\nb", strings.Repeat("a", 501)}},
		{"scope", CheckScope, []string{"read:orders", "user/*.*", "!", "~", strings.Repeat("a", 280)}, []string{"", "a b", `a"`, `a\`, "é", "a\x7f", strings.Repeat("a", 281)}},
	} {
		for _, s := range test.good {
			if err := test.check(s); err != nil {
				t.Errorf("%s %q: %v", test.name, s, err)
			}
		}
		for _, s := range test.bad {
			if test.check(s) == nil {
				t.Errorf("%s %q passes", test.name, s)
			}
		}
	}
}

func TestReservedScopes(t *testing.T) {
	if len(reservedScopes) != 14 || !slices.IsSorted(reservedScopes) {
		t.Fatalf("%d names, sorted %v", len(reservedScopes), slices.IsSorted(reservedScopes))
	}
	for _, s := range reservedScopes {
		if !IsReservedScope(s) || CheckScope(s) != nil {
			t.Errorf("%q", s)
		}
	}
	if IsReservedScope("read:orders") || IsReservedScope("OpenID") {
		t.Error("names that only look alike are reserved")
	}
}

func TestCheckClaimName(t *testing.T) {
	for _, s := range []string{"team", "https://example.com/team", "email", "a_b-c.d#e", "tenant:id"} {
		if reserved, err := CheckClaimName(s); reserved || err != nil {
			t.Errorf("%q: %v, %v", s, reserved, err)
		}
	}
	for _, s := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "gty", "scope", "permissions", "cnf", "act", "ISS", "Scope"} {
		if reserved, err := CheckClaimName(s); !reserved || err == nil {
			t.Errorf("%q: %v, %v", s, reserved, err)
		}
	}
	for _, s := range []string{"", "a b", `a"`, "é", "a\\", strings.Repeat("a", 129), "https://example.com/?a"} {
		if reserved, err := CheckClaimName(s); reserved || err == nil {
			t.Errorf("%q: %v, %v", s, reserved, err)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"orders", "order_items", "identifier", "api", "rfc9068"}
	for word, want := range map[string]string{
		"order": "orders", "ordres": "orders", "identifer": "identifier", "Orders": "orders", "apo": "api", "rfc9086": "rfc9068",
		"items": "order_items", "ident": "identifier", "ite": "",
		"": "", "zebra": "", "a": "", "orders": "",
	} {
		if got := Suggest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
