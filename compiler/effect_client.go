package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// compareClients compares clients. A new one widens, as somebody can authenticate who could
// not before; which tokens it gets is up to authorizations.
func (c *comparison) compareClients() {
	gone := map[string]*schema.Client{} // clients that go, by their credentials
	for _, p := range c.clients {
		if p.after == nil {
			for _, mark := range credentialMarks(p.before) {
				gone[mark] = p.before
			}
		}
	}
	for _, p := range c.clients {
		switch before, after := p.before, p.after; {
		case before == nil:
			c.create(Address(KindClient, after.Label), EffectWiden, after,
				"%q may authenticate with %s.%s", after.ClientID, credentialList(after), renamedClause(gone, after))
		case after == nil:
			c.delete(Address(KindClient, before.Label), EffectNarrow, before,
				"%q can no longer authenticate.", before.ClientID)
		default:
			c.compareClient(before, after)
		}
	}
}

// credentialMarks returns a text for each secret and public key of a client. Two clients with
// one text in common can be authenticated by the same secret or private key.
func credentialMarks(client *schema.Client) (marks []string) {
	for _, s := range client.Secrets {
		marks = append(marks, "secret "+s.Hash)
	}
	for _, k := range client.PublicKeys {
		marks = append(marks, "public_key "+k.JWKS)
	}
	return marks
}

// renamedClause returns advice, "" for none, about a client that seems to be a deleted one
// under a new label: it has a credential of that one, and no client_id of its own, so that the
// new label became its client_id although only the label was meant to change.
func renamedClause(gone map[string]*schema.Client, after *schema.Client) string {
	if after.ClientID != after.Label {
		return ""
	}
	for _, mark := range credentialMarks(after) {
		if before := gone[mark]; before != nil {
			return fmt.Sprintf(" It has the credential of %s, which goes: if it is the same client under a new label, client_id = %q keeps what it calls itself.",
				Address(KindClient, before.Label), before.ClientID)
		}
	}
	return ""
}

// compareClient compares a client that stays, or one that replaces another under its label.
func (c *comparison) compareClient(before, after *schema.Client) {
	d := &differ{address: Address(KindClient, after.Label)}
	action := ActionUpdate
	if before.Label != after.Label {
		c.rename(Address(KindClient, before.Label), d.address, before, after,
			"The label changes; the client_id stays %q, and nothing in tokens changes.", after.ClientID)
	}
	if before.ClientID != after.ClientID {
		action = ActionReplace
		d.add("client_id", before.ClientID, after.ClientID, EffectWiden,
			"%q may authenticate, and no longer %q%s.", after.ClientID, before.ClientID, c.retiredClause(KindClient, before.Label, before.ClientID))
	}
	compareRows(c, d, clientJudges, before, after, before.Label != after.Label || len(c.apiLabels) > 0)
	d.credentials(before, after)
	d.refreshToken(before.RefreshToken, after.RefreshToken)
	c.update(d, action, before, after)
}

// clientJudges compares the attributes of a client that need more than their rows.
var clientJudges = map[string]judge[schema.Client]{
	"client_id": func(*comparison, *differ, *schema.Client, *schema.Client) {}, // compareClient has reported it, before all others
	"name": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.name(before.Name, before.Label, after.Name, after.Label)
	},
	"default_api": func(c *comparison, d *differ, before, after *schema.Client) {
		d.defaultAPI(c.apiLabel(before.DefaultAPI), after.DefaultAPI)
	},
	"rate_limit": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.rateLimit(before.RateLimit, after.RateLimit)
	},
	// The APIs themselves are compared: under a replaced identifier the same label
	// reaches other tokens, and then the replacement says so.
	"introspects": func(c *comparison, d *differ, before, after *schema.Client) {
		d.references(after, "introspects", c.apiLabelsAfter(before.Introspects), after.Introspects)
	},
	"revoked_before": func(_ *comparison, d *differ, before, after *schema.Client) {
		d.revokedBefore(before.RevokedBefore, after.RevokedBefore)
	},
}

// defaultAPI compares labels, of which before is already the label after the change. It gives
// no access: a request can always name the API itself.
func (d *differ) defaultAPI(before, after string) {
	switch {
	case before == after:
	case after == "":
		d.add("default_api", before, nil, EffectShape, "A request of %s that names no API is refused.", d.address)
	default:
		d.add("default_api", optional(before), after, EffectShape,
			"A request of %s that names no API is for %s.", d.address, Address(KindAPI, after))
	}
}

