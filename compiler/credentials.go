package compiler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// checkCredentials requires a credential of every client that has to authenticate. That is
// each one with a grant that writ serves, and each one that introspects tokens.
func (c *compilation) checkCredentials() {
	for i := range c.Document.Clients {
		client, declared := &c.Document.Clients[i], c.clients[i]
		why := needsCredential(client)
		if why == "" || len(client.Credentials()) > 0 || c.refused.has(&declared.Decl) {
			continue
		}
		c.report(declared.Range, "no-credential",
			fmt.Sprintf("%s %s, but has no way to authenticate. Add a secret (writ secret new %s makes one), "+
				"a public_key, a certificate or a federated block.", declared.Address, why, blockLabel(client.Label)))
	}
}

// blockLabel is the label of the block behind an object: worker of worker["eu"].
func blockLabel(label string) string {
	block, _, _ := strings.Cut(label, "[")
	return block
}

// needsCredential says in words why a client has to authenticate, "" when it
// does not. Every grant that writ serves comes with client authentication
// (RFC 6749 sections 4.4 and 6, RFC 8693 section 2.1).
func needsCredential(client *schema.Client) string {
	for _, grant := range client.GrantTypes {
		switch grant {
		case schema.GrantClientCredentials, schema.GrantTokenExchange, schema.GrantJWTBearer, schema.GrantRefreshToken:
			return "uses the grant " + grant
		}
	}
	if len(client.Introspects) > 0 {
		return "introspects tokens"
	}
	return ""
}

// checkSharedSecrets warns about clients that have one secret, once for each secret.
// Whoever has it can act as each of them, so that neither a decision nor the audit log
// says who it was.
func (c *compilation) checkSharedSecrets() {
	type use struct {
		client *config.Client
		label  string // of the secret
	}
	first := map[string]use{} // by hash
	others := map[string][]use{}
	for i, declared := range c.clients {
		if c.refused.has(&declared.Decl) {
			continue
		}
		for _, s := range c.Document.Clients[i].Secrets {
			switch one, used := first[s.Hash]; {
			case !used:
				first[s.Hash] = use{declared, s.Label}
			case one.client != declared:
				others[s.Hash] = append(others[s.Hash], use{declared, s.Label})
			}
		}
	}
	for _, hash := range slices.Sorted(maps.Keys(others)) {
		uses := others[hash]
		one, next := first[hash].client, uses[0].client
		who := next.Address + " has"
		if len(uses) > 1 {
			who = fmt.Sprintf("%s and %d more have", next.Address, len(uses)-1)
		}
		c.report(next.NestedRange("secret", uses[0].label, "hash"), "shared-client-secret",
			fmt.Sprintf("%s the same secret as %s: whoever knows it can act as each of them. Make one for each client: writ secret new %s.",
				who, one.Address, blockLabel(next.Label)), declaredHere(&one.Decl))
	}
}

// checkFederated wants an issuer that vouches for clients behind each federated
// credential: the tokens of one that names users must never log a client in.
func (c *compilation) checkFederated() {
	trusted := make(map[string]int, len(c.trustedIssuers))
	for i, t := range c.trustedIssuers {
		trusted[t.Label] = i
	}
	for i, declared := range c.clients {
		for _, f := range c.Document.Clients[i].Federated {
			t, known := trusted[f.TrustedIssuer]
			if !known || slices.Contains(c.Document.TrustedIssuers[t].VouchesFor, schema.SubjectClient) {
				continue
			}
			issuer := c.trustedIssuers[t]
			if c.refused.has(&issuer.Decl, &declared.Decl) {
				continue
			}
			c.reportTitled(declared.NestedRange("federated", f.Label, "trusted_issuer"), "invalid-value", "Issuer names no clients",
				fmt.Sprintf("%s accepts tokens of %s as its credential, but that issuer does not vouch for clients. "+
					"Add %q to its vouches_for, or choose another issuer.", declared.Address, issuer.Address, schema.SubjectClient),
				diag.Related{Message: issuer.Address + " says what it vouches for", Range: issuer.AttrRange("vouches_for")})
		}
	}
}

// checkDefaultAPIs requires an authorization for the default API of a client. Without one
// every request that relies on the default would be refused.
func (c *compilation) checkDefaultAPIs() {
	for i := range c.Document.Clients {
		client, declared := &c.Document.Clients[i], c.clients[i]
		if client.DefaultAPI == "" || c.mayHaveUnresolved(client.Label) || c.reaches(int32(i), client.DefaultAPI) {
			continue
		}
		related := declaredHere(&c.apis[c.apiIndex[client.DefaultAPI]].Decl)
		c.reportTitled(declared.AttrRange("default_api"), "unknown-reference", "Default API not authorized",
			fmt.Sprintf("%s has no authorization for %s, so a request that names no API would always be refused. "+
				"Add the authorization, or choose an API that the client is authorized for.",
				declared.Address, Address(KindAPI, client.DefaultAPI)),
			related)
	}
}

// reaches reports whether the client has an authorization for the API.
func (c *compilation) reaches(client int32, api string) bool {
	return slices.ContainsFunc(c.byClient[client], func(i int32) bool {
		return c.Document.Authorizations[i].API == api
	})
}

// mayHaveUnresolved reports whether an authorization that may be the client's was left
// out because one of its references is not known.
func (c *compilation) mayHaveUnresolved(client string) bool {
	return c.unresolved[""] || c.unresolved[client]
}

// noteUnresolved remembers the client of an authorization that was left out; "" when the
// client itself is not known.
func (c *compilation) noteUnresolved(declared *config.Authorization) {
	if c.unresolved == nil {
		c.unresolved = make(map[string]bool)
	}
	c.unresolved[declared.Client] = true
}

// checkUnusedClients warns about a client that can neither get a token nor introspect
// one.
func (c *compilation) checkUnusedClients() {
	if c.Config.Partial {
		return // what is missing may be the authorization
	}
	for i, declared := range c.clients {
		client := &c.Document.Clients[i]
		used := len(c.byClient[i]) > 0 || len(declared.Introspects) > 0
		if used || c.mayHaveUnresolved(client.Label) || c.refused.has(&declared.Decl) {
			continue
		}
		c.report(declared.Range, "unused-client",
			fmt.Sprintf("%s has no authorization and introspects no API, so it cannot get any token. "+
				"Add an authorization for it, or remove it.", declared.Address))
	}
}
