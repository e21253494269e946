package source

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// A tree that is loaded with what was parsed of earlier versions is the tree that is loaded
// without, and what stayed as it was is not parsed again.
func TestCache(t *testing.T) {
	const blocks = 2*pieceBlocks + 1 // the last one is a piece of its own
	long := func(changed int) string {
		var s strings.Builder
		for i := range blocks {
			value := "old"
			if i == changed {
				value = "new"
			}
			fmt.Fprintf(&s, "b \"n%d\" {\n  a = %q\n  c = [each.key, \"x-${each.value}\"]\n}\n", i, value)
		}
		return s.String()
	}
	cache := new(Cache)
	for step, files := range []map[string]string{
		{"a.hcl": "a = 1\n", "long.hcl": long(-1)},
		{"a.hcl": "a = 1\n", "long.hcl": long(blocks - 1)}, // in the last piece
		{"a.hcl": "a = 1\n", "long.hcl": long(0)},
		{"a.hcl": "\n\na = 1\n", "long.hcl": "# moved\n" + long(0)},
		{"a.hcl": "a = \n", "long.hcl": long(0), "j.hcl.json": `{"a": 1}`},
		{"a.hcl": "a = 1\na = 2\n", "j.hcl.json": `{"a": 2}`},
		{"a.hcl": "a = 1\n"},
		{"a.hcl": strings.Repeat("[", 1000)},
	} {
		tree := fstest.MapFS{}
		for name, content := range files {
			tree[name] = &fstest.MapFile{Data: []byte(content)}
		}
		with, listWith := LoadFS(tree, Options{Cache: cache})
		without, listWithout := LoadFS(tree, Options{})
		for i, f := range without.Files {
			if got, want := dump(with.Files[i].Body), dump(f.Body); with.Files[i].Name != f.Name || got != want {
				t.Errorf("step %d, %s:\n%.500s\nwithout a cache:\n%.500s", step, f.Name, got, want)
			}
		}
		if got, want := fmt.Sprint(listWith), fmt.Sprint(listWithout); got != want {
			t.Errorf("step %d: %s\nwithout a cache: %s", step, got, want)
		}
	}
	first, _ := LoadFS(fstest.MapFS{"long.hcl": {Data: []byte(long(-1))}}, Options{Cache: cache})
	second, _ := LoadFS(fstest.MapFS{"long.hcl": {Data: []byte(long(blocks - 1))}}, Options{Cache: cache})
	last := len(first.Files[0].Body.Blocks) - 1
	if first.Files[0].Body.Blocks[0] != second.Files[0].Body.Blocks[0] || first.Files[0].Body.Blocks[last] == second.Files[0].Body.Blocks[last] {
		t.Error("the first piece was parsed again, or the last one was not")
	}
}