// rateLimit compares token requests per second. It has a judge because 0, the lowest number,
// means unlimited.
func (d *differ) rateLimit(before, after float64) {
	switch {
	case before == after:
	case after == 0:
		d.add("rate_limit", before, nil, EffectWiden, "%s may get any number of tokens.", d.address)
	case before == 0:
		d.add("rate_limit", nil, after, EffectNarrow, "%s gets at most %v tokens a second.", d.address, after)
	case after > before:
		d.add("rate_limit", before, after, EffectWiden, "%s may get %v tokens a second instead of %v.", d.address, after, before)
	default:
		d.add("rate_limit", before, after, EffectNarrow, "%s gets at most %v tokens a second instead of %v.", d.address, after, before)
	}
}

// revokedBefore compares the time before which tokens are revoked. Moving it back makes
// revoked tokens active again.
func (d *differ) revokedBefore(before, after int64) {
	switch {
	case after > before:
		d.add("revoked_before", timeOf(before), timeOf(after), EffectNarrow,
			"Tokens issued to %s before %s are inactive when introspected.", d.address, schema.FormatTime(after))
	case after < before:
		d.add("revoked_before", timeOf(before), timeOf(after), EffectWiden,
			"Tokens of %s that were revoked are active again when introspected.", d.address)
	}
}

// refreshToken compares the refresh_token blocks. A client without one has the defaults of
// the language, so that declaring these changes only the text.
func (d *differ) refreshToken(before, after *schema.RefreshToken) {
	was, is := before.OrDefault(), after.OrDefault()
	effect, reasons := nestedChange(schema.BlockOf(&is), d.address, &was, &is)
	if len(reasons) == 0 && (before == nil) == (after == nil) {
		return
	}
	reason := "They behave as they did."
	switch effect {
	case EffectWiden:
		reason = "They can be used longer, or more often."
	case EffectNarrow:
		reason = "They can be used less long, or less often."
	case EffectNone:
		effect = EffectText
	}
	var old, new any
	if before != nil {
		old = Object{before}
	}
	if after != nil {
		new = Object{after}
	}
	d.nested("refresh_token", "", old, new, effect, "The refresh tokens of %s change. %s", d.address, reason)
}

// credentialsOf lists a client's credentials by kind, then by label.
func credentialsOf(c *schema.Client) []schema.Credential {
	all := c.Credentials()
	slices.SortStableFunc(all, func(a, b schema.Credential) int { return compareCredentials(&a, &b) })
	return all
}

// credentialName names a credential in a sentence, by its kind and label and never by its
// value. Of a federated one it tells whom it lets in, which is no secret.
func credentialName(c *schema.Credential) string {
	kind := strings.ReplaceAll(c.Block.Type, "_", " ")
	f, isFederated := c.Of.(*schema.Federated)
	if !isFederated {
		return fmt.Sprintf("%s %q", kind, c.Label)
	}
	subject := fmt.Sprintf("subject %q", f.Subject)
	if f.SubjectPattern != "" {
		subject = fmt.Sprintf("a subject like %q", f.SubjectPattern)
	}
	return fmt.Sprintf("federated credential %q (%s of %s)", c.Label, subject, Address(KindTrustedIssuer, f.TrustedIssuer))
}

// credentialList names all credentials of a client, "nothing" for none.
func credentialList(c *schema.Client) string {
	credentials := credentialsOf(c)
	if len(credentials) == 0 {
		return "nothing"
	}
	names := make([]string, len(credentials))
	for i := range credentials {
		names[i] = credentialName(&credentials[i])
	}
	return strings.Join(names, ", ")
}

// credentials compares two lists of credentials that are sorted alike, as a merge does.
func (d *differ) credentials(before, after *schema.Client) {
	was, is := credentialsOf(before), credentialsOf(after)
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		default:
			order = compareCredentials(&was[0], &is[0])
		}
		if order < 0 {
			d.nested(was[0].Block.Type, was[0].Label, credentialObject(&was[0]), nil, EffectNarrow,
				"The %s is no longer accepted from %s.", credentialName(&was[0]), d.address)
		} else if order > 0 {
			d.nested(is[0].Block.Type, is[0].Label, nil, credentialObject(&is[0]), EffectWiden,
				"The %s is accepted from %s.", credentialName(&is[0]), d.address)
		} else if !is[0].Block.Same(was[0].Of, is[0].Of) {
			d.credential(&was[0], &is[0])
		}
		if order <= 0 {
			was = was[1:]
		}
		if order >= 0 {
			is = is[1:]
		}
	}
}

