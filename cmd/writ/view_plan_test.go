package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
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
			views := map[string]planView{
				"text": planText{}, "color": planText{color: true}, "json": wideJSON{planJSON{}}, "markdown": planMarkdown{},
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

func show(t *testing.T, view planView, plan *compiler.Plan) string {
	t.Helper()
	var out bytes.Buffer
	if err := view.render(&out, plan); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// checkSaved: a plan that was saved and read again looks the same.
func checkSaved(t *testing.T, view planView, plan *compiler.Plan, want string) {
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
type wideJSON struct{ planView }

func (v wideJSON) render(w io.Writer, p *compiler.Plan) error {
	var compact, wide bytes.Buffer
	if err := v.planView.render(&compact, p); err != nil {
		return err
	}
	if err := json.Indent(&wide, compact.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err := w.Write(wide.Bytes())
	return err
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
		prior = compiler.Prior{Document: before.Document, Digest: "sha256:prior", Serial: 1, Lock: lock}
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
	plan, list := compiler.NewPlan(prior, after, compiler.PlanOptions{Digest: digest, Renames: renames, LockChanged: changed})
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
