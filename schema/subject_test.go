package schema

import (
	"strings"
	"testing"
)

func TestMatchSubject(t *testing.T) {
	for _, test := range []struct {
		pattern   string
		good, bad []string
	}{
		{"repo:example/billing:ref:refs/heads/*", []string{"repo:example/billing:ref:refs/heads/main"},
			[]string{"repo:example/billing:ref:refs/heads/", "repo:example/billing:ref:refs/heads/a/b", "xrepo:example/billing:ref:refs/heads/main", "repo:example/billing:ref:refs/heads/main:x", "repo:evil/billing:ref:refs/heads/main"}},
		{"repo:example/*:environment:prod", []string{"repo:example/a:environment:prod"}, []string{"repo:example/a:b:environment:prod", "repo:example/a/b:environment:prod", "repo:example/:environment:prod"}},
		{"repo:example/**", []string{"repo:example/a", "repo:example/a:b/c"}, []string{"repo:example/", "repo:examplex/a"}},
		{"a*b*c", []string{"axbxc", "abbcc", "aXXbYYc"}, []string{"abc", "axbx", "ax:bxc"}},
		{"**:x", []string{"a:x", "a/b:c:x"}, []string{":x", "x"}},
		{"exact", []string{"exact"}, []string{"exac", "exactx", ""}},
		{"*", []string{"a", "é"}, []string{"", "a/b"}},
	} {
		for _, s := range test.good {
			if !MatchSubject(test.pattern, s) {
				t.Errorf("%q does not match %q", test.pattern, s)
			}
		}
		for _, s := range test.bad {
			if MatchSubject(test.pattern, s) {
				t.Errorf("%q matches %q", test.pattern, s)
			}
		}
	}
}

func TestCheckSubjectPattern(t *testing.T) {
	for _, s := range []string{"repo:example/billing:*", "a/**", "*:x"} {
		if err := CheckSubjectPattern(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "exact", "*", "**", "*:*", "*/**", "a***", "^a*", "a*$", "a*\n", strings.Repeat("a*", 9), strings.Repeat("a", 1024) + "*"} {
		if CheckSubjectPattern(s) == nil {
			t.Errorf("%q passes", s)
		}
	}
}

func TestLooseSubjectPattern(t *testing.T) {
	for _, s := range []string{"", "exact", "repo:example/billing:*", "repo:example/*:environment:prod"} {
		if why := LooseSubjectPattern(s); why != "" {
			t.Errorf("%q: %s", s, why)
		}
	}
	for _, s := range []string{"*:x", "a*", "repo:example*/billing", "repo:example/**", "repo:example/billing:x*"} {
		if LooseSubjectPattern(s) == "" {
			t.Errorf("%q passes", s)
		}
	}
}

func TestCertificateSelectors(t *testing.T) {
	for _, test := range []struct {
		name      string
		check     func(string) error
		good, bad []string
	}{
		{"subject_dn", CheckSubjectDN, []string{"CN=billing,O=Example", "2.5.4.3=billing"}, []string{"", "billing", "CN=", "=x", "C N=x"}},
		{"san_dns", CheckSANDNS, []string{"billing.example.com", "billing"}, []string{"", "*.example.com", "a..b", ".a", "a.", "-a.b", "10.0.0.1", "a_b.c", "https://a"}},
		{"san_uri", CheckSANURI, []string{"spiffe://example.com/billing", "urn:x:y"}, []string{"", "billing", "https://a/#b", "spiffe://example.com/a b"}},
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
