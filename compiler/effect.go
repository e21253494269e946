package compiler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// This file holds what the comparisons of all kinds of objects share: they decide for each
// attribute that changed whether the change widens access, and say so in a sentence. One
// rule holds everywhere: unless it is certain that nobody gains, the change widens.

// A Tier says how a change widens access, so that a reader sees new reach before a
// routine rotation. A change that does not widen has none.
type Tier string

// The tiers, the one that matters most first.
const (
	TierReach      Tier = "reach"      // somebody can do what they could not
	TierLonger     Tier = "longer"     // what they could do already, for longer, later or more often
	TierCredential Tier = "credential" // what they could do already, with another credential or key
)

// rank orders tiers, reach first. No tier comes last.
func (t Tier) rank() int {
	switch t {
	case TierReach:
		return 0
	case TierLonger:
		return 1
	case TierCredential:
		return 2
	}
	return 3
}

// attributeTiers has the attributes and nested blocks, by name, whose widening is not
// TierReach. Every other one counts as new reach, so that one that is added to the language
// and forgotten here is shown too high and not too low. A federated credential is left out
// on purpose: whoever has such an identity elsewhere could not authenticate before.
var attributeTiers = map[string]Tier{
	"token_lifetime":       TierLonger,
	"expires_at":           TierLonger,
	"retires_at":           TierLonger,
	"refresh_token":        TierLonger,
	"allow_offline_access": TierLonger,
	"caps_lifetime":        TierLonger,
	"rate_limit":           TierLonger,

	"secret":         TierCredential,
	"public_key":     TierCredential,
	"certificate":    TierCredential,
	"private_key":    TierCredential,
	"signing_secret": TierCredential,
	"jwks":           TierCredential,
	"jwks_uri":       TierCredential,
}

// tierOf returns the tier of an attribute that changed with an effect, "" unless it widens.
func tierOf(name string, effect Effect) Tier {
	if effect != EffectWiden {
		return ""
	}
	if tier, listed := attributeTiers[name]; listed {
		return tier
	}
	return TierReach
}

// breaksVerifiers reports whether verifiers that are set up for the tokens as they were refuse
// the new ones after a change of the attribute, until somebody changes their settings.
func breaksVerifiers(kind Kind, name string) bool {
	switch kind {
	case KindIssuer:
		return name == "url" || name == "sub_style"
	case KindAPI:
		return name == "identifier" || name == "signing_alg" || name == "signing_secret" || name == "token_profile"
	case KindSigningKey:
		return name == "algorithm"
	}
	return false
}

// optional returns v, or nil for the zero value: in a plan an attribute that is not set is null.
func optional[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// textOf is optional for a value of an enumeration.
func textOf[T ~string](v T) any { return optional(string(v)) }

// timeOf formats Unix seconds, nil for 0, which is an attribute that is not set.
func timeOf(unix int64) any {
	if unix == 0 {
		return nil
	}
	return schema.FormatTime(unix)
}

// A judge compares one attribute whose row in the language table is not enough to tell the
// effect: it depends on other attributes, on other objects or on the time. It adds the change
// to d, or nothing if it finds none.
type judge[T any] func(c *comparison, d *differ, before, after *T)

// compareRows compares the attributes of two objects in the order of the language reference,
// by the judge of that name or else by the attribute's row. relabelled says that labels of
// other objects changed: then judges are asked about equal values too, because the same
// label may name another object now.
func compareRows[T any](c *comparison, d *differ, judges map[string]judge[T], before, after *T, relabelled bool) {
	block := schema.BlockOf(after)
	for i := range block.Attributes {
		a := &block.Attributes[i]
		if !a.IsStored() {
			continue
		}
		same := a.Same(before, after)
		if same && !relabelled {
			continue
		}
		if judge := judges[a.Name]; judge != nil {
			judge(c, d, before, after)
		} else if !same {
			was, is := a.Get(before), a.Get(after)
			effect, reason := rowEffect(a, d.address, was, is)
			d.add(a.Name, changeValue(a, was), changeValue(a, is), effect, "%s", reason)
		}
	}
}

// changeValue returns a value as one side of a change. Unlike in a whole object, false and an
// empty list are shown, because they are what the attribute changes from or to.
func changeValue(a *schema.Attribute, v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case []string:
		return listValue(v)
	}
	return planned(a, v)
}