// compareCredentials orders credentials by kind, as the language reference does, then by label.
func compareCredentials(a, b *schema.Credential) int {
	if a.Block != b.Block {
		kinds := schema.BlockOf((*schema.Client)(nil)).Blocks
		position := func(c *schema.Credential) int {
			return slices.IndexFunc(kinds, func(k schema.Block) bool { return k.Type == c.Block.Type })
		}
		return cmp.Compare(position(a), position(b))
	}
	return cmp.Compare(a.Label, b.Label)
}

// credential compares a credential that stays under its label, and adds one change with a
// reason for each part that changed. If that widens, the tier is TierReach for other or
// fewer claims, else that of another value, else TierLonger for a window that moves.
func (d *differ) credential(before, after *schema.Credential) {
	var reasons []string
	effect := EffectNone
	judge := func(e Effect, reason string) {
		effect = stronger(effect, e)
		reasons = append(reasons, reason)
	}
	tier := TierLonger // of a window that moves
	if identityChanged(before, after) {
		tier = tierOf(after.Block.Type, EffectWiden)
		judge(valueEffect(before, after))
	}
	if f, ok := after.Of.(*schema.Federated); ok {
		switch e := requirementEffect(before.Of.(*schema.Federated).Claims, f.Claims); e {
		case EffectWiden:
			tier = TierReach
			judge(e, "asks for other or fewer claims")
		case EffectNarrow:
			judge(e, "asks for more claims")
		case EffectText:
			judge(e, "writes its claims otherwise")
		}
	}
	for _, change := range windowChanges(before.Window, after.Window) {
		judge(change.effect, change.reason)
	}
	for i := range after.Block.Attributes {
		a := &after.Block.Attributes[i]
		if !a.IsStored() || a.Hidden || a.Type == schema.TypeTime || a.Same(before.Of, after.Of) {
			continue // the times are those of the window
		}
		e, _ := rowEffect(a, d.address, a.Get(before.Of), a.Get(after.Of))
		judge(e, "changes its "+a.Name)
	}
	if len(reasons) > 0 {
		d.nested(after.Block.Type, after.Label, credentialObject(before), credentialObject(after), effect,
			"The %s of %s %s.", credentialName(after), d.address, strings.Join(reasons, ", and "))
		if effect == EffectWiden {
			d.attributes[len(d.attributes)-1].Tier = tier
		}
	}
}

// identityChanged reports whether something else authenticates the client: a hash, key,
// certificate or subject. These are the hidden attributes, apart from a federated block's
// claims, which are compared as a requirement.
func identityChanged(before, after *schema.Credential) bool {
	for i := range after.Block.Attributes {
		a := &after.Block.Attributes[i]
		if a.Hidden && a.Type != schema.TypeObject && !a.Same(before.Of, after.Of) {
			return true
		}
	}
	return false
}

// valueEffect judges a credential whose value changed under its label.
func valueEffect(before, after *schema.Credential) (Effect, string) {
	if is, ok := after.Of.(*schema.PublicKey); ok {
		switch keySetEffect(before.Of.(*schema.PublicKey).JWKS, is.JWKS) {
		case EffectNarrow:
			return EffectNarrow, "loses a key"
		case EffectText:
			return EffectText, "has the same keys, written otherwise"
		}
	}
	return EffectWiden, "is replaced"
}

// A windowChange is one end of a validity window that moved.
type windowChange struct {
	effect Effect
	reason string
}

// windowChanges compares the two ends of a validity window, in Unix seconds. A NotBefore of 0
// is always, an ExpiresAt of 0 is never.
func windowChanges(before, after schema.Window) []windowChange {
	var changes []windowChange
	switch {
	case after.NotBefore < before.NotBefore && after.NotBefore == 0:
		changes = append(changes, windowChange{EffectWiden, "is accepted at once"})
	case after.NotBefore < before.NotBefore:
		changes = append(changes, windowChange{EffectWiden, "is accepted earlier, from " + schema.FormatTime(after.NotBefore)})
	case after.NotBefore > before.NotBefore:
		changes = append(changes, windowChange{EffectNarrow, "is accepted later, from " + schema.FormatTime(after.NotBefore)})
	}
	switch order := compareEnds(after.ExpiresAt, before.ExpiresAt); {
	case order > 0 && after.ExpiresAt == 0:
		changes = append(changes, windowChange{EffectWiden, "no longer expires"})
	case order > 0:
		changes = append(changes, windowChange{EffectWiden, "is accepted longer, until " + schema.FormatTime(after.ExpiresAt)})
	case order < 0:
		changes = append(changes, windowChange{EffectNarrow, "is accepted until " + schema.FormatTime(after.ExpiresAt)})
	}
	return changes
}
