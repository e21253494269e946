package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// TestPlanViews compares what a plan is printed as. Each file of testdata/plan
// has the tree before (prior/) and after (next/), and the views that it is about;
// a line "replace: api.orders" in its comment stands for the flag. With UPDATE=1
// the views are written anew.
func TestPlanViews(t *testing.T) {
	names, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			plan := planOf(t, archive)
			views := map[string]Plan{
				"text": PlanText{}, "color": PlanText{Color: true}, "json": wideJSON{PlanJSON{}}, "markdown": PlanMarkdown{},
			}
			found := false
			for i := range archive.Files {
				section := &archive.Files[i]
				view, isView := views[section.Name]
				if !isView {
					continue
				}
				found = true
				got := show(t, view, plan)
				if os.Getenv("UPDATE") == "" {
					if diff := cmp.Diff(string(section.Data), got); diff != "" {
						t.Errorf("%s: want -, got +:\n%s", section.Name, diff)
					}
				}
				section.Data = []byte(got)
				checkSaved(t, view, plan, got)
			}
			if !found {
				t.Fatal("the file has no view")
			}
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func show(t *testing.T, view Plan, plan *compiler.Plan) string {
	t.Helper()
	return render(t, view, &Review{Plan: plan})
}

func render(t *testing.T, view Plan, r *Review) string {
	t.Helper()
	var out bytes.Buffer
	if err := view.Render(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// checkSaved: a plan that was saved and read again looks the same.
func checkSaved(t *testing.T, view Plan, plan *compiler.Plan, want string) {
	t.Helper()
	b, err := (&compiler.SavedPlan{Plan: plan}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := compiler.DecodeSavedPlan(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, show(t, view, read.Plan)); diff != "" {
		t.Errorf("a saved plan is shown otherwise: made -, read +:\n%s", diff)
	}
}

// wideJSON is a view of JSON that a reviewer of this test can read.
type wideJSON struct{ Plan }

func (v wideJSON) Render(w io.Writer, r *Review) error {
	var compact, wide bytes.Buffer
	if err := v.Plan.Render(&compact, r); err != nil {
		return err
	}
	if err := json.Indent(&wide, compact.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err := w.Write(wide.Bytes())
	return err
}

// TestNotesAndChecks: what is noted about a change stands with it, and what --check was
// asked after the gains, in every view.
func TestNotesAndChecks(t *testing.T) {
	archive := &txtar.Archive{Files: []txtar.File{{Name: "next/main.hcl", Data: []byte(billingHCL)}}}
	r := &Review{
		Plan:   planOf(t, archive),
		Notes:  map[string][]Note{"authorization.billing-orders": {{Text: "Refused 312 times for this in the last week."}}, "api.orders": {{Text: "Nobody asked for \"<b>\"."}}},
		Checks: []CheckResult{{Check: "no-new-access=client:billing", Counterexamples: []compiler.Counterexample{{Text: "client.billing may now read:orders on api.orders (main.hcl:9)"}}}, {Check: "no-access=api:`x`", Holds: true}},
	}
	for view, wants := range map[Plan][]string{
		PlanText{}: {
			"on api.orders\n        Refused 312 times for this in the last week.\n", "will be created\n    # Refused 312 times for this in the last week.\n",
			"--check no-new-access=client:billing does not hold.\n    client.billing may now read:orders on api.orders (main.hcl:9)\n", "--check no-access=api:`x` holds.\n",
		},
		PlanMarkdown{}: {
			"on `api.orders`\n  - Refused 312 times for this in the last week.\n", "  - Nobody asked for `\"<b>\"`.\n", "1 check does not hold**",
			"#### Checks\n\n- `no-new-access=client:billing` **does not hold**\n  - `client.billing` may now read:orders on `api.orders` (main.hcl:9)\n- `` no-access=api:`x` `` holds\n",
		},
		PlanJSON{}: {
			`"notes":["Refused 312 times for this in the last week."]}`, `"checks":[{"check":"no-new-access=client:billing","holds":false,"counterexamples":["client.billing may now read:orders on api.orders (main.hcl:9)"]},{"check":"no-access=api:` + "`x`" + `","holds":true,"counterexamples":[]}]`,
		},
	} {
		got := render(t, view, r)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%T: no %q in\n%s", view, want, got)
			}
		}
	}
	if text := render(t, PlanText{}, r); strings.Index(text, "--check") < strings.Index(text, "Gains:") || strings.Index(text, "--check") > strings.Index(text, "writ will do this") {
		t.Errorf("the checks do not follow the gains:\n%s", text)
	}
}

// TestMarkdownFits: a comment that a platform refuses helps nobody.
func TestMarkdownFits(t *testing.T) {
	archive := &txtar.Archive{Files: []txtar.File{{Name: "next/main.hcl", Data: []byte(billingHCL + `
api "many" {
  for_each   = toset([for i in range(1000) : "an_object_with_a_name_of_some_length_${i}"])
  identifier = "https://api.example.com/${each.key}"
}
authorization "many" {
  for_each = toset([for i in range(1000) : "an_object_with_a_name_of_some_length_${i}"])
  client   = client.billing
  api      = api.many[each.key]
  scopes   = []
}
`)}}}
	got := show(t, PlanMarkdown{Command: "writ plan"}, planOf(t, archive))
	if len(got) > 65_536 || len(got) < 20_000 {
		t.Errorf("%d bytes", len(got))
	}
	for _, want := range []string{"1002 changes widen access", "more objects", "</details>\n", "gains", "; `writ plan` prints all.**"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the comment", want)
		}
	}
}

// TestViewsReportErrors: a reader that went away, or a full disk, is no success.
func TestViewsReportErrors(t *testing.T) {
	archive := &txtar.Archive{Files: []txtar.File{{Name: "next/main.hcl", Data: []byte(billingHCL)}}}
	plan := planOf(t, archive)
	for _, view := range []Plan{PlanText{}, PlanJSON{}, PlanMarkdown{}} {
		if err := view.Render(brokenPipe{}, &Review{Plan: plan}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%T: error %v", view, err)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestFilesWithoutChanges: a plan may write files although no object changes.
func TestFilesWithoutChanges(t *testing.T) {
	for _, test := range []struct {
		plan compiler.Plan
		want string
	}{
		{compiler.Plan{PriorDigest: "a", Digest: "a"}, "No changes.\n"},
		{compiler.Plan{PriorDigest: "a", Digest: "a", LockChanged: true}, "The lockfile will be written."},
		{compiler.Plan{PriorDigest: "a", Digest: "b", LockChanged: true}, "The lockfile and the snapshot will be written."},
		{compiler.Plan{PriorDigest: "a", Digest: "b"}, "the snapshot has other bytes"},
	} {
		for _, view := range []Plan{PlanText{}, PlanMarkdown{}} {
			got := show(t, view, &test.plan)
			if !strings.Contains(strings.ReplaceAll(got, "**", ""), test.want) || test.plan.Empty() != strings.Contains(got, "No changes.") {
				t.Errorf("%T: got\n%s\nwant %q", view, got, test.want)
			}
		}
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain é 漢字":  "plain é 漢字",
		"\x1b[2J":     `\u001b[2J`,
		"a\nb\tc":     `a\u000ab\u0009c`,
		"\u202egnp":   `\u202egnp`,
		"a\u200bb":    `a\u200bb`,
		"\U000e0041":  `\U000e0041`,
		"no\u00a0gap": `no\u00a0gap`,
		"bad \xff":    `bad \xff`,
	} {
		if got := diag.OneLine(text); got != want {
			t.Errorf("diag.OneLine(%q) = %q, want %q", text, got, want)
		}
	}
}

func planOf(t *testing.T, archive *txtar.Archive) *compiler.Plan {
	t.Helper()
	var opts compiler.LockOptions
	for line := range strings.Lines(string(archive.Comment)) {
		if address, ok := strings.CutPrefix(line, "replace: "); ok {
			opts.Replace = append(opts.Replace, strings.TrimSpace(address))
		}
	}
	var prior compiler.Prior
	if before := modelOf(t, archive, "prior"); before != nil {
		lock, _, list := compiler.CheckLock(before, nil, compiler.LockOptions{})
		if list.HasErrors() {
			t.Fatalf("lock of prior: %+v", list)
		}
		prior = compiler.Prior{Document: before.Document, Digest: "sha256:prior", Serial: 1, Lock: lock, Records: lock, Model: before}
	}
	after := modelOf(t, archive, "next")
	lock, renames, list := compiler.CheckLock(after, prior.Lock, opts)
	if list.HasErrors() {
		t.Fatalf("lock of next: %+v", list)
	}
	digest := "sha256:next"
	if prior.Document != nil && cmp.Equal(prior.Document, after.Document) {
		digest = prior.Digest
	}
	changed := prior.Lock == nil || !bytes.Equal(prior.Lock.Bytes(), lock.Bytes())
	plan, list := compiler.NewPlan(prior, after, compiler.PlanOptions{
		Digest: digest, Renames: renames, Lock: lock, LockChanged: changed, At: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC),
	})
	if list.HasErrors() {
		t.Fatalf("plan: %+v", list)
	}
	return plan
}

// modelOf compiles the files below a folder of the archive; nil without any.
func modelOf(t *testing.T, archive *txtar.Archive, folder string) *compiler.Model {
	t.Helper()
	tree := fstest.MapFS{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, folder+"/"); ok {
			tree[name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
		}
	}
	if len(tree) == 0 {
		return nil
	}
	cfg, list := config.LoadFS(fs.FS(tree), config.Options{})
	if !list.HasErrors() {
		var m *compiler.Model
		if m, list = compiler.Compile(cfg, compiler.CompileOptions{}); !list.HasErrors() {
			return m
		}
	}
	t.Fatalf("%s: %+v", folder, list)
	return nil
}

// billingHCL is a configuration with one of everything.
const billingHCL = `issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
}
client "billing" {
  secret "s" { hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8" }
}
authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

func TestAtMost(t *testing.T) {
	for seconds, want := range map[int64]string{5: "5s", 600: "10m", 3599: "59m59s", 3600: "1h", 3601: "1h1m", 81_000: "22h30m", 86_399: "1d", 90_000: "1d1h"} {
		if got := atMost(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
