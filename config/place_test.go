package config_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
)

func TestRanges(t *testing.T) {
	c := load(t, `api "orders" {
  identifier = "https://api.example.com/orders"
  name       = null
  scope "read" { description = "Read" }
}
client "billing" {
  secret "a" { hash = "env:A" }
  secret "b" { hash = "env:B" }
  refresh_token { lifetime = "30d" }
}
authorization "x" {
  client = client.billing
  api    = api.orders
  scopes = [
    "read",
  ]
}`)
	text := func(r hcl.Range) string { return string(c.Sources[r.Filename][r.Start.Byte:r.End.Byte]) }
	api, client := c.APIs[0], c.Clients[0]
	for got, want := range map[string]string{
		text(api.Range):                                           `api "orders"`,
		text(api.AttrRange("identifier")):                         `"https://api.example.com/orders"`,
		text(client.NestedRange("secret", "b", "hash")):           `"env:B"`,
		text(client.NestedRange("secret", "b", "expires_at")):     `secret "b"`,
		text(client.NestedRange("secret", "a", "")):               `secret "a"`,
		text(client.NestedRange("refresh_token", "", "lifetime")): `"30d"`,
		text(api.NestedRange("scope", "read", "description")):     `"Read"`,
		text(c.Authorizations[0].ScopeRange(0)):                   `"read"`,
		text(c.Authorizations[0].AttrRange("api")):                `api.orders`,
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if api.AttrRange("metadata") != api.Range || client.NestedRange("secret", "c", "hash") != client.Range || client.NestedRange("certificate", "", "") != client.Range {
		t.Error("what was not written stands at the block's header")
	}
	if !api.Has("identifier") || api.Has("name") || api.Has("metadata") {
		t.Error("Has")
	}
	if api.Address != "api.orders" || client.Address != "client.billing" {
		t.Errorf("addresses %q, %q", api.Address, client.Address)
	}
}
