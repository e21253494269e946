package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// This file says what a plan means, in the order in which it matters. Text and markdown
// print the same sections, so that they cannot say different things.

// A section is a heading and the statements below it. An empty one is not printed.
type section struct {
	heading    string
	mark       string // before the heading of a comment
	widens     bool
	statements []*statement
}

// A statement is one consequence of a plan: a sentence about one object, or about several
// to which the same happens. Fourteen APIs whose tokens live longer by one default are one
// thing to a reader, and as fourteen they would hide the scope that comes after them.
type statement struct {
	sign      string
	addresses []string // of the clients that gain or lose, or of the objects that change
	reason    string   // a sentence; of several objects without the name of any. "" for access

	// What clients gain or lose. A right is to scopes, or to tokens without any.
	verb      string   // "may now"
	scopes    []string // those declared sensitive first
	sensitive int      // how many of scopes
	api       string   // address, with the identifier where it is needed
	behalf    string   // ", on behalf of users"
	remark    string   // " (from ...; until ...)"

	loosens bool   // a policy or an expectation
	id      string // what else of the object the sentence names: a new client's client_id, quoted, or the client of an authorization
	place   Place
	notes   []string
	each    []instance // of several addresses that are one statement
}

// An instance is what a statement says of one of its addresses alone.
type instance struct {
	reason string
	place  Place
}

// isAccess reports whether the statement is about who gets which token.
func (s *statement) isAccess() bool { return s.verb != "" }

// pairs counts the scopes of each client, and a token without scopes as one.
func (s *statement) pairs() int { return len(s.addresses) * max(len(s.scopes), 1) }

// cutOff is the verb of a client that gets no token any more. It marks the statement as well:
// such a line also says which scopes the client had.
const cutOff = "gets no more tokens for"

// The sections, by their places in the list that meaningOf returns.
const (
	sectionReach = iota
	sectionLonger
	sectionCredential
	sectionCutOff
	sectionNarrow
	sectionVerifiers
	sectionGuards
	sectionShape
	sectionText
	sectionRenames
)

// A meaning is what a plan means.
type meaning struct {
	sections []section
	review   *Review
	grouped  []map[string]int // of each section: the statement by what it says
}

// meaningOf sorts everything that a plan says into sections.
func meaningOf(r *Review) *meaning {
	m := &meaning{review: r, sections: []section{
		sectionReach:      {heading: "Gains", mark: "⚠️ ", widens: true},
		sectionLonger:     {heading: "Gains: longer, later or more often", widens: true},
		sectionCredential: {heading: "Gains: another credential for reach that was there", widens: true},
		sectionCutOff:     {heading: "Cut off", mark: "⛔ "},
		sectionNarrow:     {heading: "Narrows access"},
		sectionVerifiers:  {heading: "Breaks verifiers", mark: "🔧 "},
		sectionGuards:     {heading: "Policies and expectations"},
		sectionShape:      {heading: "Changes how tokens or answers look"},
		sectionText:       {heading: "Changes names, descriptions and guards"},
		sectionRenames:    {heading: "Renames"},
	}}
	m.grouped = make([]map[string]int, len(m.sections))
	for i := range m.grouped {
		m.grouped[i] = map[string]int{}
	}
	for i := range r.Access {
		m.access(i)
	}
	// Who gets which token is told by the access changes, since these include what follows
	// from an object that goes, and leave out what an authorization says and nobody gets.
	told := toldByAccess(r.Access)
	for i := range r.Changes {
		m.change(&r.Changes[i], told)
	}
	for i := range m.sections {
		m.sections[i].statements = regroup(m.sections[i].statements)
		slices.SortStableFunc(m.sections[i].statements, func(a, b *statement) int { return min(b.sensitive, 1) - min(a.sensitive, 1) })
	}
	return m
}

