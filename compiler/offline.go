package compiler

import (
	"fmt"
	"slices"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

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
	case !actsForUsers(client): // see checkGrants
	case !slices.ContainsFunc(userAPIs, func(api int32) bool { return c.Document.APIs[api].AllowOfflineAccess }):
		c.reportOfflineNotAllowed(i, userAPIs)
	}
}

// actsForUsers reports whether the client has a grant by which it can act on
// behalf of a user.
func actsForUsers(client *schema.Client) bool {
	return slices.Contains(client.GrantTypes, schema.GrantTokenExchange) ||
		slices.Contains(client.GrantTypes, schema.GrantJWTBearer)
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
