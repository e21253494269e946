package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/config"
)

const referenced = `
api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" {}
  scope "write:orders" {}
}
api "regional" {
  for_each       = { eu = "https://eu.example.com", us = "https://us.example.com" }
  identifier     = each.value
  token_lifetime = "90m"
  metadata       = { region = each.key }
  scope "read" {}
}
client "billing" { metadata = { team = "payments" } }
client "worker" {
  for_each  = toset(["eu", "us"])
  client_id = "worker-${each.key}"
}
variable "prod" {
  type    = bool
  default = true
}
locals {
  chosen   = var.prod ? api.orders : api.regional["eu"]
  everyone = { billing = client.billing, eu = client.worker["eu"] }
  name     = "orders"
}
`

// TestReferences writes each expression as the api of an authorization.
func TestReferences(t *testing.T) {
	for expr, want := range map[string]string{
		`api.orders`:         "orders",
		`(api.orders)`:       "orders",
		`api["orders"]`:      "orders",
		`api[local.name]`:    "orders",
		`api.regional["eu"]`: `regional["eu"]`,
		`api.regional[local.name == "orders" ? "us" : "eu"]`: `regional["us"]`,
		`var.prod ? api.orders : api.regional["eu"]`:         "orders",
		`var.prod ? api.regional["us"] : api.regional["eu"]`: `regional["us"]`,
		`local.chosen`: "orders",
		`[for k, a in api.regional : a if k == "us"][0]`:              `regional["us"]`,
		`{ a = api.orders }["a"]`:                                     "orders",
		`authorization.other.api`:                                     `regional["eu"]`,
		`[for a in api.regional : a if a.metadata.region == "eu"][0]`: `regional["eu"]`,
		`api.regional[authorization.other.api.metadata.region]`:       `regional["eu"]`,
	} {
		c := load(t, referenced+fmt.Sprintf(`
authorization "a" {
  client = client.billing
  api    = %s
  scopes = []
}
authorization "other" {
  client = client.worker["us"]
  api    = api.regional["eu"]
  scopes = []
}`, expr))
		a := c.Authorizations[0]
		if a.API != want || a.Client != "billing" {
			t.Errorf("%s refers to %q, want %q", expr, a.API, want)
		}
	}
}

// TestAttributes reads each expression as a client's name.
func TestAttributes(t *testing.T) {
	for expr, want := range map[string]string{
		`api.orders.identifier`:                                   "https://api.example.com/orders",
		`api["orders"].identifier`:                                "https://api.example.com/orders",
		`api.regional["us"].identifier`:                           "https://us.example.com",
		`api.regional["us"]["identifier"]`:                        "https://us.example.com",
		`api.regional[local.name == "orders" ? "eu" : "us"].name`: `regional["eu"]`,
		`api.orders.address`:                                      "api.orders",
		`api.orders.label`:                                        "orders",
		`api.orders.name`:                                         "orders",
		`"${api.orders.token_lifetime}"`:                          "86400",
		`"${api.regional["eu"].token_lifetime}"`:                  "5400",
		`api.orders.token_profile`:                                "rfc9068",
		`api.orders.scope_mode`:                                   "narrow",
		`join(" ", api.orders.scopes)`:                            "read:orders write:orders",
		`client.billing.client_id`:                                "billing",
		`client.worker["eu"].client_id`:                           "worker-eu",
		`client.worker["eu"].address`:                             `client.worker["eu"]`,
		`client.billing.metadata.team`:                            "payments",
		`join(",", client.billing.grant_types)`:                   "client_credentials",
		`join(",", [for c in client.worker : c.client_id])`:       "worker-eu,worker-us",
		`join(",", keys(api.regional))`:                           "eu,us",
		`local.everyone["eu"].client_id`:                          "worker-eu",
		`local.everyone.billing.metadata.team`:                    "payments",
		`local.chosen.identifier`:                                 "https://api.example.com/orders",
		`join(",", sort([for label, a in api : label]))`:          "orders,regional",
		`trusted_issuer.cluster.issuer`:                           "https://kubernetes.default.svc",
		`"${authorization.short.token_lifetime}"`:                 "60",
		`"${authorization.inherits.token_lifetime}"`:              "5400",
		`authorization.inherits.client.client_id`:                 "worker-eu",
		`authorization.inherits.subject_type`:                     "client",
	} {
		c := load(t, referenced+fmt.Sprintf(`
client "reader" {
  name = %s
}
trusted_issuer "cluster" {
  issuer   = "https://kubernetes.default.svc"
  jwks_uri = "https://kubernetes.default.svc/jwks"
}
authorization "short" {
  client         = client.worker["us"]
  api            = api.orders
  scopes         = api.orders.scopes
  token_lifetime = "1m"
}
authorization "inherits" {
  client = client.worker["eu"]
  api    = api.regional["eu"]
  scopes = []
}`, expr))
		if got := clientByLabel(t, c, "reader").Name; got != want {
			t.Errorf("%s is %q, want %q", expr, got, want)
		}
	}
}