// add adds a statement to a section, or its address to a statement that says the same.
func (m *meaning) add(section int, key string, s statement) {
	list := &m.sections[section].statements
	if i, known := m.grouped[section][key]; known {
		other := (*list)[i]
		if other.each == nil {
			other.each = []instance{{other.reason, other.place}}
		}
		other.addresses, other.each = append(other.addresses, s.addresses...), append(other.each, instance{s.reason, s.place})
		other.notes = append(other.notes, s.notes...)
		if other.place != s.place {
			if other.place.Owner != s.place.Owner {
				other.place.Owner = ""
			}
			if other.place.Line() != s.place.Line() {
				other.place.Range, other.place.URL = hcl.Range{}, ""
			}
		}
		return
	}
	m.grouped[section][key] = len(*list)
	*list = append(*list, &s)
}

// place asks where something is written; it is empty where nobody knows.
func (m *meaning) place(address, attribute, label string) Place {
	if m.review.Place == nil {
		return Place{}
	}
	return m.review.Place(address, attribute, label)
}

// access adds what one change of access gives and takes: one statement for the scopes that
// are gained and one for those that are lost.
func (m *meaning) access(i int) {
	a := &m.review.Access[i]
	client, api := parties(m.review.Access, i)
	base := statement{addresses: []string{client}, api: api, behalf: behalf(a)}
	when := accessPeriod(a)
	var sensitive map[string]bool
	if len(a.Sensitive) > 0 {
		sensitive = make(map[string]bool, len(a.Sensitive))
		for _, scope := range a.Sensitive {
			sensitive[scope] = true
		}
	}
	// A gain of tokens without scopes has no scope in Gained, and is one all the same.
	if len(a.Gained) > 0 || a.Token == compiler.TokenGained {
		s := base
		section := sectionReach
		s.sign, s.verb, s.remark = "+", "may now", remark(when)
		switch {
		case a.Tier == compiler.TierLonger && a.From == "":
			section, s.verb = sectionLonger, "may already"
		case a.Tier == compiler.TierLonger:
			section, s.verb = sectionLonger, "keeps"
		}
		m.scopes(section, &s, a, a.Gained, sensitive)
	}
	if len(a.Lost) > 0 || a.Token == compiler.TokenLost {
		s := base
		s.sign, s.verb, s.remark = "-", "may no longer", remark(when)
		section := sectionNarrow
		if a.Token == compiler.TokenLost {
			section, s.verb = sectionCutOff, cutOff
		}
		if a.From == "" && a.ValidUntilMax > 0 {
			s.remark = remark(when, "tokens already issued stay valid for up to "+atMost(a.ValidUntilMax))
		}
		m.scopes(section, &s, a, a.Lost, sensitive)
	}
}

// scopes adds the statement about a list of scopes. Short lists of several clients that
// are alike become one statement.
func (m *meaning) scopes(section int, s *statement, a *compiler.AccessChange, scopes []string, sensitive map[string]bool) {
	s.scopes = scopes
	if len(sensitive) > 0 {
		s.scopes = slices.Clone(scopes)
		slices.SortStableFunc(s.scopes, func(a, b string) int {
			return boolRank(sensitive[b]) - boolRank(sensitive[a])
		})
		for s.sensitive < len(s.scopes) && sensitive[s.scopes[s.sensitive]] {
			s.sensitive++
		}
	}
	authorization := compiler.Address(compiler.KindAuthorization, a.Authorization)
	s.place = m.place(authorization, "scopes", "")
	effect := compiler.EffectNarrow
	if m.sections[section].widens {
		effect = compiler.EffectWiden
	}
	s.notes = about(m.review.Notes[authorization], scopes, effect)
	// A long list stays with its client: if it had to be folded away with the names of the
	// clients beside it, nobody could tell which of the two is cut.
	key := s.addresses[0] + a.Authorization
	if len(scopes) <= maxInline && len(s.notes) == 0 {
		key = ""
	}
	m.add(section, key+"|"+s.verb+"|"+strings.Join(s.scopes, " ")+"|"+s.api+s.behalf+s.remark, *s)
}

