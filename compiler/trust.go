package compiler

import (
	"fmt"
	"slices"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkTrustedIssuers wants one trusted issuer behind each token. Several may
// have the same issuer URL: clusters installed from one template do, and one
// issuer may vouch for clients under one audience and for users under another.
// Then their keys, their audiences or what they vouch for tell them apart.
func (c *compilation) checkTrustedIssuers() {
	same := make(map[string][]int)
	for i := range c.Document.TrustedIssuers {
		declared, t := c.trustedIssuers[i], &c.Document.TrustedIssuers[i]
		if t.Issuer == "" || c.refused.has(&declared.Decl) || c.checkOwnIssuer(declared) {
			continue
		}
		for _, j := range same[t.Issuer] {
			if sameTokens(t, &c.Document.TrustedIssuers[j]) {
				c.sameTrustedIssuer(i, j)
				break
			}
		}
		same[t.Issuer] = append(same[t.Issuer], i)
	}
}

// checkOwnIssuer refuses a trusted issuer that is the issuer itself, and reports
// whether it is. An access token of ours is held by every API that its client
// calls: taken as an assertion, it would let that API log in as the client. The
// URLs are compared byte for byte, as iss is: a token of ours has no other.
func (c *compilation) checkOwnIssuer(declared *config.TrustedIssuer) bool {
	if declared.Issuer != c.Document.Issuer.URL || c.refused.has(&c.issuer.Decl) {
		return false
	}
	c.report(declared.AttrRange("issuer"), "own-issuer",
		fmt.Sprintf("%s names %q, the issuer of this configuration: an API that is sent an access token of ours could then log in with it "+
			"as the client. Remove the block, and let the client authenticate by a public_key, a certificate, a secret or another issuer's tokens.",
			declared.Address, declared.Issuer),
		diag.Related{Message: "the issuer is declared here", Range: c.issuer.AttrRange("url")})
	return true
}

// sameTokens reports whether one token may satisfy both, for the same purpose.
func sameTokens(a, b *schema.TrustedIssuer) bool {
	overlap := func(x, y []string) bool {
		return slices.ContainsFunc(x, func(s string) bool { return slices.Contains(y, s) })
	}
	purpose := slices.ContainsFunc(a.VouchesFor, func(s schema.SubjectType) bool { return slices.Contains(b.VouchesFor, s) })
	return purpose && a.JWKS == b.JWKS && a.JWKSURI == b.JWKSURI && overlap(a.Audiences, b.Audiences)
}

func (c *compilation) sameTrustedIssuer(i, j int) {
	a, b := c.trustedIssuers[i], c.trustedIssuers[j]
	c.report(a.AttrRange("issuer"), "duplicate-trusted-issuer",
		fmt.Sprintf("%s and %s both accept the tokens of %q with the same keys, for the same audience and purpose, so nothing says which of them "+
			"decides. Merge them into one, or give them audiences that differ.", a.Address, b.Address, a.Issuer),
		diag.Related{Message: b.Address + " accepts them too", Range: b.AttrRange("issuer")})
}
