package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// codeOf is the code of a FormError, "" for another error.
func codeOf(err error) string {
	if form, ok := errors.AsType[*FormError](err); ok {
		return form.Code
	}
	return ""
}

func TestMediaType(t *testing.T) {
	for typ, want := range map[string]string{
		"JWT": "jwt", "jwt": "jwt", "application/jwt": "jwt", "APPLICATION/AT+JWT": "at+jwt", "dpop+jwt": "dpop+jwt",
		"text/jwt": "text/jwt", "application/a/b": "application/a/b", "application/": "", "at+jwt ": "at+jwt ",
	} {
		if got := mediaType(typ); got != want {
			t.Errorf("mediaType(%q) = %q, want %q", typ, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := Parse(s, maxToken, Assertions)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		// What is read can be written again in only one way.
		head, _, _ := strings.Cut(s, ".")
		header := must(base64.RawURLEncoding.DecodeString(head))
		if again := encode(header) + "." + encode(token.Payload) + "." + encode(token.Signature); again != s {
			t.Fatalf("%q was read as %q", s, again)
		}
		// encoding/json agrees on what the members are.
		claims, err := ReadObject(token.Payload)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(token.Payload, &members); err != nil || len(members) != len(claims) {
			t.Fatalf("claims %q: %d members, encoding/json has %d, %v", token.Payload, len(claims), len(members), err)
		}
	})
}
