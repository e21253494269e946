package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/schema"
)

// A comparison holds two documents and what changes from one to the other.
type comparison struct {
	prior, next *schema.Document  // never nil
	first       bool              // there was no prior document
	at          time.Time         // the time of the plan; the zero time when it has none
	now         int64             // at in Unix seconds; what is over by then is no access
	past        pastLifetimes     // that prior remembers
	locked      map[string]Rename // from CheckLock, by new address
	lock        *lockfile.File    // from CheckLock; nil when it is not known

	apis           []pair[schema.API]
	clients        []pair[schema.Client]
	authorizations []pair[schema.Authorization]

	// New labels of renamed objects, by the old ones. A deleted object whose label
	// was reused has "label (id)" here, which no label can be.
	apiLabels, clientLabels map[string]string
	// Objects by label, before and after.
	apiBefore, apiAfter       map[string]*schema.API
	clientBefore, clientAfter map[string]*schema.Client

	// When the credentials of clients are accepted, see timesOf; made by compareTimes.
	timesBefore, timesAfter map[*schema.Client][]span

	sensitive map[string]map[string]bool // names of sensitive scopes by identifier; made at first use

	// Authorizations by the label of their API, made at first use.
	heldBefore, heldAfter map[string][]*schema.Authorization

	changes []Change // never nil
}

// A pair is one object before and after; one of the two may be nil.
type pair[T any] struct{ before, after *T }

// newComparison pairs the objects of two documents; nothing is compared yet.
func newComparison(prior Prior, next *schema.Document, renames []Rename, at time.Time) *comparison {
	c := &comparison{
		prior: prior.Document, next: next, first: prior.Document == nil, at: at, now: at.Unix(),
		past: newPastLifetimes(prior.PastLifetimes), locked: make(map[string]Rename),
	}
	if c.prior == nil {
		c.prior = &schema.Document{}
	}
	if next == nil {
		c.next = &schema.Document{}
	}
	for _, r := range renames {
		c.locked[Address(r.Kind, r.To)] = r
	}
	c.apis, c.apiLabels = pairUp(c.prior.APIs, c.next.APIs,
		func(a *schema.API) string { return a.Label }, func(a *schema.API) string { return a.Identifier })
	c.clients, c.clientLabels = pairUp(c.prior.Clients, c.next.Clients,
		func(a *schema.Client) string { return a.Label }, func(a *schema.Client) string { return a.ClientID })
	c.apiBefore, c.apiAfter = objectsByLabel(c.apis, func(a *schema.API) string { return a.Label })
	c.clientBefore, c.clientAfter = objectsByLabel(c.clients, func(a *schema.Client) string { return a.Label })
	markDeletedLabels(c.apiLabels, c.apiBefore, func(a *schema.API) string { return a.Identifier })
	markDeletedLabels(c.clientLabels, c.clientBefore, func(a *schema.Client) string { return a.ClientID })
	c.authorizations = c.pairAuthorizations()
	c.changes = make([]Change, 0, countUnpaired(c.apis)+countUnpaired(c.clients)+countUnpaired(c.authorizations))
	return c
}

// markDeletedLabels gives deleted objects whose label was reused the display name
// "label (id)". No label contains a space outside of quotes, so it is
// unambiguous.
func markDeletedLabels[T any](labels map[string]string, before map[string]*T, identity func(*T) string) {
	for label, to := range labels {
		if to == "" {
			labels[label] = fmt.Sprintf("%s (%s)", label, identity(before[label]))
		}
	}
}

// countUnpaired counts the objects that are created or deleted.
func countUnpaired[T any](pairs []pair[T]) int {
	n := 0
	for _, p := range pairs {
		if p.before == nil || p.after == nil {
			n++
		}
	}
	return n
}

// An edge identifies an authorization by its client, API and kind of subject. At
// most one authorization may have the same.
type edge struct {
	client, api string // labels after the change
	subject     schema.SubjectType
}

// pairAuthorizations pairs authorizations by what they are about, and by label.
func (c *comparison) pairAuthorizations() []pair[schema.Authorization] {
	label := func(a *schema.Authorization) string { return a.Label }
	pairs, _ := pairUpBy(c.prior.Authorizations, c.next.Authorizations, label,
		func(a *schema.Authorization) edge {
			return edge{c.clientLabel(a.Client), c.apiLabel(a.API), a.SubjectType}
		},
		func(a *schema.Authorization) edge { return edge{a.Client, a.API, a.SubjectType} })
	return pairs
}

// apiLabel returns the label that the API with this earlier label has after the
// change. A deleted API keeps its label, unless another API has it now.
func (c *comparison) apiLabel(before string) string {
	if after, renamed := c.apiLabels[before]; renamed {
		return after
	}
	return before
}

