package compiler_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// policyTree has one object of each kind that policies are about.
const policyTree = `
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read" {}
  scope "move" { sensitive = var.on }
}
variable "on" { default = true }
trusted_issuer "ci" {
  issuer   = "https://ci.example.com"
  jwks_uri = "https://ci.example.com/jwks"
}
client "billing" {
  metadata = { team = "payments" }
  secret "s" { hash = "env:BILLING" }
  federated "main" {
    trusted_issuer  = trusted_issuer.ci
    subject_pattern = "repo:acme/*"
    claims          = { ref = "main" }
    expires_at      = "2099-01-01T00:00:00Z"
  }
}
authorization "billing" {
  client = client.billing
  api    = api.orders
  scopes = ["read", "move"]
}
`

// TestPoliciesSeeEveryKind evaluates a condition for every kind that for_each_of takes,
// with what self and all have there.
func TestPoliciesSeeEveryKind(t *testing.T) {
	for _, c := range []struct{ of, condition string }{
		{"api", `self.sensitive_scopes == tolist(["move"]) && self.scopes == tolist(["read", "move"])`},
		{"api", `api.orders.sensitive_scopes == self.sensitive_scopes`},
		{"trusted_issuer", `self.issuer == "https://ci.example.com" && self.address == "trusted_issuer.ci" && self.vouches_for == tolist(["client"])`},
		{"federated", `self.address == "client.billing.federated.main" && self.label == "main"`},
		{"federated", `self.client.metadata.team == "payments" && self.client.address == "client.billing"`},
		{"federated", `self.trusted_issuer.label == "ci" && self.trusted_issuer.issuer == trusted_issuer.ci.issuer`},
		{"federated", `self.subject == null && self.subject_pattern == "repo:acme/*" && self.expires_at == "2099-01-01T00:00:00Z"`},
		{"federated", `self.claims.ref == "main" && self.not_before == null`},
		{"client", `length(all.api) == 1 && length(all.client) == 1 && length(all.authorization) == 1`},
		{"client", `all.trusted_issuer[0].label == "ci" && all.federated[0].trusted_issuer.label == "ci"`},
		{"client", `[for f in all.federated : f.subject_pattern if f.client.label == self.label] == ["repo:acme/*"]`},
		{"api", `[for a in all.authorization : a.client.label if a.api.label == self.label] == ["billing"]`},
		{"api", `all.authorization[0].token_lifetime == self.token_lifetime && all.api[*].sensitive_scopes == tolist([self.sensitive_scopes])`},
	} {
		policy := func(condition string) string {
			return fmt.Sprintf("policy \"p\" {\n  for_each_of = %q\n  condition = %s\n  error_message = \"no ${length(all.api)}\"\n}\n", c.of, condition)
		}
		if _, diags := compilePolicy(policyTree + policy(c.condition)); len(diags) > 0 {
			t.Errorf("%s: %s: %v", c.of, c.condition, diags)
		}
		_, diags := compilePolicy(policyTree + policy("!("+c.condition+")"))
		if len(diags) != 1 || diags[0].Code != "policy-failed" || !strings.Contains(diags[0].Detail, "no 1") {
			t.Errorf("%s: the opposite of %s: %v", c.of, c.condition, diags)
		}
	}
}

// TestPolicyNamesAreChecked: a name that no kind has is reported when the configuration
// is loaded, whether or not an object is concerned.
func TestPolicyNamesAreChecked(t *testing.T) {
	for _, c := range []struct{ of, condition, says string }{
		{"api", "all == null", "all by itself is no value"},
		{"api", "all.apis == null", `Did you mean "api"`},
		{"api", "length(all.change) == 0", `no "change" to read there`},
		{"change", "self.adress == null", `Did you mean "address"`},
		{"federated", "self.secret == null", `no "secret" to read there`},
		{"federated", "self.client.team == null", `no "team" to read there`},
	} {
		_, diags := compilePolicy(fmt.Sprintf("policy \"p\" {\n  for_each_of = %q\n  condition = %s\n  error_message = \"no\"\n}\n", c.of, c.condition))
		if len(diags) != 1 || diags[0].Code != "unknown-reference" || !strings.Contains(diags[0].Detail, c.says) {
			t.Errorf("%s: %v", c.condition, diags)
		}
	}
	if _, diags := compilePolicy(`api "a" { 
  identifier = "urn:a" 
  claims = { x = length(all.api) }
}`); len(diags) != 1 || !strings.Contains(diags[0].Detail, "all stands in policies only") {
		t.Error(diags)
	}
}

