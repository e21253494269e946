package cli

import (
	"strings"
	"testing"
)

func TestWrapper(t *testing.T) {
	long := strings.Repeat("x", 50)
	for _, c := range []struct {
		name, text, want string
		width            int
	}{
		{"file", "one two three four five six seven\n", "one two three four five six seven\n", 0},
		{"short", "one two\n\nthree\n", "one two\n\nthree\n", 30},
		{"full", "a line of text with thirty cha\n", "a line of text with thirty\ncha\n", 30},
		{"words", "one two three four five six seven\n", "one two three four five six\nseven\n", 30},
		{"indent", "    one two three four five six seven\n", "    one two three four five\n    six seven\n", 30},
		{"flags", "  --out FILE  save the plan to a file\n", "  --out FILE  save the plan to\n              a file\n", 31},
		{"plan", "      + client.a on api.b may now read it\n", "      + client.a on api.b may\n        now read it\n", 30},
		{"colour", "  \x1b[31mone two three\x1b[0m four five six\n", "  \x1b[31mone two three\x1b[0m four five\n  six\n", 26},
		{"long word", "see " + long + " there\n", "see\n" + long + "\nthere\n", 30},
		{"pasted", "  $ writ plan --against git:main --out x\n", "  $ writ plan --against git:main --out x\n", 30},
		{"wide column", "  " + long + "  two three four\n", "  " + long + "\n  two three four\n", 30},
		{"not ASCII", "äöü äöü äöü äöü äöü äöü äöü äöü\n", "äöü äöü äöü äöü äöü äöü äöü\näöü\n", 30},
	} {
		for _, size := range []int{1, 7, 1000} { // however the writes fall
			var b strings.Builder
			w := NewWrapper(&b, c.width)
			for rest := c.text; rest != ""; {
				n := min(size, len(rest))
				if _, err := w.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if b.String() != c.want {
				t.Errorf("%s by %d: got\n%s\nwant\n%s", c.name, size, b.String(), c.want)
			}
		}
	}
}
