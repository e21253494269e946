package explain_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/cmd/writ/internal/explain"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
)

const (
	orders   = "https://api.example.com/orders"
	exchange = schema.GrantTokenExchange

	// noon is when questions are asked that name no time.
	noon = "2026-09-15T12:00:00Z"
)

// explanations are requests on testdata/explain.txtar, by the name of the file
// there that holds their explanation.
var explanations = []struct {
	name     string
	question explain.Question
	at       string // noon when ""
}{
	{"allowed", explain.Question{ClientID: "billing-worker", API: orders, Scopes: []string{"read:orders"}}, ""},
	{"allowed by default api", explain.Question{ClientID: "billing-worker"}, ""},
	{"allowed all granted", explain.Question{ClientID: "billing-worker", API: "https://api.example.com/generous", Scopes: []string{"b"}}, ""},
	{"allowed for a user", explain.Question{ClientID: "portal", API: orders, OfUser: true}, ""},
	{"allowed and cut short", explain.Question{ClientID: "billing-worker", API: orders}, "2026-12-30T23:30:00Z"},
	{"unknown client", explain.Question{ClientID: "billing-workr", API: orders}, ""},
	{"label for client id", explain.Question{ClientID: "billing", API: orders}, ""},
	{"wrong grant", explain.Question{ClientID: "portal", API: orders}, ""},
	{"no live credential", explain.Question{ClientID: "billing-worker", API: orders}, "2027-01-01T00:00:00Z"},
	{"no api", explain.Question{ClientID: "portal", OfUser: true}, ""},
	{"trailing slash", explain.Question{ClientID: "billing-worker", API: orders + "/"}, ""},
	{"upper case", explain.Question{ClientID: "billing-worker", API: "https://API.example.com/orders"}, ""},
	{"default port", explain.Question{ClientID: "billing-worker", API: "https://api.example.com:443/orders"}, ""},
	{"http", explain.Question{ClientID: "billing-worker", API: "http://api.example.com/orders"}, ""},
	{"label for identifier", explain.Question{ClientID: "billing-worker", API: "api.orders"}, ""},
	{"misspelt identifier", explain.Question{ClientID: "billing-worker", API: "https://api.example.com/ordres"}, ""},
	{"unknown api", explain.Question{ClientID: "billing-worker", API: "urn:nothing:like:it"}, ""},
	{"not authorized", explain.Question{ClientID: "portal", API: "https://api.example.com/generous", OfUser: true}, ""},
	{"other subject", explain.Question{ClientID: "jobs", API: orders}, ""},
	{"expired", explain.Question{ClientID: "billing-worker", API: orders}, "2026-12-31T00:00:00Z"},
	{"user without refresh token", explain.Question{ClientID: "portal", API: orders, Scopes: []string{"read:orders", "offline_access"}, OfUser: true}, ""},
	{"user with refresh token", explain.Question{ClientID: "mobile", API: "https://api.example.com/generous", Scopes: []string{"offline_access", "a"}, OfUser: true}, ""},
	{"scope not granted", explain.Question{ClientID: "billing-worker", API: orders, Scopes: []string{"read:orders", "write:orders"}}, ""},
	{"scope not declared", explain.Question{ClientID: "billing-worker", API: orders, Scopes: []string{"raed:orders", "offline_access"}}, ""},
}

