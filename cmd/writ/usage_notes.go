package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
)

// usageNotes reads a folded file and says, by the address of each change of a plan, what
// the logs know of it: of what is taken away when it was last used, of what is given how
// often it was asked for in vain. Either document may be nil.
func usageNotes(env *cli.Env, file string, p *compiler.Plan, prior, next *schema.Document) (map[string][]view.Note, error) {
	f, err := readUsage(env.Path(file))
	if err != nil {
		return nil, err
	}
	if f.Lines == 0 {
		return nil, diag.Failf("no-usage", "Fold writd's logs into it: writ usage LOG...", "%q holds no line of a log", file)
	}
	n := &noteWriter{file: f, now: env.Now(), prior: prior, next: next, notes: map[string][]view.Note{}}
	if n.prior == nil {
		n.prior = &schema.Document{}
	}
	for i := range p.Changes {
		n.change(&p.Changes[i])
	}
	return n.notes, nil
}

// A noteWriter makes the notes of one plan. It compares the two documents and not the
// words of the plan: those are for people, and may change.
type noteWriter struct {
	file        *usage.File
	now         time.Time
	prior, next *schema.Document
	notes       map[string][]view.Note
	address     string // of the change in hand
}

// note adds a sentence to the change in hand: about what widens in it, what narrows, or either,
// and about a scope or a nested block by its name, or the whole change.
func (n *noteWriter) note(of compiler.Effect, name, format string, args ...any) {
	n.notes[n.address] = append(n.notes[n.address], view.Note{Text: fmt.Sprintf(format, args...), Name: name, Of: of})
}

// change says what the logs know of one change.
func (n *noteWriter) change(c *compiler.Change) {
	n.address = c.Address
	kind, label, ok := compiler.ParseAddress(c.Address)
	if !ok {
		return
	}
	was := label // the label under which the logs know the object
	if c.PreviousAddress != "" {
		_, was, _ = compiler.ParseAddress(c.PreviousAddress)
	}
	switch kind {
	case compiler.KindAuthorization:
		before, after := labelled(n.prior.Authorizations, was), labelled(n.next.Authorizations, label)
		n.authorization(c, before, after)
	case compiler.KindClient:
		before, after := labelled(n.prior.Clients, was), labelled(n.next.Clients, label)
		n.client(c, before, after)
	case compiler.KindAPI:
		before, after := labelled(n.prior.APIs, was), labelled(n.next.APIs, label)
		n.api(before, after)
	}
}

// labelled is the object with the label, nil when there is none. The lists of a document
// are sorted by label, and large: every change looks into them.
func labelled[T any](list []T, label string) *T {
	i, found := slices.BinarySearchFunc(list, label, func(o T, label string) int { return cmp.Compare(labelOf(&o), label) })
	if !found {
		return nil
	}
	return &list[i]
}

// labelOf is the label of an object that labelled looks for; object is a pointer to one of
// the three kinds.
func labelOf(object any) string {
	switch o := object.(type) {
	case *schema.Authorization:
		return o.Label
	case *schema.Client:
		return o.Label
	case *schema.API:
		return o.Label
	}
	return ""
}

// authorization says when what is taken from an authorization was used, and how often
// what it gives was refused. Who reviews a removal wants to know whom it cuts off now; who
// reviews a widening, whether anybody asks for it.
func (n *noteWriter) authorization(c *compiler.Change, before, after *schema.Authorization) {
	switch {
	case before == nil && after == nil:
	case after == nil:
		n.tokens(before)
	case before == nil:
		n.refused("", "this", n.atAPI(after, decide.ReasonNoAuthorization, decide.ReasonUnknownTarget)...)
	default:
		n.scopes(before, after)
		if c.Effect == compiler.EffectWiden && after.ExpiresAt != before.ExpiresAt {
			n.refused("", "being expired", n.atAPI(after, decide.ReasonAuthorizationExpired)...)
		}
		if (c.Effect == compiler.EffectNarrow || c.Action == compiler.ActionReplace) && len(n.notes[n.address]) == 0 {
			n.tokens(before)
		}
	}
}

// tokens says when an authorization was last used.
func (n *noteWriter) tokens(a *schema.Authorization) {
	t, used := n.file.Authorization(a.Label)
	n.note("", "", "It was %s.", n.lastUsed(t, used, "token"))
}