// clientLabel is apiLabel for clients.
func (c *comparison) clientLabel(before string) string {
	if after, renamed := c.clientLabels[before]; renamed {
		return after
	}
	return before
}

// apiLabelsAfter is apiLabel for a set of labels, sorted again.
func (c *comparison) apiLabelsAfter(before []string) []string {
	if len(c.apiLabels) == 0 {
		return before
	}
	labels := make([]string, len(before))
	for i, label := range before {
		labels[i] = c.apiLabel(label)
	}
	slices.Sort(labels)
	return labels
}

// authorizationsBefore returns the prior authorizations by the label of their
// API.
func (c *comparison) authorizationsBefore() map[string][]*schema.Authorization {
	if c.heldBefore == nil {
		c.heldBefore = byAPI(c.prior.Authorizations)
	}
	return c.heldBefore
}

// authorizationsAfter is authorizationsBefore for the new document.
func (c *comparison) authorizationsAfter() map[string][]*schema.Authorization {
	if c.heldAfter == nil {
		c.heldAfter = byAPI(c.next.Authorizations)
	}
	return c.heldAfter
}

// byAPI groups authorizations by the label of their API.
func byAPI(authorizations []schema.Authorization) map[string][]*schema.Authorization {
	m := make(map[string][]*schema.Authorization)
	for i := range authorizations {
		a := &authorizations[i]
		m[a.API] = append(m[a.API], a)
	}
	return m
}

// A differ collects the changed attributes of one object with their effects.
type differ struct {
	address    string
	attributes []AttributeChange
}

// add records a changed attribute. Values are as in Attribute; nil means not set.
func (d *differ) add(name string, before, after any, effect Effect, format string, args ...any) {
	d.nested(name, "", before, after, effect, format, args...)
}

// nested records that a nested block, or an attribute in it, changed.
func (d *differ) nested(name, label string, before, after any, effect Effect, format string, args ...any) {
	action := ActionUpdate
	switch {
	case before == nil && after != nil:
		action = ActionCreate
	case before != nil && after == nil:
		action = ActionDelete
	}
	kind, _, _ := ParseAddress(d.address)
	d.attributes = append(d.attributes, AttributeChange{
		Name: name, Label: label, Action: action, Effect: effect, Tier: tierOf(name, effect), BreaksVerifiers: breaksVerifiers(kind, name),
		Reason: fmt.Sprintf(format, args...), Before: before, After: after,
	})
}

// effect returns the strongest effect among the changed attributes.
func (d *differ) effect() Effect {
	effect := EffectNone
	for i := range d.attributes {
		effect = stronger(effect, d.attributes[i].Effect)
	}
	return effect
}

// tier returns the first tier among the changed attributes.
func (d *differ) tier() Tier {
	var tier Tier
	for i := range d.attributes {
		if t := d.attributes[i].Tier; t.rank() < tier.rank() {
			tier = t
		}
	}
	return tier
}

// reason joins the reasons of the attributes that have the strongest effect.
func (d *differ) reason() string {
	strongest := d.effect()
	var reasons []string
	for i := range d.attributes {
		if d.attributes[i].Effect == strongest {
			reasons = append(reasons, d.attributes[i].Reason)
		}
	}
	return strings.Join(reasons, " ")
}

// create records a new object. Where CheckLock saw a rename that the prior document does
// not show, the reason says so.
func (c *comparison) create(address string, effect Effect, after any, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if r, renamed := c.locked[address]; renamed {
		reason += fmt.Sprintf(" The lockfile has it as %s.", Address(r.Kind, r.From))
	}
	tier := tierOf("", effect)
	if kind, _, _ := ParseAddress(address); kind == KindSigningKey {
		tier = tierOf("private_key", effect)
	}
	c.changes = append(c.changes, Change{
		Address: address, Action: ActionCreate, Effect: effect, Tier: tier, Reason: reason, After: Object{after},
	})
}

// delete records an object that is gone.
func (c *comparison) delete(address string, effect Effect, before any, format string, args ...any) {
	c.changes = append(c.changes, Change{
		Address: address, Action: ActionDelete, Effect: effect, Tier: tierOf("", effect), Reason: fmt.Sprintf(format, args...), Before: Object{before},
	})
}

// rename records another label for the same object.
func (c *comparison) rename(from, to string, before, after any, format string, args ...any) {
	c.changes = append(c.changes, Change{
		Address: to, PreviousAddress: from, Action: ActionRename, Effect: EffectNone,
		Reason: fmt.Sprintf(format, args...), Before: Object{before}, After: Object{after},
	})
}

