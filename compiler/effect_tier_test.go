package compiler

import (
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
)

// TestTiers: a change that widens says how, and an access change says which of its scopes
// are sensitive on either side.
func TestTiers(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	document := func(edit func(*schema.API, *schema.Client, *schema.Authorization)) *schema.Document {
		api := schema.API{Label: "a", Identifier: "urn:a", TokenLifetime: 60, Alg: schema.RS256, Scopes: []schema.Scope{{Name: "read"}, {Name: "pay", Sensitive: true}}}
		client := schema.Client{Label: "c", ClientID: "c", GrantTypes: []string{schema.GrantClientCredentials}, Secrets: []schema.Secret{{Label: "s", Hash: "env:S"}}}
		x := schema.Authorization{Label: "x", Client: "c", API: "a", SubjectType: schema.SubjectClient, Scopes: []string{"read"}, ExpiresAt: noon.Unix() + 3600}
		edit(&api, &client, &x)
		return &schema.Document{APIs: []schema.API{api}, Clients: []schema.Client{client}, Authorizations: []schema.Authorization{x}}
	}
	before := document(func(*schema.API, *schema.Client, *schema.Authorization) {})
	for name, test := range map[string]struct {
		edit      func(*schema.API, *schema.Client, *schema.Authorization)
		tier      Tier // of the first change
		access    Tier // of the access change; "" for none that gains
		sensitive []string
		breaks    bool
	}{
		"a scope": {func(_ *schema.API, _ *schema.Client, x *schema.Authorization) {
			x.Scopes = []string{"read", "pay"}
		}, TierReach, TierReach, []string{"pay"}, false},
		"a scope, and its mark taken away": {func(a *schema.API, _ *schema.Client, x *schema.Authorization) {
			a.Scopes[1].Sensitive, x.Scopes = false, []string{"pay", "read"}
		}, TierReach, TierReach, []string{"pay"}, false},
		"longer": {func(_ *schema.API, _ *schema.Client, x *schema.Authorization) {
			x.ExpiresAt += 3600
		}, TierLonger, TierLonger, nil, false},
		"longer, with a scope more": {func(_ *schema.API, _ *schema.Client, x *schema.Authorization) {
			x.ExpiresAt, x.Scopes = x.ExpiresAt+3600, []string{"pay", "read"}
		}, TierReach, TierReach, []string{"pay"}, false},
		"tokens that live longer": {func(a *schema.API, _ *schema.Client, _ *schema.Authorization) { a.TokenLifetime = 90 }, TierLonger, "", nil, false},
		"a secret more": {func(_ *schema.API, c *schema.Client, _ *schema.Authorization) {
			c.Secrets = append(c.Secrets, schema.Secret{Label: "t", Hash: "env:T"})
		}, TierCredential, "", nil, false},
		"a secret replaced": {func(_ *schema.API, c *schema.Client, _ *schema.Authorization) { c.Secrets[0].Hash = "env:T" }, TierCredential, "", nil, false},
		"an outside identity": {func(_ *schema.API, c *schema.Client, _ *schema.Authorization) {
			c.Federated = []schema.Federated{{Label: "f", TrustedIssuer: "t", Subject: "s"}}
		}, TierReach, "", nil, false},
		"a claim": {func(_ *schema.API, _ *schema.Client, x *schema.Authorization) {
			x.Claims = `{"https://e/role":"admin"}`
		}, TierReach, "", nil, false},
		"an algorithm": {func(a *schema.API, _ *schema.Client, _ *schema.Authorization) { a.Alg = schema.ES256 }, "", "", nil, true},
	} {
		p := compareDocuments(Prior{Document: before}, document(test.edit), nil, noon)
		if len(p.Changes) == 0 || p.Changes[0].Tier != test.tier || p.Changes[0].BreaksVerifiers != test.breaks {
			t.Errorf("%s: %+v", name, p.Changes)
		}
		var access Tier
		var sensitive []string
		for _, a := range p.Access {
			if a.Tier.rank() < access.rank() {
				access = a.Tier
			}
			if a.Authorization != "x" {
				t.Errorf("%s: of authorization %q", name, a.Authorization)
			}
			sensitive = a.Sensitive
		}
		if access != test.access || !slices.Equal(sensitive, test.sensitive) {
			t.Errorf("%s: %q %q of %+v", name, access, sensitive, p.Access)
		}
	}
	// Every name is one of the language: an attribute that is renamed keeps its tier.
	for name := range attributeTiers {
		known := slices.ContainsFunc(schema.Language, func(b schema.Block) bool {
			_, attribute := b.Attr(name)
			_, block := b.Block(name)
			return attribute || block
		})
		if !known {
			t.Errorf("%q is no attribute or block", name)
		}
	}
}