// scopes says it of the scopes that an authorization loses and gets. A request that names
// no scope is granted all, and then nobody knows which it needed: that is said beside, as
// "never asked for by name" alone would mislead.
func (n *noteWriter) scopes(before, after *schema.Authorization) {
	used := n.file.Authorizations[before.Label]
	lost := false
	for _, name := range before.Scopes {
		if slices.Contains(after.Scopes, name) {
			continue
		}
		lost = true
		var t *usage.Tally
		if used != nil {
			t = used.Scopes[name]
		}
		if t == nil {
			n.note(compiler.EffectNarrow, name, "%s was never asked for by name in %s.", name, n.period())
		} else {
			n.note(compiler.EffectNarrow, name, "%s was %s.", name, n.lastUsed(*t, true, "request"))
		}
	}
	if lost && used != nil && used.Unscoped != nil {
		n.note(compiler.EffectNarrow, "", "Requests that named no scope were granted all: %s.", n.lastUsed(*used.Unscoped, true, "request"))
	}
	for _, name := range after.Scopes {
		if !slices.Contains(before.Scopes, name) {
			var found []usage.Tally
			if api := n.refusal(decide.ReasonUngrantedScope, after); api != nil && api.Scopes[name] != nil {
				found = append(found, *api.Scopes[name])
			}
			n.refused(name, name, found...)
		}
	}
}

// client says which credentials that go are in use, and which are while others come: an
// old secret may go once the logs show that the client uses the new one.
func (n *noteWriter) client(c *compiler.Change, before, after *schema.Client) {
	switch {
	case before == nil:
		return
	case after == nil:
		var all usage.Tally
		for _, t := range n.file.Credentials[before.ClientID] {
			if t.Last > all.Last {
				all.Last = t.Last
			}
			all.Count += t.Count
			all.Days = append(all.Days, t.Days...)
		}
		n.note("", "", "It was %s.", n.lastUsed(all, all.Count > 0, "request"))
		return
	}
	added, removed := false, map[string]bool{}
	for i := range c.Attributes {
		a := &c.Attributes[i]
		switch {
		case !isCredential(before, after, a):
		case a.Action == compiler.ActionCreate:
			added = true
		default:
			removed[a.Name+"."+a.Label] = true
			t, used := n.file.Credential(before.ClientID, a.Name, a.Label)
			n.note("", a.Label, "%s %q was %s.", a.Name, a.Label, n.lastUsed(t, used, "request"))
		}
	}
	if added {
		for _, credential := range before.Credentials() {
			t, used := n.file.Credential(before.ClientID, credential.Block.Type, credential.Label)
			if used && !removed[credential.Block.Type+"."+credential.Label] {
				n.note(compiler.EffectWiden, "", "%s %q is still in use: %s.", credential.Block.Type, credential.Label, n.lastUsed(t, true, "request"))
			}
		}
		for _, reason := range []string{"wrong-secret", "expired-secret", "method-not-registered"} {
			n.refusedClient(before, reason, reason)
		}
	}
	if c.Effect == compiler.EffectWiden && !slices.Equal(before.GrantTypes, after.GrantTypes) {
		n.refusedClient(before, string(decide.ReasonGrantTypeNotAllowed), "its grant type")
	}
}

// refusedClient says how often a client was refused for a reason.
func (n *noteWriter) refusedClient(client *schema.Client, reason, words string) {
	if r := n.file.Refusals[reason]; r != nil && r.Clients[client.ClientID] != nil {
		n.refused("", words, r.Clients[client.ClientID].Tally)
	}
}

// isCredential reports whether a change is about a credential of the client.
func isCredential(before, after *schema.Client, a *compiler.AttributeChange) bool {
	is := func(c schema.Credential) bool { return c.Block.Type == a.Name && c.Label == a.Label }
	return slices.ContainsFunc(before.Credentials(), is) || slices.ContainsFunc(after.Credentials(), is)
}

