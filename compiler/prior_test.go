package compiler_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/schema"
)

func TestPreventDestroy(t *testing.T) {
	prior := &schema.Document{
		APIs: []schema.API{
			{Label: "free", Identifier: "u:free"},
			{Label: "kept", Identifier: "u:kept", PreventDestroy: true},
		},
		Clients: []schema.Client{{Label: "c", ClientID: "c", PreventDestroy: true}},
	}
	lock := compiler.LockFromDocument(prior)
	tests := []struct {
		name, apis, clients string
		replace             []string
		want                []string
	}{
		{"all there", "free=u:free kept=u:kept", "c=c", nil, nil},
		{"unprotected gone", "kept=u:kept", "c=c", nil, nil},
		{"protected gone", "free=u:free", "c=c", nil, []string{"prevent-destroy"}},
		{"protected renamed", "free=u:free other=u:kept", "d=c", nil, nil},
		{"protected replaced", "free=u:free kept=u:new", "c=c", []string{"api.kept"}, []string{"prevent-destroy"}},
		{"client gone", "kept=u:kept", "", nil, []string{"prevent-destroy"}},
		{"client replaced", "kept=u:kept", "c=d", []string{"client.c"}, []string{"prevent-destroy"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := treeOf(t, tt.apis, tt.clients)
			next, _, diags := compiler.CheckLock(m, lock, compiler.LockOptions{Replace: tt.replace})
			if diags.HasErrors() {
				t.Fatal(report(diags, nil))
			}
			for when, known := range map[string]*lockfile.File{"plan": lock, "lock, then plan": next} {
				got := compiler.CheckPrior(m, prior, compiler.PriorOptions{Lock: known})
				if diff := cmp.Diff(tt.want, codesOf(got)); diff != "" {
					t.Errorf("%s: codes (-want +got):\n%s", when, diff)
				}
			}
		})
	}
}

// TestPreventDestroyPoints shows the record of what is gone.
func TestPreventDestroyPoints(t *testing.T) {
	prior := &schema.Document{APIs: []schema.API{{Label: "a", Identifier: "u:a", PreventDestroy: true}}}
	b := compiler.LockFromDocument(prior).Bytes()
	lock, _ := lockfile.Parse(lockfile.DefaultName, b)
	diags := compiler.CheckPrior(treeOf(t, "", ""), prior, compiler.PriorOptions{Lock: lock})
	const want = `error: Removal prevented [prevent-destroy]
  at writ.lock.hcl:4,1-8 "api \"a\""
  api.a is gone from the configuration, but the state in use has prevent_destroy = true for it. Put it back; to remove it on purpose, first apply it with prevent_destroy = false.

`
	if diff := cmp.Diff(want, report(diags, map[string][]byte{lockfile.DefaultName: b})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestKeysAgainstPrior(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	const api = "api \"a\" {\n  identifier     = \"u:a\"\n  token_lifetime = \"1h\"\n}\n"
	const k1 = "signing_key \"k1\" {\n  algorithm = \"RS256\"\n  private_key = \"file:1\"\n}\n"
	key2 := func(at string) string {
		return "signing_key \"k2\" {\n  algorithm = \"RS256\"\n  private_key = \"file:2\"\n  activates_at = \"" + at + "\"\n}\n"
	}
	tests := []struct {
		name, before, after string
		want                []string
	}{
		{"nothing new", api + k1, api + k1, nil},
		{"relabelled", api + k1, api + "signing_key \"other\" {\n  algorithm = \"RS256\"\n  private_key = \"file:1\"\n}\n", nil},
		{"announced a day ahead", api + k1, api + k1 + key2("2026-11-24T00:00:00Z"), nil},
		{"announced an hour ahead", api + k1, api + k1 + key2("2026-11-23T01:00:00Z"), []string{"unsafe-key-schedule"}},
		{"removed while its tokens live", api + k1 + key2("2026-11-22T23:00:00Z"), api + key2("2026-11-22T23:00:00Z"), []string{"unsafe-key-schedule"}},
		{"removed when they are gone", api + k1 + key2("2026-11-22T22:55:00Z"), api + key2("2026-11-22T22:55:00Z"), nil},
		{"removed while it signs", api + k1, api, []string{"unsafe-key-schedule"}},
		{"removed before it signs", api + k1 + key2("2026-12-01T00:00:00Z"), api + k1, nil},
		{"first key of an algorithm that nobody used", k1, api + k1 + key2("2026-11-01T00:00:00Z"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := modelOf(t, tt.before), modelOf(t, tt.after)
			got := compiler.CheckPrior(after, before.Document, compiler.PriorOptions{Now: now})
			var codes []string
			for _, d := range got {
				codes = append(codes, d.Code)
			}
			if diff := cmp.Diff(tt.want, codes); diff != "" || got.HasErrors() {
				t.Errorf("codes (-want +got):\n%s\n%s", diff, report(got, nil))
			}
			if got := compiler.CheckPrior(after, before.Document, compiler.PriorOptions{}); len(got) > 0 {
				t.Errorf("without a clock: %v", got)
			}
		})
	}
}

// modelOf compiles one file of HCL.
func modelOf(t testing.TB, src string) *compiler.Model {
	t.Helper()
	m, diags := compile(fstest.MapFS{
		"issuer.hcl": {Data: []byte(defaultIssuer)},
		"tree.hcl":   {Data: []byte(src)},
	}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	return m
}
