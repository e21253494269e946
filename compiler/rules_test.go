package compiler_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

var update = flag.Bool("update", false, "rewrite the expected diagnostics in testdata/rules")

// defaultIssuer stands in for fixtures that have no issuer.hcl of their own.
const defaultIssuer = "issuer {\n  url = \"https://auth.example.com/\"\n}\n"

// A fixture is one file of testdata/rules: a tree whose guilty lines carry the
// codes that they must get, and optionally the whole report.
type fixture struct {
	archive *txtar.Archive
	tree    fstest.MapFS
	now     time.Time
	lock    *lockfile.File // writ.lock.hcl of the archive, nil without one
	prior   fstest.MapFS   // the tree below prior/ that the snapshot in use was made of, nil without one
	locked  bool
	marks   []string // "file:line ERROR code", sorted
	want    int      // index of the file "want", -1 without one
}

var (
	markPattern = regexp.MustCompile(`# (ERROR|WARNING) ([a-z0-9-]+)`)
	nowPattern  = regexp.MustCompile(`(?m)^now: (\S+)$`)
	withoutLine = regexp.MustCompile(`(?m)^expect: (ERROR|WARNING) (\S+)(?: (\S+:\d+))?$`)
	lockedFlag  = regexp.MustCompile(`(?m)^locked$`)
)

func readFixture(t *testing.T, path string) fixture {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fixtureOf(t, archive)
}

func fixtureOf(t *testing.T, archive *txtar.Archive) (f fixture) {
	t.Helper()
	f = fixture{archive: archive, tree: fstest.MapFS{}, want: -1}
	if m := nowPattern.FindSubmatch(archive.Comment); m != nil {
		var err error
		if f.now, err = time.Parse(time.RFC3339, string(m[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range withoutLine.FindAllSubmatch(archive.Comment, -1) {
		f.marks = append(f.marks, fmt.Sprintf("%s %s %s", cmp.Or(string(m[3]), ":0"), m[1], m[2]))
	}
	f.locked = lockedFlag.Match(archive.Comment)
	f.tree["issuer.hcl"] = &fstest.MapFile{Data: []byte(defaultIssuer)}
	for i, file := range archive.Files {
		if file.Name == "want" {
			f.want = i
			continue
		}
		if file.Name == lockfile.DefaultName {
			f.lock = parseLock(t, file.Data)
			continue
		}
		if name, ok := strings.CutPrefix(file.Name, "prior/"); ok {
			if f.prior == nil {
				f.prior = fstest.MapFS{"issuer.hcl": {Data: []byte(defaultIssuer)}}
			}
			f.prior[name] = &fstest.MapFile{Data: file.Data}
			continue
		}
		f.tree[file.Name] = &fstest.MapFile{Data: file.Data}
		f.marks = append(f.marks, marksOf(file)...)
	}
	slices.Sort(f.marks)
	return f
}

func parseLock(t *testing.T, content []byte) *lockfile.File {
	t.Helper()
	lock, diags := lockfile.Parse(lockfile.DefaultName, content)
	if len(diags) > 0 {
		t.Fatal(report(diags, map[string][]byte{lockfile.DefaultName: content}))
	}
	return lock
}

// compile runs all that a plan checks before it compares.
func (f *fixture) compile() (*compiler.Model, diag.List) {
	m, diags := compile(f.tree, f.now)
	if f.lock == nil && !f.locked {
		return m, diags
	}
	_, _, locked := compiler.CheckLock(m, f.lock, compiler.LockOptions{Locked: f.locked})
	diags = append(diags, locked...)
	if f.prior != nil {
		prior, _ := compile(f.prior, f.now)
		diags = append(diags, compiler.CheckPrior(m, prior.Document, compiler.PriorOptions{Lock: f.lock, Now: f.now})...)
	}
	return m, diags.Sorted()
}

func marksOf(file txtar.File) []string {
	var marks []string
	for i, line := range strings.Split(string(file.Data), "\n") {
		for _, m := range markPattern.FindAllStringSubmatch(line, -1) {
			marks = append(marks, fmt.Sprintf("%s:%d %s %s", file.Name, i+1, m[1], m[2]))
		}
	}
	return marks
}

// compile runs config and compiler over a tree, as writ validate does.
func compile(tree fstest.MapFS, now time.Time) (*compiler.Model, diag.List) {
	cfg, loaded := config.LoadFS(tree, config.Options{})
	m, compiled := compiler.Compile(cfg, compiler.CompileOptions{Now: now, Loaded: loaded})
	return m, append(loaded, compiled...).Sorted()
}

func found(diags diag.List) []string {
	var found []string
	for _, d := range diags {
		found = append(found, fmt.Sprintf("%s:%d %s %s",
			d.Range.Filename, d.Range.Start.Line, strings.ToUpper(string(d.Severity)), d.Code))
	}
	slices.Sort(found)
	return found
}

// report writes diagnostics with the text that each range covers: the whole of
// what a rule says.
func report(diags diag.List, sources map[string][]byte) string {
	var b strings.Builder
	for _, d := range diags {
		fmt.Fprintf(&b, "%s: %s [%s]\n", d.Severity, d.Summary, d.Code)
		fmt.Fprintf(&b, "  at %s\n", covered(d.Range, sources))
		for _, r := range d.Related {
			fmt.Fprintf(&b, "  %s: %s\n", r.Message, covered(r.Range, sources))
		}
		fmt.Fprintf(&b, "  %s\n\n", d.Detail)
	}
	return b.String()
}

func covered(r hcl.Range, sources map[string][]byte) string {
	if r == (hcl.Range{}) {
		return "no place"
	}
	src := sources[r.Filename]
	if r.End.Byte > len(src) {
		return fmt.Sprintf("%s: beyond the file", r)
	}
	return fmt.Sprintf("%s %q", r, src[r.Start.Byte:r.End.Byte])
}

// TestRules compiles every tree of testdata/rules and compares what is found
// with the marks on the guilty lines, and with the whole report where there is
// one.
func TestRules(t *testing.T) {
	paths, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			f := readFixture(t, path)
			m, diags := f.compile()
			if diff := gocmp.Diff(f.marks, found(diags)); diff != "" {
				t.Errorf("diagnostics (-marked +found):\n%s\n%s", diff, report(diags, m.Config.Sources))
			}
			if f.want < 0 {
				return
			}
			got := report(diags, m.Config.Sources)
			if *update {
				f.archive.Files[f.want].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(string(f.archive.Files[f.want].Data), got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}
