package compiler

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// Claims say what verifiers make of a token. Most only describe; some are what
// verifiers grant access by, and a token that gets one of these opens more doors
// than before, though it has the same scopes.

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
	var changed, removed []string
	for _, name := range authority(slices.Sorted(maps.Keys(is))) {
		if string(was[name]) != string(is[name]) {
			changed = append(changed, name)
		}
	}
	for _, name := range authority(slices.Sorted(maps.Keys(was))) {
		if _, stays := is[name]; !stays {
			removed = append(removed, name)
		}
	}
	effect, format, args := EffectShape, "Tokens of %s carry other claims.", []any{holderOf(after)}
	switch {
	case len(changed) > 0:
		effect, format = EffectWiden, "Tokens of %s carry another %s, by which verifiers may grant access."
		args = append(args, quotedList(changed))
	case len(removed) > 0:
		effect, format = EffectNarrow, "Tokens of %s no longer carry %s, by which verifiers may grant access."
		args = append(args, quotedList(removed))
	}
	d.add("claims", rawValue(before.Claims), rawValue(after.Claims), effect, format, args...)
}

// authority keeps the claims that verifiers may grant access by.
func authority(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !schema.BearsAuthority(name) })
}

// membersOf takes claims apart: canonical JSON, "" for none.
func membersOf(claims string) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if claims != "" {
		_ = json.Unmarshal([]byte(claims), &members) // it was encoded by us
	}
	return members
}
