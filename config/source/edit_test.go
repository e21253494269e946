package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/diag"
)

// Only the block changes, and what is put behind it; what cannot be edited is an error.
func TestEditBlock(t *testing.T) {
	const next = "b \"y\" {\nv=1\n}\n"
	edit := func(src string) (string, error) {
		out, err := EditBlock("x.hcl", []byte(src), "b", "x", "until", "now", "from", next)
		return string(out), err
	}
	for src, want := range map[string]string{
		"b \"x\" {\n  from = 1\n}":                               "b \"x\" {\n  from  = 1\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
		"a {}\nb x {\n from=1 # c\n}\n\n\n c  {}":                "a {}\nb x {\n  from  = 1 # c\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n\n\n c  {}",
		"b \"x\" {\n  from  = 1\n  until = 2 // two\n}\n# end\n": "b \"x\" {\n  from  = 1\n  until = \"now\" // two\n}\n\nb \"y\" {\n  v = 1\n}\n# end\n",
		"b \"x\" {\n  from = <<-T\n  }\n  T\n}\n":                "b \"x\" {\n  from  = <<-T\n  }\n  T\n  until = \"now\"\n}\n\nb \"y\" {\n  v = 1\n}\n",
	} {
		if got, err := edit(src); err != nil || got != want {
			t.Errorf("%q\n got %q, %v\nwant %q", src, got, err, want)
		}
	}
	for src, says := range map[string]string{
		"b \"z\" {\n  from = 1\n}\n":               "has no b \"x\"",
		"b \"x\" {\n  to = 1\n}\n":                 "has no from",
		"c {\n  b \"x\" {\n    from = 1\n  }\n}\n": "has no b \"x\"",
	} {
		if _, err := edit(src); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", src, err)
		}
	}
	for _, src := range []string{"b \"x\" {", strings.Repeat("[", 100_000)} {
		if _, err := edit(src); err == nil {
			t.Errorf("%.20q was edited", src)
		} else if _, ok := errors.AsType[*diag.Problems](err); !ok {
			t.Errorf("%.20q: %v", src, err)
		}
	}
}