// TestExplain follows requests along the rules and compares every step, place
// and suggestion.
func TestExplain(t *testing.T) {
	const path = "testdata/explain.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := explainer(t, string(archive.Files[0].Data))
	want := make(map[string]string)
	for _, f := range archive.Files[1:] {
		want[f.Name] = string(f.Data)
	}
	archive.Files = archive.Files[:1]
	for _, e := range explanations {
		got := explanationText(x.Answer(e.question, at(t, cmp.Or(e.at, noon))))
		archive.Files = append(archive.Files, txtar.File{Name: e.name, Data: []byte(got)})
		if diff := gocmp.Diff(want[e.name], got); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var update = flag.Bool("update", false, "rewrite the explanations in testdata")

func at(t *testing.T, text string) time.Time {
	t.Helper()
	unix, err := schema.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(unix, 0)
}

// explainer compiles a tree and opens its snapshot.
func explainer(t *testing.T, tree string) *explain.Explainer {
	t.Helper()
	cfg, diags := config.LoadFS(fstest.MapFS{
		"issuer.hcl": {Data: []byte(`issuer { url = "https://auth.example.com/" }`)},
		"tree.hcl":   {Data: []byte(tree)},
	}, config.Options{})
	model, found := compiler.Compile(cfg, compiler.CompileOptions{Now: at(t, noon), Loaded: diags})
	for _, d := range append(diags, found...) {
		if d.Severity == diag.Error {
			t.Fatal(d)
		}
	}
	body, err := snapshot.Encode(model.Document)
	if err != nil {
		t.Fatal(err)
	}
	file, err := snapshot.Marshal(snapshot.Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return &explain.Explainer{Model: model, Decider: decide.New(snap, decide.Facts{RefreshTokens: true})}
}

// explanationText writes an explanation as writ explain does, in short: steps
// with the lines they point at, then what helps.
func explanationText(e explain.Explanation) string {
	var b strings.Builder
	for _, s := range e.Steps {
		mark := "ok"
		if !s.OK {
			mark = "no"
		}
		fmt.Fprintf(&b, "%s %s: %s", mark, s.Rule, s.Text)
		for _, r := range s.Ranges {
			fmt.Fprintf(&b, " %s:%d", r.Filename, r.Start.Line)
		}
		b.WriteByte('\n')
	}
	if e.Allowed {
		fmt.Fprintf(&b, "allowed: %v for %ds\n", e.Scopes, e.Lifetime)
	} else {
		fmt.Fprintf(&b, "refused: %s\n", e.Error)
	}
	for _, n := range e.NearMisses {
		fmt.Fprintf(&b, "near: %s %q %s:%d\n", n.API, n.Identifier, n.Range.Filename, n.Range.Start.Line)
	}
	for _, s := range e.Suggestions {
		fmt.Fprintf(&b, "try: %s\n", s)
	}
	for _, r := range e.Authorizations {
		fmt.Fprintf(&b, "has: %s %s %s %v %s:%d\n", r.Authorization, r.Identifier, r.SubjectType, r.Scopes, r.Range.Filename, r.Range.Start.Line)
	}
	return b.String()
}

// Where nobody names users, the grant types that need it are not offered, whatever a
// client lists: that is told before anything else is looked for.
func TestExplainWithoutIssuersOfUsers(t *testing.T) {
	x := explainer(t, `
api "orders" { identifier = "https://api.example.com/orders" }
client "portal" {
  grant_types = ["`+exchange+`"]
  secret "s" { hash = "env:PORTAL" }
}
client "billing" {
  secret "s" { hash = "env:BILLING" }
}
`)
	for clientID, want := range map[string]string{
		"portal": `ok client: client.portal has the client id "portal". tree.hcl:3
ok credential: client.portal can authenticate with secret "s". tree.hcl:5
no grant: No trusted issuer vouches for users, so that nobody is offered the grant ` + exchange + `. tree.hcl:4
refused: unsupported_grant_type
try: Declare a trusted_issuer with vouches_for = ["user"].
`,
		"billing": `ok client: client.billing has the client id "billing". tree.hcl:7
ok credential: client.billing can authenticate with secret "s". tree.hcl:8
no grant: No trusted issuer vouches for users, so that nobody is offered the grant ` + exchange + `. tree.hcl:7
refused: unsupported_grant_type
try: Declare a trusted_issuer with vouches_for = ["user"].
try: Add "` + exchange + `" to the grant_types of client.billing.
`,
	} {
		got := explanationText(x.Answer(explain.Question{ClientID: clientID, API: "urn:unknown", OfUser: true}, at(t, noon)))
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", clientID, diff)
		}
	}
}
