package compiler

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// Policies and expectations are what a change of the configuration is held to. A
// change that takes one away passes everything that is left, so it widens by
// itself, whether or not it uses what it has made possible.

// compareGuards compares the policies and expectations of two configurations.
// before is nil where only a document is known.
func (c *comparison) compareGuards(before, after *Model) {
	if before == nil || after == nil {
		return
	}
	c.comparePolicies(before, after)
	c.compareExpectations(before.Config.Tests, after.Config.Tests)
}

// comparePolicies compares policies by label.
func (c *comparison) comparePolicies(before, after *Model) {
	label := func(p *config.Policy) string { return p.Label }
	for _, was := range before.policies {
		i, there := search(after.policies, was.Label, label)
		if !there {
			c.delete(was.Address, EffectWiden, before.policyAttributes(was),
				"Nothing is held to %s any more.%s", was.Address, c.breaches(before, was, after))
			continue
		}
		c.comparePolicy(before, was, after, after.policies[i])
	}
	for _, is := range after.policies {
		if _, there := search(before.policies, is.Label, label); !there {
			c.create(is.Address, EffectText, after.policyAttributes(is), "Every %s is held to %s from now on.", is.ForEachOf, is.Address)
		}
	}
}

// comparePolicy judges a policy that stays. Of another condition nobody can tell
// in general whether it lets more through, so it widens.
func (c *comparison) comparePolicy(before *Model, was *config.Policy, after *Model, is *config.Policy) {
	d := &differ{address: is.Address}
	old, now := before.Config.Demand(was), after.Config.Demand(is)
	if was.ForEachOf != is.ForEachOf {
		d.add("for_each_of", was.ForEachOf, is.ForEachOf, EffectWiden, "%s is about each %s and no longer about each %s.", is.Address, is.ForEachOf, was.ForEachOf)
	}
	if !old.SameCondition(now) {
		d.add("condition", old.Condition, now.Condition, EffectWiden, "%s has another condition, which may let through what the old one did not.", is.Address)
	}
	for _, name := range slices.Sorted(maps.Keys(old.Reads)) {
		if value, read := now.Reads[name]; read && value != old.Reads[name] {
			d.add(name, old.Reads[name], value, EffectWiden, "The condition of %s reads another value of %s, which may let through what the old one did not.", is.Address, name)
		}
	}
	if was.Severity != is.Severity {
		effect, what := EffectText, "stops a change from now on"
		if severityOf(was) == diag.Error {
			effect, what = EffectWiden, "only warns from now on"
		}
		d.add("severity", was.Severity, is.Severity, effect, "%s %s.", is.Address, what)
	}
	if old.ErrorMessage != now.ErrorMessage {
		d.add("error_message", optional(old.ErrorMessage), optional(now.ErrorMessage), EffectText, "The error_message of %s changes.", is.Address)
	}
	if d.effect() == EffectWiden {
		d.attributes[0].Reason += c.breaches(before, was, after)
	}
	c.update(d, ActionUpdate, before.policyAttributes(was), after.policyAttributes(is))
}

// policyAttributes lists a policy as a plan shows it, in the order of the language reference.
func (m *Model) policyAttributes(p *config.Policy) []Attribute {
	demand := m.Config.Demand(p)
	return setOnly(
		Attribute{"for_each_of", optional(p.ForEachOf)},
		Attribute{"condition", optional(demand.Condition)},
		Attribute{"error_message", optional(demand.ErrorMessage)},
		Attribute{"severity", optional(p.Severity)},
	)
}

// setOnly leaves out the attributes that are not set.
func setOnly(list ...Attribute) []Attribute {
	return slices.DeleteFunc(list, func(a Attribute) bool { return a.Value == nil })
}

// breaches returns the sentence about what a policy as it was finds in the configuration as it
// will be, "" if it finds nothing. It tells whether the change does what the policy forbade.
func (c *comparison) breaches(before *Model, p *config.Policy, after *Model) string {
	objects, complete := c.breakers(before.Config, p, after)
	text := ""
	if len(objects) > 0 {
		text = fmt.Sprintf(" As it was, it is not satisfied by %s.", strings.Join(objects, ", "))
	}
	if !complete {
		text += " It could not be evaluated for everything."
	}
	return text
}