// api says when tokens for an API that goes were issued, and when its scopes that go were
// used; and how often one that comes was asked for before it was there. Logs have no count
// for an API: it is the sum over the authorizations that it had.
func (n *noteWriter) api(before, after *schema.API) {
	switch {
	case before == nil && after == nil:
	case before == nil:
		var found []usage.Tally
		if r := n.file.Refusals[string(decide.ReasonUnknownTarget)]; r != nil {
			for _, c := range r.Clients {
				if api := c.APIs[after.Identifier]; api != nil {
					found = append(found, api.Tally)
				}
			}
		}
		n.refused("", "its identifier", found...)
	case after == nil:
		t := n.overAPI(before.Label, func(a *usage.Authorization) *usage.Tally { return &a.Tally })
		n.note("", "", "It was %s.", n.lastUsed(t, t.Count > 0, "token"))
	default:
		for i := range before.Scopes {
			name := before.Scopes[i].Name
			if slices.ContainsFunc(after.Scopes, func(s schema.Scope) bool { return s.Name == name }) {
				continue
			}
			if t := n.overAPI(before.Label, func(a *usage.Authorization) *usage.Tally { return a.Scopes[name] }); t.Count > 0 {
				n.note(compiler.EffectNarrow, name, "%s was %s.", name, n.lastUsed(t, true, "request"))
			}
		}
	}
}

// overAPI adds up a tally of the authorizations for an API as they stood before.
func (n *noteWriter) overAPI(label string, of func(*usage.Authorization) *usage.Tally) usage.Tally {
	var all usage.Tally
	for i := range n.prior.Authorizations {
		a := &n.prior.Authorizations[i]
		used := n.file.Authorizations[a.Label]
		if a.API != label || used == nil {
			continue
		}
		if t := of(used); t != nil {
			all.Last = max(all.Last, t.Last)
			all.Count += t.Count
			all.Days = append(all.Days, t.Days...)
		}
	}
	return all
}

// atAPI are the refusals for some reasons of the client of an authorization at its API.
func (n *noteWriter) atAPI(a *schema.Authorization, reasons ...decide.Reason) []usage.Tally {
	var found []usage.Tally
	for _, reason := range reasons {
		if r := n.refusal(reason, a); r != nil {
			found = append(found, r.Tally)
		}
	}
	return found
}

// refusal is what was refused for a reason to the client of an authorization at its API,
// which the log names by its label, or by its identifier while it was not known.
func (n *noteWriter) refusal(reason decide.Reason, a *schema.Authorization) *usage.RefusedAPI {
	client, api := labelled(n.next.Clients, a.Client), labelled(n.next.APIs, a.API)
	r := n.file.Refusals[string(reason)]
	if client == nil || api == nil || r == nil || r.Clients[client.ClientID] == nil {
		return nil
	}
	apis := r.Clients[client.ClientID].APIs
	if found := apis[api.Label]; found != nil {
		return found
	}
	return apis[api.Identifier]
}

// refused notes how often requests were refused, in the last week if there were any. name is
// as for note, what is it in words.
func (n *noteWriter) refused(name, what string, tallies ...usage.Tally) {
	var all, week int64
	var last usage.Time
	for _, t := range tallies {
		all, week, last = all+t.Count, week+n.file.InWeek(t), max(last, t.Last)
	}
	switch {
	case week > 0:
		when := n.file.Week(n.now)
		if when == usage.ThisWeek {
			when = "in the last week"
		}
		n.note(compiler.EffectWiden, name, "Requests were refused %s for %s %s, the last time %s.", times(week), what, when, last.Ago(n.now))
	case all > 0:
		n.note(compiler.EffectWiden, name, "Requests were refused %s for %s, the last time %s.", times(all), what, last.Ago(n.now))
	}
}

// lastUsed says when something was last used and how often, or that it was not.
func (n *noteWriter) lastUsed(t usage.Tally, used bool, noun string) string {
	if !used {
		return "not used in " + n.period()
	}
	return n.file.LastUsed(t, noun, n.now)
}

// times is a number of times in words: "once", "1,204 times".
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return usage.Thousands(n) + " times"
}

// period is the time that the logs cover, in days: an answer holds for it and for no more.
func (n *noteWriter) period() string {
	return fmt.Sprintf("the logs from %s to %s", n.file.From.String()[:len(time.DateOnly)], n.file.To.String()[:len(time.DateOnly)])
}
