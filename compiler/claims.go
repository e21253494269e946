package compiler

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	withClaims := c.whoHasClaims()
	reported := make(map[mistake]bool)
	for i, declared := range c.authorizations {
		a := &c.Document.Authorizations[i]
		api, client := c.apis[c.apiIndex[a.API]], c.clients[c.clientIndex[a.Client]]
		has := declared.Has("claims") || withClaims.apis[a.API] || withClaims.clients[a.Client]
		if !has || c.refused.has(&declared.Decl, &api.Decl, &client.Decl) {
			continue
		}
		claims, diags := c.Config.EvalClaims(api, client, declared, c.selfOf(i))
		c.report(diags, reported)
		c.report(checkClaimNames(declared, claims), reported)
		a.Claims = claimsObject(claims)
	}
}

// claimOwners are the labels of the APIs and clients that declare claims.
type claimOwners struct{ apis, clients map[string]bool }

func (c *compilation) whoHasClaims() claimOwners {
	owners := claimOwners{make(map[string]bool), make(map[string]bool)}
	for _, a := range c.apis {
		if a.Has("claims") {
			owners.apis[a.Label] = true
		}
	}
	for _, cl := range c.clients {
		if cl.Has("claims") {
			owners.clients[cl.Label] = true
		}
	}
	return owners
}

// A mistake tells one finding from its repetitions for other objects.
type mistake struct {
	code       string
	file       string
	start, end int
}

// report adds the findings that were not reported for an earlier object.
func (c *compilation) report(diags diag.List, reported map[mistake]bool) {
	for _, d := range diags {
		m := mistake{d.Code, d.Range.Filename, d.Range.Start.Byte, d.Range.End.Byte}
		if !reported[m] || d.Range == (hcl.Range{}) {
			reported[m] = true
			c.diags = append(c.diags, d)
		}
	}
}

// checkClaimNames refuses the names that belong to writ and to the standards, and
// those that are no names.
func checkClaimNames(a *config.Authorization, claims []config.Claim) diag.List {
	var diags diag.List
	for _, claim := range claims {
		reserved, err := schema.CheckClaimName(claim.Name)
		if err == nil {
			continue
		}
		d := diag.Diagnostic{
			Severity: diag.Error, Code: "invalid-claim", Summary: "Invalid claim name", Range: claim.Range,
			Detail: fmt.Sprintf("The tokens of %s cannot be made as declared: %s.", a.Address, err),
		}
		if reserved {
			d.Code, d.Summary = "reserved-claim", "Reserved claim name"
		}
		diags = append(diags, d)
	}
	return diags
}

// selfOf is what self refers to for the authorization at that index.
func (c *compilation) selfOf(i int) config.Self {
	a := &c.Document.Authorizations[i]
	return config.Self{
		API:           &c.Document.APIs[c.apiIndex[a.API]],
		Client:        &c.Document.Clients[c.clientIndex[a.Client]],
		Authorization: a,
	}
}

// EffectiveLifetime is how long tokens of an authorization live, in seconds.
func EffectiveLifetime(a *schema.Authorization, api *schema.API) int64 {
	if a.TokenLifetime != 0 {
		return a.TokenLifetime
	}
	return api.TokenLifetime
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

// quoteJSON writes a string without the escapes that only HTML needs.
func quoteJSON(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("encode a string as JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
