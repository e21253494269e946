package compiler_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

const documentTree = `api "zeta" {
  identifier = "https://api.example.com/zeta"
}
api "orders" {
  name           = "Orders"
  identifier     = "https://api.example.com/orders"
  token_profile  = "auth0"
  signing_alg    = "HS256"
  signing_secret = "env:ORDERS"
  token_lifetime = "30m"
  scope_mode     = "all_granted"
  distinct_from  = [api.zeta, api.alpha]
  claims = {
    "https://example.com/api"  = self.api.name
    "https://example.com/who"  = "api"
    "https://example.com/life" = self.authorization.token_lifetime
  }
  scope "write:orders" { description = "Change orders" }
  scope "read:orders" { description = "Read orders" }
}
api "alpha" {
  identifier = "https://api.example.com/alpha"
}
client "billing" {
  metadata    = { team = "payments" }
  default_api = api.orders
  introspects = [api.zeta, api.alpha]
  claims = {
    "https://example.com/team" = self.client.metadata.team
    "https://example.com/who"  = "client"
  }
  secret "s" { hash = "env:BILLING" }
  refresh_token { lifetime = "10d" }
}
authorization "own" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders", "write:orders"]
  claims = {
    "https://example.com/who" = "<authorization>"
    "https://example.com/a"   = [1, true, null, { b = "x" }]
  }
}
authorization "all" {
  client       = client.billing
  api          = api.orders
  subject_type = "user"
  scopes       = api.orders.scopes
}
trusted_issuer "cluster" {
  issuer   = "https://kubernetes.default.svc"
  jwks_uri = "https://kubernetes.default.svc/openid/v1/jwks"
}
signing_key "2026" {
  algorithm    = "RS256"
  private_key  = "file:2026.pem"
  activates_at = "2026-01-01T00:00:00Z"
}
policy "named" {
  for_each_of   = "api"
  condition     = self.name != ""
  error_message = "Name ${self.address}."
}
`

const documentIssuer = `issuer {
  url = "https://auth.example.com/"
  defaults {
    token_lifetime = "1h"
    signing_alg    = "ES256"
  }
}
`

func wantDocument() *schema.Document {
	return &schema.Document{
		Issuer: schema.Issuer{
			URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix,
		},
		APIs: []schema.API{
			{
				Label: "alpha", Name: "alpha", Identifier: "https://api.example.com/alpha",
				Profile: schema.ProfileRFC9068, Alg: schema.ES256, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow,
			},
			{
				Label: "orders", Name: "Orders", Identifier: "https://api.example.com/orders",
				Profile: schema.ProfileAuth0, Alg: schema.HS256, SigningSecret: "env:ORDERS", TokenLifetime: 1800,
				ScopeMode: schema.ScopeAllGranted, DistinctFrom: []string{"alpha", "zeta"},
				Scopes: []schema.Scope{{Name: "write:orders", Description: "Change orders"}, {Name: "read:orders", Description: "Read orders"}},
			},
			{
				Label: "zeta", Name: "zeta", Identifier: "https://api.example.com/zeta",
				Profile: schema.ProfileRFC9068, Alg: schema.ES256, TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow,
			},
		},
		Clients: []schema.Client{{
			Label: "billing", Name: "billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Metadata: map[string]string{"team": "payments"}, DefaultAPI: "orders", Introspects: []string{"alpha", "zeta"},
			Secrets: []schema.Secret{{Label: "s", Hash: "env:BILLING"}},
			RefreshToken: &schema.RefreshToken{
				Rotation: schema.RotationRotating, Lifetime: 10 * 86400, IdleLifetime: 10 * 86400,
			},
		}},
		Authorizations: []schema.Authorization{
			{
				Label: "all", Client: "billing", API: "orders", SubjectType: schema.SubjectUser,
				Scopes: []string{"write:orders", "read:orders"},
				Claims: `{"https://example.com/api":"Orders","https://example.com/life":1800,` +
					`"https://example.com/team":"payments","https://example.com/who":"client"}`,
			},
			{
				Label: "own", Client: "billing", API: "orders", SubjectType: schema.SubjectClient,
				Scopes: []string{"write:orders", "read:orders"},
				Claims: `{"https://example.com/a":[1,true,null,{"b":"x"}],"https://example.com/api":"Orders",` +
					`"https://example.com/life":1800,"https://example.com/team":"payments","https://example.com/who":"<authorization>"}`,
			},
		},
		TrustedIssuers: []schema.TrustedIssuer{{
			Label: "cluster", Issuer: "https://kubernetes.default.svc", JWKSURI: "https://kubernetes.default.svc/openid/v1/jwks",
			Algorithms: []schema.SigningAlg{schema.RS256}, Audiences: []string{"https://auth.example.com/"},
			VouchesFor: []schema.SubjectType{schema.SubjectClient},
		}},
		SigningKeys: []schema.SigningKey{{
			Label: "2026", Alg: schema.RS256, PrivateKey: "file:2026.pem", ActivatesAt: at("2026-01-01T00:00:00Z"),
		}},
	}
}

