package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkIdentifiers compares identifiers with one another and with the issuer's
// own addresses, byte for byte as verifiers compare the audience. Only the
// warning about similar identifiers ignores case and the like.
func (c *compilation) checkIdentifiers() {
	first := make(map[string]int32, len(c.apis))
	var distinct []int32 // one API for each identifier
	for i := range c.Document.APIs {
		identifier := c.Document.APIs[i].Identifier
		if identifier == "" {
			continue // missing or malformed, reported by config
		}
		if j, taken := first[identifier]; taken {
			c.reportDuplicateIdentifier(int32(i), j)
			continue
		}
		first[identifier] = int32(i)
		distinct = append(distinct, int32(i))
		c.refuseReservedIdentifier(int32(i))
	}
	c.checkNearIdentifiers(distinct)
}

// inReportOrder returns two conflicting declarations with the one to report first.
// Within a file that is the later one, which an author most likely added. Across
// files the order says nothing, and a stays first.
func inReportOrder[D any](a, b D, decl func(D) *config.Decl) (D, D) {
	x, y := decl(a).Range, decl(b).Range
	if x.Filename == y.Filename && x.Start.Byte < y.Start.Byte {
		return b, a
	}
	return a, b
}

// reportDuplicateIdentifier reports two APIs with one identifier. It is the audience of
// tokens, so each API would accept the other's tokens.
func (c *compilation) reportDuplicateIdentifier(i, j int32) {
	a, b := inReportOrder(c.apis[i], c.apis[j], func(a *config.API) *config.Decl { return &a.Decl })
	c.report(a.AttrRange("identifier"), "duplicate-identifier",
		fmt.Sprintf("%s and %s both have the identifier %q, so a token for one would be accepted by the other. "+
			"Give each API an identifier of its own.", a.Address, b.Address, a.Identifier),
		diag.Related{Message: b.Address + " has it too", Range: b.AttrRange("identifier")})
}

// refuseReservedIdentifier refuses the issuer's URL and its well-known addresses
// as identifiers: a token with such an audience could pass for one that is meant
// for the issuer.
func (c *compilation) refuseReservedIdentifier(i int32) {
	url := c.Document.Issuer.URL
	if url == "" || c.refused.has(&c.issuer.Decl) {
		return
	}
	a := c.apis[i]
	if !schema.IsReservedIdentifier(url, a.Identifier) {
		return
	}
	c.report(a.AttrRange("identifier"), "reserved-identifier",
		fmt.Sprintf("%q is the issuer itself or one of the addresses below it that clients know as the issuer's own. "+
			"Choose an identifier that names this API.", a.Identifier),
		diag.Related{Message: "the issuer is declared here", Range: c.issuer.AttrRange("url")})
}

// checkNearIdentifiers warns once for each API whose identifier looks like an
// earlier one's, unless one of the two acknowledges the other. The search stops
// at the first look-alike and passes only acknowledged ones, so its cost is
// bounded by the distinct_from lists that the configuration spells out.
func (c *compilation) checkNearIdentifiers(distinct []int32) {
	groups := make(map[string][]int32, len(distinct))
	for _, i := range distinct {
		key := schemelessKey(c.Document.APIs[i].Identifier)
		for _, j := range groups[key] {
			if !c.acknowledged(i, j) {
				c.reportNearIdentifier(i, j)
				break
			}
		}
		groups[key] = append(groups[key], i)
	}
}

// schemelessKey is schema.NearKey with http and https treated alike: nobody has two
// APIs that differ only in the scheme.
func schemelessKey(identifier string) string {
	key := schema.NearKey(identifier)
	if rest, ok := strings.CutPrefix(key, "http:"); ok {
		return "https:" + rest
	}
	return key
}

// acknowledged reports whether either API lists the other in distinct_from.
func (c *compilation) acknowledged(i, j int32) bool {
	a, b := &c.Document.APIs[i], &c.Document.APIs[j]
	_, ab := slices.BinarySearch(a.DistinctFrom, b.Label)
	_, ba := slices.BinarySearch(b.DistinctFrom, a.Label)
	return ab || ba
}