func clientByLabel(t *testing.T, c *config.Config, label string) *config.Client {
	t.Helper()
	for _, client := range c.Clients {
		if client.Label == label {
			return client
		}
	}
	t.Fatalf("no client %q", label)
	return nil
}

func TestIssuerDefaultsInReferences(t *testing.T) {
	c := load(t, `
issuer {
  url = "https://auth.example.com/"
  defaults {
    token_lifetime = "5m"
    signing_alg    = "ES256"
  }
}
api "orders" { identifier = "https://api.example.com/orders" }
client "reader" { name = "${api.orders.token_lifetime} ${api.orders.signing_alg} ${api.orders.token_profile}" }
`)
	if got, want := c.Clients[0].Name, "300 ES256 rfc9068"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if c.APIs[0].TokenLifetime != 0 || c.APIs[0].Alg != "" {
		t.Errorf("the declared model has defaults: %+v", c.APIs[0].API)
	}
}

// TestMutualReferences holds that objects may refer to one another, and read
// one another's attributes, where no value depends on itself.
func TestMutualReferences(t *testing.T) {
	c := load(t, `
api "a" {
  identifier    = "https://api.example.com/a"
  name          = api.b.name
  distinct_from = [api.b]
}
api "b" {
  identifier    = "${api.a.identifier}/b"
  name          = "b"
  distinct_from = [for k in ["a"] : api[k]]
}
client "c" {
  name        = api.a.name
  default_api = var.first ? api.a : api.b
  introspects = [api.a, api.b]
}
variable "first" { default = false }
`)
	if got := c.APIs[1].Identifier; got != "https://api.example.com/a/b" {
		t.Errorf("identifier %q", got)
	}
	if diff := cmp.Diff([]string{"b"}, c.APIs[0].API.DistinctFrom); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a"}, c.APIs[1].API.DistinctFrom); diff != "" {
		t.Error(diff)
	}
	if c.Clients[0].DefaultAPI != "b" || len(c.Clients[0].Introspects) != 2 {
		t.Errorf("%+v", c.Clients[0])
	}
}

