package compiler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A step is one change of the tree and what the lockfile rules must make of it.
// Objects are written "label=identifier"; what the lockfile holds afterwards is
// written the same, with "-" before a retired one.
type step struct {
	apis    string   // the whole tree, space-separated
	clients string   // likewise, label=client_id
	replace []string // --replace
	locked  bool

	lock    string   // after the step, "" when it is as before
	renames string   // "old>new"
	codes   []string // of the diagnostics, "warning:code" for a warning
}

// lockHistories are sequences of changes, each applied when it has no error.
var lockHistories = map[string][]step{
	"new objects are recorded": {
		{apis: "a=u:a b=u:b", clients: "c=c", lock: "a=u:a b=u:b | c=c"},
		{apis: "a=u:a b=u:b", clients: "c=c"},
	},
	"an identifier is immutable": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "a=u:other", codes: []string{"immutable-identifier"}},
	},
	"a client id is immutable": {
		{clients: "c=c", lock: "| c=c"},
		{clients: "c=d", codes: []string{"immutable-client-id"}},
	},
	"another label with the same identifier is a rename": {
		{apis: "a=u:a", clients: "c=c", lock: "a=u:a | c=c"},
		{apis: "b=u:a", clients: "d=c", lock: "b=u:a | d=c", renames: "api a>b client c>d"},
	},
	"a client's label can only be renamed with its id written out": {
		{clients: "c=c", lock: "| c=c"},
		{clients: "d=d", lock: "| d=d -c=c"},
	},
	"what is removed is retired": {
		{apis: "a=u:a b=u:b", lock: "a=u:a b=u:b |"},
		{apis: "b=u:b", lock: "b=u:b -a=u:a |"},
	},
	"another label may not take a retired identifier": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "b=u:b", lock: "b=u:b -a=u:a |"},
		{apis: "b=u:b c=u:a", codes: []string{"retired-identifier"}},
	},
	"another label may not take a retired client id": {
		{clients: "c=c", lock: "| c=c"},
		{clients: "", lock: "| -c=c"},
		{clients: "d=c", codes: []string{"retired-client-id"}},
	},
	"the same label may come back with its identifier": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "", lock: "-a=u:a |"},
		{apis: "a=u:a", lock: "a=u:a |"},
	},
	"a label may come back with another identifier": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "", lock: "-a=u:a |"},
		{apis: "a=u:new", lock: "a=u:new -a=u:a |"},
	},
	"a replacement retires the old identifier": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "a=u:new", replace: []string{"api.a"}, lock: "a=u:new -a=u:a |"},
		{apis: "a=u:new b=u:a", codes: []string{"retired-identifier"}},
		{apis: "a=u:newer", replace: []string{"api.a"}, lock: "a=u:newer -a=u:a -a=u:new |"},
		{apis: "a=u:a", replace: []string{"api.a"}, lock: "a=u:a -a=u:new -a=u:newer |"},
	},
	"a client can be replaced": {
		{clients: "c=c", lock: "| c=c"},
		{clients: "c=d", replace: []string{"client.c"}, lock: "| c=d -c=c"},
	},
	"a replacement frees nothing for others in the same change": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "a=u:new b=u:a", replace: []string{"api.a"}, codes: []string{"retired-identifier"}},
	},
	"two identifiers cannot be swapped": {
		{apis: "a=u:a b=u:b", lock: "a=u:a b=u:b |"},
		{
			apis: "a=u:b b=u:a", replace: []string{"api.a", "api.b"},
			codes: []string{"retired-identifier", "retired-identifier"},
		},
	},
	"a replacement may not take the identifier of what is removed": {
		{apis: "a=u:a b=u:b", lock: "a=u:a b=u:b |"},
		{apis: "a=u:b", replace: []string{"api.a"}, codes: []string{"retired-identifier"}},
	},
	"labels in a chain are not a rename": {
		{apis: "a=u:1 b=u:2", lock: "a=u:1 b=u:2 |"},
		{apis: "b=u:1 c=u:2", codes: []string{"immutable-identifier"}},
	},
	"an unknown address is not replaced": {
		{apis: "orders=u:a", lock: "orders=u:a |"},
		{apis: "orders=u:b", replace: []string{"api.order"}, codes: []string{"immutable-identifier", "unknown-reference"}},
		{apis: "orders=u:a", replace: []string{"orders"}, codes: []string{"unknown-reference"}},
		{apis: "orders=u:a", replace: []string{"authorization.orders"}, codes: []string{"unknown-reference"}},
	},
	"a replacement without a change says so": {
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "a=u:a", replace: []string{"api.a"}, codes: []string{"warning:invalid-value"}},
		{apis: "a=u:a b=u:b", replace: []string{"api.b"}, lock: "a=u:a b=u:b |", codes: []string{"warning:invalid-value"}},
	},
	"with --locked nothing may change": {
		{apis: "a=u:a", locked: true, codes: []string{"lock-out-of-date"}},
		{apis: "a=u:a", lock: "a=u:a |"},
		{apis: "a=u:a", locked: true},
		{apis: "b=u:a", locked: true, renames: "api a>b", codes: []string{"lock-out-of-date"}},
		{apis: "", locked: true, codes: []string{"lock-out-of-date"}},
	},
	"instances have labels of their own": {
		{apis: `w["eu"]=u:eu w["us"]=u:us`, lock: `w["eu"]=u:eu w["us"]=u:us |`},
		{apis: `w["eu"]=u:eu`, lock: `w["eu"]=u:eu -w["us"]=u:us |`},
		{apis: `w["eu"]=u:new`, codes: []string{"immutable-identifier"}},
		{apis: `w["eu"]=u:new`, replace: []string{`api.w["eu"]`}, lock: `w["eu"]=u:new -w["eu"]=u:eu -w["us"]=u:us |`},
	},
}

