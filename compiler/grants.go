package compiler

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkGrants warns about what no request can reach, because the client may not
// use the grant for it: an authorization for that kind of subject, or the rules
// of its refresh tokens. It is a warning: the grant may be withheld on purpose
// for a while.
func (c *compilation) checkGrants() {
	for i, declared := range c.clients {
		client := &c.Document.Clients[i]
		if client.RefreshToken == nil || slices.Contains(client.GrantTypes, schema.GrantRefreshToken) || c.refused.has(&declared.Decl) {
			continue
		}
		c.reportMissingGrant(int32(i), declared.NestedRange("refresh_token", "", ""),
			fmt.Sprintf("%s says how its refresh tokens behave, but may not use the grant %s, so it gets none. "+
				"Add %q to its grant_types, or remove the block.", declared.Address, schema.GrantRefreshToken, schema.GrantRefreshToken))
	}
	for i, declared := range c.authorizations {
		client := c.ends[i].client
		if c.refused.has(&declared.Decl, &c.clients[client].Decl) {
			continue
		}
		document := &c.Document.Clients[client]
		if c.Document.Authorizations[i].SubjectType == schema.SubjectUser {
			if !actsForUsers(document) {
				c.reportMissingUserGrant(declared, client)
			}
			continue
		}
		if !slices.Contains(document.GrantTypes, schema.GrantClientCredentials) {
			c.reportMissingGrant(client, declared.AttrRange("client"),
				fmt.Sprintf("%s lets %s act for itself, but that client may not use the grant %s, so it gets no such token. "+
					"Add the grant to its grant_types; or, if it is to act for users, say subject_type = %q here.",
					declared.Address, c.clients[client].Address, schema.GrantClientCredentials, schema.SubjectUser))
		}
	}
}

// reportMissingUserGrant is about an authorization to act for users whose client has none
// of the grants for that.
func (c *compilation) reportMissingUserGrant(declared *config.Authorization, client int32) {
	why := "may use neither token exchange nor jwt-bearer"
	if slices.Contains(c.Document.Clients[client].GrantTypes, schema.GrantRefreshToken) {
		why += ", and a refresh token comes of one of these"
	}
	c.reportMissingGrant(client, declared.AttrRange("subject_type"),
		fmt.Sprintf("%s lets %s act for users, but that client %s, so it gets no such token. Add %q to its grant_types, or remove subject_type here.",
			declared.Address, c.clients[client].Address, why, schema.GrantTokenExchange))
}

// reportMissingGrant adds to the warning where the client's grants are declared.
func (c *compilation) reportMissingGrant(client int32, at hcl.Range, detail string) {
	d := c.clients[client]
	c.report(at, "missing-grant", detail,
		diag.Related{Message: d.Address + " says which grants it may use", Range: d.AttrRange("grant_types")})
}

// checkUserIssuers warns once when clients may act for users and no trusted issuer names
// any users.
func (c *compilation) checkUserIssuers() {
	if c.Config.Partial {
		return // what is missing may be the issuer
	}
	for i, t := range c.trustedIssuers {
		if c.refused.has(&t.Decl) || slices.Contains(c.Document.TrustedIssuers[i].VouchesFor, schema.SubjectUser) {
			return
		}
	}
	for i, declared := range c.authorizations {
		if c.Document.Authorizations[i].SubjectType != schema.SubjectUser || c.refused.has(&declared.Decl) {
			continue
		}
		c.report(declared.AttrRange("subject_type"), "no-user-issuer",
			fmt.Sprintf("%s is for users, but no trusted_issuer vouches for any, so there is no token of a user to exchange. "+
				"Declare where users sign in as a trusted_issuer with vouches_for = [%q].", declared.Address, schema.SubjectUser))
		return
	}
}
