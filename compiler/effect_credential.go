package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A plannedCredential is any of a client's ways to authenticate, in the terms that a
// plan needs: which one it is, when it is accepted, and how to tell whether it
// is still the same. Its value is compared and never shown.
type plannedCredential struct {
	kind, label string
	window      schema.Window
	value       string            // what has to be equal
	federated   *schema.Federated // of the kind federated
	keys        string            // the JWK Set, of the kind public_key
}

// credentialKinds are the blocks in the order of the language reference.
var credentialKinds = []string{"secret", "public_key", "certificate", "federated"}

// credentialsOf lists a client's credentials by kind, then by label.
func credentialsOf(c *schema.Client) []plannedCredential {
	list := make([]plannedCredential, 0, len(c.Secrets)+len(c.PublicKeys)+len(c.Certificates)+len(c.Federated))
	for _, s := range c.Secrets {
		list = append(list, plannedCredential{kind: "secret", label: s.Label, window: s.Window, value: s.Hash})
	}
	for _, k := range c.PublicKeys {
		list = append(list, plannedCredential{kind: "public_key", label: k.Label, window: k.Window, value: k.JWKS, keys: k.JWKS})
	}
	for _, k := range c.Certificates {
		selector := fmt.Sprintf("%q %q %q %q", k.SubjectDN, k.SANDNS, k.SANURI, k.SHA256)
		list = append(list, plannedCredential{kind: "certificate", label: k.Label, window: k.Window, value: selector})
	}
	for i := range c.Federated {
		f := &c.Federated[i]
		selector := fmt.Sprintf("%q %q %q", f.TrustedIssuer, f.Subject, f.SubjectPattern)
		list = append(list, plannedCredential{kind: "federated", label: f.Label, window: f.Window, value: selector, federated: f})
	}
	slices.SortStableFunc(list, compareByKind)
	return list
}

// sameCredentials is the short way for most clients of most plans.
func sameCredentials(a, b *schema.Client) bool {
	return slices.Equal(a.Secrets, b.Secrets) && slices.Equal(a.PublicKeys, b.PublicKeys) &&
		slices.Equal(a.Certificates, b.Certificates) && slices.Equal(a.Federated, b.Federated)
}

// object is what a plan shows of a credential.
func (c plannedCredential) object() Object {
	var l attributes
	l.text("kind", c.kind)
	l.text("label", c.label)
	l.window(c.window)
	return Object{[]Attribute(l)}
}

// String is the credential as it is spoken of, and for a federated one, which
// is no secret, whom it lets in.
func (c plannedCredential) String() string {
	name := fmt.Sprintf("%s %q", c.spokenKind(), c.label)
	if f := c.federated; f != nil {
		subject := fmt.Sprintf("subject %q", f.Subject)
		if f.SubjectPattern != "" {
			subject = fmt.Sprintf("a subject like %q", f.SubjectPattern)
		}
		name += fmt.Sprintf(" (%s of %s)", subject, Address(KindTrustedIssuer, f.TrustedIssuer))
	}
	return name
}

// spokenKind is the kind as a noun.
func (c plannedCredential) spokenKind() string {
	switch c.kind {
	case "public_key":
		return "public key"
	case "federated":
		return "federated credential"
	}
	return c.kind
}

// credentialList says how a client authenticates.
func credentialList(c *schema.Client) string {
	credentials := credentialsOf(c)
	if len(credentials) == 0 {
		return "nothing"
	}
	names := make([]string, len(credentials))
	for i, credential := range credentials {
		names[i] = credential.String()
	}
	return strings.Join(names, ", ")
}

// credentials merges two lists in the same order.
func (d *differ) credentials(before, after []plannedCredential) {
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = compareByKind(before[0], after[0])
		}
		switch {
		case order < 0:
			d.nested(before[0].kind, before[0].label, before[0].object(), nil, EffectNarrow,
				"The %s is no longer accepted from %s.", before[0], d.address)
			before = before[1:]
		case order > 0:
			d.nested(after[0].kind, after[0].label, nil, after[0].object(), EffectWiden,
				"The %s is accepted from %s.", after[0], d.address)
			after = after[1:]
		default:
			d.credential(before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
}

// credential compares one credential with itself.
func (d *differ) credential(before, after plannedCredential) {
	var reasons []string
	effect := EffectNone
	judge := func(e Effect, reason string) {
		effect = stronger(effect, e)
		reasons = append(reasons, reason)
	}
	if before.value != after.value {
		judge(valueEffect(before, after))
	}
	if before.federated != nil {
		switch e := requirementEffect(before.federated.Claims, after.federated.Claims); e {
		case EffectWiden:
			judge(e, "asks for other or fewer claims")
		case EffectNarrow:
			judge(e, "asks for more claims")
		case EffectText:
			judge(e, "writes its claims otherwise")
		}
	}
	for _, change := range windowChanges(before.window, after.window) {
		judge(change.effect, change.reason)
	}
	if len(reasons) > 0 {
		d.nested(after.kind, after.label, before.object(), after.object(), effect,
			"The %s of %s %s.", after, d.address, strings.Join(reasons, ", and "))
	}
}

// valueEffect judges a credential whose value changed under its label.
func valueEffect(before, after plannedCredential) (Effect, string) {
	if after.kind == "public_key" {
		switch keySetEffect(before.keys, after.keys) {
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
