package schema

import (
	"strings"
	"testing"
)

func TestCheckIdentifier(t *testing.T) {
	for _, s := range []string{
		"https://api.example.com/orders", "urn:todos-api", "localhost", "http://localhost:8080", "a", "user@example.com",
		"https://api.example.com/v1?tenant=1", "spiffe://example.com/x", "https://api.example.com/@scope", strings.Repeat("a", 600),
	} {
		if err := CheckIdentifier(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", strings.Repeat("a", 601), "a b", " a", "a\t", "a\x00", "a\x7f", "https://api.example.com/é", "a\\b", "https://a@b/", "https://a:b@c",
		"//a@b/", "a#", "https://api.example.com/#x", "\u200b",
	} {
		if CheckIdentifier(s) == nil {
			t.Errorf("%q passes", s)
		}
	}
}

func TestNearKey(t *testing.T) {
	for _, pair := range [][2]string{
		{"https://api.example.com/orders", "https://api.example.com/orders/"},
		{"https://api.example.com", "https://api.example.com/"},
		{"https://api.example.com/x", "HTTPS://API.Example.com/x"},
		{"https://api.example.com/x", "https://api.example.com:443/x"},
		{"https://api.example.com/x", "https://api.example.com:/x"},
		{"http://api.example.com/x", "http://api.example.com:80/x"},
		{"https://api.example.com/~x", "https://api.example.com/%7Ex"},
		{"https://api.example.com/~x", "https://api.example.com/%7ex"},
		{"https://api.example.com/x", "https://%61pi.example.com/x"},
		{"https://api.example.com/x", "https://api.example.com/./x"},
		{"https://api.example.com/x", "https://api.example.com/y/../x"},
		{"https://api.example.com/x", "https://api.example.com/y/%2e%2E/x"},
		{"https://api.example.com/x", "https://api.example.com/../x"},
		{"https://api.example.com/x", "https://api.example.com/x/."},
		{"https://api.example.com/x?a=1", "https://api.example.com/x/?a=1"},
		{"urn:orders", "URN:orders"},
		{"orders", "orders/"},
	} {
		if a, b := NearKey(pair[0]), NearKey(pair[1]); a != b {
			t.Errorf("%q and %q differ: %q, %q", pair[0], pair[1], a, b)
		}
	}
	for _, pair := range [][2]string{
		{"https://api.example.com/orders", "https://api.example.com/Orders"},
		{"https://api.example.com/orders", "http://api.example.com/orders"},
		{"https://api.example.com/orders", "https://api.example.com/orders//"},
		{"https://api.example.com/orders", "https://api.example.com:8443/orders"},
		{"https://api.example.com:80/orders", "https://api.example.com/orders"},
		{"https://api.example.com/a%2Fb", "https://api.example.com/a/b"},
		{"https://api.example.com/%2541", "https://api.example.com/A"},
		{"https://api.example.com/a?x=1", "https://api.example.com/a?x=1/"},
		{"https://api.example.com/a", "https://api.example.com/a?"},
		{"https://api.example.com/a;", "https://api.example.com/a"},
		{"orders", "Orders"},
		{"a/b", "a/c/b"},
	} {
		if a, b := NearKey(pair[0]), NearKey(pair[1]); a == b {
			t.Errorf("%q and %q share the key %q", pair[0], pair[1], a)
		}
	}
}

func FuzzNearKey(f *testing.F) {
	f.Add("https://API.example.com:443/a/../b/%7e/?x")
	f.Add("a//%")
	f.Add("://.//..")
	f.Fuzz(func(t *testing.T, s string) {
		if CheckIdentifier(s) != nil {
			return
		}
		key := NearKey(s)
		// What people type differently has the same key.
		if !strings.Contains(s, "?") && !strings.HasSuffix(key, "/") && !strings.HasSuffix(s, "/") && NearKey(s+"/") != key {
			t.Errorf("%q and the same with a slash have the keys %q and %q", s, key, NearKey(s+"/"))
		}
		if len(key) > len(s)+1 {
			t.Errorf("%q has the longer key %q", s, key)
		}
	})
}

func TestIsURI(t *testing.T) {
	for _, s := range []string{"https://api.example.com/x", "urn:example:x", "http://[::1]:80/", "spiffe://example.com/x", "https://a/%7E"} {
		if !IsURI(s) {
			t.Errorf("%q is none", s)
		}
	}
	for _, s := range []string{"orders", "/orders", "//example.com/orders", "https:", "https:///orders", "https:orders", "https://a/<b>", "https://a/%zz", "1a:b", `https://a/"`} {
		if IsURI(s) {
			t.Errorf("%q is one", s)
		}
	}
}

func TestIsReservedIdentifier(t *testing.T) {
	for _, issuer := range []string{"https://auth.example.com/", "https://auth.example.com", "https://example.com/tenant/"} {
		base := strings.TrimSuffix(issuer, "/")
		for _, s := range []string{"", "/", "/api/v2/", "/api/v2", "/api/v2/users", "/userinfo", "/me/", "/mfa/", "/my-org/"} {
			if !IsReservedIdentifier(issuer, base+s) {
				t.Errorf("%q is not reserved under %q", base+s, issuer)
			}
		}
		for _, s := range []string{"/orders", "/api/v3/", "/menu", "/api", ".evil.com/userinfo"} {
			if IsReservedIdentifier(issuer, base+s) {
				t.Errorf("%q is reserved under %q", base+s, issuer)
			}
		}
	}
	if !IsReservedIdentifier("https://auth.example.com/", "HTTPS://auth.example.com:443/userinfo/") {
		t.Error("a look-alike of a reserved identifier is not reserved")
	}
}

func TestCheckIssuer(t *testing.T) {
	for _, s := range []string{
		"https://auth.example.com/", "https://auth.example.com", "https://example.com/tenant", "http://localhost:8080/", "http://127.0.0.1/",
		"http://[::1]:8080", "http://auth.localhost/", "https://AUTH.example.com:8443/",
	} {
		if err := CheckIssuer(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "auth.example.com", "//auth.example.com", "http://auth.example.com/", "http://127.0.0.1.example.com/", "http://localhost.example.com/",
		"https://auth.example.com/?a", "https://auth.example.com/?", "https://auth.example.com/#", "https://u@auth.example.com/", "https://",
		"https:///x", "HTTPS://auth.example.com/", "ftp://auth.example.com/", "https://auth.example.com/ ", "https://auth.example.com/%zz", "https://auth.example.com:x/", "https:auth.example.com",
	} {
		if CheckIssuer(s) == nil {
			t.Errorf("%q passes", s)
		}
	}
	if CheckJWKSURI("https://login.example.com/keys?tenant=1") != nil || CheckJWKSURI("http://login.example.com/keys") == nil {
		t.Error("jwks_uri may have a query and must be https")
	}
}
