package lockfile

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

func TestMain(m *testing.M) {
	testenv.Isolate()
	os.Exit(m.Run())
}

// A record is one block of a lockfile, as a value that can be in a set.
type record struct{ blockType, label, value string }

type records map[record]bool

func (r records) file() *File {
	f := &File{}
	for _, s := range f.sections() {
		for rec := range r {
			if rec.blockType == s.blockType {
				*s.entries = append(*s.entries, Entry{Label: rec.label, Value: rec.value})
			}
		}
	}
	return f
}

func recordsOf(f *File) records {
	r := records{}
	for _, s := range f.sections() {
		for _, e := range *s.entries {
			r[record{s.blockType, e.Label, e.Value}] = true
		}
	}
	return r
}

// merged is what a merge must mean: what either side added, without what either
// side removed.
func merged(base records, branches ...records) records {
	out := maps.Clone(base)
	for _, branch := range branches {
		for rec := range branch {
			if !base[rec] {
				out[rec] = true
			}
		}
	}
	for rec := range base {
		for _, branch := range branches {
			if !branch[rec] {
				delete(out, rec)
			}
		}
	}
	return out
}

var mergeLabels = []string{"a", "b", "c", "d", "e", "f", "g", "h", "ledger", "mail", "orders", "stock", "y", "z"}

func randomRecords(rng *rand.Rand, n int) records {
	r := records{}
	for range n {
		edit(rng, r)
	}
	return r
}

// edit does to a lockfile what writ does: record, rename, replace, remove,
// bring back.
func edit(rng *rand.Rand, r records) {
	kinds := [2][2]string{{"api", "retired_api"}, {"client", "retired_client"}}
	kind := kinds[rng.IntN(2)]
	label := mergeLabels[rng.IntN(len(mergeLabels))]
	var live *record
	for rec := range r {
		if rec.blockType == kind[0] && rec.label == label {
			live = &rec
		}
	}
	value := fmt.Sprintf("urn:%s:%d", label, rng.IntN(3))
	if live == nil {
		delete(r, record{kind[1], label, value})
		if !holdsValue(r, kind, value) {
			r[record{kind[0], label, value}] = true
		}
		return
	}
	delete(r, *live)
	switch rng.IntN(3) {
	case 0: // remove
		r[record{kind[1], label, live.value}] = true
	case 1: // rename
		other := mergeLabels[rng.IntN(len(mergeLabels))]
		if holdsLabel(r, kind[0], other) {
			other = label
		}
		r[record{kind[0], other, live.value}] = true
	case 2: // replace
		if holdsValue(r, kind, value) {
			value = live.value
		} else if value != live.value {
			r[record{kind[1], label, live.value}] = true
		}
		r[record{kind[0], label, value}] = true
	}
}

func holdsLabel(r records, blockType, label string) bool {
	for rec := range r {
		if rec.blockType == blockType && rec.label == label {
			return true
		}
	}
	return false
}

func holdsValue(r records, kind [2]string, value string) bool {
	for rec := range r {
		if (rec.blockType == kind[0] || rec.blockType == kind[1]) && rec.value == value {
			return true
		}
	}
	return false
}

