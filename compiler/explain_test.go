package compiler_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

const explainTree = `api "orders" {
  identifier     = "https://api.example.com/orders"
  token_lifetime = "1h"
  scope "read:orders" { description = "Read orders" }
  scope "write:orders" { description = "Change orders" }
}
api "generous" {
  identifier = "https://api.example.com/generous"
  scope_mode = "all_granted"
  scope "a" { description = "A" }
  scope "b" { description = "B" }
}
client "billing" {
  client_id   = "billing-worker"
  default_api = api.orders
  secret "old" {
    hash       = "env:OLD"
    expires_at = "2026-10-01T00:00:00Z"
  }
  secret "new" {
    hash       = "env:NEW"
    not_before = "2026-09-01T00:00:00Z"
    expires_at = "2027-01-01T00:00:00Z"
  }
}
client "portal" {
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
  secret "s" { hash = "env:PORTAL" }
}
authorization "billing_orders" {
  client     = client.billing
  api        = api.orders
  scopes     = ["read:orders"]
  expires_at = "2026-12-31T00:00:00Z"
}
authorization "billing_generous" {
  client         = client.billing
  api            = api.generous
  scopes         = ["a", "b"]
  token_lifetime = "10m"
}
authorization "portal_orders" {
  client         = client.portal
  api            = api.orders
  subject_type   = "user"
  scopes         = ["read:orders"]
  subject_claims = { groups = "finance" }
}
trusted_issuer "login" {
  issuer      = "https://login.example.com/"
  jwks_uri    = "https://login.example.com/.well-known/jwks.json"
  vouches_for = ["user"]
}
`

// explanations are requests on explainTree and the whole of their explanation.
var explanations = []struct {
	name string
	req  compiler.Request
	want string
}{}

func TestExplain(t *testing.T) {
	tree := fstest.MapFS{
		"issuer.hcl": {Data: []byte(defaultIssuer)},
		"tree.hcl":   {Data: []byte(explainTree)},
	}
	m, diags := compile(tree, time.Time{})
	if diags.HasErrors() {
		t.Fatal(report(diags, m.Config.Sources))
	}
	for _, e := range explanations {
		t.Run(e.name, func(t *testing.T) {
			if diff := cmp.Diff(e.want, explanationText(compiler.Explain(m, e.req))); diff != "" {
				t.Errorf("explanation (-want +got):\n%s", diff)
			}
		})
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