// reportNearIdentifier warns about one pair of look-alikes and says in what they differ.
func (c *compilation) reportNearIdentifier(i, j int32) {
	a, b := inReportOrder(c.apis[i], c.apis[j], func(a *config.API) *config.Decl { return &a.Decl })
	how := schema.Difference(a.Identifier, b.Identifier)
	if schema.NearKey(a.Identifier) != schema.NearKey(b.Identifier) {
		how = "in the scheme"
	}
	c.report(a.AttrRange("identifier"), "near-identifier",
		fmt.Sprintf("%q differs from %q of %s only %s, so people will take one for the other, and a token for one is refused by the other. "+
			"If both are meant, say distinct_from = [%s].",
			a.Identifier, b.Identifier, b.Address, how, b.Address),
		diag.Related{Message: b.Address + " has the other", Range: b.AttrRange("identifier")})
}

// checkClientIDs refuses client IDs that two clients have. An id that was written is
// reported rather than one that is a label: it is easier to change.
func (c *compilation) checkClientIDs() {
	first := make(map[string]int32, len(c.clients))
	for i := range c.Document.Clients {
		id := c.Document.Clients[i].ClientID
		if id == "" {
			continue
		}
		j, taken := first[id]
		if !taken {
			first[id] = int32(i)
			continue
		}
		a, b := c.clients[i], c.clients[j]
		if b.Has("client_id") && !a.Has("client_id") { // the one that was written down is the guilty one
			a, b = b, a
		}
		c.report(a.AttrRange("client_id"), "duplicate-client-id",
			fmt.Sprintf("%s and %s both have the client id %q, so they cannot be told apart. "+
				"Give each client an id of its own; it is the label where client_id is not set.", a.Address, b.Address, id),
			diag.Related{Message: b.Address + " has it too", Range: b.AttrRange("client_id")})
	}
}

// checkTrustedIssuers makes sure that at most one trusted issuer accepts a given
// token. Several may have the same issuer URL: clusters installed from one
// template have, and one issuer may vouch for clients under one audience and for
// users under another. Then their keys, audiences or purposes must tell them
// apart.
func (c *compilation) checkTrustedIssuers() {
	same := make(map[string][]int)
	for i := range c.Document.TrustedIssuers {
		declared, t := c.trustedIssuers[i], &c.Document.TrustedIssuers[i]
		if t.Issuer == "" || c.refused.has(&declared.Decl) || c.checkOwnIssuer(declared) {
			continue
		}
		for _, j := range same[t.Issuer] {
			if acceptSameToken(t, &c.Document.TrustedIssuers[j]) {
				c.reportSameTrustedIssuer(i, j)
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

// acceptSameToken reports whether one token can satisfy both trusted issuers for the
// same purpose.
func acceptSameToken(a, b *schema.TrustedIssuer) bool {
	overlap := func(x, y []string) bool {
		return slices.ContainsFunc(x, func(s string) bool { return slices.Contains(y, s) })
	}
	purpose := slices.ContainsFunc(a.VouchesFor, func(s schema.SubjectType) bool { return slices.Contains(b.VouchesFor, s) })
	return purpose && a.JWKS == b.JWKS && a.JWKSURI == b.JWKSURI && overlap(a.Audiences, b.Audiences)
}

// reportSameTrustedIssuer reports two trusted issuers of which one token satisfies both.
func (c *compilation) reportSameTrustedIssuer(i, j int) {
	a, b := c.trustedIssuers[i], c.trustedIssuers[j]
	c.report(a.AttrRange("issuer"), "duplicate-trusted-issuer",
		fmt.Sprintf("%s and %s both accept the tokens of %q with the same keys, for the same audience and purpose, so nothing says which of them "+
			"decides. Merge them into one, or give them audiences that differ.", a.Address, b.Address, a.Issuer),
		diag.Related{Message: b.Address + " accepts them too", Range: b.AttrRange("issuer")})
}
