package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// What a plan says of the use of what it takes and gives.
func TestUsageNotes(t *testing.T) {
	const tally = `"first":"2026-10-01T00:00:00Z","last":"2026-11-28T09:00:00Z","count":90000,"days":{"2026-11-20":7,"2026-11-22":204,"2026-11-28":1000}`
	const old = `"first":"2026-08-01T00:00:00Z","last":"2026-08-02T00:00:00Z","count":3`
	file := `{"format_version":"1","from":"2026-08-01T00:00:00Z","to":"2026-11-28T23:00:00Z","lines":7,"skipped":0,"days":{},
"authorizations":{
"gone":{` + tally + `,"scopes":{}},
"narrowed":{` + tally + `,"unscoped":{` + old + `},"scopes":{"read":{` + old + `},"write":{` + tally + `}}}},
"credentials":{"billing-id":{"secret.2026-q3":{` + tally + `},"secret.2026-q2":{` + old + `}}},
"refusals":{
"ungranted-scope":{` + tally + `,"clients":{"billing-id":{` + tally + `,"apis":{"orders":{` + tally + `,"scopes":{"admin":{` + tally + `}}}}}}},
"no-authorization":{` + tally + `,"clients":{"billing-id":{` + old + `,"apis":{"stock":{` + old + `}}}}},
"unknown-audience":{` + tally + `,"clients":{"x":{` + old + `,"apis":{"https://new/":{` + old + `}}}}},
"grant-type-not-allowed":{` + tally + `,"clients":{"billing-id":{` + tally + `}}}},
"logs":[],"recent":""}`
	path := filepath.Join(t.TempDir(), "usage.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	api := func(label, identifier string, scopes ...string) schema.API {
		a := schema.API{Label: label, Identifier: identifier, TokenLifetime: 3600, Alg: "RS256", Profile: schema.ProfileRFC9068, ScopeMode: schema.ScopeNarrow}
		for _, s := range scopes {
			a.Scopes = append(a.Scopes, schema.Scope{Name: s})
		}
		return a
	}
	client := func(grants []string, secrets ...string) schema.Client {
		c := schema.Client{Label: "billing", ClientID: "billing-id", GrantTypes: grants}
		for _, s := range secrets {
			c.Secrets = append(c.Secrets, schema.Secret{Label: s, Hash: "env:" + s})
		}
		return c
	}
	authorization := func(label, api string, scopes ...string) schema.Authorization {
		return schema.Authorization{Label: label, Client: "billing", API: api, SubjectType: schema.SubjectClient, Scopes: scopes}
	}
	all := []string{"read", "write", "list", "admin"}
	prior := &schema.Document{
		APIs:           []schema.API{api("old", "https://old/"), api("orders", "https://orders/", all...), api("stock", "https://stock/")},
		Clients:        []schema.Client{client([]string{"client_credentials"}, "2026-q2", "2026-q3")},
		Authorizations: []schema.Authorization{authorization("gone", "old"), authorization("narrowed", "orders", "list", "read", "write"), authorization("silent", "orders")},
	}
	next := &schema.Document{
		APIs:           []schema.API{api("new", "https://new/"), api("orders", "https://orders/", all...), api("stock", "https://stock/")},
		Clients:        []schema.Client{client([]string{"client_credentials", "refresh_token"}, "2026-q3", "2026-q4")},
		Authorizations: []schema.Authorization{authorization("narrowed", "orders", "admin"), authorization("stocked", "stock")},
	}
	env, _, _ := testStdio()
	env.Now = func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }
	plan := compiler.PlanBetween(compiler.Prior{Document: prior}, next, "", env.Now())
	notes, err := usageNotes(env, path, plan, prior, next)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string][]string{
		"authorization.gone":   {"It was last used yesterday, 1,204 tokens in 7 days."},
		"authorization.silent": {"It was not used in the logs from 2026-08-01 to 2026-11-28."},
		"authorization.narrowed": {
			"list was never asked for by name in the logs from 2026-08-01 to 2026-11-28.", "read was last used on 2026-08-02, 3 requests in all.", "write was last used yesterday, 1,204 requests in 7 days.",
			"Requests that named no scope were granted all: last used on 2026-08-02, 3 requests in all.",
			"Requests were refused 1,204 times for admin in the last week, the last time yesterday.",
		},
		"authorization.stocked": {"Requests were refused 3 times for this, the last time on 2026-08-02."},
		"client.billing": {
			`secret "2026-q2" was last used on 2026-08-02, 3 requests in all.`, `secret "2026-q3" is still in use: last used yesterday, 1,204 requests in 7 days.`,
			"Requests were refused 1,204 times for its grant type in the last week, the last time yesterday.",
		},
		"api.new": {"Requests were refused 3 times for its identifier, the last time on 2026-08-02."},
		"api.old": {"It was last used yesterday, 1,204 tokens in 7 days."},
	} {
		var got []string
		for _, note := range notes[address] {
			got = append(got, note.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	env.Now = func() time.Time { return time.Date(2026, 12, 9, 12, 0, 0, 0, time.UTC) }
	if notes, err = usageNotes(env, path, plan, prior, next); err != nil || notes["authorization.gone"][0].Text != "It was last used 11 days ago, 1,204 tokens in the 7 days to 2026-11-28." {
		t.Errorf("of logs that ended earlier: %q, %v", notes["authorization.gone"], err)
	}
	if _, err := usageNotes(env, path, compiler.PlanBetween(compiler.Prior{}, next, "", env.Now()), nil, next); err != nil {
		t.Errorf("a first plan: %v", err)
	}
}
