package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// This file words what a plan means: the sentence of each statement, and the line of
// consequences before all of them.

// eachInstance stands for the key of an instance in a sentence about several.
const eachInstance = "[each.key]"

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

// consequences is the line that a reader may stop after: who gains, who is cut off, who has
// to do something.
func (m *meaning) consequences() string {
	r := m.review
	broken := r.brokenChecks()
	if r.Plan.Empty() && len(r.Changes) == 0 && r.Guards.Errors() == 0 {
		switch {
		case broken != "":
			return "No changes · " + broken
		case r.Refactored:
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
	for _, said := range []string{loosened(r.Plan), r.Guards.failing()} {
		if said != "" {
			parts = append(parts, said)
		}
	}
	if broken != "" {
		parts = append(parts, broken)
	}
	return strings.Join(parts, " · ")
}

// brokenChecks says how many of the checks do not hold; "" for none.
func (r *Review) brokenChecks() string {
	n := 0
	for i := range r.Checks {
		if !r.Checks[i].Holds {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "1 check does not hold"
	}
	return fmt.Sprintf("%d checks do not hold", n)
}

// loosened says how many policies and expectations are gone or looser; "" for none.
func loosened(p *compiler.Plan) string {
	var addresses []string
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Effect == compiler.EffectWiden && isGuard(c.Address) {
			addresses = append(addresses, c.Address)
		}
	}
	return countGuards(addresses, "is gone or looser", "are gone or looser")
}

// failing says how many policies and expectations fail; "" for none. A policy that many
// objects do not satisfy is one.
func (g *Guards) failing() string {
	var addresses []string
	if g != nil {
		for i := range g.Failed {
			if f := &g.Failed[i]; !f.Warning && !slices.Contains(addresses, f.Guard) {
				addresses = append(addresses, f.Guard)
			}
		}
	}
	return countGuards(addresses, "fails", "fail")
}

// countGuards says something of policies and expectations by their addresses: "1 policy and
// 2 expectations fail"; "" of none.
func countGuards(addresses []string, one, many string) string {
	policies, expectations := 0, 0
	for _, address := range addresses {
		if isExpectation(address) {
			expectations++
		} else {
			policies++
		}
	}
	var parts []string
	switch policies {
	case 0:
	case 1:
		parts = append(parts, "1 policy")
	default:
		parts = append(parts, fmt.Sprintf("%d policies", policies))
	}
	if expectations > 0 {
		parts = append(parts, schema.Plural(expectations, "expectation"))
	}
	switch len(addresses) {
	case 0:
		return ""
	case 1:
		return parts[0] + " " + one
	}
	return strings.Join(parts, " and ") + " " + many
}

// addressesNoun counts addresses; schema.Plural adds an s alone.
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

// verifiers says whose verifiers must change: of n APIs, or of all where the issuer is
// among the statements.
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

// scopesText is what a statement gives or takes, on one line of a terminal, all of it; those
// that are declared sensitive are marked.
func (s *statement) scopesText() string {
	shown := make([]string, len(s.scopes))
	for i, scope := range s.scopes {
		if shown[i] = scope; i < s.sensitive {
			shown[i] += " (sensitive)"
		}
	}
	return strings.Join(shown, ", ")
}

// text is a statement on one line of a terminal, whole, with the names of all its objects.
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

// A Sentence is one consequence of a plan, for whoever shows it elsewhere than in a plan:
// the console, and "writ dev" at a reload.
type Sentence struct {
	Sign    string // "+", "-" or "~"
	Address string // the object that Text goes on about; "" where Text is whole by itself
	Text    string
}

// Sentences is what a plan means, in its own words and its own order, without places, notes
// and guards: those belong to a review.
func Sentences(p *compiler.Plan) []Sentence {
	var all []Sentence
	for _, section := range meaningOf(&Review{Plan: p}).sections {
		for _, s := range section.statements {
			all = append(all, s.sentence())
		}
	}
	return all
}

// sentence is a statement with the address that it begins with apart, so that a page can
// make it a link.
func (s *statement) sentence() Sentence {
	sentence := Sentence{Sign: s.sign, Text: s.text()}
	if text, found := strings.CutPrefix(sentence.Text, s.addresses[0]+" "); found {
		sentence.Address, sentence.Text = s.addresses[0], text
	}
	return sentence
}

// getting is the verb of somebody who gets tokens without scopes: "may now get", but "keeps".
func getting(verb string) string {
	if verb == "keeps" {
		return verb
	}
	return verb + " get"
}
