package compiler

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkSigningSecrets requires a signing secret of exactly the APIs that sign with HS256,
// and warns where two APIs share one.
func (c *compilation) checkSigningSecrets() {
	first := make(map[schema.SecretRef]int32)
	for i := range c.Document.APIs {
		api := &c.Document.APIs[i]
		declared := c.apis[i]
		switch there := api.SigningSecret != ""; {
		case c.refused.has(&declared.Decl):
		case api.Alg == schema.HS256 && !there:
			c.reportMissingSigningSecret(int32(i))
		case api.Alg != schema.HS256 && there:
			c.reportUnusedSigningSecret(int32(i))
		case there:
			if j, shared := first[api.SigningSecret]; shared {
				c.reportSharedSigningSecret(int32(i), j)
			} else {
				first[api.SigningSecret] = int32(i)
			}
		}
	}
}

// reportMissingSigningSecret is about an API with HS256 and no secret.
func (c *compilation) reportMissingSigningSecret(i int32) {
	a := c.apis[i]
	c.report(c.algRange(i), "missing-signing-secret",
		fmt.Sprintf(`%s signs with HS256, which needs a secret that the API's verifiers hold too. `+
			`Set signing_secret = "env:NAME" or "file:NAME", or choose an asymmetric signing_alg such as %q.`, a.Address, schema.RS256),
		c.algElsewhere(i)...)
}

// reportUnusedSigningSecret is about an API with a secret and an asymmetric algorithm.
func (c *compilation) reportUnusedSigningSecret(i int32) {
	a := c.apis[i]
	c.report(a.AttrRange("signing_secret"), "unused-signing-secret",
		fmt.Sprintf("%s signs with %s, which uses no shared secret. Remove signing_secret, or set signing_alg = %q.",
			a.Address, c.Document.APIs[i].Alg, schema.HS256),
		c.algElsewhere(i)...)
}

// reportSharedSigningSecret is about two APIs with one secret.
func (c *compilation) reportSharedSigningSecret(i, j int32) {
	a, b := c.apis[i], c.apis[j]
	c.report(a.AttrRange("signing_secret"), "hs256-shared-key",
		fmt.Sprintf("%s and %s are signed with the same HS256 secret, so whoever verifies tokens for one can forge tokens for the other. "+
			"Give each API a secret of its own.", a.Address, b.Address),
		diag.Related{Message: b.Address + " uses it too", Range: b.AttrRange("signing_secret")})
}

// algRange is where the API's algorithm was written, else its header.
func (c *compilation) algRange(i int32) hcl.Range { return c.apis[i].AttrRange("signing_alg") }

// algElsewhere points at the issuer's default where the algorithm comes from there.
func (c *compilation) algElsewhere(i int32) []diag.Related {
	if c.apis[i].Has("signing_alg") || c.issuer.Defaults.Alg == "" {
		return nil
	}
	return []diag.Related{{Message: "the algorithm is the issuer's default", Range: c.defaultRange("signing_alg")}}
}
