package source

import (
	"bytes"
	"testing"
)

// FuzzFormat holds the formatter to its promise: what is laid out stays as it
// is when laid out again, and says what it said before.
func FuzzFormat(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
	}
	f.Add([]byte("\ufeffa=1\r\nb  {\r\nc=2\r\n}\r\n"))
	f.Add([]byte("a = { b=1, c = [1,\n 2 ] # x\n}\n/* c */ d   =  <<E\n x\nE\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		once, l := Format("a.hcl", src, Limits{})
		if l.HasErrors() {
			if !bytes.Equal(once, src) {
				t.Fatalf("%q was refused and changed to %q", src, once)
			}
			return
		}
		twice, l := Format("a.hcl", once, Limits{})
		if l.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q and then %q %v", src, once, twice, l)
		}
		before, _ := ParseFile("a.hcl", src, Limits{})
		after, _ := ParseFile("a.hcl", once, Limits{})
		if outline(before.Body) != outline(after.Body) {
			t.Fatalf("%q now says something else: %q", src, once)
		}
	})
}