// rowEffect decides the effect of a change by the attribute's row, and returns the sentence
// about it. before and after differ. More and Less of the row are sentences with placeholders:
// {object}, {before}, {after}, and {values} for what was added to or removed from a list.
func rowEffect(a *schema.Attribute, object string, before, after any) (Effect, string) {
	var more, less bool
	var clauses []string
	switch was := before.(type) {
	case bool:
		more, less = !was, was
	case int64:
		more, less = after.(int64) > was, after.(int64) < was
	case float64:
		more, less = after.(float64) > was, after.(float64) < was
	case []string:
		added, removed := setDifference(was, after.([]string))
		more, less = len(added) > 0, len(removed) > 0
		if more {
			clauses = append(clauses, strings.ReplaceAll(a.More, "{values}", quotedList(added)))
		}
		if less {
			clauses = append(clauses, strings.ReplaceAll(a.Less, "{values}", quotedList(removed)))
		}
	case string: // of an enumeration, each value allows more than the one before
		from, to := slices.Index(a.Enum, was), slices.Index(a.Enum, after.(string))
		more, less = from < 0 || to < 0 || to > from, from < 0 || to < 0 || to < from
	default:
		more, less = true, true
	}
	effect := EffectWiden
	switch {
	case a.Widens == schema.WidensText:
		effect = EffectText
	case a.Widens == schema.WidensShape:
		effect = EffectShape
	case a.Widens == schema.WidensAny:
	case !more && !less: // another order
		return EffectText, fmt.Sprintf("%s has the same %s in another order.", object, a.Name)
	case a.Widens == schema.WidensMore && !more, a.Widens == schema.WidensLess && !less:
		effect = EffectNarrow
	}
	sentence := a.More
	switch {
	case a.More == "":
		sentence = "The " + a.Name + " of {object} changes."
	case len(clauses) > 0 && a.Less != "":
		return effect, object + " " + strings.Join(clauses, " and ") + "."
	case less && !more && a.Less != "":
		sentence = a.Less
	}
	return effect, strings.NewReplacer("{object}", object, "{before}", inSentence(a, before), "{after}", inSentence(a, after)).Replace(sentence)
}

// inSentence formats a value for a sentence: times and durations as the language writes
// them, texts quoted, values of enumerations without quotes.
func inSentence(a *schema.Attribute, v any) string {
	switch v := v.(type) {
	case int64:
		if a.Type == schema.TypeTime {
			return schema.FormatTime(v)
		}
		return schema.FormatDuration(v)
	case string:
		if len(a.Enum) > 0 {
			return v
		}
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}

// setDifference returns the values that only after has, and those that only before has, each
// in the order of its list. For lists that differ in order alone both are empty.
func setDifference(before, after []string) (added, removed []string) {
	if slices.Equal(before, after) {
		return nil, nil
	}
	return difference(after, before), difference(before, after)
}

// difference returns the values that others lacks. Long lists are compared through a map, as
// one by one they would take a time that grows with the product of their lengths.
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

// listValue is a list as a value; an empty one is set, not absent.
func listValue(values []string) any {
	if len(values) == 0 {
		return []string{}
	}
	return values
}

// requirementEffect compares two JSON objects of claims that a foreign token must have.
// Further claims narrow; fewer claims, or other values, widen. "" requires nothing.
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

// members returns the members of a canonical JSON object, none for "".
func members(object string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &m) != nil {
		return nil
	}
	return m
}

// rawValue is canonical JSON as a value, nil for "".
func rawValue(object string) any {
	if object == "" {
		return nil
	}
	return json.RawMessage(object)
}

// keysOf returns the keys of a JWK Set, each as its JSON, which is canonical in a document. A
// text that is no JWK Set counts as one key, so that a change of it is seen.
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

// keyIDs returns the key IDs of a JWK Set, for people: a kid need not be unique or there.
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

// keySetEffect compares two JWK Sets as sets of keys. A new key widens: whoever has it can
// sign what only the holders of the old ones could.
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