func TestForEach(t *testing.T) {
	c := load(t, referenced+`
authorization "regional" {
  for_each       = api.regional
  client         = client.worker[each.key]
  api            = api.regional[each.key]
  scopes         = each.value.scopes
  token_lifetime = each.value.token_lifetime - 60
}
authorization "matrix" {
  for_each = { for pair in setproduct(["eu", "us"], ["read"]) : "${pair[0]}-${pair[1]}" => pair }
  client   = client.worker[each.value[0]]
  api      = each.value[0] == "eu" ? api.regional["eu"] : api.regional["us"]
  scopes   = [each.value[1]]
}
authorization "none" {
  for_each = {}
  client   = client.billing
  api      = api.orders
  scopes   = []
}
`)
	var got []string
	for _, a := range c.Authorizations {
		got = append(got, fmt.Sprintf("%s: %s %s %v %d", a.Address, a.Client, a.API, a.Scopes, a.TokenLifetime))
	}
	want := []string{
		`authorization.matrix["eu-read"]: worker["eu"] regional["eu"] [read] 0`,
		`authorization.matrix["us-read"]: worker["us"] regional["us"] [read] 0`,
		`authorization.regional["eu"]: worker["eu"] regional["eu"] [read] 5340`,
		`authorization.regional["us"]: worker["us"] regional["us"] [read] 5340`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if clientByLabel(t, c, `worker["eu"]`).ClientID != "worker-eu" {
		t.Error("client_id of an instance")
	}
}

// TestOneMistakeIsReportedOnce holds that what depends on a mistake, or repeats
// it for every instance, is silent.
func TestOneMistakeIsReportedOnce(t *testing.T) {
	for name, src := range map[string]string{
		"instances": `
client "a" {
  for_each  = toset([for i in range(100) : "k${i}"])
  client_id = "a/${each.key}"
}`,
		"local": `
locals { a = nosuch("x") }
client "a" { name = local.a }
client "b" { name = "${local.a}" }`,
		"variable": `
variable "v" {}
client "a" { name = var.v }
client "b" { name = "b-${var.v}" }`,
		"for_each": `
client "a" { for_each = ["x"] }
api "o" { identifier = "https://o" }
authorization "b" {
  client = client.a["x"]
  api    = api.o
  scopes = []
}`,
		"attribute": `
api "o" { identifier = 5 }
client "a" { name = api.o.identifier }`,
		"typo": `
api "o" { identifier = "https://o" }
client "a" { name = "${api.oo.identifier}-${api.oo.name}" }
`,
		"whole object": `
api "o" {
  identifier = "https://o"
  name       = nosuch()
}
locals {
  a = [api.o]
  b = local.a
}`,
		"invalid label": `
api "1st" { identifier = "https://o" }
client "a" { default_api = api["1st"] }`,
		"syntax in an expression": `
api "o" { identifier = "https://o" }
client "a" {
  rate_limit = max(1
  default_api = api.o
}`,
		"duplicate": `
api "o" { identifier = "https://o" }
api "o" { identifier = 5 }`,
		"reference": `
api "o" { identifier = "https://o" }
client "c" {}
authorization "a" {
  client = client.typo
  api    = api.o
  scopes = []
}
client "name" { name = authorization.a.client.name }
`,
	} {
		_, problems := config.LoadFS(files("writ.hcl", src), config.Options{})
		if len(problems) != 1 {
			t.Errorf("%s: %d diagnostics", name, len(problems))
			for _, p := range problems {
				t.Logf("%d:%d [%s] %s", p.Range.Start.Line, p.Range.Start.Column, p.Code, p.Detail)
			}
		}
	}
}

// TestWhatWasMeant makes sure that words from elsewhere are understood.
func TestWhatWasMeant(t *testing.T) {
	for src, want := range map[string]string{
		`name = base`:                         "Did you mean local.base?",
		`name = "${env}"`:                     "Did you mean var.env?",
		`require_sender_constrained = True`:   "Did you mean true?",
		`default_api = NULL`:                  "Did you mean null?",
		`grant_types = ["token-exchange"]`:    `Write "urn:ietf:params:oauth:grant-type:token-exchange".`,
		`grant_types = ["client_credential"]`: `Write "client_credentials".`,
		`claims = { "https://example.com/t" = self.client.metadata.team }`: "",
	} {
		_, problems := config.LoadFS(files("writ.hcl", "locals {\n  base = \"b\"\n}\nvariable \"env\" {\n  default = \"dev\"\n}\nclient \"c\" {\n  "+src+"\n}\n"), config.Options{})
		if want == "" {
			fail(t, problems)
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Detail, want) {
			t.Errorf("%s: %v, want %s", src, problems, want)
		}
	}
}
