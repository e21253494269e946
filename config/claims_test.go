package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// self makes what the compiler would: the objects with their defaults applied.
func self(c *config.Config, a *config.Authorization) config.Self {
	s := config.Self{Authorization: &a.Authorization}
	for _, api := range c.APIs {
		if api.Label == a.API {
			s.API = &api.API
			if s.API.TokenLifetime == 0 {
				s.API.TokenLifetime = 24 * 3600
			}
		}
	}
	for _, client := range c.Clients {
		if client.Label == a.Client {
			s.Client = &client.Client
		}
	}
	return s
}

func evalClaims(t *testing.T, c *config.Config, a *config.Authorization) ([]config.Claim, string) {
	t.Helper()
	var api *config.API
	var client *config.Client
	for _, x := range c.APIs {
		if x.Label == a.API {
			api = x
		}
	}
	for _, x := range c.Clients {
		if x.Label == a.Client {
			client = x
		}
	}
	claims, problems := c.EvalClaims(api, client, a, self(c, a))
	fail(t, problems)
	var parts []string
	for _, claim := range claims {
		parts = append(parts, claim.Name+"="+claim.JSON)
	}
	return claims, strings.Join(parts, " ")
}

const claimed = `
variable "env" { default = "dev" }
api "orders" {
  identifier = "https://api.example.com/orders"
  claims = {
    team    = self.client.metadata.team
    who     = "${self.client.client_id} on ${self.api.label} by ${self.authorization.label}"
    "a/env" = var.env
    gone    = 1
  }
}
client "billing" {
  metadata = { team = "payments" }
  claims   = { team = "billing", tier = 2 }
}
`