// update records what a differ collected, if anything.
func (c *comparison) update(d *differ, action Action, before, after any) {
	if len(d.attributes) == 0 {
		return
	}
	c.changes = append(c.changes, Change{
		Address: d.address, Action: action, Effect: d.effect(), Tier: d.tier(), Reason: d.reason(),
		BreaksVerifiers: slices.ContainsFunc(d.attributes, func(a AttributeChange) bool { return a.BreaksVerifiers }),
		Before:          Object{before}, After: Object{after}, Attributes: d.attributes,
	})
}

// addressList returns "authorization.a, authorization.b", shortened after eight:
// the plan lists each one elsewhere.
func addressList(kind Kind, labels []string) string {
	const most = 8
	shown := make([]string, 0, most+1)
	for i, label := range labels {
		if i == most {
			shown = append(shown, fmt.Sprintf("and %d more", len(labels)-most))
			break
		}
		shown = append(shown, Address(kind, label))
	}
	return strings.Join(shown, ", ")
}

// quotedList returns all values as `"a", "b"`. It is never shortened: a malicious
// change would put the scope that matters at the end of a list of gains.
func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return strings.Join(quoted, ", ")
}

// compareEnds compares two ends in Unix seconds, where 0 means no end.
func compareEnds(a, b int64) int {
	switch {
	case a == b:
		return 0
	case a == 0:
		return 1
	case b == 0:
		return -1
	}
	return cmp.Compare(a, b)
}

// pairUp pairs the objects of two lists that are sorted by label. Objects match
// by identity, which a rename keeps, and otherwise by label, which a replacement
// keeps:
//
//   - same label, same identity: unchanged or updated
//   - other label, same identity: renamed, if no other object has that identity
//   - same label, other identity: replaced
//   - anything else: created or deleted
//
// The map gives the new label of each renamed object by its old one. For a
// deleted object whose label was reused it gives "": references to that label now
// mean another object. The pairs are sorted by label, the new one where there is
// one.
func pairUp[T any, K comparable](before, after []T, label func(*T) string, identity func(*T) K) ([]pair[T], map[string]string) {
	return pairUpBy(before, after, label, identity, identity)
}

// pairUpBy is pairUp with separate functions for the identity before and after.
func pairUpBy[T any, K comparable](before, after []T, label func(*T) string, was, is func(*T) K) ([]pair[T], map[string]string) {
	pairs := make([]pair[T], 0, max(len(before), len(after)))
	byIdentity := make(map[K]*T) // what is left of before
	var open []int               // pairs with a new object that may be a renamed one
	for i, j := 0, 0; i < len(before) || j < len(after); {
		switch {
		case j == len(after) || i < len(before) && label(&before[i]) < label(&after[j]):
			byIdentity[was(&before[i])] = &before[i]
			pairs = append(pairs, pair[T]{before: &before[i]})
			i++
			continue
		case i == len(before) || label(&after[j]) < label(&before[i]):
			open = append(open, len(pairs))
			pairs = append(pairs, pair[T]{after: &after[j]})
			j++
			continue
		}
		pairs = append(pairs, pair[T]{&before[i], &after[j]})
		if was(&before[i]) != is(&after[j]) {
			byIdentity[was(&before[i])] = &before[i]
			open = append(open, len(pairs)-1)
		}
		i, j = i+1, j+1
	}
	return pairRenamed(pairs, open, byIdentity, label, is)
}

// pairRenamed moves each object that kept its identity under another label to the
// pair of its new label.
func pairRenamed[T any, K comparable](pairs []pair[T], open []int, byIdentity map[K]*T, label func(*T) string, is func(*T) K) ([]pair[T], map[string]string) {
	labels := make(map[string]string)
	moved := make(map[*T]bool)
	taken := make(map[int]*T)
	for _, i := range open {
		if before := byIdentity[is(pairs[i].after)]; before != nil {
			labels[label(before)] = label(pairs[i].after)
			moved[before] = true
			taken[i] = before
		}
	}
	if len(moved) == 0 {
		return pairs, labels
	}
	kept := make([]pair[T], 0, len(pairs)+len(moved))
	for i, p := range pairs {
		before := p.before
		if moved[before] {
			before = nil
		}
		switch {
		case taken[i] == nil && (before != nil || p.after != nil):
			kept = append(kept, pair[T]{before, p.after})
		case taken[i] != nil:
			if before != nil { // its label went to another object
				labels[label(before)] = ""
				kept = append(kept, pair[T]{before: before})
			}
			kept = append(kept, pair[T]{taken[i], p.after})
		}
	}
	return kept, labels
}

// objectsByLabel indexes the objects of pairs by their labels, before and after.
func objectsByLabel[T any](pairs []pair[T], label func(*T) string) (before, after map[string]*T) {
	before, after = make(map[string]*T, len(pairs)), make(map[string]*T, len(pairs))
	for _, p := range pairs {
		if p.before != nil {
			before[label(p.before)] = p.before
		}
		if p.after != nil {
			after[label(p.after)] = p.after
		}
	}
	return before, after
}
