package main

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
)

// Where a value is written comes from the files and not from what it equals, and no excerpt
// shows how a client authenticates.
func TestDeclaration(t *testing.T) {
	const hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
	b := newWorkbench(t, "", map[string]string{
		"issuer.hcl": "issuer {\n  url = \"https://auth.example.com/\"\n  defaults {\n    token_profile = \"rfc9068\"\n  }\n}\n",
		"orders.hcl": "api \"orders\" {\n  identifier = \"urn:orders\"\n  scope_mode = \"narrow\"\n}\n# }\nclient \"billing\" {\n  secret \"a\" {\n    hash = \"" + hash +
			"\"\n  }\n  grant_types = [\"client_credentials\", \"refresh_token\"]\n  refresh_token { lifetime = \"30d\" }\n}\n",
		"far.hcl.json": `{"api": {"far": {"identifier": "urn:far"}}}`,
	})
	declared := b.opts.Declared
	api := declared("api.orders")
	for name, want := range map[string]console.Origin{
		"identifier": {File: "orders.hcl", Line: 2}, "scope_mode": {File: "orders.hcl", Line: 3}, "token_profile": {File: "issuer.hcl", Line: 4, Inherited: true}, "name": {},
	} {
		if got := api.Origins[name]; got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(api.Blocks) != 2 || api.Blocks[1].Line != 3 || !strings.HasPrefix(api.Blocks[1].Text, "  defaults {") || !strings.HasSuffix(api.Blocks[0].Text, "\"narrow\"\n}") {
		t.Errorf("%+v", api.Blocks)
	}
	client := declared("client.billing")
	if client.Origins["refresh_token.lifetime"].Line != 11 || client.Origins["refresh_token.rotation"].Line != 0 || len(client.Blocks) != 1 ||
		strings.Contains(client.Blocks[0].Text, hash) || !strings.Contains(client.Blocks[0].Text, `hash = "…"`) {
		t.Errorf("%+v", client)
	}
	if far := declared("api.far"); len(far.Origins) != 2 || len(far.Blocks) != 1 || far.Blocks[0].File != "issuer.hcl" {
		t.Errorf("%+v", far)
	}
	if none := declared("api.nobody"); none.Origins != nil || none.Blocks != nil {
		t.Errorf("%+v", none)
	}
}
