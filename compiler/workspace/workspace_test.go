package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/schema/testenv"
)

func TestMain(m *testing.M) {
	testenv.Isolate()
	os.Exit(m.Run())
}

const ordersHCL = `issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
client "billing" {
  secret "s" { hash = "env:BILLING" }
}
`

const readsHCL = `authorization "billing-reads" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

// write puts a file of the configuration in its place.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files are the lockfile and the snapshot as they are on the disk, "" where there is none.
func files(t *testing.T, dir string) (both [2]string) {
	t.Helper()
	for i, name := range []string{"writ.lock.hcl", SnapshotName} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		both[i] = string(content)
	}
	return both
}

func load(t *testing.T, o Options) *Workspace {
	t.Helper()
	o.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	w, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// planned compiles the folder and plans.
func planned(t *testing.T, w *Workspace, o PlanOptions) (*Proposal, error) {
	t.Helper()
	tree, err := w.Compile()
	if err != nil {
		return nil, err
	}
	return w.Plan(t.Context(), tree, o)
}

// applied goes all the way.
func applied(t *testing.T, dir string) *Release {
	t.Helper()
	w := load(t, Options{Dir: dir})
	p, err := planned(t, w, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Release(t.Context(), p, ReleaseOptions{Revision: "test"})
	if err == nil {
		err = r.Apply(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestApplyTwice(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "orders.hcl", ordersHCL)
	first := applied(t, dir)
	if first.Envelope.Serial != 1 || first.Plan.Summary.Add != 2 || !first.Plan.LockChanged {
		t.Errorf("first: serial %d, %+v", first.Envelope.Serial, first.Plan.Summary)
	}

	w := load(t, Options{Dir: dir})
	p, err := planned(t, w, PlanOptions{Locked: true})
	if err != nil || !p.Plan.Empty() {
		t.Fatalf("a second plan is not empty: %+v, %v", p, err)
	}
	if r, err := w.Release(t.Context(), p, ReleaseOptions{}); err != nil || r.Needed() {
		t.Errorf("nothing changed, and a release is needed: %v", err)
	}

	write(t, dir, "reads.hcl", readsHCL)
	second := applied(t, dir)
	if second.Envelope.Serial != 2 || second.Envelope.Previous != first.Plan.Digest || second.Plan.Summary.Widen != 1 || second.Plan.LockChanged {
		t.Errorf("second: %+v, %+v", second.Envelope, second.Plan.Summary)
	}
	snap, err := ReadSnapshot(t.Context(), filepath.Join(dir, SnapshotName), location.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if file, line, ok := snap.Source(snapshot.KindAuthorization, "billing-reads"); !ok || file != "reads.hcl" || line != 1 || snap.Envelope().Revision != "test" {
		t.Errorf("%s:%d %v, %+v", file, line, ok, snap.Envelope())
	}

	back, err := w.Rollback(t.Context(), snap, ReleaseOptions{})
	if err != nil || back.Envelope.Serial != 3 || !back.Plan.Empty() {
		t.Errorf("rollback to what is in force: %+v, %v", back, err)
	}
}

func TestPlanAgainstRevision(t *testing.T) {
	g, commit := committed(t, map[string]string{"orders.hcl": ordersHCL})
	write(t, g.dir, "reads.hcl", readsHCL)
	var notes []string
	w := load(t, Options{Dir: g.dir, Note: func(text string) { notes = append(notes, text) }})
	for _, revision := range []string{"HEAD", "main", commit} {
		p, err := planned(t, w, PlanOptions{Against: "git:" + revision})
		if err != nil {
			t.Fatalf("%s: %v", revision, err)
		}
		if len(p.Plan.Changes) != 1 || p.Plan.Changes[0].Address != "authorization.billing-reads" || p.Plan.LockChanged || p.Missing != "" {
			t.Errorf("%s: %+v", revision, p.Plan)
		}
	}
	if both := files(t, g.dir); both != [2]string{} || len(notes) > 0 {
		t.Errorf("a comparison wrote %q and said %q", both, notes)
	}

	write(t, g.dir, "orders.hcl", strings.Replace(ordersHCL, "read:orders", "read orders", 1))
	commitAll(t, g.dir, "broken")
	write(t, g.dir, "orders.hcl", ordersHCL)
	_, err := planned(t, w, PlanOptions{Against: "git:HEAD"})
	if past, ok := errors.AsType[*RevisionError](err); !ok || past.Code != "git-failed" || !past.Problems.List.HasErrors() {
		t.Errorf("a revision that does not compile: %v", err)
	}
}

// A refusal, of whatever stage, leaves lockfile and snapshot as they were.
func TestRefusalWritesNothing(t *testing.T) {
	code := func(err error) string {
		if err == nil {
			return ""
		}
		return diag.ProblemsOf(err).List.Errors()[0].Code
	}
	for _, test := range []struct {
		name   string
		change func(t *testing.T, dir string) // before the plan
		plan   PlanOptions
		moved  func(t *testing.T, dir string) // between the plan and the apply
		want   string
	}{
		{name: "invalid", want: "unknown-scope", change: func(t *testing.T, dir string) {
			write(t, dir, "reads.hcl", strings.Replace(readsHCL, "read:orders", "read:order", 1))
		}},
		{name: "identifier", want: "immutable-identifier", change: func(t *testing.T, dir string) {
			write(t, dir, "orders.hcl", strings.Replace(ordersHCL, "com/orders", "com/order", 1))
		}},
		{name: "locked", want: "lock-out-of-date", plan: PlanOptions{Locked: true}, change: func(t *testing.T, dir string) {
			write(t, dir, "more.hcl", "api \"more\" { identifier = \"https://api.example.com/more\" }\n")
		}},
		{name: "lost snapshot", want: "snapshot-missing", change: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, SnapshotName)); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "broken lockfile", want: "missing-attribute", change: func(t *testing.T, dir string) {
			write(t, dir, "writ.lock.hcl", "# edited\n")
		}},
		{name: "stale", want: "plan-stale",
			change: func(t *testing.T, dir string) { write(t, dir, "reads.hcl", readsHCL) },
			moved:  func(t *testing.T, dir string) { write(t, dir, "writ.lock.hcl", "# edited meanwhile\n") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "orders.hcl", ordersHCL)
			applied(t, dir)
			test.change(t, dir)
			before := files(t, dir)
			w := load(t, Options{Dir: dir})
			p, err := planned(t, w, test.plan)
			if err == nil {
				var r *Release
				if r, err = w.Release(t.Context(), p, ReleaseOptions{}); err == nil {
					if test.moved != nil {
						test.moved(t, dir)
						before = files(t, dir)
					}
					err = r.Apply(t.Context())
				}
			}
			if got := code(err); got != test.want {
				t.Errorf("code %q, want %q: %v", got, test.want, err)
			}
			if files(t, dir) != before {
				t.Error("a file was written")
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".*.writ-staged")); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
			if stale := errors.Is(err, compiler.ErrStale); stale != (test.want == "plan-stale") {
				t.Errorf("stale: %v", err)
			}
		})
	}
}

// What a plan is made of can be written down and given again.
func TestFlagsSayTheInputs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.writvars", "")
	w := load(t, Options{
		Dir: dir, Vars: map[string]string{"b": "2", "a": "1"}, Snapshot: filepath.Join(dir, "other.snapshot"),
		VarFiles: []File{{"a.writvars", filepath.Join(dir, "a.writvars")}}, Lockfile: File{"l.hcl", filepath.Join(dir, "env", "l.hcl")},
	})
	want := []string{"--var", "a=1", "--var", "b=2", "--var-file", "a.writvars", "--lockfile", "env/l.hcl", "--snapshot", "other.snapshot"}
	if got := w.Flags(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
