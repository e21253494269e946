package compiler

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// forEachChange is the for_each_of of policies about the changes of a plan.
const forEachChange = "change"

// checkChangePolicies holds the changes of a plan to the policies for each change. A
// violation is shown where the object is declared, or at the policy for one that is gone.
func (m *Model) checkChangePolicies(p *Plan) diag.List {
	// Most configurations have no such policy, and then nothing is converted.
	policies := slices.DeleteFunc(slices.Clone(m.policies), func(p *config.Policy) bool { return p.ForEachOf != forEachChange })
	if len(policies) == 0 || len(p.Changes) == 0 {
		return nil
	}
	changes := p.policyChanges()
	subject := m.changeSubjects(changes)
	c := &compilation{Model: m}
	for _, policy := range policies {
		c.addFindings(checkInParallel(len(changes), func(i int) diag.List {
			s := subject(i)
			if s.at.Filename == "" {
				s.at = policy.Range
			}
			return findingsOf(m.Config, policy, s)
		}))
	}
	return c.diags.Sorted()
}

// changeSubjects returns each change as what a policy is evaluated for. One of an object
// that is gone has no place.
func (m *Model) changeSubjects(changes []config.Change) func(i int) policySubject {
	all := config.NewAll(m.Document, changes)
	return func(i int) policySubject {
		s := policySubject{self: config.Self{Change: &changes[i], APIs: m.Document.APIs, All: all}, address: changes[i].Address}
		if d := m.Decl(s.address); d != nil {
			s.at = d.Range
		}
		return s
	}
}

// policyChanges returns the changes as policies see them, each with the access that is gained
// and lost through it.
func (p *Plan) policyChanges() []config.Change {
	changes := make([]config.Change, len(p.Changes))
	access := indexAccess(p.Access)
	for i := range changes {
		c := &p.Changes[i]
		changes[i] = config.Change{
			Address: c.Address, Action: string(c.Action), Effect: string(c.Effect), Before: policyObject{c.Before}, After: policyObject{c.After},
		}
		changes[i].Gained, changes[i].Lost = access.of(c, p.Access)
	}
	return changes
}

// An accessIndex finds the changes of access by the label of a client and of an API.
type accessIndex struct{ clients, apis map[string][]int }

func indexAccess(list []AccessChange) accessIndex {
	x := accessIndex{map[string][]int{}, map[string][]int{}}
	for i := range list {
		x.clients[list[i].Client] = append(x.clients[list[i].Client], i)
		x.apis[list[i].API] = append(x.apis[list[i].API], i)
	}
	return x
}

// of returns what is gained and lost by way of the object of a change: what a client
// gains, what is gained on an API, by an authorization, or on behalf of the users of a
// trusted issuer. A renamed object has both of its labels: what it had may be lost
// under the old one.
func (x accessIndex) of(c *Change, list []AccessChange) (gained, lost []config.ChangedAccess) {
	var places []int
	for _, address := range slices.Compact([]string{c.PreviousAddress, c.Address}) {
		switch kind, label, _ := ParseAddress(address); kind {
		case KindClient:
			places = append(places, x.clients[label]...)
		case KindAPI:
			places = append(places, x.apis[label]...)
		case KindAuthorization:
			// Its client and API may be others than before, so both sides are looked at.
			for _, side := range []Object{c.Before, c.After} {
				client, _ := side.Get("client").(string)
				for _, i := range x.clients[client] {
					if list[i].API == side.Get("api") && string(list[i].SubjectType) == subjectOf(side) {
						places = append(places, i)
					}
				}
			}
		case KindTrustedIssuer:
			// Access on behalf of all users comes and goes with the first and last issuer.
			for i := range list {
				if list[i].TrustedIssuer == label || list[i].TrustedIssuer == "" && list[i].SubjectType == schema.SubjectUser {
					places = append(places, i)
				}
			}
		}
	}
	slices.Sort(places)
	for _, i := range slices.Compact(places) {
		a := &list[i]
		add := func(to []config.ChangedAccess, scopes []string) []config.ChangedAccess {
			return append(to, config.ChangedAccess{Client: a.Client, API: a.API, SubjectType: a.SubjectType, Scopes: scopes})
		}
		if len(a.Gained) > 0 || a.Token == TokenGained {
			gained = add(gained, a.Gained)
		}
		if len(a.Lost) > 0 || a.Token == TokenLost {
			lost = add(lost, a.Lost)
		}
	}
	return joinAccess(gained), joinAccess(lost)
}

// subjectOf is the subject type of an authorization.
func subjectOf(authorization Object) string {
	switch s := authorization.Get("subject_type").(type) {
	case schema.SubjectType:
		return string(s)
	case string:
		return s
	}
	return ""
}

// joinAccess joins the periods of one client, API and subject type, sorted by these.
func joinAccess(list []config.ChangedAccess) []config.ChangedAccess {
	type party struct {
		client, api string
		subject     schema.SubjectType
	}
	scopes := map[party]map[string]bool{}
	for _, a := range list {
		p := party{a.Client, a.API, a.SubjectType}
		if scopes[p] == nil {
			scopes[p] = map[string]bool{}
		}
		for _, s := range a.Scopes {
			scopes[p][s] = true
		}
	}
	joined := make([]config.ChangedAccess, 0, len(scopes))
	for p, set := range scopes {
		joined = append(joined, config.ChangedAccess{Client: p.client, API: p.api, SubjectType: p.subject, Scopes: slices.Sorted(maps.Keys(set))})
	}
	slices.SortFunc(joined, func(a, b config.ChangedAccess) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.API, b.API), cmp.Compare(a.SubjectType, b.SubjectType))
	})
	return joined
}

// A policyObject is one side of a change for a policy: the plan's JSON, in which a
// federated credential also says what it matches. That is no secret, and decides who
// the client is.
type policyObject struct{ Object }

// MarshalJSON writes the object, or null.
func (o policyObject) MarshalJSON() ([]byte, error) {
	client, ok := o.of.(*schema.Client)
	if !ok || len(client.Federated) == 0 {
		return json.Marshal(o.Object)
	}
	attributes := slices.Clone(o.Attributes())
	for i := range attributes {
		if attributes[i].Name != "credentials" {
			continue
		}
		credentials := client.Credentials()
		shown := make([]Object, len(credentials))
		for j := range credentials {
			shown[j] = credentialObject(&credentials[j])
			if f, ok := credentials[j].Of.(*schema.Federated); ok {
				shown[j] = Object{append(shown[j].Attributes(), setOnly(
					Attribute{"trusted_issuer", optional(f.TrustedIssuer)}, Attribute{"subject", optional(f.Subject)},
					Attribute{"subject_pattern", optional(f.SubjectPattern)}, Attribute{"claims", rawValue(f.Claims)},
				)...)}
			}
		}
		attributes[i].Value = shown
	}
	return json.Marshal(Object{attributes})
}
