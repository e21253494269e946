package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// needGit skips where git is missing, and fails there in CI.
func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("CI must run what needs git: %v", err)
	} else if err != nil {
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
	runGit(t, dir, "init", "-q", "-b", "main")
	commitAll(t, dir, "one")
	commit, err := g.commit(context.Background(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return g, commit
}

// runGit runs git as its users do, with all that the program denies itself.
func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir, cmd.Env = dir, gitEnvironment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func commitAll(t *testing.T, dir, message string) string {
	t.Helper()
	runGit(t, dir, "add", "-A", ".")
	runGit(t, dir, "commit", "-q", "--allow-empty", "-m", message)
	return runGit(t, dir, "rev-parse", "HEAD")
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
	g, before := committed(t, map[string]string{"outer.hcl": "outer"})
	runGit(t, g.dir, "submodule", "--quiet", "add", inner.dir, "sub")
	with := commitAll(t, g.dir, "two")
	read := func(what string) {
		t.Helper()
		if content, err := fs.ReadFile(openTree(t, g, with), "sub/inner.hcl"); err != nil || string(content) != "inner" {
			t.Errorf("%s, at %s: %q, %v", what, innerCommit, content, err)
		}
	}
	read("checked out")
	runGit(t, g.dir, "rm", "-q", "-f", "sub")
	commitAll(t, g.dir, "three")
	read("removed, and kept by git")
	if err := os.RemoveAll(filepath.Join(g.dir, ".git", "modules")); err != nil {
		t.Fatal(err)
	}
	tree := openTree(t, g, with)
	if content, err := fs.ReadFile(tree, "outer.hcl"); err != nil || string(content) != "outer" {
		t.Errorf("beside the submodule: %q, %v", content, err)
	}
	if tree.absent.Load() != nil {
		t.Error("a submodule is missed that nobody read")
	}
	_, err := fs.ReadDir(tree, "sub")
	absent := tree.absent.Load()
	if err == nil || absent == nil {
		t.Fatalf("the submodule that is nowhere: %v", err)
	}
	failed, ok := errors.AsType[*diag.Failure](*absent)
	update := "git submodule update --init -- sub"
	if !ok || !strings.Contains(failed.Hint, "git checkout "+shortHash(with)+" && "+update+" && git checkout -") {
		t.Errorf("hint: %+v", failed)
	}
	if _, err := fs.ReadFile(openTree(t, g, before), "outer.hcl"); err != nil {
		t.Error(err)
	}
	runGit(t, g.dir, "checkout", "-q", with)
	runGit(t, g.dir, "submodule", "--quiet", "update", "--init", "--", "sub")
	runGit(t, g.dir, "checkout", "-q", "-f", "-")
	read("after what the hint says")
}

// TestSubmoduleInPlaceOfTheFolder: the branches of a submodule are those of a
// repository that whoever added it chose. A commit's full hash is nobody's choice.
func TestSubmoduleInPlaceOfTheFolder(t *testing.T) {
	inner, commit := committed(t, map[string]string{"main.hcl": "a"})
	outer, _ := committed(t, map[string]string{"infra/auth/main.hcl": "b"})
	runGit(t, outer.dir, "rm", "-q", "-r", "infra/auth")
	runGit(t, outer.dir, "submodule", "--quiet", "add", inner.dir, "infra/auth")
	worktree := filepath.Join(t.TempDir(), "worktree")
	runGit(t, outer.dir, "worktree", "add", "-q", "-f", worktree, commitAll(t, outer.dir, "two"))
	runGit(t, worktree, "submodule", "--quiet", "update", "--init")
	for _, checkout := range []string{outer.dir, worktree} {
		g, err := openGit(t.Context(), filepath.Join(checkout, "infra/auth"))
		if err != nil {
			t.Fatal(err)
		}
		for _, revision := range []string{"main", "refs/remotes/origin/main", "HEAD", commit[:10]} {
			if _, err := g.reviewed(t.Context(), revision); err == nil || !strings.Contains(err.Error(), "is in a submodule") {
				t.Errorf("%s: %v", revision, err)
			}
		}
		if got, err := g.reviewed(t.Context(), commit); got != commit {
			t.Errorf("by its full hash: %q, %v", got, err)
		}
		if around, err := openGit(t.Context(), filepath.Join(checkout, "infra")); err != nil {
			t.Error(err)
		} else if _, err := around.reviewed(t.Context(), "HEAD"); err != nil {
			t.Errorf("in the checkout around it: %v", err)
		}
	}
}

// TestFolderInPlaceOfASubmodule: what stands today where a submodule was is not
// asked for the submodule's commits.
func TestFolderInPlaceOfASubmodule(t *testing.T) {
	inner, _ := committed(t, map[string]string{"inner.hcl": "inner"})
	g, _ := committed(t, map[string]string{"outer.hcl": "outer"})
	runGit(t, g.dir, "submodule", "--quiet", "add", inner.dir, "sub")
	with := commitAll(t, g.dir, "two")
	runGit(t, g.dir, "rm", "-q", "-f", "sub")
	if err := os.RemoveAll(filepath.Join(g.dir, ".git", "modules")); err != nil {
		t.Fatal(err)
	}
	runGit(t, g.dir, "clone", "-q", "--bare", inner.dir, "sub")
	if _, err := fs.ReadDir(openTree(t, g, with), "sub"); err == nil {
		t.Error("the files of a bare repository answered for the submodule")
	}
}

// TestRepositoryAmongTheFilesIsRefused: the files of a bare repository in the
// folder of a configuration, or in one around it, would decide what a revision is.
func TestRepositoryAmongTheFilesIsRefused(t *testing.T) {
	for _, place := range []string{"infra/auth", "infra"} {
		for _, worktree := range []string{"", "core.worktree"} {
			g, _ := committed(t, map[string]string{"infra/auth/main.hcl": "a"})
			bare := filepath.Join(t.TempDir(), "bare")
			runGit(t, g.dir, "clone", "-q", "--bare", g.dir, bare)
			if worktree != "" {
				runGit(t, bare, "config", "core.bare", "false")
				runGit(t, bare, "config", worktree, g.dir)
			}
			if err := os.CopyFS(filepath.Join(g.dir, place), os.DirFS(bare)); err != nil {
				t.Fatal(err)
			}
			for _, trusting := range []bool{false, true} { // a git from before safe.bareRepository
				if trusting {
					withoutBareCheck(t)
				}
				if _, err := openGit(t.Context(), filepath.Join(g.dir, "infra/auth")); !errors.Is(err, errEmbedded) {
					t.Errorf("in %s, %q: %v", place, worktree, err)
				}
			}
			if _, err := openGit(t.Context(), g.dir); err != nil {
				t.Errorf("at the top: %v", err)
			}
		}
	}
}

// TestRepositoryBelowTheFolderIsRefused: a file .git may name any folder for the
// repository, but not one among the files.
func TestRepositoryBelowTheFolderIsRefused(t *testing.T) {
	g, _ := committed(t, map[string]string{"main.hcl": "a"})
	if err := os.Rename(filepath.Join(g.dir, ".git"), filepath.Join(g.dir, "store")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, ".git"), []byte("gitdir: store\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openGit(t.Context(), g.dir); !errors.Is(err, errEmbedded) {
		t.Errorf("below the folder: %v", err)
	}
}

// withoutBareCheck puts a git first in PATH that knows nothing of
// safe.bareRepository, as those before 2.38.
func withoutBareCheck(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nfor a do\n  shift\n  [ \"$a\" = safe.bareRepository=explicit ] && a=core.pager=\n  set -- \"$@\" \"$a\"\ndone\nexec " + schema.ShellQuote(program) + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestNoObjectIsFetched: a repository that lacks an object names where to fetch
// it, and how. Not even a git that ignores GIT_NO_LAZY_FETCH does.
func TestNoObjectIsFetched(t *testing.T) {
	g, commit := committed(t, map[string]string{"main.hcl": "a"})
	ran := filepath.Join(t.TempDir(), "ran")
	for name, value := range map[string]string{
		"core.repositoryFormatVersion": "1", "extensions.partialClone": "evil", "remote.evil.promisor": "true",
		"remote.evil.url": "ext::touch " + ran, "protocol.ext.allow": "always",
	} {
		runGit(t, g.dir, "config", name, value)
	}
	blob := runGit(t, g.dir, "rev-parse", commit+":main.hcl")
	if err := os.Remove(filepath.Join(g.dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	cmd := g.command(t.Context(), "cat-file", "-p", blob)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "GIT_NO_LAZY_FETCH=") })
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("the object is there: %s", out)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("git ran what the repository's configuration says")
	}
	runs := exec.Command("git", "cat-file", "-p", blob)
	runs.Dir, runs.Env = g.dir, gitEnvironment()
	runs.Run()
	if _, err := os.Stat(ran); err != nil {
		t.Skip("this git fetches nothing by itself")
	}
}

func TestGitErrors(t *testing.T) {
	for complaint, want := range map[string][2]string{
		"fatal: detected dubious ownership in repository at '/path/o wn'\nTo add an exception for this directory, call:\n\n\tgit config --global --add safe.directory '/path/o wn'\n": {
			`the repository "/path/o wn" belongs to another user, and git does not read it`,
			"If you trust it, say so:\n\n  git config --global --add safe.directory '/path/o wn'",
		},
		"fatal: cannot use bare repository '/w/x' (safe.bareRepository is 'explicit')\n": {`"/w/x": the folder holds a git repository among its files`, ""},
	} {
		err := gitError(errors.New("exit status 128"), complaint)
		failed, ok := errors.AsType[*diag.Failure](err)
		if !ok || err.Error() != want[0] || want[1] != "" && failed.Hint != want[1] {
			t.Errorf("%q: %v, %+v", complaint, err, failed)
		}
	}
}

// TestNamesOfMoreThanOneRef: whoever may push a tag does not choose what a branch
// of the same name is.
func TestNamesOfMoreThanOneRef(t *testing.T) {
	g, one := committed(t, map[string]string{"a": "a"})
	two := commitAll(t, g.dir, "two")
	runGit(t, g.dir, "update-ref", "refs/remotes/origin/main", one)
	runGit(t, g.dir, "update-ref", "refs/remotes/upstream/HEAD", one)
	for _, revision := range []string{"origin/main", "refs/remotes/origin/main", "upstream", "main~1", one, one[:8], "HEAD~1", "@~1", "v1-2-g" + one[:8]} {
		if got, err := g.commit(t.Context(), revision); got != one || err != nil {
			t.Errorf("before there are tags, %q: %s, %v", revision, got, err)
		}
	}
	for _, tag := range []string{"origin/main", "upstream", "main", one[:8], one, "v1-2-g" + one[:8], "HEAD", "FETCH_HEAD", "refs/remotes/origin/gone"} {
		runGit(t, g.dir, "update-ref", "refs/tags/"+tag, two)
	}
	for revision, choices := range map[string][]string{
		"origin/main":      {"git:refs/tags/origin/main", "git:refs/remotes/origin/main"},
		"origin/main~0":    {"git:refs/tags/origin/main~0", "git:refs/remotes/origin/main~0"},
		"origin/main@{0}":  {"git:refs/remotes/origin/main@{0}"},
		"upstream":         {"git:refs/tags/upstream", "git:refs/remotes/upstream/HEAD"},
		"main^0":           {"git:refs/tags/main^0", "git:refs/heads/main^0"},
		one[:8]:            {"git:refs/tags/" + one[:8], "git:" + one},
		"v1-2-g" + one[:8]: {"git:refs/tags/v1-2-g" + one[:8], "git:" + one},
		"FETCH_HEAD":       {"git:refs/tags/FETCH_HEAD"},
	} {
		_, err := g.commit(t.Context(), revision)
		failed, ok := errors.AsType[*diag.Failure](err)
		if !ok {
			t.Errorf("%q: %v", revision, err)
			continue
		}
		for _, choice := range choices {
			if !strings.Contains(failed.Hint, "--against "+choice) {
				t.Errorf("%q: %v %s: no %s", revision, err, failed.Hint, choice)
			}
		}
	}
	for revision, want := range map[string]string{
		"refs/remotes/origin/main": one, "refs/tags/origin/main": two, "refs/heads/main": two, one: one, "HEAD": two, "HEAD~1": one, "tags/origin/main": two,
	} {
		if got, err := g.commit(t.Context(), revision); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", revision, got, err, want)
		}
	}
	if got, err := g.commit(t.Context(), "refs/remotes/origin/gone"); err == nil {
		t.Errorf("a tag answers for a remote branch that is not there: %s", got)
	}
}

func TestCommitsThatAreNotThere(t *testing.T) {
	g, _ := committed(t, map[string]string{"a": "a"})
	commitAll(t, g.dir, "two")
	for revision, hint := range map[string]string{"main...HEAD": "git:$(git merge-base main HEAD)", "..main": "git:$(git merge-base HEAD main)"} {
		_, err := g.commit(t.Context(), revision)
		if usage, ok := errors.AsType[*diag.Failure](err); !ok || !strings.Contains(usage.Hint, hint) {
			t.Errorf("%q: %v, %+v", revision, err, usage)
		}
	}
	empty, shallow := t.TempDir(), t.TempDir()
	runGit(t, empty, "init", "-q")
	runGit(t, shallow, "clone", "-q", "--depth", "1", "file://"+g.dir, ".")
	for _, c := range []struct{ dir, revision, text string }{
		{g.dir, "nonsense", "Fetch it first: git fetch."},
		{shallow, "HEAD~1", "git fetch --unshallow"},
		{empty, "HEAD", "the repository has none yet"},
		{g.dir, ":/two", "searches the commits"},
	} {
		_, err := git{dir: c.dir}.commit(t.Context(), c.revision)
		if err == nil || !strings.Contains(diag.FromError(err).Detail, c.text) {
			t.Errorf("%q: %v", c.revision, err)
		}
	}
}

func TestRevisionsThatAreFlags(t *testing.T) {
	g, _ := committed(t, map[string]string{"a": "a"})
	for _, revision := range []string{"", "-h", "--output=x", "a\nb", "a\x00b"} {
		if _, err := g.commit(context.Background(), revision); diag.ProblemsOf(err).List[0].Code != diag.CodeUsage {
			t.Errorf("%q: %v", revision, err)
		}
	}
	if _, err := g.commit(context.Background(), "HEAD^{tree}"); err == nil {
		t.Error("a tree is taken for a commit")
	}
}
