package compiler_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

const (
	user   = schema.SubjectUser
	orders = "https://api.example.com/orders"
)

// explanations are requests on testdata/explain.txtar, by the name of the file
// there that holds their explanation.
var explanations = []struct {
	name string
	req  compiler.Request
}{
	{"allowed", compiler.Request{ClientID: "billing-worker", API: orders, Scopes: []string{"read:orders"}}},
	{"allowed by default api", compiler.Request{ClientID: "billing-worker"}},
	{"allowed all granted", compiler.Request{ClientID: "billing-worker", API: "https://api.example.com/generous", Scopes: []string{"b"}}},
	{"allowed for a user", compiler.Request{ClientID: "portal", API: orders, SubjectType: user}},
	{"allowed and cut short", compiler.Request{ClientID: "billing-worker", API: orders, At: at("2026-12-30T23:30:00Z")}},
	{"unknown client", compiler.Request{ClientID: "billing-workr", API: orders}},
	{"label for client id", compiler.Request{ClientID: "billing", API: orders}},
	{"wrong grant", compiler.Request{ClientID: "portal", API: orders}},
	{"no live credential", compiler.Request{ClientID: "billing-worker", API: orders, At: at("2027-01-01T00:00:00Z")}},
	{"no api", compiler.Request{ClientID: "portal", SubjectType: user}},
	{"trailing slash", compiler.Request{ClientID: "billing-worker", API: orders + "/"}},
	{"upper case", compiler.Request{ClientID: "billing-worker", API: "https://API.example.com/orders"}},
	{"default port", compiler.Request{ClientID: "billing-worker", API: "https://api.example.com:443/orders"}},
	{"http", compiler.Request{ClientID: "billing-worker", API: "http://api.example.com/orders"}},
	{"label for identifier", compiler.Request{ClientID: "billing-worker", API: "api.orders"}},
	{"misspelt identifier", compiler.Request{ClientID: "billing-worker", API: "https://api.example.com/ordres"}},
	{"unknown api", compiler.Request{ClientID: "billing-worker", API: "urn:nothing:like:it"}},
	{"not authorized", compiler.Request{ClientID: "portal", API: "https://api.example.com/generous", SubjectType: user}},
	{"other subject", compiler.Request{ClientID: "jobs", API: orders}},
	{"expired", compiler.Request{ClientID: "billing-worker", API: orders, At: at("2026-12-31T00:00:00Z")}},
	{"user without refresh token", compiler.Request{ClientID: "portal", API: orders, Scopes: []string{"read:orders", "offline_access"}, SubjectType: user}},
	{"user with refresh token", compiler.Request{ClientID: "mobile", API: "https://api.example.com/generous", Scopes: []string{"offline_access", "a"}, SubjectType: user}},
	{"scope not granted", compiler.Request{ClientID: "billing-worker", API: orders, Scopes: []string{"read:orders", "write:orders"}}},
	{"scope not declared", compiler.Request{ClientID: "billing-worker", API: orders, Scopes: []string{"raed:orders", "offline_access"}}},
}

// TestExplain follows requests along the rules and compares every step, place
// and suggestion.
func TestExplain(t *testing.T) {
	const path = "testdata/explain.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := modelOf(t, string(archive.Files[0].Data))
	want := make(map[string]string)
	for _, f := range archive.Files[1:] {
		want[f.Name] = string(f.Data)
	}
	archive.Files = archive.Files[:1]
	for _, e := range explanations {
		got := explanationText(compiler.Explain(m, e.req))
		archive.Files = append(archive.Files, txtar.File{Name: e.name, Data: []byte(got)})
		if diff := cmp.Diff(want[e.name], got); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func at(s string) int64 {
	unix, err := schema.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return unix
}

// explanationText writes an explanation as writ explain does, in short: steps
// with the lines they point at, then what helps.
func explanationText(e compiler.Explanation) string {
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
