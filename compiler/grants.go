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
			if !document.ActsForUsers() {
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

// A refresh token needs three things at once: an API that allows offline access,
// a client that lists the refresh_token grant, and an authorization on behalf of
// a user, since client_credentials never gives one (RFC 6749 section 4.4.3).
// checkOfflineAccess reports who has some of the three and can never have all.
func (c *compilation) checkOfflineAccess() {
	offline := make([]offlineUse, len(c.apis))
	for i := range c.Document.Clients {
		c.checkRefreshingClient(int32(i), offline)
	}
	for i := range c.Document.APIs {
		api, declared := &c.Document.APIs[i], c.apis[i]
		if !api.AllowOfflineAccess || offline[i] != offlineClientsOnly || c.refused.has(&declared.Decl) {
			continue
		}
		c.report(declared.AttrRange("allow_offline_access"), "offline-access-unused",
			fmt.Sprintf("%s allows offline access, but only clients acting for themselves are authorized for it, and "+
				"client_credentials never gives refresh tokens. Remove allow_offline_access, or authorize a client "+
				"with subject_type = %q.", declared.Address, schema.SubjectUser))
	}
}

// An offlineUse says what kind of authorization an API was seen with.
type offlineUse uint8

const (
	offlineNobody offlineUse = iota
	offlineClientsOnly
	offlineUsers
)

// checkRefreshingClient checks one client with the refresh_token grant, and notes in
// offline how its APIs are authorized.
func (c *compilation) checkRefreshingClient(i int32, offline []offlineUse) {
	var userAPIs []int32
	unsure := false // an authorization was refused, which may be for users
	for _, n := range c.byClient[i] {
		api := c.ends[n].api
		if c.refused.has(&c.authorizations[n].Decl) {
			offline[api], unsure = offlineUsers, true
			continue
		}
		if c.Document.Authorizations[n].SubjectType == schema.SubjectUser {
			userAPIs = append(userAPIs, api)
			offline[api] = offlineUsers
		}
		offline[api] = max(offline[api], offlineClientsOnly)
	}
	client, declared := &c.Document.Clients[i], c.clients[i]
	asks := slices.Contains(client.GrantTypes, schema.GrantRefreshToken)
	if !asks || unsure || c.mayHaveUnresolved(client.Label) || c.refused.has(&declared.Decl) {
		return
	}
	switch {
	case len(userAPIs) == 0:
		c.reportOfflineUnused(i)
	case !client.ActsForUsers(): // see checkGrants
	case !slices.ContainsFunc(userAPIs, func(api int32) bool { return c.Document.APIs[api].AllowOfflineAccess }):
		c.reportOfflineNotAllowed(i, userAPIs)
	}
}

// reportOfflineUnused is about a client that asks for refresh tokens and acts for no user.
func (c *compilation) reportOfflineUnused(i int32) {
	declared := c.clients[i]
	c.report(declared.AttrRange("grant_types"), "offline-access-unused",
		fmt.Sprintf("%s asks for refresh tokens, but has no authorization to act for a user, and client_credentials "+
			"never gives refresh tokens. Remove refresh_token, or add the grant %s and an authorization with subject_type = %q.",
			declared.Address, schema.GrantTokenExchange, schema.SubjectUser))
}

// reportOfflineNotAllowed is about a client none of whose APIs allows refresh tokens. It
// points at three of the APIs at most.
func (c *compilation) reportOfflineNotAllowed(i int32, apis []int32) {
	declared := c.clients[i]
	related := make([]diag.Related, 0, 3)
	for _, api := range apis[:min(len(apis), cap(related))] {
		a := c.apis[api]
		if c.refused.has(&a.Decl) {
			return
		}
		related = append(related, diag.Related{
			Message: a.Address + " does not allow offline access", Range: a.AttrRange("allow_offline_access"),
		})
	}
	c.report(declared.AttrRange("grant_types"), "offline-access-not-allowed",
		fmt.Sprintf("%s asks for refresh tokens, but none of the APIs that it may use on behalf of a user allows offline access. "+
			"Set allow_offline_access = true on the API, or remove refresh_token here.", declared.Address),
		related...)
}