// boolRank orders false before true.
func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// toldByAccess are the authorizations whose gains, and whose losses, the access changes
// tell better than their attributes do.
func toldByAccess(changes []compiler.AccessChange) (told map[string]map[compiler.Effect]bool) {
	told = make(map[string]map[compiler.Effect]bool, len(changes))
	for i := range changes {
		a := &changes[i]
		address := compiler.Address(compiler.KindAuthorization, a.Authorization)
		of := told[address]
		if of == nil {
			of = make(map[compiler.Effect]bool, 2)
			told[address] = of
		}
		if len(a.Gained) > 0 || a.Token == compiler.TokenGained {
			of[compiler.EffectWiden] = true
		}
		if len(a.Lost) > 0 || a.Token == compiler.TokenLost {
			of[compiler.EffectNarrow] = true
		}
	}
	return told
}

// asAccess are the attributes of an authorization that decide who gets which token. ""
// is the authorization as a whole.
var asAccess = []string{"", "client", "api", "subject_type", "scopes", "expires_at"}

// change says what one change of an object means, each attribute in the section where it
// belongs. A change without attributes, such as a removal, is one statement.
func (m *meaning) change(c *compiler.Change, told map[string]map[compiler.Effect]bool) {
	if len(c.Attributes) == 0 {
		m.attribute(c, &compiler.AttributeChange{Action: c.Action, Effect: c.Effect, Tier: c.Tier, Reason: c.Reason}, told)
	}
	for i := range c.Attributes {
		m.attribute(c, &c.Attributes[i], told)
	}
}

// attribute says what one attribute means.
func (m *meaning) attribute(c *compiler.Change, a *compiler.AttributeChange, told map[string]map[compiler.Effect]bool) {
	if told[c.Address][a.Effect] && slices.Contains(asAccess, a.Name) && !strings.Contains(a.Reason, "by which verifiers may grant access") {
		return
	}
	section := sectionRenames
	switch a.Effect {
	case compiler.EffectWiden:
		section = map[compiler.Tier]int{compiler.TierLonger: sectionLonger, compiler.TierCredential: sectionCredential}[a.Tier]
	case compiler.EffectNarrow:
		section = sectionNarrow
	case compiler.EffectShape:
		section = sectionShape
	case compiler.EffectText:
		section = sectionText
	}
	if isGuard(c.Address) {
		section = sectionGuards
	}
	loosens := section == sectionGuards && a.Effect == compiler.EffectWiden
	s := statement{
		sign: actionSign(a.Action), addresses: []string{c.Address}, reason: a.Reason, loosens: loosens,
		place: m.place(c.Address, a.Name, a.Label),
	}
	if notes := m.review.Notes[c.Address]; len(notes) > 0 {
		var names []string
		if a.Label != "" {
			names = []string{a.Label}
		}
		s.notes = about(notes, names, a.Effect)
	}
	kind, _, _ := compiler.ParseAddress(c.Address)
	switch {
	case kind == compiler.KindClient && c.Action == compiler.ActionCreate: // named by what it authenticates as
		s.id = fmt.Sprintf("%q", c.After.Get("client_id"))
	case kind == compiler.KindAuthorization && c.Action == compiler.ActionUpdate: // a claim of its API concerns each client alike
		s.id = compiler.Address(compiler.KindClient, fmt.Sprint(c.After.Get("client")))
	}
	key := string(kind) + "|" + s.sign + "|" + a.Name + "|" + s.openSentence("\x00")
	if len(s.notes) > 0 {
		key = c.Address + key
	}
	// What breaks verifiers and widens too, such as another identifier, is told in both
	// places: the one is read by whoever guards an API, the other by whoever runs it.
	if a.BreaksVerifiers {
		m.add(sectionVerifiers, key, s)
		if a.Effect == compiler.EffectShape {
			return
		}
	}
	m.add(section, key, s)
}