// TestDocument holds the defaults, the order, the resolution of references and
// the merging of claims.
func TestDocument(t *testing.T) {
	m, diags := compile(fstest.MapFS{
		"issuer.hcl": {Data: []byte(documentIssuer)},
		"tree.hcl":   {Data: []byte(documentTree)},
	}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	if diff := cmp.Diff(wantDocument(), m.Document); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

// TestDocumentIgnoresFiles splits a tree differently and gets the same document.
func TestDocumentIgnoresFiles(t *testing.T) {
	split := fstest.MapFS{"z.hcl": {Data: []byte(documentIssuer)}}
	for i, block := range strings.SplitAfter(documentTree, "\n}\n") {
		split[fmt.Sprintf("%c/%d.hcl", 'f'-byte(i%5), i)] = &fstest.MapFile{Data: []byte(block)}
	}
	m, diags := compile(split, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	if diff := cmp.Diff(wantDocument(), m.Document); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

// TestReportsAreDeterministic compiles every fixture again and again.
func TestReportsAreDeterministic(t *testing.T) {
	paths, _ := filepath.Glob("testdata/rules/*.txtar")
	for _, path := range paths {
		f := readFixture(t, path)
		m, diags := compile(f.tree, f.now)
		first := report(diags, m.Config.Sources)
		for range 10 {
			m, diags := compile(f.tree, f.now)
			if diff := cmp.Diff(first, report(diags, m.Config.Sources)); diff != "" {
				t.Fatalf("%s differs from run to run:\n%s", path, diff)
			}
		}
	}
}

func TestSourcesAndLookup(t *testing.T) {
	m, diags := compile(fstest.MapFS{
		"issuer.hcl":    {Data: []byte("\n" + documentIssuer)},
		"teams/all.hcl": {Data: []byte(documentTree)},
	}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	var lines []string
	for _, s := range m.Sources() {
		lines = append(lines, fmt.Sprintf("%s %s:%d", compiler.Address(s.Kind, s.Label), s.File, s.Line))
		d := m.Decl(compiler.Address(s.Kind, s.Label))
		if d == nil || d.Range.Filename != s.File || d.Range.Start.Line != s.Line {
			t.Errorf("Decl(%s %s) = %v", s.Kind, s.Label, d)
		}
	}
	want := []string{
		"issuer issuer.hcl:2",
		"api.alpha teams/all.hcl:21", "api.orders teams/all.hcl:4", "api.zeta teams/all.hcl:1",
		"client.billing teams/all.hcl:24",
		"authorization.all teams/all.hcl:44", "authorization.own teams/all.hcl:35",
		"trusted_issuer.cluster teams/all.hcl:50", "signing_key.2026 teams/all.hcl:54",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if d := m.Decl("policy.named"); d == nil || d.Range.Start.Line != 59 {
		t.Errorf("Decl(policy.named) = %v", d)
	}
	for _, address := range []string{"", "api", "api.", "api.nothing", "nothing.alpha", "issuer.x"} {
		if d := m.Decl(address); d != nil {
			t.Errorf("Decl(%q) = %v, want nothing", address, d)
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
