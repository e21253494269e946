package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// This file says what a plan means, in the order in which it matters. Text and markdown
// print the same sections, so that they cannot say different things.

// A section is a heading and what stands below it.
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
	id      string // how the sentence names the object beside its address: a new client's client_id, quoted
	place   Place
	notes   []string
	each    []instance // of several addresses that are one statement
}

// An instance is what a statement says of one of its addresses alone.
type instance struct {
	reason string
	place  Place
}

// eachInstance stands for the key of an instance in a sentence about several.
const eachInstance = "[each.key]"

// isAccess reports whether the statement is about who gets which token.
func (s *statement) isAccess() bool { return s.verb != "" }

// pairs counts the scopes of each client, and a token without scopes as one.
func (s *statement) pairs() int { return len(s.addresses) * max(len(s.scopes), 1) }

// cutOff is the verb of a client that gets no token any more.
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

// place asks where something is written.
func (m *meaning) place(address, attribute, label string) Place {
	if m.review.Place == nil {
		return Place{}
	}
	return m.review.Place(address, attribute, label)
}

// access says what one change gives and takes.
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
	s.notes = m.review.Notes[authorization]
	// A long list stays with its client: if it had to be folded away with the names of the
	// clients beside it, nobody could tell which of the two is cut.
	key := s.addresses[0] + a.Authorization
	if len(scopes) <= maxInline && len(s.notes) == 0 {
		key = ""
	}
	m.add(section, key+"|"+s.verb+"|"+strings.Join(s.scopes, " ")+"|"+s.api+s.behalf+s.remark, *s)
}

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

