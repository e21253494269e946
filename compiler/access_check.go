package compiler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// An AccessCheck is a condition that a change of access is held to, such as a gate in CI:
//
//	no-new-access[=KEY:VALUE,...]  nobody gains anything
//	no-access=KEY:VALUE,...        nobody has it, from the time of the plan on
//
// The set that must not grow, or must be empty, has an element for each client, API,
// subject type, trusted issuer that names the user, scope and moment. Another credential
// of the same client adds nothing to it.
type AccessCheck struct {
	Text   string // as it was asked
	gained bool   // no-new-access
	filter AccessFilter
}

// ParseAccessCheck reads a check as the command line has it. The keys are client, api,
// scope and subject_type, each at most once. A value may hold colons and commas, as
// identifiers and scopes do: only a comma before a key ends it.
func ParseAccessCheck(text string) (AccessCheck, error) {
	name, pairs, filtered := strings.Cut(text, "=")
	c := AccessCheck{Text: text, gained: name == "no-new-access"}
	switch {
	case name != "no-new-access" && name != "no-access":
		return c, fmt.Errorf("unknown check %q: no-new-access or no-access", name)
	case !filtered && !c.gained:
		return c, fmt.Errorf("check %q is about no access in particular: write no-access=KEY:VALUE", text)
	case !filtered:
		return c, nil
	}
	seen := map[string]bool{}
	for rest := pairs; rest != ""; {
		key, value, _ := strings.Cut(rest, ":")
		value, rest = cutBeforeKey(value)
		switch {
		case !slices.Contains(checkKeys, key):
			return c, fmt.Errorf("check %q has the key %q: it may have %s", text, key, strings.Join(checkKeys, ", "))
		case value == "":
			return c, fmt.Errorf("check %q has no value for %s: write %s:VALUE", text, key, key)
		case seen[key]:
			return c, fmt.Errorf("check %q has the key %s twice: give --check twice instead", text, key)
		}
		seen[key] = true
		switch key {
		case "client":
			c.filter.Client = value
		case "api":
			c.filter.API = value
		case "scope":
			c.filter.Scope = value
		case "subject_type":
			if c.filter.SubjectType = schema.SubjectType(value); value != string(schema.SubjectClient) && value != string(schema.SubjectUser) {
				return c, fmt.Errorf("check %q has the subject_type %q: client or user", text, value)
			}
		}
	}
	if len(seen) == 0 {
		return c, fmt.Errorf("check %q has nothing after =: write KEY:VALUE", text)
	}
	return c, nil
}

// checkKeys are the keys of a check's filter.
var checkKeys = []string{"client", "api", "scope", "subject_type"}

// cutBeforeKey splits a list of pairs after its first value.
func cutBeforeKey(list string) (value, rest string) {
	for i := range len(list) {
		if list[i] != ',' {
			continue
		}
		if key, _, found := strings.Cut(list[i+1:], ":"); found && slices.Contains(checkKeys, key) {
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// A Counterexample is one access that contradicts a check.
type Counterexample struct {
	Text  string    // a sentence with address and line
	Range hcl.Range // of the authorization that gives the access; zero where it is declared nowhere
}

// MarshalText is the sentence, which is all of it in JSON.
func (c Counterexample) MarshalText() ([]byte, error) { return []byte(c.Text), nil }

// Counterexamples lists what contradicts the check: nothing where it holds. prior is the document that the plan compares with, nil for none.
// The error is a *diag.Failure about a name that neither document has.
func (c AccessCheck) Counterexamples(p *Plan, prior *schema.Document, m *Model, at time.Time) ([]Counterexample, error) {
	// A name that only the prior document has is known too, and stands for nobody now.
	named, err := c.filter.resolve(prior, m.Document)
	if err != nil {
		return nil, err
	}
	found := []Counterexample{}
	if !c.gained {
		for _, a := range accessOf(m.Document, &AccessQuery{Later: true}, &named, m.Document.Clients, userIssuers(m.Document), at) {
			m.place(&a)
			found = append(found, accessSentence("can get", named.wants(a.Authorization.Scopes), a.Client.Label, a.API.Label,
				a.Authorization.SubjectType, "", timeText(a.From), timeText(a.Until), a.Authorization.Label, a.Range))
		}
		return found, nil
	}
	// The plan says who gains; which authorization gives it is found by its parties, of
	// which no two have the same.
	labels := make(map[edge]string, len(m.Document.Authorizations))
	for i := range m.Document.Authorizations {
		a := &m.Document.Authorizations[i]
		labels[edge{a.Client, a.API, a.SubjectType}] = a.Label
	}
	for i := range p.Access {
		a := &p.Access[i]
		gained := named.wants(a.Gained)
		if !named.covers(a.ClientID, a.Identifier, a.SubjectType) || len(gained) == 0 && (a.Token != TokenGained || named.scope != "") {
			continue
		}
		// What is gained is given by an authorization of the new document.
		label, at := labels[edge{a.Client, a.API, a.SubjectType}], hcl.Range{}
		if _, declared, ok := m.Authorization(label); ok {
			at = declared.Range
		}
		found = append(found, accessSentence("gains", gained, a.Client, a.API, a.SubjectType, a.TrustedIssuer, a.From, a.Until, label, at))
	}
	return found, nil
}

// accessSentence says who gains or has which access, and by what.
func accessSentence(verb string, scopes []string, client, api string, subject schema.SubjectType, issuer, from, until, authorization string, at hcl.Range) Counterexample {
	what := "tokens without scopes"
	if len(scopes) > 0 {
		what = strings.Join(scopes, " ")
	}
	text := fmt.Sprintf("%s %s %s on %s", Address(KindClient, client), verb, what, Address(KindAPI, api))
	switch {
	case issuer != "":
		text += " on behalf of users of " + Address(KindTrustedIssuer, issuer)
	case subject == schema.SubjectUser:
		text += " on behalf of users"
	}
	if from != "" {
		text += " from " + from
	}
	if until != "" {
		text += " until " + until
	}
	text += " by " + Address(KindAuthorization, authorization)
	if at.Filename != "" {
		text += fmt.Sprintf(" (%s:%d)", at.Filename, at.Start.Line)
	}
	return Counterexample{diag.OneLine(text + "."), at}
}

// timeText is Unix seconds as RFC 3339, "" for 0.
func timeText(unix int64) string {
	if unix == 0 {
		return ""
	}
	return schema.FormatTime(unix)
}