// breakers lists the objects, or changes, that do not satisfy a policy of another
// configuration. It is not complete where the policy could not be evaluated.
func (c *comparison) breakers(of *config.Config, p *config.Policy, m *Model) (addresses []string, complete bool) {
	complete = true
	hold := func(address string, self config.Self) {
		if of.Exhausted() {
			complete = false
			return
		}
		ok, _, problems := of.CheckPolicy(p, self)
		if !ok {
			addresses = append(addresses, address)
		}
		complete = complete && !problems.HasErrors()
	}
	n, subject := m.policySubjects(p.ForEachOf)
	if p.ForEachOf == forEachChange { // the change under review is held to it
		changes := (&Plan{Changes: c.changes, Access: c.access()}).policyChanges()
		n, subject = len(changes), m.changeSubjects(changes)
	}
	for i := range n {
		s := subject(i)
		hold(s.address, s.self)
	}
	return addresses, complete
}

// compareExpectations compares expectations by name.
func (c *comparison) compareExpectations(before, after []*config.Test) {
	was, is := expectationsByName(before), expectationsByName(after)
	for _, name := range slices.Sorted(maps.Keys(was)) {
		now, there := is[name]
		if !there {
			c.delete(was[name].Address, EffectWiden, expectationAttributes(was[name]), "writ check does not expect this any more.")
			continue
		}
		c.compareExpectation(was[name], now)
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if was[name] == nil {
			c.create(is[name].Address, EffectText, expectationAttributes(is[name]), "writ check expects this from now on.")
		}
	}
}

// expectationsByName indexes expectations, whose names are unique.
func expectationsByName(tests []*config.Test) map[string]*config.Test {
	m := make(map[string]*config.Test, len(tests))
	for _, t := range tests {
		m[t.Name] = t
	}
	return m
}

// compareExpectation compares an expectation that stays. If it only expects more of the same
// request, it is at least as strict as before; every other change may let more through.
func (c *comparison) compareExpectation(was, is *config.Test) {
	before, after := expectationAttributes(was), expectationAttributes(is)
	old, now := Object{before}, Object{after}
	d := &differ{address: is.Address}
	for _, a := range before {
		if value := now.Get(a.Name); !reflect.DeepEqual(a.Value, value) {
			d.add(a.Name, a.Value, value, EffectWiden, "%s expects something else, which may let through what it did not before.", is.Address)
		}
	}
	for _, a := range after {
		if old.Get(a.Name) != nil {
			continue
		}
		effect, what := EffectText, "expects more"
		if name, _, _ := strings.Cut(a.Name, "."); !slices.Contains(outcomes, name) {
			effect, what = EffectWiden, "is about another request"
		}
		d.add(a.Name, nil, a.Value, effect, "%s %s from now on.", is.Address, what)
	}
	c.update(d, ActionUpdate, before, after)
}

// outcomes are the attributes of an expectation that are about the answer.
var outcomes = []string{"granted", "scope", "lifetime", "claims", "error"}

// expectationAttributes lists an expectation as a plan shows it, by the rows of the
// language. Each claim is an attribute of its own.
func expectationAttributes(t *config.Test) []Attribute {
	var scopes, scope, lifetime any
	if t.ScopesSet {
		scopes = listValue(t.Scopes)
	}
	if t.Scope != nil {
		scope = *t.Scope
	}
	if t.Lifetime != nil {
		lifetime = *t.Lifetime
	}
	list := []Attribute{
		{"client", optional(t.Client)},
		{"api", optional(t.API)},
		{"subject_type", textOf(t.SubjectType)},
		{"subject_claims", rawValue(t.SubjectClaims)},
		{"scopes", scopes},
		{"at", timeOf(t.At)},
		{"granted", t.Granted},
		{"scope", scope},
		{"lifetime", lifetime},
	}
	for _, claim := range t.Claims {
		list = append(list, Attribute{"claims." + claim.Name, rawValue(claim.JSON)})
	}
	return setOnly(append(list, Attribute{"error", optional(t.Error)})...)
}
