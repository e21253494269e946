package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkIdentifiers holds identifiers against one another and against the
// issuer's own addresses. They are compared byte for byte; only the warning
// about look-alikes folds anything.
func (c *compilation) checkIdentifiers() {
	first := make(map[string]int32, len(c.apis))
	var distinct []int32 // one API for each identifier
	for i := range c.Document.APIs {
		identifier := c.Document.APIs[i].Identifier
		if identifier == "" {
			continue // missing or malformed, reported by config
		}
		if j, taken := first[identifier]; taken {
			c.duplicateIdentifier(int32(i), j)
			continue
		}
		first[identifier] = int32(i)
		distinct = append(distinct, int32(i))
		c.checkReservedIdentifier(int32(i))
	}
	c.checkNearIdentifiers(distinct)
}

// later orders two declarations of which either may be the guilty one: within a
// file it is the one further down, else the first stays the first.
func later[D any](a, b D, decl func(D) *config.Decl) (D, D) {
	x, y := decl(a).Range, decl(b).Range
	if x.Filename == y.Filename && x.Start.Byte < y.Start.Byte {
		return b, a
	}
	return a, b
}

func (c *compilation) duplicateIdentifier(i, j int32) {
	a, b := later(c.apis[i], c.apis[j], func(a *config.API) *config.Decl { return &a.Decl })
	c.report(a.AttrRange("identifier"), "duplicate-identifier",
		fmt.Sprintf("%s and %s both have the identifier %q, so a token for one would be accepted by the other. "+
			"Give each API an identifier of its own.", a.Address, b.Address, a.Identifier),
		diag.Related{Message: b.Address + " has it too", Range: b.AttrRange("identifier")})
}

func (c *compilation) checkReservedIdentifier(i int32) {
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
// bounded by what the configuration spells out.
func (c *compilation) checkNearIdentifiers(distinct []int32) {
	groups := make(map[string][]int32, len(distinct))
	for _, i := range distinct {
		key := secureKey(c.Document.APIs[i].Identifier)
		for _, j := range groups[key] {
			if !c.acknowledged(i, j) {
				c.nearIdentifier(i, j)
				break
			}
		}
		groups[key] = append(groups[key], i)
	}
}

// secureKey is schema.NearKey with https for http: nobody means two APIs by that.
func secureKey(identifier string) string {
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

func (c *compilation) nearIdentifier(i, j int32) {
	a, b := later(c.apis[i], c.apis[j], func(a *config.API) *config.Decl { return &a.Decl })
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

// checkClientIDs holds client ids against one another.
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