func TestLockHistories(t *testing.T) {
	for name, steps := range lockHistories {
		t.Run(name, func(t *testing.T) {
			var lock *lockfile.File
			for i, s := range steps {
				next, renames, diags := compiler.CheckLock(treeOf(t, s.apis, s.clients), lock,
					compiler.LockOptions{Replace: s.replace, Locked: s.locked})
				if diff := cmp.Diff(s.codes, codesOf(diags)); diff != "" {
					t.Fatalf("step %d: codes (-want +got):\n%s%s", i, diff, report(diags, nil))
				}
				if got := renamesText(renames); got != s.renames && !diags.HasErrors() {
					t.Errorf("step %d: renames %q, want %q", i, got, s.renames)
				}
				if diags.HasErrors() {
					continue
				}
				want := s.lock
				if want == "" {
					want = lockText(lock)
				}
				if got := lockText(next); got != want {
					t.Fatalf("step %d: lockfile %q, want %q", i, got, want)
				}
				lock = reread(t, next)
			}
		})
	}
}

// A failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// treeOf compiles a tree with these APIs and clients, each "label=value".
func treeOf(t failer, apis, clients string) *compiler.Model {
	t.Helper()
	var b strings.Builder
	writeObjects(&b, apis, "api", "identifier", "")
	writeObjects(&b, clients, "client", "client_id", "  secret \"s\" { hash = \"env:S\" }\n")
	m, diags := compile(fstest.MapFS{
		"issuer.hcl": {Data: []byte(defaultIssuer)},
		"tree.hcl":   {Data: []byte(b.String())},
	}, time.Time{})
	if diags.HasErrors() {
		t.Fatalf("tree %q %q:\n%s", apis, clients, report(diags, m.Config.Sources))
	}
	return m
}

// writeObjects writes a block for each object; those with one base label, such
// as w["eu"] and w["us"], become one block with for_each.
func writeObjects(b *strings.Builder, objects, block, attribute, rest string) {
	instances := make(map[string][]string)
	for _, object := range strings.Fields(objects) {
		label, value, _ := strings.Cut(object, "=")
		base, key, isInstance := strings.Cut(strings.TrimSuffix(label, `"]`), `["`)
		if isInstance {
			instances[base] = append(instances[base], fmt.Sprintf("%q = %q", key, value))
			continue
		}
		fmt.Fprintf(b, "%s %q {\n  %s = %q\n%s}\n", block, label, attribute, value, rest)
	}
	for base, values := range instances {
		fmt.Fprintf(b, "%s %q {\n  for_each = { %s }\n  %s = each.value\n%s}\n",
			block, base, strings.Join(values, ", "), attribute, rest)
	}
}

// reread writes a lockfile and reads it again: what CheckLock makes must be what
// the next run accepts.
func reread(t testing.TB, f *lockfile.File) *lockfile.File {
	t.Helper()
	read, diags := lockfile.Parse(lockfile.DefaultName, f.Bytes())
	if len(diags) > 0 {
		t.Fatalf("the next lockfile is refused: %v\n%s", diags, f.Bytes())
	}
	return read
}

func lockText(f *lockfile.File) string {
	if f == nil {
		f = &lockfile.File{}
	}
	var words []string
	add := func(prefix string, entries []lockfile.Entry) {
		for _, e := range entries {
			words = append(words, prefix+e.Label+"="+e.Value)
		}
	}
	add("", f.APIs)
	add("-", f.RetiredAPIs)
	words = append(words, "|")
	add("", f.Clients)
	add("-", f.RetiredClients)
	return strings.Join(words, " ")
}