// isGuard reports whether an address is of a policy or an expectation. An expectation has
// its name for an address, after the word expect.
func isGuard(address string) bool {
	kind, _, _ := compiler.ParseAddress(address)
	return kind == compiler.KindPolicy || isExpectation(address)
}

// isExpectation reports whether an address is of an expectation.
func isExpectation(address string) bool { return strings.HasPrefix(address, "expect ") }

// repeated is from how many on the same statement about several objects is said once.
const repeated = 3

// regroup takes apart what is said of too few objects to be said once, and words what is
// said of many without the name of any.
func regroup(statements []*statement) []*statement {
	list := make([]*statement, 0, len(statements))
	for _, s := range statements {
		switch {
		case len(s.addresses) == 1:
			list = append(list, s)
		case len(s.addresses) < repeated:
			list = append(list, s.apart()...)
		default:
			s.reason = s.withoutSubject()
			list = append(list, s)
		}
	}
	return list
}

// apart is one statement for each of the addresses, with the place and the sentence of its own.
func (s *statement) apart() []*statement {
	if len(s.addresses) == 1 {
		return []*statement{s}
	}
	list := make([]*statement, len(s.addresses))
	for i, address := range s.addresses {
		one := *s
		one.addresses, one.reason, one.place, one.each = []string{address}, s.each[i].reason, s.each[i].place, nil
		list[i] = &one
	}
	return list
}

// parties names who gains or loses, and on which API. Where other changes have the same
// labels, as after a replacement, it adds the client id or identifier.
func parties(changes []compiler.AccessChange, i int) (client, api string) {
	a := &changes[i]
	client, api = compiler.Address(compiler.KindClient, a.Client), compiler.Address(compiler.KindAPI, a.API)
	for _, other := range sameLabels(changes, i) {
		if other.ClientID != a.ClientID {
			client = fmt.Sprintf("%s with client_id %q", compiler.Address(compiler.KindClient, a.Client), a.ClientID)
		}
		if other.Identifier != a.Identifier {
			api = fmt.Sprintf("%s with identifier %q", compiler.Address(compiler.KindAPI, a.API), a.Identifier)
		}
	}
	return client, api
}

// behalf is the clause about whose users the access is for, "" for access of the client itself.
func behalf(a *compiler.AccessChange) string {
	switch {
	case a.TrustedIssuer != "":
		return ", on behalf of users of " + compiler.Address(compiler.KindTrustedIssuer, a.TrustedIssuer)
	case a.SubjectType == schema.SubjectUser:
		return ", on behalf of users"
	}
	return ""
}

// sameLabels returns the changes with the labels of change i, itself included. They are
// neighbours, as the list is sorted by label.
func sameLabels(changes []compiler.AccessChange, i int) []compiler.AccessChange {
	// A replaced client or API is one that goes and one that comes, under the same label.
	same := func(j int) bool {
		a, b := &changes[i], &changes[j]
		return a.Client == b.Client && a.API == b.API && a.SubjectType == b.SubjectType
	}
	start, end := i, i+1
	for start > 0 && same(start-1) {
		start--
	}
	for end < len(changes) && same(end) {
		end++
	}
	return changes[start:end]
}

// widening lists the addresses of all that widens, each once, those by which somebody gains
// a sensitive scope first: where the list is cut, they are the last to go.
func widening(r *Review) []string {
	sensitive := map[string]bool{}
	for i := range r.Access {
		if a := &r.Access[i]; len(a.Sensitive) > 0 && len(a.Gained) > 0 {
			sensitive[compiler.Address(compiler.KindAuthorization, a.Authorization)] = true
		}
	}
	var first, rest []string
	for i := range r.Changes {
		switch c := &r.Changes[i]; {
		case c.Effect != compiler.EffectWiden:
		case sensitive[c.Address]:
			first = append(first, c.Address)
		default:
			rest = append(rest, c.Address)
		}
	}
	return append(first, rest...)
}
