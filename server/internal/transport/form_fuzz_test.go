package transport

import (
	"errors"
	"net/url"
	"testing"
	"unicode/utf8"
)

// What the strict parser takes, url.ParseQuery takes too and reads the same;
// what that one refuses, this one refuses.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"grant_type=client_credentials&audience=https%3A%2F%2Fapi.example.com%2F&scope=a+b", "a=1&a=2", "a=%zz", "a;b", "&&=&", "a=%00", "%61=1&a=", "a=b=c", "+=%2B",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var ours Form
		err := ours.parse([]byte(body))
		theirs, theirErr := url.ParseQuery(body)
		if err == nil && theirErr != nil {
			t.Fatalf("%q is taken, and refused by net/url: %v", body, theirErr)
		}
		if err != nil {
			if theirErr == nil && !stricter(theirs, err) {
				t.Errorf("%q is refused without a reason: %v", body, err)
			}
			return
		}
		if ours.n != len(theirs) {
			t.Fatalf("%q: %d parameters, not %d", body, ours.n, len(theirs))
		}
		for name, values := range theirs {
			if len(values) != 1 || ours.Get(name) != values[0] {
				t.Errorf("%q: %q is %q, not %q", body, name, ours.Get(name), values)
			}
		}
	})
}

// stricter reports whether one of our own rules refuses the parameters.
func stricter(values url.Values, err error) bool {
	names, plain, once := 0, true, true
	for name, all := range values {
		names += len(all)
		once = once && len(all) == 1
		for _, s := range append([]string{name}, all...) {
			plain = plain && utf8.ValidString(s) && plainText(s)
		}
	}
	return errors.Is(err, ErrDuplicate) && !once || errors.Is(err, ErrTooMany) && names > maxParameters || errors.Is(err, ErrMalformed) && !plain
}

// A JSON body never panics, and gives no parameter twice.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"grant_type":"client_credentials","scope":null}`, `{"a":1,"a":2}`, `{"a":{"b":[1,{}]}}`, `[]`, `{"\u0061":"\u0000"}`, `{"a":"\ud800"}`, `{}{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var ours Form
		if err := ours.parseJSON(body); err != nil {
			return
		}
		for i := range ours.n {
			if !plainText(ours.values[i]) || ours.Get(ours.names[i]) != ours.values[i] {
				t.Errorf("%q: %q", body, ours.names[i])
			}
		}
	})
}