func codesOf(diags diag.List) []string {
	var codes []string
	for _, d := range diags {
		if d.Severity == diag.Warning {
			d.Code = "warning:" + d.Code
		}
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	return codes
}

func renamesText(renames []compiler.Rename) string {
	var words []string
	for _, r := range renames {
		words = append(words, fmt.Sprintf("%s %s>%s", r.Kind, r.From, r.To))
	}
	return strings.Join(words, " ")
}

func TestLockfileMissingBesideSnapshot(t *testing.T) {
	m := treeOf(t, "a=u:a", "c=c")
	_, _, diags := compiler.CheckLock(m, nil, compiler.LockOptions{Prior: &schema.Document{}})
	if diff := cmp.Diff([]string{"lock-missing"}, codesOf(diags)); diff != "" {
		t.Fatalf("codes (-want +got):\n%s", diff)
	}
	// The way out: what the snapshot serves is recorded, and guarded again.
	lock := compiler.LockFromDocument(m.Document)
	if got, want := lockText(lock), "a=u:a | c=c"; got != want {
		t.Errorf("lockfile from the snapshot %q, want %q", got, want)
	}
	_, _, diags = compiler.CheckLock(treeOf(t, "a=u:b", "c=c"), lock, compiler.LockOptions{Prior: m.Document})
	if diff := cmp.Diff([]string{"immutable-identifier"}, codesOf(diags)); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

// TestLockReport holds the words and both places of what the lock rules refuse.
func TestLockReport(t *testing.T) {
	tree := fstest.MapFS{
		"issuer.hcl": {Data: []byte(defaultIssuer)},
		"apis.hcl": {Data: []byte(`api "orders" {
  identifier = "https://api.example.com/v2/orders"
}
api "returns" {
  identifier = "https://api.example.com/orders_v1"
}
`)},
	}
	const lockText = `# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders" }

retired_api "orders_v1" { identifier = "https://api.example.com/orders_v1" }
`
	m, diags := compile(tree, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	lock, diags := lockfile.Parse(lockfile.DefaultName, []byte(lockText))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	_, _, diags = compiler.CheckLock(m, lock, compiler.LockOptions{})
	sources := map[string][]byte{lockfile.DefaultName: []byte(lockText), "apis.hcl": tree["apis.hcl"].Data}
	const want = `error: Changed identifier [immutable-identifier]
  at apis.hcl:2,16-51 "\"https://api.example.com/v2/orders\""
  recorded here: writ.lock.hcl:4,29-61 "\"https://api.example.com/orders\""
  api.orders has the identifier "https://api.example.com/v2/orders", but it is recorded as "https://api.example.com/orders", which clients and verifiers rely on. Put it back; to replace it on purpose, which retires the old one, run writ plan --replace api.orders.

error: Retired identifier [retired-identifier]
  at apis.hcl:5,16-51 "\"https://api.example.com/orders_v1\""
  retired here: writ.lock.hcl:6,40-75 "\"https://api.example.com/orders_v1\""
  "https://api.example.com/orders_v1" belonged to api.orders_v1, which was removed; whoever still trusts it would now trust api.returns. Choose another identifier. To release this one, delete its retired_api block from the lockfile in a reviewed change.

`
	if diff := cmp.Diff(want, report(diags, sources)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestLockedReport says what the lockfile would have to follow, and not all of
// a long list.
func TestLockedReport(t *testing.T) {
	m := treeOf(t, "a=u:1 b=u:2 c=u:3 d=u:4 e=u:5", "new=old_id")
	lock := &lockfile.File{
		APIs:        []lockfile.Entry{{Label: "a", Value: "u:1"}, {Label: "gone", Value: "u:gone"}},
		Clients:     []lockfile.Entry{{Label: "old", Value: "old_id"}},
		RetiredAPIs: []lockfile.Entry{{Label: "b", Value: "u:2"}},
	}
	for _, tt := range []struct {
		lock *lockfile.File
		want string
	}{
		{lock, "writ.lock.hcl is out of date: it would bring back api.b, record api.c, record api.d, record api.e, " +
			"retire api.gone and 1 more. Run writ lock and commit the file."},
		{nil, "writ.lock.hcl does not exist: it would record api.a, record api.b, record api.c, record api.d, record api.e and 1 more. " +
			"Run writ lock and commit the file."},
	} {
		_, _, diags := compiler.CheckLock(m, tt.lock, compiler.LockOptions{Locked: true})
		if len(diags) != 1 || diags[0].Code != "lock-out-of-date" || diags[0].Detail != tt.want {
			t.Errorf("got %v\nwant %s", diags, tt.want)
		}
	}
}
