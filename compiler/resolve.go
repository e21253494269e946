package compiler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// byLabel returns the declarations sorted by label. Of several with one label,
// which config.Load has refused, it keeps the first in the tree.
func byLabel[T any](decls []*T, key func(*T) (string, hcl.Range)) []*T {
	compare := func(a, b *T) int {
		la, ra := key(a)
		lb, rb := key(b)
		return cmp.Or(
			cmp.Compare(la, lb),
			cmp.Compare(ra.Filename, rb.Filename),
			cmp.Compare(ra.Start.Byte, rb.Start.Byte))
	}
	sorted := slices.Clone(decls)
	if !slices.IsSortedFunc(sorted, compare) {
		slices.SortFunc(sorted, compare)
	}
	return slices.CompactFunc(sorted, func(a, b *T) bool {
		la, _ := key(a)
		lb, _ := key(b)
		return la == lb
	})
}

// compileIssuer takes the first issuer block. Any other is an error and changes nothing.
func (c *compilation) compileIssuer() {
	issuers := c.Config.Issuers
	if len(issuers) == 0 {
		c.reportMissingIssuer()
		return
	}
	c.issuer = issuers[0]
	c.Document.Issuer = c.issuer.Issuer
	for _, again := range issuers[1:] {
		c.report(again.Range, "duplicate-issuer",
			"A configuration has exactly one issuer block. Remove this one or the other.",
			diag.Related{Message: "the first issuer is declared here", Range: c.issuer.Range})
	}
}

// reportMissingIssuer stays silent when a file could not be read: the issuer may be
// in there.
func (c *compilation) reportMissingIssuer() {
	for i := range c.opts.Loaded {
		switch c.opts.Loaded[i].Code {
		case "syntax", "unreadable-file", "limit-exceeded", "invalid-issuer":
			return
		}
	}
	c.report(hcl.Range{}, "missing-issuer",
		"A configuration needs one issuer block, which names the authorization server that signs the tokens. "+
			`Add issuer { url = "https://auth.example.com/" } to any file.`)
}

// compileAPIs makes the APIs of the document, with what they inherit from the issuer.
func (c *compilation) compileAPIs() {
	c.apis = byLabel(c.Config.APIs, func(a *config.API) (string, hcl.Range) { return a.Label, a.Range })
	c.scopes = make([]scopeIndex, len(c.apis))
	c.apiIndex = make(map[string]int32, len(c.apis))
	c.Document.APIs = make([]schema.API, len(c.apis))
	for i, declared := range c.apis {
		api := &c.Document.APIs[i]
		*api = declared.API
		inherit(api, c.issuer)
		c.apiIndex[api.Label] = int32(i)
	}
}

// compileClients makes the clients of the document. They inherit nothing.
func (c *compilation) compileClients() {
	c.clients = byLabel(c.Config.Clients, func(cl *config.Client) (string, hcl.Range) { return cl.Label, cl.Range })
	c.byClient = make([][]int32, len(c.clients))
	c.clientIndex = make(map[string]int32, len(c.clients))
	c.Document.Clients = make([]schema.Client, len(c.clients))
	for i, declared := range c.clients {
		c.Document.Clients[i] = declared.Client
		c.clientIndex[declared.Label] = int32(i)
	}
}

// compileTrustedIssuers makes the trusted issuers of the document. Audiences that were
// written and refused are not replaced by the default: the author meant others.
func (c *compilation) compileTrustedIssuers() {
	c.trustedIssuers = byLabel(c.Config.TrustedIssuers,
		func(t *config.TrustedIssuer) (string, hcl.Range) { return t.Label, t.Range })
	for _, declared := range c.trustedIssuers {
		trusted := declared.TrustedIssuer
		if !declared.Has("audiences") {
			inherit(&trusted, c.issuer)
		}
		c.Document.TrustedIssuers = append(c.Document.TrustedIssuers, trusted)
	}
}

// compileSigningKeys makes the signing keys of the document. They inherit nothing.
func (c *compilation) compileSigningKeys() {
	c.signingKeys = byLabel(c.Config.SigningKeys,
		func(k *config.SigningKey) (string, hcl.Range) { return k.Label, k.Range })
	for _, declared := range c.signingKeys {
		c.Document.SigningKeys = append(c.Document.SigningKeys, declared.SigningKey)
	}
}