func compilePolicy(src string) (*compiler.Model, diag.List) {
	return compile(fstest.MapFS{"tree.hcl": {Data: []byte(defaultIssuer + src)}}, time.Time{})
}

// TestPolicyKindsAreTheLanguages: every value of for_each_of is evaluated by the compiler.
func TestPolicyKindsAreTheLanguages(t *testing.T) {
	block, _ := schema.LanguageBlock("policy")
	kinds, _ := block.Attr("for_each_of")
	for _, of := range kinds.Enum {
		m, diags := compilePolicy(policyTree + fmt.Sprintf("policy \"never\" {\n  for_each_of = %q\n  condition = self.address == \"\"\n  error_message = \"no\"\n}\n", of))
		if of == "change" {
			_, diags = compiler.NewPlan(compiler.Prior{}, m, compiler.PlanOptions{})
		}
		if len(diags) == 0 || slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Code != "policy-failed" }) {
			t.Errorf("for_each_of = %q: %v", of, diags)
		}
	}
}

// TestChangesAreSeen compares what a policy reads of each change with the plan.
func TestChangesAreSeen(t *testing.T) {
	const report = `policy "report" {
  for_each_of   = "change"
  condition     = false
  error_message = jsonencode({ for n, v in { action = self.action, address = self.address, effect = self.effect, gained = self.gained, lost = self.lost, before = self.before, after = self.after } : n => v })
  severity      = "warning"
}
`
	before, _ := compilePolicy(policyTree)
	for _, c := range []struct{ name, old, new, address, want string }{
		{"first", "", "", "client.billing", `"action":"create","address":"client.billing","after":{"client_id":"billing","credentials":[{"kind":"secret","label":"s"},{"claims":{"ref":"main"},"expires_at":"2099-01-01T00:00:00Z","kind":"federated","label":"main","subject_pattern":"repo:acme/*","trusted_issuer":"ci"}],"grant_types":["client_credentials"],"metadata":{"team":"payments"},"name":"billing"},"before":null,"effect":"widen","gained":[{"api":"orders","client":"billing","scopes":["move","read"],"subject_type":"client"}],"lost":[]`},
		{"pattern", "repo:acme/*", "repo:*", "client.billing", `"subject_pattern":"repo:*"`},
		{"gain by an authorization", `["read", "move"]`, `["read"]`, "authorization.billing", `"gained":[],"lost":[{"api":"orders","client":"billing","scopes":["move"],"subject_type":"client"}]`},
		{"rename", `client "billing"`, `client "invoices"`, "client.invoices", `"action":"rename","address":"client.invoices"`},
		{"api removed", `scopes = ["read", "move"]`, "scopes = []", "authorization.billing", `"lost":[{"api":"orders","client":"billing","scopes":["move","read"],"subject_type":"client"}]`},
	} {
		src := strings.ReplaceAll(policyTree, c.old, c.new)
		if c.name == "rename" {
			src = strings.ReplaceAll(strings.ReplaceAll(src, "client.billing", "client.invoices"), "metadata", "client_id = \"billing\"\n  metadata")
		}
		if c.old == "" {
			src = policyTree
		}
		m, diags := compilePolicy(src + report)
		if diags.HasErrors() {
			t.Fatal(c.name, diags)
		}
		prior := compiler.Prior{Document: before.Document}
		if c.name == "first" {
			prior = compiler.Prior{}
		}
		_, list := compiler.NewPlan(prior, m, compiler.PlanOptions{Now: time.Unix(1_800_000_000, 0)})
		found := false
		for _, d := range list {
			_, message, _ := strings.Cut(d.Detail, "policy.report: ")
			var read struct{ Address string }
			if d.Code != "policy-failed" || json.Unmarshal([]byte(message), &read) != nil {
				t.Errorf("%s: %v", c.name, d)
			}
			if read.Address == c.address {
				found = true
				if !strings.Contains(message, c.want) {
					t.Errorf("%s:\n%s\nlacks\n%s", c.name, message, c.want)
				}
			}
		}
		if !found {
			t.Errorf("%s: no change of %s in %v", c.name, c.address, list)
		}
	}
}
