package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A comparedFolder is a workbench with a clock of its own, since a page asks git and the disk
// again only after a while.
type comparedFolder struct {
	*workbench
	now time.Time
	w   *workspace.Workspace
}

func newComparedFolder(t testing.TB, flags *cli.ConfigFlags, files map[string]string) *comparedFolder {
	t.Helper()
	f := &comparedFolder{workbench: &workbench{dir: t.TempDir()}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := &cli.Env{Out: io.Discard, Err: io.Discard, Now: func() time.Time { return f.now }, Getenv: func(string) string { return "" }}
	var err error
	if f.w, err = flags.Load(env, []string{f.dir}); err != nil {
		t.Fatal(err)
	}
	editor := &treeEditor{w: f.w}
	editor.reload = func() {
		if tree, err := f.w.Compile(); err == nil {
			editor.setTree(tree)
		}
	}
	tree, err := f.w.Compile()
	if err != nil {
		t.Fatal(err)
	}
	editor.setTree(tree)
	shown := new(shownSnapshot)
	file, err := workspace.Snapshot(tree.Model.Document, tree.Model, snapshot.Envelope{Serial: 1, Created: f.now})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := workspace.OpenSnapshot(file, "compiled")
	if err != nil {
		t.Fatal(err)
	}
	shown.put(snap, nil, f.now)
	f.opts = console.Options{State: func() console.State { return shown.state(f.now) }, Editor: editor, Writable: true, Live: &shown.live, Changes: newFolderComparer(env, f.w, editor)}
	f.pages = console.New(f.opts)
	return f
}

// later is the changes page after files or commits have changed.
func (f *comparedFolder) later(t testing.TB, against string) string {
	t.Helper()
	f.now = f.now.Add(3 * time.Second)
	f.opts.Editor.(*treeEditor).reload()
	w := request(f.pages, http.MethodGet, "/console/changes"+against, nil)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	_, page, _ := strings.Cut(w.Body.String(), "<main")
	return page
}

func (f *comparedFolder) git(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = f.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

const comparedFiles = `issuer { url = "https://auth.example.com/" }

api "orders" {
  identifier = "https://api.example.com/orders"
  metadata   = { owner = "orders-team" }
  scope "read:orders" {}
  scope "write:orders" { sensitive = true }
}

client "billing" {
  secret "a" { hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8" }
}

authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

// The Changes page says what "writ plan" says, of the base that is chosen: the snapshot in
// force where there is one, and else the last commit.
func TestChangesPage(t *testing.T) {
	needProgram(t, "git")
	f := newComparedFolder(t, new(cli.ConfigFlags), map[string]string{"main.hcl": comparedFiles})
	f.workbench.t = t
	page := f.later(t, "")
	holds(t, page, "No comparison", "There is no snapshot at", "Not a git repository")
	f.git(t, "init", "-q")
	holds(t, f.later(t, "?against=git:HEAD"), "the repository has none yet")
	f.git(t, "add", ".")
	f.git(t, "commit", "-qm", "one")
	page = f.later(t, "")
	holds(t, page, "Nothing differs", `href="/console/changes?against=git%3aHEAD" aria-current="true"`, "commit ")

	f.put("main.hcl", strings.Replace(comparedFiles, `scopes = ["read:orders"]`, `scopes = ["read:orders", "write:orders"]`, 1))
	page = f.later(t, "")
	holds(t, page, "1 client gains access (sensitive).", "Gains <span", `<a href="/console/clients/billing"><code>client.<wbr>billing</code></a> may now write:orders (sensitive) on <a href="/console/apis/orders">`,
		`main.hcl:17</span> <span class="muted">orders-team</span>`, `<span class="line meant"><span class="n">17</span>  scopes = [&#34;read:orders&#34;, &#34;write:orders&#34;]`,
		"authorization.<wbr>billing-<wbr>orders</code> will be updated", "0 to add, 1 to change, 0 to destroy", "there are no expectations")
	if got := f.later(t, "?against=git:main"); !strings.Contains(got, "may now write:orders") {
		t.Errorf("against main: %s", got)
	}
	// A commit elsewhere is another base.
	f.git(t, "commit", "-qam", "two")
	holds(t, f.later(t, ""), "Nothing differs")
	if got := f.later(t, "?against=git:main~1"); strings.Contains(got, "main~1") {
		t.Error("a page can name a revision of its own")
	}

	// What an apply has written comes first from then on.
	f.apply(t)
	page = f.later(t, "")
	holds(t, page, `href="/console/changes?against=snapshot" aria-current="true"`, "serial 1 of", "Nothing differs", "Not compared: policies, expectations and retired names as they were.")

	// A policy for each change refuses this one: the page has its message, and the plan.
	f.put("policy.hcl", "policy \"frozen\" {\n  for_each_of   = \"change\"\n  condition     = length(self.gained) == 0\n  error_message = \"No access is given away this week.\"\n}\n")
	f.put("main.hcl", strings.Replace(comparedFiles, `scopes = ["read:orders"]`, `scopes = ["read:orders", "write:orders"]`, 1)+"\napi \"extra\" {\n  identifier = \"urn:extra\"\n}\n\nauthorization \"billing-extra\" {\n  client = client.billing\n  api    = api.extra\n  scopes = []\n}\n")
	page = f.later(t, "")
	holds(t, page, "policy.frozen: ", "No access is given away this week.", "Policies and expectations <span", "main.hcl:24", "may now get tokens without scopes")

	// What nothing makes a plan of is told in the compiler's words.
	f.put("policy.hcl", "")
	f.put("main.hcl", strings.Replace(comparedFiles, "https://api.example.com/orders", "https://api.example.com/other", 1))
	holds(t, f.later(t, ""), "These files cannot be applied as they are", "identifier")
}

// What a page compares with may be broken, gone or silent: each is a line, and no other page
// suffers.
func TestChangesWithABadBase(t *testing.T) {
	needProgram(t, "git")
	f := newComparedFolder(t, new(cli.ConfigFlags), map[string]string{"main.hcl": comparedFiles})
	f.workbench.t = t
	f.git(t, "init", "-q")
	f.put("main.hcl", "api \"orders\" {\n  identifer = 1\n}\n")
	f.git(t, "add", ".")
	f.git(t, "commit", "-qm", "broken")
	f.put("main.hcl", comparedFiles)
	holds(t, f.later(t, ""), "The configuration at", "does not compile", "identifer")
	f.git(t, "checkout", "-qb", "other")
	f.git(t, "branch", "-qD", "main")
	holds(t, f.later(t, "?against=git:main"), "Git knows no commit")
	f.put("writ.snapshot", "no snapshot")
	holds(t, f.later(t, ""), "It is damaged or no snapshot.")
	if err := os.Remove(filepath.Join(f.dir, "writ.snapshot")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(f.dir, "writ.snapshot"), 0o777); err != nil {
		t.Fatal(err)
	}
	holds(t, f.later(t, ""), "No comparison")

	silent := httptest.NewServer(http.NotFoundHandler())
	address := silent.URL + "/writ.snapshot"
	silent.Close()
	f = newComparedFolder(t, &cli.ConfigFlags{Snapshot: address}, map[string]string{"main.hcl": comparedFiles})
	f.workbench.t = t
	holds(t, f.later(t, ""), "No comparison", "Check the address")
}

// While the files do not compile, the page goes on with what compiled last, and says so.
func TestChangesOfABrokenTree(t *testing.T) {
	b := newWorkbench(t, "platform", nil)
	before := b.get("/console/changes")
	b.put("broken.hcl", "api {\n")
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(b.get("/console/changes"), "The newest configuration was rejected") {
		if time.Now().After(deadline) {
			t.Fatal("the broken file is not seen")
		}
		time.Sleep(20 * time.Millisecond)
	}
	holds(t, before, `<li><a href="/console/changes" aria-current="page">Changes</a></li>`)
}

// Pages in between get the comparison that was made: it is made once for two sides.
func TestChangesAreComparedOnce(t *testing.T) {
	f := newComparedFolder(t, new(cli.ConfigFlags), map[string]string{"main.hcl": comparedFiles})
	f.workbench.t = t
	f.apply(t)
	f.put("main.hcl", strings.Replace(comparedFiles, `["read:orders"]`, `["write:orders"]`, 1))
	f.later(t, "")
	c := f.opts.Changes.(*folderComparer)
	first := c.Compare(t.Context(), "")
	if again := c.Compare(t.Context(), ""); &again.Sections[0] != &first.Sections[0] {
		t.Error("the same files were compared twice")
	}
	if id := c.ID(t.Context(), first.Ref); id != first.ID {
		t.Errorf("events name %q, and the page %q", id, first.ID)
	}
	f.put("main.hcl", comparedFiles)
	f.later(t, "")
	if again := c.Compare(t.Context(), ""); again.ID == first.ID || again.Differs {
		t.Errorf("other files are still %+v", again)
	}
}

func (f *comparedFolder) apply(t testing.TB) {
	t.Helper()
	env, _, complaints := testStdio()
	if code := run(t.Context(), []string{"apply", "--auto-approve", "-C", f.dir}, env); code != cli.ExitOK {
		t.Fatalf("apply: %s", complaints)
	}
}

// BenchmarkChanges is the page about 1,000 and 5,000 APIs of which each has changed: once the
// comparison is there, and with the comparison.
func BenchmarkChanges(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		tree := func(scopes string) string {
			var text strings.Builder
			text.WriteString("issuer { url = \"https://auth.example.com/\" }\nclient \"billing\" {\n  secret \"a\" { hash = \"sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8\" }\n}\n")
			for i := range n {
				fmt.Fprintf(&text, "api \"a%d\" {\n  identifier = \"https://api.example.com/a%[1]d\"\n  scope \"read\" {}\n  scope \"write\" {}\n}\nauthorization \"billing-a%[1]d\" {\n  client = client.billing\n  api    = api.a%[1]d\n  scopes = %s\n}\n", i, scopes)
			}
			return text.String()
		}
		f := newComparedFolder(b, new(cli.ConfigFlags), map[string]string{"main.hcl": tree(`["read"]`)})
		f.apply(b)
		if err := os.WriteFile(filepath.Join(f.dir, "main.hcl"), []byte(tree(`["read", "write"]`)), 0o644); err != nil {
			b.Fatal(err)
		}
		if page := f.later(b, ""); !strings.Contains(page, "may now write") {
			b.Fatal(page)
		}
		b.Run(fmt.Sprintf("page/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := request(f.pages, http.MethodGet, "/console/changes", nil); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
		b.Run(fmt.Sprintf("comparison/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.now = f.now.Add(2 * comparisonMaxAge)
				if w := request(f.pages, http.MethodGet, "/console/changes", nil); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
