package compiler

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// inherit sets the attributes that an object leaves out and another block supplies: the
// issuer's defaults, then the language's; or the issuer's url. Package config has applied
// all other defaults. An authorization's lifetime stays unset, so that a plan can tell
// whose lifetime changed; schema.EffectiveLifetime applies it.
func inherit(object any, issuer *config.Issuer) {
	block := schema.BlockOf(object)
	for i := range block.Attributes {
		a := &block.Attributes[i]
		if !a.IsStored() || !schema.IsZero(a.Get(object)) {
			continue
		}
		switch a.Inherit {
		case schema.InheritDefaults:
			v := a.DefaultValue()
			if given, ok := schema.BlockOf(&issuer.Defaults).Attr(a.Name); ok && !schema.IsZero(given.Get(&issuer.Defaults)) {
				v = given.Get(&issuer.Defaults)
			}
			a.Set(object, v)
		case schema.InheritIssuerURL:
			if issuer.URL != "" {
				a.Set(object, []string{issuer.URL})
			}
		}
	}
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
