package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
)

// needGit skips where git is missing, and fails there in CI.
func needGit(t *testing.T) {
	t.Helper()
	if installed, err := gitInstalled(); err != nil {
		t.Fatal(err)
	} else if !installed {
		t.Skip("git is not installed")
	}
}

// committed makes a repository of the files ("-> target" is a link) and returns
// git in it and its one commit.
func committed(t *testing.T, files map[string]string) (git, string) {
	t.Helper()
	needGit(t)
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(content) > 3 && content[:3] == "-> " {
			err = os.Symlink(content[3:], path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	g := git{dir: dir}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "one"},
	} {
		if _, err := g.run(context.Background(), args...); err != nil {
			t.Fatal(err)
		}
	}
	commit, err := g.commit(context.Background(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return g, commit
}

func openTree(t *testing.T, g git, commit string) *gitFS {
	t.Helper()
	tree, err := openGitFS(context.Background(), g, commit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tree
}

func TestGitFSIsAFileSystem(t *testing.T) {
	g, commit := committed(t, map[string]string{
		"a.hcl": "a", "empty": "", "sub/b.hcl": "bb", "sub/deep/ünï \"q\" 's\t.hcl": "ccc", "sub/link.hcl": "-> ../a.hcl",
	})
	tree := openTree(t, g, commit)
	if err := fstest.TestFS(tree, "a.hcl", "empty", "sub/b.hcl", "sub/deep/ünï \"q\" 's\t.hcl", "sub/link.hcl"); err != nil {
		t.Error(err)
	}
	if content, err := fs.ReadFile(tree, "sub/link.hcl"); err != nil || string(content) != "a" {
		t.Errorf("through the link: %q, %v", content, err)
	}
	below := openTree(t, git{dir: filepath.Join(g.dir, "sub")}, commit)
	if content, err := fs.ReadFile(below, "b.hcl"); err != nil || string(content) != "bb" {
		t.Errorf("from the sub-folder: %q, %v", content, err)
	}
	if _, err := fs.ReadFile(below, "link.hcl"); !errors.Is(err, errLinkOut) {
		t.Errorf("a link out of the sub-folder: %v", err)
	}
}

func TestGitFSLinks(t *testing.T) {
	g, commit := committed(t, map[string]string{
		"real/x": "x", "dir": "-> real", "abs": "-> /etc/passwd", "out": "-> ../secret", "circle": "-> circle", "gone": "-> nowhere",
	})
	tree := openTree(t, g, commit)
	for name, want := range map[string]error{
		"abs": errLinkOut, "out": errLinkOut, "circle": errLinkCycle, "gone": fs.ErrNotExist,
	} {
		if _, err := tree.Open(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if content, err := fs.ReadFile(tree, "dir/x"); err != nil || string(content) != "x" {
		t.Errorf("through a linked folder: %q, %v", content, err)
	}
}

func TestGitBlobsAreReadSideBySide(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		files[name] = name + name
	}
	g, commit := committed(t, files)
	tree := openTree(t, g, commit)
	var readers sync.WaitGroup
	for name, want := range files {
		for range 20 {
			readers.Go(func() {
				if content, err := fs.ReadFile(tree, name); err != nil || string(content) != want {
					t.Errorf("%s: %q, %v", name, content, err)
				}
			})
		}
	}
	readers.Wait()
}

func TestSubmodules(t *testing.T) {
	inner, innerCommit := committed(t, map[string]string{"inner.hcl": "inner"})
	g, _ := committed(t, map[string]string{"outer.hcl": "outer"})
	ctx := context.Background()
	steps := [][]string{
		{"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.dir, "sub"},
		{"-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "two"},
	}
	for _, args := range steps {
		if _, err := g.run(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	commit, err := g.commit(ctx, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if content, err := fs.ReadFile(openTree(t, g, commit), "sub/inner.hcl"); err != nil || string(content) != "inner" {
		t.Errorf("in the submodule at %s: %q, %v", innerCommit, content, err)
	}
	if err := os.RemoveAll(filepath.Join(g.dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if _, err := openGitFS(ctx, g, commit); err == nil || err.Error() != `submodule "sub" is not checked out` {
		t.Errorf("not checked out: %v", err)
	}
}

func TestRevisionsThatAreFlags(t *testing.T) {
	g, _ := committed(t, map[string]string{"a": "a"})
	for _, revision := range []string{"", "-h", "--output=x", "a\nb", "a\x00b"} {
		if _, err := g.commit(context.Background(), revision); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", revision, err)
		}
	}
	if _, err := g.commit(context.Background(), "HEAD^{tree}"); err == nil {
		t.Error("a tree is taken for a commit")
	}
}