func TestEvalClaims(t *testing.T) {
	for name, test := range map[string]struct{ claims, want string }{
		"inherited": {`{}`, `a/env="dev" gone=1 team="billing" tier=2 who="billing on orders by a"`},
		"merged":    {`{ tier = 3, gone = null, extra = [1, true, null, { b = 1.5, a = "<&>" }] }`, `a/env="dev" extra=[1,true,null,{"a":"<&>","b":1.5}] team="billing" tier=3 who="billing on orders by a"`},
		"whole":     {`{ gone = self.api.metadata, tier = self.client.metadata, "a/env" = self.authorization.scopes, who = self.authorization.token_lifetime }`, `a/env=[] gone={} team="billing" tier={"team":"payments"} who=86400`},
		"computed":  {`{ for k, v in self.client.metadata : k => upper(v) }`, `a/env="dev" gone=1 team="PAYMENTS" tier=2 who="billing on orders by a"`},
		"merge()":   {`merge({ gone = 2 }, { gone = 3 })`, `a/env="dev" gone=3 team="billing" tier=2 who="billing on orders by a"`},
		"null":      {`null`, `a/env="dev" gone=1 team="billing" tier=2 who="billing on orders by a"`},
		"objects":   {`{ gone = self.client.label, tier = self.authorization.client.label, who = self.authorization.api.label }`, `a/env="dev" gone="billing" team="billing" tier="billing" who="orders"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, claimed+fmt.Sprintf(`
authorization "a" {
  client = client.billing
  api    = api.orders
  scopes = []
  claims = %s
}`, test.claims))
			_, got := evalClaims(t, c, c.Authorizations[0])
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClaimsOfInstances(t *testing.T) {
	c := load(t, `
api "orders" { identifier = "https://api.example.com/orders" }
client "worker" {
  for_each  = { eu = "Dublin", us = "Boise" }
  client_id = "worker-${each.key}"
  claims    = { place = each.value, who = self.client.client_id }
}
authorization "a" {
  for_each = client.worker
  client   = each.value
  api      = api.orders
  scopes   = []
}`)
	for i, want := range []string{`place="Dublin" who="worker-eu"`, `place="Boise" who="worker-us"`} {
		if _, got := evalClaims(t, c, c.Authorizations[i]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestClaimRanges(t *testing.T) {
	c := load(t, claimed+`
authorization "a" {
  client = client.billing
  api    = api.orders
  scopes = []
  claims = {
    extra = 1
  }
}`)
	claims, _ := evalClaims(t, c, c.Authorizations[0])
	src := string(c.Sources["writ.hcl"])
	for _, claim := range claims {
		if text := src[claim.Range.Start.Byte:claim.Range.End.Byte]; claim.Name == "extra" && text != "1" || claim.Name == "a/env" && text != "var.env" {
			t.Errorf("%s stands at %q", claim.Name, text)
		}
	}
}

func TestClaimErrors(t *testing.T) {
	for claims, want := range map[string]string{
		`{ n = self.client.metadata.nosuch }`:                "invalid-expression",
		`{ n = pow(10, length(self.client.metadata) + 19) }`: "invalid-claim",
		`self.client.client_id`:                              "wrong-type",
	} {
		c := load(t, claimed+fmt.Sprintf(`
authorization "a" {
  client = client.billing
  api    = api.orders
  scopes = []
  claims = %s
}`, claims))
		_, problems := c.EvalClaims(nil, nil, c.Authorizations[0], self(c, c.Authorizations[0]))
		if len(problems) != 1 || problems[0].Range.Start.Line == 0 || problems[0].Code != want {
			t.Errorf("%s: %+v, want %s", claims, problems, want)
		}
	}
}

func TestCheckPolicy(t *testing.T) {
	const src = `
api "orders" {
  identifier     = "https://api.example.com/orders"
  token_lifetime = "2h"
  metadata       = { owner = "payments" }
  scope "read:orders" {}
  scope "write:orders" {}
}
client "billing" { metadata = { team = "payments" } }
authorization "a" {
  client = client.billing
  api    = api.orders
  scopes = ["write:orders"]
}
locals { limit = 3600 }
policy "p" {
  for_each_of   = %q
  condition     = %s
  error_message = "${self.address} is refused: ${self.label}."
}`
	for _, test := range []struct {
		of, condition string
		want          bool
	}{
		{"authorization", `!contains(self.scopes, "write:orders") || self.token_lifetime <= local.limit`, false},
		{"authorization", `self.token_lifetime == 7200`, true},
		{"authorization", `self.client.metadata.team == self.api.metadata.owner`, true},
		{"authorization", `self.subject_type == "client" && self.expires_at == null`, true},
		{"authorization", `self.api.identifier == api.orders.identifier && self.client.address == client.billing.address`, true},
		{"api", `self.identifier == "https://api.example.com/orders" && length(self.scopes) == 2`, true},
		{"api", `self.allow_offline_access`, false},
		{"client", `self.client_id == "billing" && contains(self.grant_types, "client_credentials")`, true},
		{"client", `self.rate_limit != null`, false},
	} {
		c := load(t, fmt.Sprintf(src, test.of, test.condition))
		p := c.Policies[0]
		ok, message, problems := c.CheckPolicy(p, self(c, c.Authorizations[0]))
		fail(t, problems)
		if ok != test.want {
			t.Errorf("%s: %v", test.condition, ok)
		}
		if want := map[string]string{"api": "api.orders is refused: orders.", "client": "client.billing is refused: billing.", "authorization": "authorization.a is refused: a."}[test.of]; !ok && message != want {
			t.Errorf("message %q, want %q", message, want)
		}
	}
	for _, condition := range []string{`self.label`, `self.label == "" ? true : null`, `self.client.metadata.nosuch == "x"`, `{ x = self.label, x = "" }.x == ""`} {
		c := load(t, fmt.Sprintf(src, "authorization", condition))
		for range 2 { // each object is named for itself
			_, _, problems := c.CheckPolicy(c.Policies[0], self(c, c.Authorizations[0]))
			if len(problems) != 1 || strings.Count(problems[0].Detail, "self is authorization.a.") != 1 {
				t.Errorf("%s: %+v", condition, problems)
			}
		}
	}
}

// TestSelfAsEverywhere holds that an object has the same attributes, of the same
// types, as self and by its name.
func TestSelfAsEverywhere(t *testing.T) {
	const src = `
api "orders" {
  identifier = "https://api.example.com/orders"
  metadata   = { owner = "payments" }
  scope "read:orders" {}
}
client "billing" { rate_limit = 1.5 }
authorization "a" {
  client     = client.billing
  api        = api.orders
  scopes     = api.orders.scopes
  expires_at = "2027-01-01T00:00:00Z"
}
policy "p" {
  for_each_of   = %q
  condition     = %s
  error_message = "${jsonencode(%s)} ${jsonencode(%s)}"
}`
	compare := func(of, name, here, there string) {
		c := load(t, fmt.Sprintf(src, of, here+" == "+there, here, there))
		s := self(c, c.Authorizations[0])
		s.API.Name, s.Client.Name = "orders", "billing"
		s.API.Profile, s.API.Alg, s.API.ScopeMode = schema.ProfileRFC9068, schema.RS256, schema.ScopeNarrow
		ok, message, problems := c.CheckPolicy(c.Policies[0], s)
		if !ok || len(problems) != 0 {
			t.Errorf("%s %s: %s %v", of, name, message, problems)
		}
	}
	for _, name := range []string{"address", "label", "name", "identifier", "token_profile", "signing_alg", "signing_secret", "token_lifetime", "allow_offline_access", "include_permissions", "scope_mode", "prevent_destroy", "metadata", "scopes"} {
		compare("api", name, "self."+name, "api.orders."+name)
		compare("authorization", name, "self.api."+name, "api.orders."+name)
	}
	for _, name := range []string{"address", "label", "name", "client_id", "grant_types", "metadata", "rate_limit", "revoked_before", "require_sender_constrained", "prevent_destroy"} {
		compare("client", name, "self."+name, "client.billing."+name)
	}
	for _, name := range []string{"address", "label", "scopes", "subject_type", "token_lifetime", "expires_at"} {
		compare("authorization", name, "self."+name, "authorization.a."+name)
	}
	compare("authorization", "client", "self.client", "client.billing")
	compare("authorization", "api", "self.api", "api.orders")
}
