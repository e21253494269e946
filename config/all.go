package config

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/schema"
)

// A Change is one change of a plan as policies see it; schema.PolicyChange says what
// each attribute means. It is made from a plan, so that validate, which makes none, checks
// no policy about changes.
type Change struct {
	Address, Action, Effect string
	Gained, Lost            []ChangedAccess
	Before, After           json.Marshaler // null where there was or is no object
}

// A ChangedAccess is what a client gains or loses on one API.
type ChangedAccess struct {
	Client, API string // labels
	SubjectType schema.SubjectType
	Scopes      []string
}

// attr returns an attribute of a change; cty.NilVal for a name that it lacks.
func (c *Change) attr(name string) cty.Value {
	switch name {
	case "address":
		return cty.StringVal(c.Address)
	case "action":
		return cty.StringVal(c.Action)
	case "effect":
		return cty.StringVal(c.Effect)
	case "gained":
		return accessList(c.Gained)
	case "lost":
		return accessList(c.Lost)
	case "before":
		return plannedObject(c.Before)
	case "after":
		return plannedObject(c.After)
	}
	return cty.NilVal
}

// accessType is the type of gained and lost also where they are empty, so that a condition
// may compare and join them. It is that of their elements.
var accessType = cty.Object(map[string]cty.Type{"client": cty.String, "api": cty.String, "subject_type": cty.String, "scopes": cty.List(cty.String)})

// accessList is gained or lost as expressions see it. Each element has all attributes of
// accessType, so that cty makes a list of them.
func accessList(list []ChangedAccess) cty.Value {
	if len(list) == 0 {
		return cty.ListValEmpty(accessType)
	}
	values := make([]cty.Value, len(list))
	for i, a := range list {
		values[i] = cty.ObjectVal(map[string]cty.Value{
			"client": cty.StringVal(a.Client), "api": cty.StringVal(a.API), "subject_type": cty.StringVal(string(a.SubjectType)), "scopes": stringList(a.Scopes),
		})
	}
	return cty.ListVal(values)
}

// plannedObject is one side of a change as the plan's JSON has it.
func plannedObject(m json.Marshaler) cty.Value {
	// The plan's own JSON: a policy reads what a reviewer of the plan reads, and never the
	// value of a credential.
	text, err := m.MarshalJSON()
	if err != nil {
		return cty.NilVal // reported as an attribute that cannot be read
	}
	if string(text) == "null" {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return jsonObject(string(text))
}

// FederatedAddress is how policies, diagnostics and the command line name a federated
// block, by the labels of its client and its own.
func FederatedAddress(client, label string) string {
	return kindNames[kindClient] + "." + client + "." + policyKindNames[kindFederated] + "." + label
}

// An All is every object of a document, as policies read it. Each list is made when the
// first policy asks for it, and once: a policy over each of n objects that reads all n
// would otherwise make n² values. It is safe for use by many goroutines.
type All struct {
	document *schema.Document
	changes  []Change
	lists    [numPolicyKinds]struct {
		once  sync.Once
		value cty.Value
		diags diag.List
	}
}

// NewAll makes an All of a document, and of the changes of the plan that leads to it.
func NewAll(d *schema.Document, changes []Change) *All { return &All{document: d, changes: changes} }

// list returns all objects of a kind. at is where they were first read.
func (a *All) list(k kind, e *eval.Evaluator, at hcl.Range) (cty.Value, diag.List) {
	l := &a.lists[k]
	l.once.Do(func() {
		// The limits hold for it as for any value: a list of too many objects is refused
		// where it is read, and costs steps of the budget once.
		l.value = listOrTuple(a.objects(k))
		l.diags = e.Admit(l.value, at)
	})
	return l.value, l.diags
}

// objects makes each object of a kind as one value. What others refer to is made once.
func (a *All) objects(k kind) []cty.Value {
	d := a.document
	// An attribute that an object lacks is null in it, so whole never fails here.
	wholes := func(n int, self func(i int) Self) []cty.Value {
		values := make([]cty.Value, n)
		for i := range values {
			values[i], _ = self(i).whole(k)
		}
		return values
	}
	switch k {
	case kindAPI:
		return wholes(len(d.APIs), func(i int) Self { return Self{API: &d.APIs[i]} })
	case kindClient:
		return wholes(len(d.Clients), func(i int) Self { return Self{Client: &d.Clients[i]} })
	case kindTrustedIssuer:
		return wholes(len(d.TrustedIssuers), func(i int) Self { return Self{TrustedIssuer: &d.TrustedIssuers[i]} })
	case kindChange:
		return wholes(len(a.changes), func(i int) Self { return Self{Change: &a.changes[i]} })
	case kindAuthorization:
		apis, clients := a.byLabel(kindAPI), a.byLabel(kindClient)
		values := make([]cty.Value, len(d.Authorizations))
		for i := range values {
			auth := &d.Authorizations[i]
			self := Self{Authorization: auth, API: a.api(auth.API)}
			values[i], _ = self.wholeWith(k, map[string]cty.Value{"client": clients[auth.Client], "api": apis[auth.API]})
		}
		return values
	case kindFederated:
		issuers, clients := a.byLabel(kindTrustedIssuer), a.byLabel(kindClient)
		var values []cty.Value
		for i := range d.Clients {
			client := &d.Clients[i]
			for j := range client.Federated {
				f := &client.Federated[j]
				self := Self{Federated: f, Client: client}
				v, _ := self.wholeWith(k, map[string]cty.Value{"client": clients[client.Label], "trusted_issuer": issuers[f.TrustedIssuer]})
				values = append(values, v)
			}
		}
		return values
	}
	return nil
}

// byLabel returns all objects of a kind by their labels.
func (a *All) byLabel(k kind) map[string]cty.Value {
	m := map[string]cty.Value{}
	for _, v := range a.objects(k) {
		m[v.GetAttr("label").AsString()] = v
	}
	return m
}

// api returns the API with a label, which every authorization has.
func (a *All) api(label string) *schema.API {
	i, _ := slices.BinarySearchFunc(a.document.APIs, label, func(api schema.API, label string) int { return cmp.Compare(api.Label, label) })
	return &a.document.APIs[i]
}

// listOrTuple is a list where all values have one type, as objects of a kind do, else a
// tuple, which expressions iterate over alike.
func listOrTuple(values []cty.Value) cty.Value {
	for _, v := range values {
		if !v.Type().Equals(values[0].Type()) {
			return cty.TupleVal(values)
		}
	}
	if len(values) == 0 {
		return cty.EmptyTupleVal
	}
	return cty.ListVal(values)
}
