package compiler

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// expiryNotice is how many seconds before its end a credential is reported:
// enough to make, deliver and deploy the next one.
const expiryNotice = 30 * 24 * 3600

// checkProfilesAndLifetimes warns about choices that are allowed but weaken
// tokens. A choice in the issuer's defaults is reported once, there.
func (c *compilation) checkProfilesAndLifetimes() {
	defaults := &c.issuer.Defaults
	if defaults.TokenLifetime > schema.LongTokenLifetime {
		c.reportLongLifetime(c.defaultRange("token_lifetime"), "The issuer's default", defaults.TokenLifetime)
	}
	if defaults.Profile == schema.ProfileAuth0 {
		c.reportUntypedProfile(c.defaultRange("token_profile"), "APIs that say nothing else get")
	}
	for _, a := range c.apis {
		if a.TokenLifetime > schema.LongTokenLifetime {
			c.reportLongLifetime(a.AttrRange("token_lifetime"), "The token lifetime of "+a.Address, a.TokenLifetime)
		}
		if a.Profile == schema.ProfileAuth0 {
			c.reportUntypedProfile(a.AttrRange("token_profile"), a.Address+" has")
		}
	}
}

// reportLongLifetime warns about a lifetime beyond schema.LongTokenLifetime.
func (c *compilation) reportLongLifetime(r hcl.Range, what string, seconds int64) {
	c.report(r, "long-lifetime",
		fmt.Sprintf("%s is %s. A token cannot be taken back before it expires, so whoever steals one has it that long. "+
			"Choose %s or less.", what, schema.FormatDuration(seconds), schema.FormatDuration(schema.LongTokenLifetime)))
}

// reportUntypedProfile warns about the profile whose tokens have no typ of their own.
func (c *compilation) reportUntypedProfile(r hcl.Range, who string) {
	c.report(r, "auth0-profile-untyped",
		fmt.Sprintf("%s the token profile %q, whose typ is JWT: a verifier cannot tell such an access token from another kind of JWT "+
			"(RFC 8725 section 3.11). Choose %q unless a verifier depends on the Auth0 form.",
			who, schema.ProfileAuth0, schema.ProfileRFC9068))
}

// checkExpiry warns about credentials that have expired or will soon. Without a
// clock in the options it reports nothing, so that the result depends on the tree
// alone.
func (c *compilation) checkExpiry() {
	if c.opts.Now.IsZero() {
		return
	}
	now := c.opts.Now.Unix()
	for i, declared := range c.clients {
		if c.refused.has(&declared.Decl) {
			continue
		}
		all := c.Document.Clients[i].Credentials()
		for _, cred := range all {
			end := cred.Window.ExpiresAt
			switch {
			case end == 0:
			case end <= now:
				c.reportExpiredCredential(declared, cred, liveAt(all, now))
			case end <= now+expiryNotice && !liveAt(all, now+expiryNotice):
				c.reportExpiresSoon(declared, cred)
			}
		}
	}
}

// checkExpiredAuthorizations warns about authorizations that have expired, if the
// options have a clock.
func (c *compilation) checkExpiredAuthorizations() {
	if c.opts.Now.IsZero() {
		return
	}
	now := c.opts.Now.Unix()
	for i, declared := range c.authorizations {
		if end := c.Document.Authorizations[i].ExpiresAt; end != 0 && end <= now {
			c.report(declared.AttrRange("expires_at"), "expired-authorization",
				fmt.Sprintf("%s expired at %s: it gives no token any more. Remove it, or set a later expires_at.",
					declared.Address, schema.FormatTime(end)))
		}
	}
}

// liveAt reports whether any of the credentials is accepted at that time.
func liveAt(all []schema.Credential, at int64) bool {
	for i := range all {
		if all[i].Window.Contains(at) {
			return true
		}
	}
	return false
}

// reportExpiredCredential warns about a credential that has expired. others says whether
// the client can still authenticate.
func (c *compilation) reportExpiredCredential(d *config.Client, cred schema.Credential, others bool) {
	detail := fmt.Sprintf("The %s %q of %s expired at %s. Remove it.",
		cred.Block.Type, cred.Label, d.Address, schema.FormatTime(cred.Window.ExpiresAt))
	if !others {
		detail = fmt.Sprintf("The %s %q of %s expired at %s, and nothing else authenticates the client now. "+
			"Add a credential that is valid, then remove this one.", cred.Block.Type, cred.Label, d.Address, schema.FormatTime(cred.Window.ExpiresAt))
	}
	c.report(d.NestedRange(cred.Block.Type, cred.Label, "expires_at"), "expired-credential", detail)
}

// reportExpiresSoon warns about the last credential of a client to expire.
func (c *compilation) reportExpiresSoon(d *config.Client, cred schema.Credential) {
	c.report(d.NestedRange(cred.Block.Type, cred.Label, "expires_at"), "expires-soon",
		fmt.Sprintf("The %s %q of %s expires at %s, and nothing declared authenticates the client %s from now. "+
			"Add its successor, wait until the client uses it, then remove this one.",
			cred.Block.Type, cred.Label, d.Address, schema.FormatTime(cred.Window.ExpiresAt), schema.FormatDuration(expiryNotice)))
}
