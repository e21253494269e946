package compiler

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// This file holds what the effects of attributes have in common. The rule
// everywhere: where it is not certain that nobody gains, it widens.

// optional is nil for the zero value, which stands for an attribute not set.
func optional[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// textOf is optional for a value of an enumeration.
func textOf[T ~string](v T) any { return optional(string(v)) }

// timeOf is Unix seconds as a value; 0 is not set.
func timeOf(unix int64) any {
	if unix == 0 {
		return nil
	}
	return schema.FormatTime(unix)
}

// text compares what only people read.
func (d *differ) text(name, before, after string) {
	if before != after {
		d.add(name, optional(before), optional(after), EffectText, "The %s of %s changes.", name, d.address)
	}
}

// metadata compares what people and policies read.
func (d *differ) metadata(before, after map[string]string) {
	if maps.Equal(before, after) {
		return
	}
	d.add("metadata", mapValue(before), mapValue(after), EffectText, "The metadata of %s changes.", d.address)
}

func mapValue(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// guard compares prevent_destroy.
func (d *differ) guard(before, after bool) {
	if before == after {
		return
	}
	verb := "may no longer be removed"
	if before {
		verb = "may be removed from now on"
	}
	d.add("prevent_destroy", before, after, EffectText, "%s %s.", d.address, verb)
}

// setDifference lists what came and what went, in the order of the lists.
func setDifference(before, after []string) (added, removed []string) {
	if slices.Equal(before, after) {
		return nil, nil
	}
	return difference(after, before), difference(before, after)
}

func difference(values, others []string) []string {
	if len(values)*len(others) < 256 {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(others, v) })
	}
	known := make(map[string]bool, len(others))
	for _, v := range others {
		known[v] = true
	}
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return known[v] })
}

// A setRule says how the members of a set are spoken of. The verbs take the
// quoted members: "client.billing" "may use the grants %s".
type setRule struct {
	name           string
	subject        string
	added, removed string // formats with one %s
	order          Effect // of another order alone
}

// set compares a set of which more is wider.
func (d *differ) set(rule setRule, before, after []string) {
	if slices.Equal(before, after) {
		return
	}
	added, removed := setDifference(before, after)
	effect, format, args := rule.order, "%s has the same %s in another order.", []any{rule.subject, rule.name}
	switch {
	case len(added) > 0 && len(removed) > 0:
		effect, format = EffectWiden, "%s "+rule.added+" and "+rule.removed+"."
		args = []any{rule.subject, quotedList(added), quotedList(removed)}
	case len(added) > 0:
		effect, format, args = EffectWiden, "%s "+rule.added+".", []any{rule.subject, quotedList(added)}
	case len(removed) > 0:
		effect, format, args = EffectNarrow, "%s "+rule.removed+".", []any{rule.subject, quotedList(removed)}
	}
	d.add(rule.name, listValue(before), listValue(after), effect, format, args...)
}

func listValue(values []string) any {
	if len(values) == 0 {
		return []string{}
	}
	return values
}

// requirementEffect compares two JSON objects of members that a foreign token
// must have: more of them narrow, and fewer or others widen. "" is no
// requirement.
func requirementEffect(before, after string) Effect {
	if before == after {
		return EffectNone
	}
	was, is := members(before), members(after)
	for name, value := range was {
		if other, found := is[name]; !found || !bytes.Equal(value, other) {
			return EffectWiden
		}
	}
	if len(is) > len(was) {
		return EffectNarrow
	}
	return EffectText
}

// members takes a canonical JSON object apart. What is none has no members.
func members(object string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &m) != nil {
		return nil
	}
	return m
}

func rawValue(object string) any {
	if object == "" {
		return nil
	}
	return json.RawMessage(object)
}

// keysOf takes a JWK Set apart, each key as its canonical JSON.
func keysOf(jwks string) []string {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal([]byte(jwks), &set) != nil || len(set.Keys) == 0 {
		if jwks == "" {
			return nil
		}
		return []string{jwks}
	}
	keys := make([]string, len(set.Keys))
	for i, key := range set.Keys {
		keys[i] = string(key)
	}
	return keys
}

// keyIDs names the keys of a JWK Set for people.
func keyIDs(jwks string) []string {
	var ids []string
	for _, key := range keysOf(jwks) {
		var named struct {
			ID string `json:"kid"`
		}
		if json.Unmarshal([]byte(key), &named) != nil || named.ID == "" {
			named.ID = "a key without kid"
		}
		ids = append(ids, named.ID)
	}
	return ids
}

// keySetEffect compares two JWK Sets: a key that was not there widens.
func keySetEffect(before, after string) Effect {
	added, removed := setDifference(keysOf(before), keysOf(after))
	switch {
	case len(added) > 0:
		return EffectWiden
	case len(removed) > 0:
		return EffectNarrow
	}
	return EffectText
}
