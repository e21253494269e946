package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

const editIssuer = "issuer {\n  url = \"https://auth.example.com/\"\n}\n"

// editable is a folder that compiles, with the files of the map.
func editable(t *testing.T, files map[string]string) (*workspace.Workspace, *workspace.Tree) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w, err := workspace.Load(workspace.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := w.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return w, tree
}

// onDisk is what a file holds, "gone" where there is none.
func onDisk(t *testing.T, w *workspace.Workspace, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.Dir, filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		return "gone"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// An edit adds, changes and removes files: in memory first, then on disk, and back.
func TestEdit(t *testing.T) {
	const api = "api \"a\" {\r\n  identifier = \"urn:a\"\n}\r\n" // with line ends of both kinds
	w, before := editable(t, map[string]string{"main.hcl": editIssuer, "team/a.hcl": api, "team/b.hcl": "api \"b\" {\n  identifier = \"urn:b\"\n}\n"})
	e, err := w.Edit(before, map[string][]byte{
		"team/c.hcl": []byte("api \"c\" {\n  identifier = \"urn:c\"\n}\n"),
		"team/a.hcl": []byte("api \"a\" {\n  identifier = \"urn:a\"\n  name = \"A\"\n}\n"),
		"team/b.hcl": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	after, plan, err := w.PlanEdit(before, e)
	if err != nil {
		t.Fatal(err)
	}
	if s := plan.Summary; s.Add != 1 || s.Change != 1 || s.Destroy != 1 || len(after.Model.Document.APIs) != 2 {
		t.Errorf("%+v", s)
	}
	if got := onDisk(t, w, "team/c.hcl"); got != "gone" {
		t.Errorf("planning has written %q", got)
	}
	if err := e.Write(); err != nil {
		t.Fatal(err)
	}
	if a, b, c := onDisk(t, w, "team/a.hcl"), onDisk(t, w, "team/b.hcl"), onDisk(t, w, "team/c.hcl"); !strings.Contains(a, "name = \"A\"\r\n") || b != "gone" || !strings.HasPrefix(c, "api") {
		t.Errorf("%q\n%q\n%q", a, b, c)
	}
	if again, err := w.Compile(); err != nil || again.Model.Config.Digest != after.Model.Config.Digest {
		t.Errorf("what was written is not what was compiled: %v", err)
	}
	if err := e.Reverse().Write(); err != nil {
		t.Fatal(err)
	}
	if a, b, c := onDisk(t, w, "team/a.hcl"), onDisk(t, w, "team/b.hcl"), onDisk(t, w, "team/c.hcl"); a != api || !strings.HasPrefix(b, "api") || c != "gone" {
		t.Errorf("%q\n%q\n%q", a, b, c)
	}
}

// Nothing is written over what somebody else has written, and then none of the files is.
func TestEditLosesNothing(t *testing.T) {
	for name, other := range map[string]func(path string) error{
		"changed": func(path string) error { return os.WriteFile(path, []byte("# mine\n"), 0o644) },
		"removed": os.Remove,
	} {
		w, before := editable(t, map[string]string{"main.hcl": editIssuer, "a.hcl": "# a\n", "b.hcl": "# b\n"})
		e, err := w.Edit(before, map[string][]byte{"a.hcl": []byte("# new\n"), "b.hcl": []byte("# new\n")})
		if err != nil {
			t.Fatal(err)
		}
		if err := other(filepath.Join(w.Dir, "b.hcl")); err != nil {
			t.Fatal(err)
		}
		seen := onDisk(t, w, "b.hcl")
		if err := e.Write(); !errors.Is(err, workspace.ErrEdited) || onDisk(t, w, "a.hcl") != "# a\n" || onDisk(t, w, "b.hcl") != seen {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Edit(before, map[string][]byte{"b.hcl": []byte("# new\n")}); !errors.Is(err, workspace.ErrEdited) {
			t.Errorf("%s, and edited: %v", name, err)
		}
	}
	w, before := editable(t, map[string]string{"main.hcl": editIssuer})
	e, err := w.Edit(before, map[string][]byte{"new.hcl": []byte("# new\n")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.Dir, "new.hcl"), []byte("# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(); !errors.Is(err, workspace.ErrEdited) || onDisk(t, w, "new.hcl") != "# mine\n" {
		t.Errorf("a file in the way: %v", err)
	}
}

// Only configuration below the root can be edited, by whichever name or link.
func TestEditStaysInTheTree(t *testing.T) {
	w, before := editable(t, map[string]string{"main.hcl": editIssuer})
	outside := filepath.Join(t.TempDir(), "out.hcl")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out.hcl": outside, "folder": filepath.Dir(outside), "dangling.hcl": filepath.Join(w.Dir, "later.hcl")} {
		if err := os.Symlink(to, filepath.Join(w.Dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"../up.hcl", outside, "", ".", "a.txt", ".git/x.hcl", ".x.hcl", "writ.lock.hcl", "x/writ.lock.hcl", "x.test.hcl", "a/../b.hcl", "a//b.hcl", "nowhere/x.hcl",
		"main.hcl/x.hcl", "out.hcl", "folder/x.hcl", "dangling.hcl", "a\x00.hcl",
	} {
		if _, err := w.Edit(before, map[string][]byte{name: []byte("# x\n")}); err == nil {
			t.Errorf("%q can be edited", name)
		}
	}
}

// What the edited configuration or its lockfile refuses is a diagnostic before anything is
// written.
func TestEditIsChecked(t *testing.T) {
	w, before := editable(t, map[string]string{
		"main.hcl": editIssuer, "writ.lock.hcl": "# Maintained by \"writ lock\" and \"writ apply\". Commit this file. Edit it only to release a retired identifier.\nversion = 1\n\nretired_api \"old\" { identifier = \"urn:old\" }\n",
	})
	for text, code := range map[string]string{
		"api \"a\" {\n}\n": "missing-attribute",
		"api \"a\" {\n":    "syntax",
		"api \"new\" {\n  identifier = \"urn:old\"\n}\n":   "retired-identifier",
		"api \"a\" {\n  identifier = var.undeclared\n}\n":  "unknown-reference",
		"issuer {\n  url = \"https://auth.example/\"\n}\n": "duplicate-issuer",
	} {
		e, err := w.Edit(before, map[string][]byte{"new.hcl": []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.PlanEdit(before, e)
		problems, ok := errors.AsType[*diag.Problems](err)
		if !ok || problems.List.Errors()[0].Code != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}
