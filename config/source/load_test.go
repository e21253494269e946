package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
)

// folder writes files below a new folder and opens it.
func folder(t *testing.T, files map[string]string) (*os.Root, string) {
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
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func names(files []*File) string {
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return strings.Join(out, " ")
}

func codes(l diag.List) string {
	var out []string
	for _, d := range l {
		out = append(out, d.Code+" "+d.Range.Filename)
	}
	return strings.Join(out, ", ")
}

func TestWhichFiles(t *testing.T) {
	root, dir := folder(t, map[string]string{
		"b.hcl": "b = 1\n", "a.hcl": "a = 1\n", "a/x.hcl": "", "a-b.hcl": "", "team/sub/c.hcl.json": "{}",
		"team/policy.test.hcl": "", "team/more.test.hcl.json": "{}",
		"writ.lock.hcl": "not parsed {", "team/writ.lock.hcl": "not parsed {", "locks/prod.hcl": "not parsed {",
		".hidden.hcl": "not parsed {", ".git/x.hcl": "not parsed {", "old.hcl~": "not parsed {", "old~/x.hcl": "not parsed {",
		"README.md": "not parsed {", "x.hcl.bak": "not parsed {", "json.json": "not parsed {",
	})
	if err := os.Symlink("../b.hcl", filepath.Join(dir, "team", "link.hcl")); err != nil {
		t.Fatal(err)
	}
	opts := Options{Lockfile: "locks/prod.hcl"}
	tree, l := Load(root, opts)
	if l != nil {
		t.Fatal(l)
	}
	const files, tests = "a-b.hcl a.hcl a/x.hcl b.hcl team/link.hcl team/sub/c.hcl.json", "team/more.test.hcl.json team/policy.test.hcl"
	if names(tree.Files) != files || names(tree.Tests) != tests || tree.TotalBytes != 6+6+6+2+2 {
		t.Errorf("files %s; tests %s; %d bytes", names(tree.Files), names(tree.Tests), tree.TotalBytes)
	}
	if a := tree.Files[4].Body.Attribute("b"); a == nil || a.NameRange().Filename != "team/link.hcl" {
		t.Errorf("link: %v", a)
	}
	fromFS, l := LoadFS(os.DirFS(dir), opts)
	if l != nil || names(fromFS.Files) != files || names(fromFS.Tests) != tests {
		t.Errorf("LoadFS: %s %s %v", names(fromFS.Files), names(fromFS.Tests), l)
	}
}

func TestEmptyTree(t *testing.T) {
	root, _ := folder(t, nil)
	if tree, l := Load(root, Options{}); l != nil || len(tree.Files) != 0 {
		t.Errorf("%v %v", tree, l)
	}
}

func TestManyFiles(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 10_000 {
		tree[fmt.Sprintf("%02d/%05d.hcl", i%100, i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "a%d = [\n", i)}
	}
	within(t, time.Minute, func() {
		got, l := LoadFS(tree, Options{Workers: 7})
		if len(got.Files) != 10_000 || len(l) != 10_000 {
			t.Fatalf("%d files, %d diagnostics", len(got.Files), len(l))
		}
		for i, d := range l {
			if d.Range.Filename != got.Files[i].Name {
				t.Fatalf("diagnostic %d is about %s, not %s", i, d.Range.Filename, got.Files[i].Name)
			}
		}
	})
}

func TestUnreadable(t *testing.T) {
	root, dir := folder(t, map[string]string{"ok.hcl": "a = 1\n", "sub/ok.hcl": "", "big.hcl": strings.Repeat("#", 2000)})
	outside := filepath.Join(t.TempDir(), "outside.hcl")
	if err := os.WriteFile(outside, []byte("secret = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	up, err := filepath.Rel(dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"absolute.hcl": outside, "relative.hcl": up, "broken.hcl": "nothing", "self.hcl": "self.hcl",
		"cycle": ".", "sub/up": "..", "folder.hcl": "sub", "out": filepath.Dir(outside),
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := "unreadable-file absolute.hcl, limit-exceeded big.hcl, unreadable-file broken.hcl, unreadable-file cycle, "
	if runtime.GOOS != "windows" {
		makeFIFO(t, filepath.Join(dir, "fifo.hcl"))
		want += "unreadable-file fifo.hcl, "
	}
	want += "unreadable-file folder.hcl, unreadable-file out, unreadable-file relative.hcl, unreadable-file self.hcl, unreadable-file sub/up"
	within(t, time.Minute, func() {
		tree, l := Load(root, Options{Limits: Limits{FileBytes: 1000}})
		if codes(l) != want {
			t.Errorf("got  %s\nwant %s", codes(l), want)
		}
		if names(tree.Files) != "ok.hcl sub/ok.hcl" {
			t.Errorf("files %s", names(tree.Files))
		}
		for _, d := range l {
			way := map[string]string{"absolute.hcl": "Put a copy there", "relative.hcl": "Put a copy there", "out": "Put a copy there", "broken.hcl": "Remove the link"}[d.Range.Filename]
			if strings.Contains(d.Detail, dir) || !strings.Contains(d.Detail, d.Range.Filename) || !strings.Contains(d.Detail, way) {
				t.Errorf("detail %q", d.Detail)
			}
		}
	})
}

// brokenFS fails to open one file and to read another.
type brokenFS struct{ fstest.MapFS }

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == "denied.hcl" {
		return nil, &fs.PathError{Op: "open", Path: "/private/" + name, Err: fs.ErrPermission}
	}
	f, err := b.MapFS.Open(name)
	if name == "torn.hcl" && err == nil {
		return tornFile{f}, nil
	}
	return f, err
}

type tornFile struct{ fs.File }

func (tornFile) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestOSCauseIsShown(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("a = 1\n")}
	tree, l := LoadFS(brokenFS{fstest.MapFS{"denied.hcl": file, "torn.hcl": file, "ok.hcl": file}}, Options{})
	if codes(l) != "unreadable-file denied.hcl, unreadable-file torn.hcl" || names(tree.Files) != "ok.hcl" {
		t.Fatalf("%s; %s", codes(l), names(tree.Files))
	}
	if l[0].Detail != `"denied.hcl" cannot be read: permission denied. Check who owns it and its mode.` || l[1].Detail != `"torn.hcl" cannot be read: input/output error.` {
		t.Error(l)
	}
}

func TestTreeLimits(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("a {}\nb {}\n")}
	tree := fstest.MapFS{"1.hcl": file, "2.hcl": file, "3.test.hcl": file}
	for name, limits := range map[string]Limits{"bytes": {TreeBytes: 25}, "objects": {Objects: 5}} {
		if _, l := LoadFS(tree, Options{Limits: limits}); codes(l) != "limit-exceeded 3.test.hcl" {
			t.Errorf("%s: %v", name, l)
		}
	}
	deep := fstest.MapFS{strings.Repeat("d/", 70) + "a.hcl": file}
	if _, l := LoadFS(deep, Options{}); len(l) != 1 || l[0].Code != "limit-exceeded" {
		t.Errorf("deep folders: %v", l)
	}
}

