package compiler

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// Claims say what verifiers make of a token. A few only describe; by any other
// verifiers may grant access, and a token that gets one of these, or another
// value of it, opens more doors than before, though it has the same scopes.

// copiedClaims compares what tokens repeat of the user's token.
func (d *differ) copiedClaims(before, after *schema.Authorization) {
	if slices.Equal(before.CopyClaims, after.CopyClaims) {
		return
	}
	added, removed := setDifference(before.CopyClaims, after.CopyClaims)
	effect, format, args := EffectShape, "Tokens of %s repeat other claims of the user's token.", []any{holderOf(after)}
	switch gains, loses := authority(added), authority(removed); {
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

// claims compares what the configuration puts into tokens. Of another value
// nobody here knows whether it gives more.
func (d *differ) claims(before, after *schema.Authorization) {
	if before.Claims == after.Claims {
		return
	}
	was, is := membersOf(before.Claims), membersOf(after.Claims)
	var added, changed, removed []string
	for _, name := range authority(slices.Sorted(maps.Keys(is))) {
		switch old, known := was[name]; {
		case !known:
			added = append(added, name)
		case string(old) != string(is[name]):
			changed = append(changed, name)
		}
	}
	for _, name := range authority(slices.Sorted(maps.Keys(was))) {
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

// withClaims says by what verifiers may grant access beside the scopes of a new
// authorization; "" where that is nothing.
func withClaims(a *schema.Authorization) string {
	names := authority(slices.Sorted(maps.Keys(membersOf(a.Claims))))
	copied := authority(a.CopyClaims)
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

// authority keeps the claims that verifiers may grant access by.
func authority(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), schema.DescribesOnly)
}

// membersOf takes claims apart: canonical JSON, "" for none.
func membersOf(claims string) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if claims != "" {
		_ = json.Unmarshal([]byte(claims), &members) // it was encoded by us
	}
	return members
}