// A repository is a real one, with as many lockfiles as there are cases, so
// that one "git merge" decides about all of them.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("git is not installed, and CI must run the merges")
		}
		t.Skip("git is not installed: lockfile merges are not tested")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r *repository) git(args ...string) (ok bool) {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil && args[0] != "merge" {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return err == nil
}

func (r *repository) file(i int) string {
	return filepath.Join(r.dir, fmt.Sprintf("tree%03d.hcl", i))
}

func (r *repository) commit(branch string, cases []records) {
	r.t.Helper()
	for i, c := range cases {
		if err := os.WriteFile(r.file(i), c.file().Bytes(), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "--message", branch)
}

// TestMerges lets git merge a thousand pairs and triples of lockfiles. A result
// is either exactly what the branches meant together, or Parse refuses it; then
// keeping the lines of both sides always gives a file that "writ lock" reads, and
// puts in order or refuses for records that contradict each other.
func TestMerges(t *testing.T) {
	for _, test := range []struct {
		name       string
		branches   int
		style      string
		attributes string
	}{
		{"two branches", 2, "merge", ""},
		{"two branches, diff3", 2, "diff3", ""},
		{"two branches, zdiff3", 2, "zdiff3", ""},
		{"three branches", 3, "merge", ""},
		{"two branches, union driver", 2, "merge", "*.hcl merge=union\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mergeThousand(t, test.branches, test.style, test.attributes)
		})
	}
}

func mergeThousand(t *testing.T, branches int, style, attributes string) {
	const cases = 300 // in each of the repositories
	rng := rand.New(rand.NewPCG(1, uint64(branches)))
	repo := newRepository(t)
	repo.git("config", "merge.conflictStyle", style)
	if err := os.WriteFile(filepath.Join(repo.dir, ".gitattributes"), []byte(attributes), 0o644); err != nil {
		t.Fatal(err)
	}
	base := make([]records, cases)
	for i := range base {
		base[i] = randomRecords(rng, rng.IntN(30))
	}
	repo.commit("base", base)
	sides := make([][]records, branches)
	for side := range sides {
		repo.git("checkout", "--quiet", "-b", fmt.Sprint("side", side), "main")
		for i := range base {
			r := maps.Clone(base[i])
			for range rng.IntN(4) {
				edit(rng, r)
			}
			sides[side] = append(sides[side], r)
		}
		repo.commit("side", sides[side])
	}
	repo.git("checkout", "--quiet", "main")
	for side := range sides {
		if !repo.git("merge", "--quiet", fmt.Sprint("side", side)) {
			repo.git("add", "--all") // a person who does not look
			repo.git("commit", "--quiet", "--message", "conflicts and all")
		}
	}
	counts := map[string]int{}
	for i := range base {
		var of []records
		for _, side := range sides {
			of = append(of, side[i])
		}
		counts[checkMerge(t, repo.file(i), merged(base[i], of...))]++
	}
	t.Log(counts)
	if counts["clean"] < cases/4 || counts["clean"] > cases*9/10 {
		t.Errorf("too one-sided to show anything: %v", counts)
	}
}

// checkMerge returns "clean", what "writ lock" makes of the file once the lines of
// both sides are kept, or the code with which it refuses that.
func checkMerge(t *testing.T, name string, want records) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := Parse(DefaultName, b); f != nil {
		checkRecords(t, f, want, b)
		if !bytes.Equal(want.file().Bytes(), b) {
			t.Errorf("not canonical, yet accepted:\n%s", b)
		}
		return "clean"
	}
	kept := keepBoth(b)
	f, l := ParseWithoutCanonicalCheck(DefaultName, kept)
	if f != nil {
		checkRecords(t, f, want, kept)
		return "mended by writ lock"
	}
	if code := l[0].Code; code != "duplicate-name" && code != "duplicate-identifier" && code != "duplicate-client-id" {
		t.Errorf("both sides kept, refused with %s:\n%s", describe(l), kept)
	}
	return l[0].Code
}

func checkRecords(t *testing.T, f *File, want records, b []byte) {
	t.Helper()
	if got := recordsOf(f); !maps.Equal(got, want) {
		t.Errorf("silently wrong: want %v\ngot\n%s", slices.Collect(maps.Keys(want)), b)
	}
}

// keepBoth resolves conflicts as the button "accept both" of an editor does: the
// lines of both sides stay, the marks and what diff3 shows of the base go.
func keepBoth(b []byte) []byte {
	var kept []byte
	inBase := false
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, []byte("|||||||")):
			inBase = true
		case bytes.HasPrefix(line, []byte("=======")):
			inBase = false
		case bytes.HasPrefix(line, []byte("<<<<<<<")), bytes.HasPrefix(line, []byte(">>>>>>>")), inBase:
		default:
			kept = append(kept, line...)
		}
	}
	return kept
}
