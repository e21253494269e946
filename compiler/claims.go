package compiler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// compileClaims evaluates the custom claims of every authorization that has
// any: the API's, over them the client's, over them its own. An expression on an
// API is evaluated once for each authorization, so what it does wrong is reported
// once, not once for each.
func (c *compilation) compileClaims() {
	apisWith, clientsWith := c.hasClaims()
	c.reportOnce(checkInParallel(len(c.authorizations), func(i int) diag.List {
		declared, e := c.authorizations[i], c.ends[i]
		has := declared.Has("claims") || apisWith[e.api] || clientsWith[e.client]
		api, client := c.apis[e.api], c.clients[e.client]
		if !has || c.refused.has(&declared.Decl, &api.Decl, &client.Decl) {
			return nil
		}
		claims, diags := c.Config.EvalClaims(api, client, declared, c.selfOf(i))
		c.Document.Authorizations[i].Claims = claimsObject(claims)
		for i := range diags {
			diags[i].Detail += " self.authorization is " + declared.Address + "."
		}
		return append(diags, checkClaimNames(declared, claims)...)
	}))
}

// checkUnusedClaims checks the claims of APIs and clients without an authorization. Their
// expressions are never evaluated, but names that are literals can be checked.
func (c *compilation) checkUnusedClaims() {
	used := make([]bool, len(c.apis))
	for _, e := range c.ends {
		used[e.api] = true
	}
	for i, a := range c.apis {
		if !used[i] && !c.refused.has(&a.Decl) {
			c.diags.AddAll(checkNames(a.Address, a.WrittenClaims()))
		}
	}
	for i, cl := range c.clients {
		if len(c.byClient[i]) == 0 && !c.refused.has(&cl.Decl) {
			c.diags.AddAll(checkNames(cl.Address, cl.WrittenClaims()))
		}
	}
}

// hasClaims reports for each API and each client whether it declares claims. Most do not, and
// their authorizations then cost no evaluation.
func (c *compilation) hasClaims() (apis, clients []bool) {
	apis, clients = make([]bool, len(c.apis)), make([]bool, len(c.clients))
	for i, a := range c.apis {
		apis[i] = a.Has("claims")
	}
	for i, cl := range c.clients {
		clients[i] = cl.Has("claims")
	}
	return apis, clients
}

// A findingKey tells one finding from its repetitions for other objects.
type findingKey struct {
	code       string
	file       string
	start, end int
}

// reportOnce adds diagnostics of which each may have been found for many objects. Those
// without a range are about different things and are all added.
func (c *compilation) reportOnce(diags diag.List) {
	reported := make(map[findingKey]bool)
	for _, d := range diags {
		m := findingKey{d.Code, d.Range.Filename, d.Range.Start.Byte, d.Range.End.Byte}
		if c.exhausted && config.IsExhausted(d) {
			continue
		}
		c.exhausted = c.exhausted || config.IsExhausted(d)
		if !reported[m] || d.Range == (hcl.Range{}) {
			reported[m] = true
			c.diags.Add(d)
		}
	}
}

// checkClaimNames refuses claims that the configuration sets and that copy_claims takes
// from the user's token as well, and names that no token can have.
func checkClaimNames(a *config.Authorization, claims []config.Claim) diag.List {
	var diags diag.List
	for _, claim := range claims {
		if slices.Contains(a.CopyClaims, claim.Name) {
			twice := diag.New("invalid-claim", claim.NameRange,
				fmt.Sprintf("%s copies %q from the user's token, and the configuration sets it. Leave it out of copy_claims or of claims.", a.Address, claim.Name),
				diag.Related{Message: "copied here", Range: a.AttrRange("copy_claims")})
			diags = append(diags, twice.Titled("Claim set twice"))
		}
	}
	return append(diags, checkNames(a.Address, claims)...)
}

// checkNames refuses claims that the tokens of an object cannot have.
func checkNames(address string, claims []config.Claim) diag.List {
	var diags diag.List
	for _, claim := range claims {
		reserved, err := schema.CheckClaimName(claim.Name)
		if err == nil {
			continue
		}
		detail := fmt.Sprintf("The tokens of %s cannot be made as declared: %s.", address, err)
		d := diag.New("invalid-claim", claim.NameRange, detail).Titled("Invalid claim name")
		if reserved {
			d = diag.New("reserved-claim", claim.NameRange, detail)
		}
		diags = append(diags, d)
	}
	return diags
}

// selfOf returns what self refers to in claims of the authorization at that index.
func (c *compilation) selfOf(i int) config.Self {
	return config.Self{
		API:           &c.Document.APIs[c.ends[i].api],
		Client:        &c.Document.Clients[c.ends[i].client],
		Authorization: &c.Document.Authorizations[i],
		APIs:          c.Document.APIs,
	}
}

// claimsObject joins claims, sorted by name and each canonical, into a canonical
// JSON object; "" for none.
func claimsObject(claims []config.Claim) string {
	if len(claims) == 0 {
		return ""
	}
	var b strings.Builder
	for i, claim := range claims {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(quoteJSON(claim.Name))
		b.WriteByte(':')
		b.WriteString(claim.JSON)
	}
	b.WriteByte('}')
	return b.String()
}

// quoteJSON writes a string as JSON. <, > and & are not escaped: canonical JSON does not.
func quoteJSON(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("encode a string as JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