// sortPolicies sorts the policies, so that they are evaluated in one order wherever they stand.
func (c *compilation) sortPolicies() {
	c.policies = byLabel(c.Config.Policies, func(p *config.Policy) (string, hcl.Range) { return p.Label, p.Range })
}

// compileAuthorizations resolves the authorizations and checks each against its
// API. One whose client or API is not known is left out: it was reported, and
// nothing more can be said about it.
func (c *compilation) compileAuthorizations() {
	all := byLabel(c.Config.Authorizations,
		func(a *config.Authorization) (string, hcl.Range) { return a.Label, a.Range })
	c.authorizations = make([]*config.Authorization, 0, len(all))
	c.Document.Authorizations = make([]schema.Authorization, 0, len(all))
	c.ends = make([]ends, 0, len(all))
	first := make(map[connection]int32, len(all))
	for _, declared := range all {
		client, okClient := c.clientIndex[declared.Client]
		api, okAPI := c.apiIndex[declared.API]
		if !okClient || !okAPI {
			c.noteUnresolved(declared)
			continue
		}
		i := int32(len(c.authorizations))
		resolved := c.resolveAuthorization(declared, api)
		c.authorizations = append(c.authorizations, declared)
		c.Document.Authorizations = append(c.Document.Authorizations, resolved)
		c.ends = append(c.ends, ends{client, api})
		c.byClient[client] = append(c.byClient[client], i)
		if declared.Has("subject_type") && c.refused.has(&declared.Decl) {
			continue // the subject type may be what was refused
		}
		c.checkSameConnection(first, connectionOf(client, api, resolved.SubjectType), i)
	}
}

// ends are the two objects that an authorization connects, by their indexes in the
// document.
type ends struct{ client, api int32 }

// A connection is what at most one authorization may describe: client, API and
// subject type, packed so that a million of them are compared quickly.
type connection uint64

// connectionOf packs a connection: the client in the upper half, then the API, and the
// subject type in the lowest bit.
func connectionOf(client, api int32, subject schema.SubjectType) connection {
	key := connection(client)<<32 | connection(api)<<1
	if subject == schema.SubjectUser {
		key |= 1
	}
	return key
}

// checkSameConnection reports an authorization whose client, API and subject type another
// one has. The server finds an authorization by these three alone.
func (c *compilation) checkSameConnection(first map[connection]int32, key connection, i int32) {
	j, taken := first[key]
	if !taken {
		first[key] = i
		return
	}
	a, b := inReportOrder(c.authorizations[i], c.authorizations[j], func(a *config.Authorization) *config.Decl { return &a.Decl })
	c.report(a.Range, "duplicate-authorization",
		fmt.Sprintf("%s and %s both authorize %s for %s, %s. "+
			"Merge their scopes into one block and remove the other.",
			a.Address, b.Address, Address(KindClient, a.Client), Address(KindAPI, a.API),
			c.Document.Authorizations[i].SubjectType.OnBehalf()),
		declaredHere(&b.Decl))
}

// resolveAuthorization is the authorization as the server will see it, checked
// against the API at that index.
func (c *compilation) resolveAuthorization(declared *config.Authorization, api int32) schema.Authorization {
	a := declared.Authorization
	a.Scopes = c.resolveScopes(declared, api)
	c.checkShorterLifetime(declared, api)
	return a
}

// checkShorterLifetime refuses a lifetime longer than the API's: the owner of an API sets
// the limit for all of its tokens.
func (c *compilation) checkShorterLifetime(a *config.Authorization, api int32) {
	limit := c.Document.APIs[api].TokenLifetime
	if a.TokenLifetime <= limit || c.refused.has(&c.apis[api].Decl) {
		return
	}
	c.reportTitled(a.AttrRange("token_lifetime"), "invalid-lifetime", "Lifetime beyond API's",
		fmt.Sprintf("%s asks for tokens that live %s, but those of %s live %s. An authorization may only shorten "+
			"the lifetime: choose %s or less, or remove token_lifetime.",
			a.Address, schema.FormatDuration(a.TokenLifetime), c.apis[api].Address, schema.FormatDuration(limit), schema.FormatDuration(limit)),
		c.lifetimeSource(api))
}

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
