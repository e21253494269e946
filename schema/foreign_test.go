package schema

import (
	"strings"
	"testing"
)

// A foreign word is one that the language does not have in that place, and what
// it is said to mean is one that the language has.
func TestForeignWords(t *testing.T) {
	blocks := map[string]Block{"": {Blocks: Language}}
	for _, b := range Language {
		blocks[b.Type] = b
		for _, nested := range b.Blocks {
			blocks[nested.Type] = nested
		}
	}
	for w, f := range foreignWords {
		spec, known := blocks[w.block]
		if !known {
			t.Errorf("%v: there is no such block", w)
		}
		if _, taken := spec.Attr(w.word); taken {
			t.Errorf("%v: the language has this attribute", w)
		}
		if _, taken := spec.Block(w.word); taken && w.block == "" {
			t.Errorf("%v: the language has this block", w)
		}
		if _, found := spec.Attr(f.means); f.means != "" && !found {
			t.Errorf("%v means %q, which is no attribute", w, f.means)
		}
		if !strings.HasSuffix(f.say, ".") {
			t.Errorf("%v: %q is no sentence", w, f.say)
		}
	}
	if s, _ := Foreign("api", "count"); !strings.Contains(s, "for_each") {
		t.Errorf("count in api: %q", s)
	}
	if s, _ := Foreign("issuer", "count"); s != "" {
		t.Errorf("count in issuer: %q", s)
	}
}

func TestForeignValue(t *testing.T) {
	for value, want := range map[string]string{
		"authorization_code": "trusted_issuer", "token_exchange": GrantTokenExchange, "jwt-bearer": GrantJWTBearer, "client_credential": GrantClientCredentials, "magic": "",
	} {
		if s := ForeignValue("grant_types", value); !strings.Contains(s, want) || want == "" && s != "" {
			t.Errorf("%s: %q", value, s)
		}
	}
	if s := ForeignValue("signing_alg", "password"); s != "" {
		t.Errorf("of another attribute: %q", s)
	}
}