func TestFilesReadFile(t *testing.T) {
	root, dir := folder(t, map[string]string{"keys/a.json": "{}"})
	if err := os.Symlink("/etc", filepath.Join(dir, "etc")); err != nil {
		t.Fatal(err)
	}
	files := RootFiles(root, Limits{})
	if b, err := files.ReadFile("./keys/../keys/a.json"); string(b) != "{}" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	for name, want := range map[string]error{"keys": ErrNotRegular, "../x": ErrOutside, "/etc/hosts": ErrOutside, "missing": fs.ErrNotExist} {
		if _, err := files.ReadFile(name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := files.ReadFile("etc/hosts"); err == nil {
		t.Error("read a file through a link out of the tree")
	}
	if _, err := RootFiles(root, Limits{FileBytes: 1}).ReadFile("keys/a.json"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// TestGitIsNotPartOfTheTree: a checkout keeps the token of the job that made it in
// .git/config, and nothing that a configuration names may show it.
func TestGitIsNotPartOfTheTree(t *testing.T) {
	root, dir := folder(t, map[string]string{".git/config": "token", "sub/.git": "gitdir: x", "other/.GIT/config": "token", "sub/file": "fine", ".gitignore": "fine"})
	for link, target := range map[string]string{
		"config": ".git/config", "sub/up": "../.git/config", "again": "sub/up", "main.hcl": ".git/config",
		"folder": ".git", "fine": "sub/file", "loop": "loop",
	} {
		if err := os.Symlink(filepath.FromSlash(target), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	files := RootFiles(root, Limits{})
	for _, name := range []string{".git/config", "./sub/../.git/config", "sub/.git", "other/.GIT/config", "config", "sub/up", "again", "main.hcl", "folder/config"} {
		if b, err := files.ReadFile(name); !errors.Is(err, ErrGit) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"fine", "sub/file", ".gitignore"} {
		if b, err := files.ReadFile(name); string(b) != "fine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := files.ReadFile("loop"); err == nil || errors.Is(err, ErrGit) {
		t.Errorf("a link to itself: %v", err)
	}
	_, l := Load(root, Options{})
	want := "unreadable-file again, unreadable-file config, unreadable-file folder, unreadable-file loop, unreadable-file main.hcl, unreadable-file sub/up"
	if codes(l) != want {
		t.Errorf("got  %s\nwant %s", codes(l), want)
	}
}

// TestPieces makes sure that a file parsed in pieces is the file parsed whole.
func TestPieces(t *testing.T) {
	src := generated(100)["part-00000.hcl"].Data
	src = append([]byte("\ufefftop = 1\r\n# é\n"), src...)
	src = append(src, "last = <<E\nx\nE\n"...)
	m := checkLimits(src, modeFile, DefaultLimits())
	if len(m.cuts) < 3 {
		t.Fatalf("%d pieces", len(m.cuts))
	}
	got, l := ParseFile("a.hcl", src, Limits{})
	if l != nil {
		t.Fatal(l)
	}
	want, _ := hclsyntax.ParseConfig(src, "a.hcl", hcl.InitialPos)
	if dump(got.Body) != dumpTree(want.Body.(*hclsyntax.Body)) {
		t.Error("the trees differ")
	}
}

// TestHopelessFile makes sure that what a file full of mistakes gives does not
// depend on which of its pieces happen to be parsed.
func TestHopelessFile(t *testing.T) {
	src := strings.Repeat("a {}\n", 20_000) + strings.Repeat("a a\n", 100_000) + strings.Repeat("a {}\n", 20_000)
	whole, want := ParseFile("a.hcl", []byte(src), Limits{})
	if len(want) != maxFileDiagnostics+1 || len(whole.Body.Blocks) < 20_000 || len(whole.Body.Blocks) >= 40_000 {
		t.Fatalf("%d diagnostics, %d blocks", len(want), len(whole.Body.Blocks))
	}
	for _, workers := range []int{0, 1, 3, 8} {
		tree, got := LoadFS(fstest.MapFS{"a.hcl": {Data: []byte(src)}}, Options{Workers: workers})
		if fmt.Sprint(got) != fmt.Sprint(want.Sorted()) || dump(tree.Files[0].Body) != dump(whole.Body) {
			t.Errorf("%d workers: another answer", workers)
		}
	}
}

func TestAttributeSetTwice(t *testing.T) {
	far := strings.Repeat("# far away\n", 10_000)
	for name, between := range map[string]string{"near": "", "in another piece": far} {
		_, l := ParseFile("a.hcl", []byte("a = 1\n"+between+"b = 2\n"+"a = 2\n"), Limits{})
		if codes(l) != "duplicate-name a.hcl" || !strings.Contains(l[0].Detail, `"a"`) || len(l[0].Related) != 1 || l[0].Related[0].Range.Start.Line != 1 {
			t.Errorf("%s: %v", name, l)
		}
	}
	_, l := ParseFile("a.hcl", []byte("a {\n  n = 0\n  b {\n    n = 1\n    n = 2\n  }\n}\n"), Limits{})
	if codes(l) != "duplicate-name a.hcl" || l[0].Range.Start.Line != 5 || len(l[0].Related) != 1 || l[0].Related[0].Range.Start.Line != 4 {
		t.Errorf("in a nested block: %v", l)
	}
}

func TestFormat(t *testing.T) {
	src := "a   = 1\nbcd={x=1,\n y =   2}\nblock   \"l\" {\nc=1\n}\n"
	once, l := Format("a.hcl", []byte(src), Limits{})
	if l != nil || string(once) == src {
		t.Fatalf("%q %v", once, l)
	}
	if twice, l := Format("a.hcl", once, Limits{}); l != nil || string(twice) != string(once) {
		t.Errorf("not idempotent:\n%s\n%s", once, twice)
	}
	if same, l := Format("a.hcl", []byte("a = [\n"), Limits{}); string(same) != "a = [\n" || codes(l) != "syntax a.hcl" {
		t.Errorf("%q %v", same, l)
	}
}

// TestLineEndsOfTheCheckout: what git made of the line ends on checkout is in no
// value, no range and no digest.
func TestLineEndsOfTheCheckout(t *testing.T) {
	lf := map[string]string{"a.hcl": "a = <<E\nfirst\nsecond\nE\n", "b.hcl.json": "{\n\"b\": 1\n}\n", "keys/a.json": "{\n}\n"}
	crlf := map[string]string{}
	for name, content := range lf {
		crlf[name] = strings.ReplaceAll(content, "\n", "\r\n")
	}
	root, _ := folder(t, crlf)
	tree, l := Load(root, Options{})
	if l != nil || names(tree.Files) != "a.hcl b.hcl.json" {
		t.Fatalf("%s, %v", names(tree.Files), l)
	}
	for _, f := range tree.Files {
		if string(f.Bytes) != lf[f.Name] {
			t.Errorf("%s: %q", f.Name, f.Bytes)
		}
	}
	if text, ok := tree.Files[0].Body.Attribute("a").Expr.Text(); ok && text != "first\nsecond\n" {
		t.Errorf("the heredoc is %q", text)
	}
	if b, err := RootFiles(root, Limits{}).ReadFile("keys/a.json"); string(b) != lf["keys/a.json"] || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPointerOfLFS: the text that Git LFS commits is not taken for the file.
func TestPointerOfLFS(t *testing.T) {
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
	tree := fstest.MapFS{"a.hcl": {Data: []byte(pointer)}, "keys/a.json": {Data: []byte(pointer)}}
	if _, l := LoadFS(tree, Options{}); codes(l) != "unreadable-file a.hcl" || !strings.Contains(l[0].Detail, "git lfs pull") {
		t.Error(l)
	}
	if _, err := FSFiles(tree, Limits{}).ReadFile("keys/a.json"); !errors.Is(err, ErrPointer) {
		t.Error(err)
	}
}

// oddFS has a file and a folder whose names are not UTF-8, as Linux allows.
type oddFS struct{ fstest.MapFS }

func (o oddFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := o.MapFS.ReadDir(name)
	for i, e := range entries {
		if strings.HasPrefix(e.Name(), "odd") {
			entries[i] = oddEntry{e}
		}
	}
	return entries, err
}

type oddEntry struct{ fs.DirEntry }

func (o oddEntry) Name() string { return o.DirEntry.Name() + "\xff" }

func TestNamesThatAreNotUTF8(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("a = 1\n")}
	_, l := LoadFS(oddFS{fstest.MapFS{"odd.hcl": file, "oddfolder/a.hcl": file, "ok.hcl": file}}, Options{})
	if len(l) != 2 {
		t.Fatal(l)
	}
	for _, d := range l {
		if d.Code != "unreadable-file" || !strings.Contains(d.Detail, `\xff" is not UTF-8`) {
			t.Errorf("%+v", d)
		}
	}
}
