package main

import (
	"os/exec"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestShellQuoteReadsBack(t *testing.T) {
	for _, word := range []string{"", "plain", "a b", "it's", `"x"`, "$(id)", "`id`", "a;b|c&d", "*", "~", "\\", "ünï", "-n", "a\nb", "!x", "#x"} {
		out, err := exec.Command("sh", "-c", "printf %s "+schema.ShellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q through %s (%v)", word, out, schema.ShellQuote(word), err)
		}
	}
}

func TestLineDiff(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"one line", "a\nb\nc\n", "a\nB\nc\n", "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"far apart", "1\n2\n3\n4\n5\n6\n7\n8\n9\nx\n", "I\n2\n3\n4\n5\n6\n7\n8\n9\nX\n",
			"--- a/f\n+++ b/f\n@@ -1,4 +1,4 @@\n-1\n+I\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-x\n+X\n"},
		{"near by", "1\n2\n3\n", "I\n2\nIII\n", "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n-1\n+I\n 2\n-3\n+III\n"},
		{"no newline", "a", "A", "--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+A\n\\ No newline at end of file\n"},
		{"longer", "a\n", "a\nb\n", "--- a/f\n+++ b/f\n@@ -1,1 +1,2 @@\n a\n+b\n"},
	} {
		if got := lineDiff("f", test.before, test.after); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestSameJSON(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1.0}`, true},
		{`1e2`, `100`, true},
		{`[1,2]`, `[2,1]`, false},
		{`"1"`, `1`, false},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":null}`, `{"b":null}`, false},
		{`0.1`, `0.10000000000000001`, false},
		{`x`, `x`, false},
	} {
		if got := sameJSON([]byte(test.a), []byte(test.b)); got != test.want {
			t.Errorf("%s and %s: %v", test.a, test.b, got)
		}
	}
}

func TestRebase(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://auth.example.com/":        "http://127.0.0.1:1/",
		"https://auth.example.com":         "http://127.0.0.1:1",
		"https://auth.example.com/tenant/": "http://127.0.0.1:1/tenant/",
		"https://auth.example.com/a%20b":   "http://127.0.0.1:1/a%20b",
	} {
		if got := rebase(issuer, "http://127.0.0.1:1"); got != want {
			t.Errorf("rebase(%q) = %q, want %q", issuer, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "a.localhost": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
	} {
		if got := schema.IsLoopback(host); got != want {
			t.Errorf("schema.IsLoopback(%q) = %v", host, got)
		}
	}
}
