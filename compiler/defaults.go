package compiler

import (
	"cmp"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// Defaults that depend on nothing but the language are applied by package
// config; here are those that another block or the label supplies.

// apiWithDefaults fills what an api is silent about: first from the issuer's
// defaults, then from the language's.
func apiWithDefaults(declared *config.API, issuer *config.Issuer) schema.API {
	api := declared.API
	api.Name = cmp.Or(api.Name, api.Label)
	api.Profile = cmp.Or(api.Profile, issuer.Defaults.Profile, schema.ProfileRFC9068)
	api.Alg = cmp.Or(api.Alg, issuer.Defaults.Alg, schema.RS256)
	api.TokenLifetime = cmp.Or(api.TokenLifetime, issuer.Defaults.TokenLifetime, schema.DefaultTokenLifetime)
	api.ScopeMode = cmp.Or(api.ScopeMode, schema.ScopeNarrow)
	return api
}

// LifetimeSource points at where the API of that label, which is declared, has its
// token lifetime from.
func (m *Model) LifetimeSource(label string) diag.Related { return m.lifetimeSource(m.apiIndex[label]) }

// lifetimeSource points at where an API has its token lifetime from.
func (m *Model) lifetimeSource(api int32) diag.Related {
	declared := m.apis[api]
	switch {
	case declared.TokenLifetime != 0:
		return diag.Related{Message: "set on " + declared.Address, Range: declared.AttrRange("token_lifetime")}
	case len(m.Config.Issuers) > 0 && m.Config.Issuers[0].Defaults.TokenLifetime != 0:
		return diag.Related{Message: "the issuer's default", Range: m.defaultRange("token_lifetime")}
	}
	return diag.Related{Message: "the default, as " + declared.Address + " sets none", Range: declared.Range}
}

// defaultRange is where an attribute of the issuer's defaults was written.
func (m *Model) defaultRange(attr string) hcl.Range {
	return m.Config.Issuers[0].NestedRange("defaults", "", attr)
}

// clientWithDefaults fills what a client is silent about.
func clientWithDefaults(declared *config.Client) schema.Client {
	client := declared.Client
	client.Name = cmp.Or(client.Name, client.Label)
	return client
}

// trustedIssuerWithDefaults fills what a trusted issuer is silent about.
func trustedIssuerWithDefaults(declared *config.TrustedIssuer, issuer schema.Issuer) schema.TrustedIssuer {
	trusted := declared.TrustedIssuer
	if trusted.Audiences == nil && !declared.Has("audiences") && issuer.URL != "" {
		trusted.Audiences = []string{issuer.URL}
	}
	return trusted
}
