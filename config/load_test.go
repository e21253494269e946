package config_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// files makes a tree of names and contents in turn.
func files(pairs ...string) fs.FS {
	tree := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		tree[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return tree
}

// load loads a tree of one file that must have no errors.
func load(t *testing.T, src string) *config.Config {
	t.Helper()
	return loadTree(t, files("writ.hcl", src))
}

func loadTree(t *testing.T, tree fs.FS) *config.Config {
	t.Helper()
	c, problems := config.LoadFS(tree, config.Options{})
	fail(t, problems)
	return c
}

func fail(t *testing.T, problems diag.List) {
	t.Helper()
	for _, p := range problems {
		if p.Severity == diag.Error {
			t.Errorf("%s:%d [%s] %s", p.Range.Filename, p.Range.Start.Line, p.Code, p.Detail)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
