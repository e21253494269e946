package config_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/config"
)

const small = `
issuer {
  url = "https://auth.example.com/"
}
api "orders" {
  name       = "Orders"
  identifier = "https://api.example.com/orders"
  scope "read:orders" { description = "Read orders" }
}
client "billing" {
  name = "Billing"
  secret "demo" {
    hash = "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ"
  }
}
authorization "billing-reads-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

// TestOneAnswer makes the mistakes of a first day, one at a time: each has one
// diagnostic, which says what to write.
func TestOneAnswer(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`issuer {`, `isuer {`, `Did you mean "issuer"?`},
		{`url =`, `ulr =`, `Did you mean "url"?`},
		{`api "orders"`, `apis "orders"`, `Did you mean "api"?`},
		{`identifier =`, `identifer =`, `Did you mean "identifier"?`},
		{`scope "read`, `scop "read`, `Did you mean "scope"?`},
		{`client "billing"`, `clent "billing"`, `Did you mean "client"?`},
		{`secret "demo"`, `secrt "demo"`, `Did you mean "secret"?`},
		{`hash =`, `hsh =`, `Did you mean "hash"?`},
		{`authorization "b`, `authorisation "b`, `Did you mean "authorization"?`},
		{`  client = `, `  clien = `, `Did you mean "client"?`},
		{`scopes = ["read:orders"]`, `scope = "read:orders"`, `Did you mean "scopes"?`},
		{`= api.orders`, `= orders`, `Did you mean api.orders?`},
		{`= api.orders`, `= "orders"`, `Write api.orders without quotes.`},
		{`= api.orders`, `= "https://api.example.com/orders"`, `Write api.orders without quotes.`},
		{`= api.orders`, `= api.orders.id`, `For itself, write api.orders;`},
		{`= api.orders`, `= ["https://api.example.com/orders"]`, `This takes an api, not a list.`},
		{`= "Orders"`, `= 12`, `name must be a string, not a number.`},
		{`= "Orders"`, `= ["Orders"]`, `name must be a string, not a list.`},
		{`= "Orders"`, `= { a = 1 }`, `name must be a string, not an object.`},
		{`url = "https://auth.example.com/"`, `url { }`, `Write it with an equals sign: url = "https://auth.example.com/"`},
		{`scope "read:orders" { description = "Read orders" }`, `scopes = ["read:orders"]`, `Each scope is a block: scope "read:orders" {`},
		{`identifier =`, `audience =`, `The audience is the API's identifier`},
		{`name       =`, `signing_algorithm = "RS256" #`, `Write signing_alg.`},
		{`name       =`, `token_dialect = "access_token_authz" #`, `Write token_profile =`},
		{`name       =`, `count = 3 #`, `write for_each =`},
		{`  api    = api.orders`, `  audience = "https://api.example.com/orders"`, `Write api = api.LABEL.`},
		{`name = "Billing"`, `client_secret = "hunter2"`, `"writ secret new" makes both.`},
		{`name = "Billing"`, `app_type = "non_interactive"`, `grant_types`},
		{`name = "Billing"`, `token_endpoint_auth_method = "client_secret_post"`, `follows from the blocks it has`},
		{`name = "Billing"`, `scopes = ["read:orders"]`, `authorization "LABEL" {`},
		{`hash = `, `value = `, `Only the hash of a secret is written`},
		{`"sha256:`, `"sha265:`, `must begin with "sha256:"`},
		{`issuer {`, "resource_server \"x\" {\n}\nissuer {", `Write api "LABEL" {`},
		{`issuer {`, "client_grant \"x\" {\n}\nissuer {", `Write authorization "LABEL" {`},
		{`issuer {`, "resource \"auth0_resource_server\" \"x\" {\n}\nissuer {", `Write api "LABEL" {`},
		{`issuer {`, "resource \"aws_s3_bucket\" \"x\" {\n}\nissuer {", `needs no provider`},
		{`issuer {`, "provider \"auth0\" {\n}\nissuer {", `needs no provider`},
		{`issuer {`, "scope \"read:orders\" {\n}\nissuer {", `It stands inside an api block.`},
		{`issuer {`, "expect \"x\" {\n}\nissuer {", `*.test.hcl`},
		{`issuer {`, "api {\n}\nissuer {", `An api block needs a label`},
		{`issuer {`, "token_lifetime = \"1h\"\nissuer {", `It stands inside a block, such as an api.`},
		{`name = "Billing"`, "public_key \"k\" {\n    jwks = \"keys/k.json\"\n  }", `write jwks = file("keys/k.json").`},
		{`name = "Billing"`, "public_key \"k\" {\n    pem = \"hello\"\n  }", `PEM text has no block`},
		{`issuer {`, "foo = 1\nissuer {", `Only blocks stand at the top of a file`},
		{`issuer {`, "variable \"v\" {\n  type = text\n  default = 1\n}\nissuer {", `Write it without quotes: string,`},
		{`name       = "Orders"`, `metadata = { owner = null, floor = 3 }`, `not an object whose "floor" is a number.`},
		{`["read:orders"]`, `["read:orders", 1]`, `not a list with a number in it.`},
		{`["read:orders"]`, `[null]`, `not a list with a null in it.`},
		{`scope "read:orders" { description = "Read orders" }`, `scope "read orders" { description = "" }`, `has a space at byte 4: each scope is a name of its own`},
		{`hash = `, "not_before = \"2027-01-01T00:00:00Z\"\n    expires_at = \"2026-01-01T00:00:00Z\"\n    hash = ", `Let expires_at be later than not_before.`},
		{`= "Orders"`, `= env("NAME")`, `no function reads a clock, randomness or the environment`},
	} {
		src := strings.Replace(small, c.old, c.new, 1)
		if src == small {
			t.Fatalf("%q is not in the configuration", c.old)
		}
		_, problems := config.LoadFS(files("writ.hcl", src), config.Options{})
		if len(problems) != 1 || !strings.Contains(problems[0].Detail, c.want) {
			t.Errorf("%s instead of %s: want one diagnostic that says %s", c.new, c.old, c.want)
			for _, p := range problems {
				t.Logf("  %d: %s", p.Range.Start.Line, p.Detail)
			}
		}
		for _, p := range problems {
			checkWording(t, p)
		}
	}
}
