package clientauth

import (
	"testing"
)

func TestNewTargetRefuses(t *testing.T) {
	for _, u := range []string{"", "/oauth/token", "ftp://a/", "https://", "https:///x", "https://:443/", "https://u@a/", "https://a b/", "mailto:a@b", "https://%80/", "https://[fe80::1%25en0]/"} {
		if _, err := NewTarget(u); err == nil {
			t.Errorf("%q is a target", u)
		}
	}
	for _, u := range []string{"http://127.0.0.1:8080/oauth/token", "https://[2001:db8::1]/t", "https://a"} {
		if _, err := NewTarget(u); err != nil {
			t.Error(err)
		}
	}
}

// Normalising is done once: what is normal stays as it is.
func TestNormalizeURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://a":                                "https://a/",
		"https://a?x":                              "https://a/",
		"http://A:80/b/":                           "http://a/b/",
		"http://a:443/":                            "http://a:443/",
		"https://a/b/./c/../d":                     "https://a/b/d",
		"https://a/../../b":                        "https://a/b",
		"https://a/b/..":                           "https://a/",
		"https://a/b/.":                            "https://a/b/",
		"https://a/b//..//c":                       "https://a/b//c",
		"https://a/%7eb%2fc%3A":                    "https://a/~b%2Fc%3A",
		"https://a/.b/..c/d.":                      "https://a/.b/..c/d.",
		"https://a/%41%5a%61%7A%30%39%2D%2e%5F%7e": "https://a/AZaz09-._~",
		"https://a/%40%5b%60%7b%2f%3a%00%ff":       "https://a/%40%5B%60%7B%2F%3A%00%FF",
		"https://[2001:DB8::1]:443/":               "https://[2001:db8::1]/",
	} {
		got, ok := normalizeURL(in)
		if !ok || got != want {
			t.Errorf("normalizeURL(%q) = %q, %v, want %q", in, got, ok, want)
		}
		if again, ok := normalizeURL(got); !ok || again != got {
			t.Errorf("%q becomes %q", got, again)
		}
	}
}

func FuzzNormalizeURL(f *testing.F) {
	f.Add("HTTPS://Auth.Example.com:443/a/%7e/../b%2F?x#y")
	f.Fuzz(func(t *testing.T, s string) {
		normal, ok := normalizeURL(s)
		if !ok {
			return
		}
		if again, ok := normalizeURL(normal); !ok || again != normal {
			t.Fatalf("%q becomes %q and then %q, %v", s, normal, again, ok)
		}
	})
}