// change says what one change of an object means, each attribute where it belongs.
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
		place: m.place(c.Address, a.Name, a.Label), notes: m.review.Notes[c.Address],
	}
	kind, _, _ := compiler.ParseAddress(c.Address)
	// A new client's sentence names it by what it authenticates as.
	if kind == compiler.KindClient && c.Action == compiler.ActionCreate {
		s.id = fmt.Sprintf("%q", c.After.Get("client_id"))
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

// isGuard reports whether an address is of a policy or an expectation.
func isGuard(address string) bool {
	kind, _, _ := compiler.ParseAddress(address)
	return kind == compiler.KindPolicy || strings.HasPrefix(address, "expect ")
}

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

// apart is a statement about each of the addresses.
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

// openSentence is the sentence of a statement about one object with another word for the
// object: what is left is the same for objects to which the same happens. The key of an
// instance, by which other objects are named as well, is left open.
func (s *statement) openSentence(word string) string {
	address := s.addresses[0]
	text := strings.ReplaceAll(s.reason, address, word)
	if s.id != "" {
		text = strings.ReplaceAll(text, s.id, word)
	}
	if i := strings.IndexByte(address, '['); i > 0 {
		text = strings.ReplaceAll(text, address[i:], eachInstance)
	}
	return text
}

// withoutSubject is the sentence as it is said of several objects after a colon: "tokens
// may live 1d instead of 12h".
func (s *statement) withoutSubject() string {
	text := strings.TrimSuffix(s.openSentence("\x00"), ".")
	for _, preposition := range []string{" for ", " of ", " from ", " to ", " on ", " with "} {
		text = strings.ReplaceAll(text, preposition+"\x00", "")
	}
	text = strings.ReplaceAll(text, "\x00", "each")
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// subject names what a statement is about, if that is several objects: "14 APIs".
func (s *statement) subject() string {
	if s.isAccess() {
		return schema.Plural(len(s.addresses), "client")
	}
	kind, _, _ := compiler.ParseAddress(s.addresses[0])
	noun := map[compiler.Kind]string{
		compiler.KindAPI: "API", compiler.KindClient: "client", compiler.KindAuthorization: "authorization",
		compiler.KindTrustedIssuer: "trusted issuer", compiler.KindSigningKey: "signing key",
	}[kind]
	if noun == "" {
		return addressesNoun(len(s.addresses))
	}
	return schema.Plural(len(s.addresses), noun)
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

// behalf is the clause about whose users the access is for, "" for a client itself.
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
// a sensitive scope first.
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

// consequences is the line that a reader may stop after: who gains, who is cut off, who has
// to do something.
func (m *meaning) consequences() string {
	r := m.review
	if r.Plan.Empty() && len(r.Changes) == 0 && r.Guards.Errors() == 0 {
		if r.Refactored {
			return "No changes: the files differ, and nothing in tokens does."
		}
		return "No changes."
	}
	var parts []string
	say := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	gains, sensitive, cut, loses := m.clients()
	switch {
	case gains > 0 && sensitive == gains:
		say(gains, "client gains access (sensitive)", "clients gain access (sensitive)")
	case gains > 0 && sensitive > 0:
		say(gains, "", fmt.Sprintf("clients gain access (%d sensitive)", sensitive))
	case gains > 0:
		say(gains, "client gains access", "clients gain access")
	}
	if more := m.countAddresses(sectionReach, false); gains > 0 {
		say(more, "more change widens access", "more changes widen access")
	} else {
		say(more, "change widens access", "changes widen access")
	}
	if n := m.countAddresses(sectionLonger, true); n > 0 {
		parts = append(parts, "access lasts longer at "+addressesNoun(n))
	}
	if n := m.countAddresses(sectionCredential, true); n > 0 && m.all(sectionCredential, compiler.KindClient) {
		say(n, "client takes another credential", "clients take another credential")
	} else if n > 0 {
		parts = append(parts, "another credential or key at "+addressesNoun(n))
	}
	if len(parts) == 0 {
		parts = append(parts, "nobody gains access")
	}
	say(cut, "client is cut off", "clients are cut off")
	say(loses, "client loses scopes", "clients lose scopes")
	if n := m.countAddresses(sectionVerifiers, true); n > 0 {
		parts = append(parts, m.verifiers(n))
	}
	loosened := 0
	for i := range r.Changes {
		if c := &r.Changes[i]; isGuard(c.Address) && c.Effect == compiler.EffectWiden {
			loosened++
		}
	}
	say(loosened, "policy or expectation is gone or looser", "policies or expectations are gone or looser")
	say(r.Guards.Errors(), "policy or expectation fails", "policies or expectations fail")
	for _, check := range r.Checks {
		if !check.Holds {
			parts = append(parts, "a check does not hold")
			break
		}
	}
	return strings.Join(parts, " · ")
}

// addressesNoun counts addresses.
func addressesNoun(n int) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// all reports whether every statement of a section is about objects of one kind.
func (m *meaning) all(section int, of compiler.Kind) bool {
	return !slices.ContainsFunc(m.sections[section].statements, func(s *statement) bool {
		kind, _, _ := compiler.ParseAddress(s.addresses[0])
		return kind != of
	})
}

// verifiers says whose verifiers must change; those of the issuer are all.
func (m *meaning) verifiers(n int) string {
	if !m.all(sectionVerifiers, compiler.KindAPI) {
		return "verifiers of every API must change"
	}
	if n == 1 {
		return "verifiers of 1 API must change"
	}
	return fmt.Sprintf("verifiers of %d APIs must change", n)
}

// clients counts the clients with new reach, those among them that gain a sensitive scope,
// those that get no more tokens for some API, and those that lose scopes alone.
func (m *meaning) clients() (gains, sensitive, cut, loses int) {
	const gain, hot, end, less = 1, 2, 4, 8
	of := map[string]int{}
	for i, bit := range map[int]int{sectionReach: gain, sectionCutOff: end, sectionNarrow: less} {
		for _, s := range m.sections[i].statements {
			for _, address := range s.addresses {
				if s.isAccess() {
					of[address] |= bit
					if bit == gain && s.sensitive > 0 {
						of[address] |= hot
					}
				}
			}
		}
	}
	for _, bits := range of {
		gains += bits & gain
		sensitive += bits & hot / hot
		cut += bits & end / end
		if bits&end == 0 {
			loses += bits & less / less
		}
	}
	return gains, sensitive, cut, loses
}

// countAddresses counts the addresses of a section, each once, with those of clients that
// gain or without. A client that is new and gains access is not counted again.
func (m *meaning) countAddresses(section int, access bool) int {
	seen := map[string]bool{}
	for _, s := range m.sections[section].statements {
		for _, address := range s.addresses {
			if s.isAccess() && !access {
				seen[address] = false
			} else if _, known := seen[address]; !known {
				seen[address] = true
			}
		}
	}
	n := 0
	for _, counts := range seen {
		if counts {
			n++
		}
	}
	return n
}

// scopesText is what a statement gives or takes, on one line of a terminal.
func (s *statement) scopesText() string {
	shown := make([]string, len(s.scopes))
	for i, scope := range s.scopes {
		if shown[i] = scope; i < s.sensitive {
			shown[i] += " (sensitive)"
		}
	}
	return strings.Join(shown, ", ")
}

// text is a statement on one line of a terminal.
func (s *statement) text() string {
	who, names := s.addresses[0], ""
	if len(s.addresses) > 1 {
		who, names = s.subject(), ": "+strings.Join(s.addresses, ", ")
	}
	var line string
	switch {
	case !s.isAccess() && len(s.addresses) > 1:
		line = who + ": " + s.reason
	case !s.isAccess() && strings.Contains(s.reason, who):
		line = s.reason
	case !s.isAccess():
		line = who + ": " + s.reason
	case s.verb == cutOff && len(s.scopes) == 0:
		line = fmt.Sprintf("%s %s %s%s", who, cutOff, s.api, s.behalf)
	case s.verb == cutOff:
		line = fmt.Sprintf("%s %s %s%s; had %s", who, cutOff, s.api, s.behalf, s.scopesText())
	case len(s.scopes) == 0:
		line = fmt.Sprintf("%s %s tokens without scopes for %s%s", who, getting(s.verb), s.api, s.behalf)
	default:
		line = fmt.Sprintf("%s %s %s on %s%s", who, s.verb, s.scopesText(), s.api, s.behalf)
	}
	return diag.OneLine(line + s.remark + names)
}

// A Sentence is one consequence of a plan, for who shows it elsewhere than in a plan.
type Sentence struct {
	Sign    string // "+", "-" or "~"
	Address string // the object that Text goes on about; "" where Text is whole by itself
	Text    string
}

// Sentences is what a plan means, in its own words and its own order.
func Sentences(p *compiler.Plan) []Sentence {
	var all []Sentence
	for _, section := range meaningOf(&Review{Plan: p}).sections {
		for _, s := range section.statements {
			all = append(all, s.sentence())
		}
	}
	return all
}

// sentence is a statement with the object apart that it begins with.
func (s *statement) sentence() Sentence {
	sentence := Sentence{Sign: s.sign, Text: s.text()}
	if text, found := strings.CutPrefix(sentence.Text, s.addresses[0]+" "); found {
		sentence.Address, sentence.Text = s.addresses[0], text
	}
	return sentence
}

// getting is the verb of somebody who gets tokens without scopes.
func getting(verb string) string {
	if verb == "keeps" {
		return verb
	}
	return verb + " get"
}
