package compiler

import (
	"fmt"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// Verifiers may grant access by any claim, except for a few that only describe, such as
// name. A token that gets a claim, or another value of one, may open more than before
// with the same scopes. So such a change widens.

// copiedClaims compares which claims of the user's token are repeated.
func (d *differ) copiedClaims(before, after *schema.Authorization) {
	if slices.Equal(before.CopyClaims, after.CopyClaims) {
		return
	}
	added, removed := setDifference(before.CopyClaims, after.CopyClaims)
	effect, format, args := EffectShape, "Tokens of %s repeat other claims of the user's token.", []any{holderOf(after)}
	switch gains, loses := grantingClaims(added), grantingClaims(removed); {
	case len(gains) > 0:
		effect, format = EffectWiden, "Tokens of %s say the user's %s, by which verifiers may grant access."
		args = append(args, quotedList(gains))
	case len(loses) > 0:
		effect, format = EffectNarrow, "Tokens of %s no longer say the user's %s, by which verifiers may grant access."
		args = append(args, quotedList(loses))
	case len(added)+len(removed) == 0:
		effect, format = EffectText, "Tokens of %s repeat the same claims of the user's token."
	}
	d.add("copy_claims", listValue(before.CopyClaims), listValue(after.CopyClaims), effect, format, args...)
}

// claims compares what the configuration puts into tokens. Whether another value gives
// more is not known here, so it counts as widening.
func (d *differ) claims(before, after *schema.Authorization) {
	if before.Claims == after.Claims {
		return
	}
	was, is := members(before.Claims), members(after.Claims)
	var added, changed, removed []string
	for _, name := range grantingClaims(slices.Sorted(maps.Keys(is))) {
		switch old, known := was[name]; {
		case !known:
			added = append(added, name)
		case string(old) != string(is[name]):
			changed = append(changed, name)
		}
	}
	for _, name := range grantingClaims(slices.Sorted(maps.Keys(was))) {
		if _, stays := is[name]; !stays {
			removed = append(removed, name)
		}
	}
	effect, reason := EffectShape, "carry other claims"
	switch {
	case len(added) > 0 && len(changed) > 0:
		effect = EffectWiden
		reason = fmt.Sprintf("carry the new %s and another %s, by which verifiers may grant access", quotedList(added), quotedList(changed))
	case len(added) > 0:
		effect, reason = EffectWiden, fmt.Sprintf("carry the new %s, by which verifiers may grant access", quotedList(added))
	case len(changed) > 0:
		effect, reason = EffectWiden, fmt.Sprintf("carry another %s, by which verifiers may grant access", quotedList(changed))
	case len(removed) > 0:
		effect, reason = EffectNarrow, fmt.Sprintf("no longer carry %s, by which verifiers may grant access", quotedList(removed))
	}
	d.add("claims", rawValue(before.Claims), rawValue(after.Claims), effect, "Tokens of %s %s.", holderOf(after), reason)
}

// claimsSentence says by what verifiers may grant access beside the scopes of a new
// authorization; "" where that is nothing.
func claimsSentence(a *schema.Authorization) string {
	names := grantingClaims(slices.Sorted(maps.Keys(members(a.Claims))))
	copied := grantingClaims(a.CopyClaims)
	switch {
	case len(names) > 0 && len(copied) > 0:
		return fmt.Sprintf(" They carry %s and the user's %s, by which verifiers may grant access.", quotedList(names), quotedList(copied))
	case len(names) > 0:
		return fmt.Sprintf(" They carry %s, by which verifiers may grant access.", quotedList(names))
	case len(copied) > 0:
		return fmt.Sprintf(" They say the user's %s, by which verifiers may grant access.", quotedList(copied))
	}
	return ""
}

// grantingClaims keeps the claims that verifiers may grant access by.
func grantingClaims(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), schema.DescribesOnly)
}
