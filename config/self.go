package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/schema"
)

// A Self is what self refers to while a policy or a claim is evaluated: objects of a
// document, with all defaults and inherited values in them. Those that the expression cannot
// read may be nil, see CheckPolicy and EvalClaims. They are only read.
type Self struct {
	API           *schema.API
	Client        *schema.Client
	Authorization *schema.Authorization
	TrustedIssuer *schema.TrustedIssuer
	Federated     *schema.Federated // of Client, by TrustedIssuer
	Change        *Change
	All           *All // what policies read as all; nil in claims
	// APIs are those that API and Client may refer to, sorted by label: all of
	// the document's. An API does with distinct_from, a client with default_api and introspects.
	APIs []schema.API
}

// SelfReference returns what self has in a policy over each kind of object, and in claims,
// for the language reference. It is what expressions are held to.
func SelfReference() (all []schema.Self) {
	policy, _ := schema.LanguageBlock("policy")
	over, _ := policy.Attr("for_each_of")
	for _, name := range over.Enum {
		k, known := policyKindOf(name)
		if !known {
			continue
		}
		self := schema.Self{In: "policy", ForEachOf: name}
		block := k.spec()
		for _, attribute := range attributeNames(k) {
			member := schema.SelfMember{Name: attribute, Type: schema.TypeString, Doc: "As plans name the object: `" + name + ".label`."}
			switch a, _ := block.Attr(attribute); {
			case attribute == "address" && k == kindFederated:
				member.Doc = "As `" + FederatedAddress("label", "label") + "`."
			case a != nil:
				member = schema.SelfMember{Name: attribute, Type: a.Type, Doc: a.Doc}
			case attribute == "label":
				member.Doc = "The label of its block, with the key of a for_each: `worker[\"eu\"]`."
			case attribute == "scopes":
				member.Type, member.Doc = schema.TypeStrings, "The names of its scopes."
			case attribute == sensitiveScopes:
				member.Type, member.Doc = schema.TypeStrings, "The names of its scopes that are sensitive."
			case attribute == "client":
				member.Type, member.Doc = schema.TypeObject, "The client that it authenticates."
			}
			self.Members = append(self.Members, member)
		}
		all = append(all, self)
	}
	claims := schema.Self{In: "claims"}
	for _, name := range slices.Sorted(maps.Keys(claimsSelf.members)) {
		claims.Members = append(claims.Members, schema.SelfMember{Name: name, Type: schema.TypeObject, Doc: "The " + name + ", with what self has in a policy over it."})
	}
	return append(all, claims)
}

// value makes self with as much of it as is read: a policy is evaluated for each of perhaps
// thousands of objects, and most read one attribute. Where self cannot give one of these,
// missing is its name: a null would be read as "not set".
func (u *selfUse) value(self Self) (v cty.Value, missing string) {
	root := blockRead{}
	for _, path := range u.paths {
		k, nested := u.kindOf(path[0])
		if !nested {
			v, ok := self.attr(u.shape.kind, path[0])
			if !ok {
				return cty.NilVal, path[0]
			}
			root.put(path[0], v)
			continue
		}
		sub := root.at(path[0]) // as if the object were an instance
		if len(path) == 1 {
			v, ok := self.whole(k)
			if !ok {
				return cty.NilVal, path[0]
			}
			sub.whole = v
			continue
		}
		v, ok := self.attr(k, path[1])
		if !ok {
			return cty.NilVal, path[0] + "." + path[1]
		}
		sub.put(path[1], v)
	}
	return root.value(), ""
}

// whole returns one of the objects as one value.
func (s Self) whole(k kind) (cty.Value, bool) { return s.wholeWith(k, nil) }

// wholeWith is whole with some of the attributes given, which need not be made again.
func (s Self) wholeWith(k kind, given map[string]cty.Value) (cty.Value, bool) {
	names := wholeNames(k)
	attrs := make(map[string]cty.Value, len(names))
	for _, name := range names {
		v, ok := given[name]
		if !ok {
			v, ok = s.attr(k, name)
		}
		if !ok {
			return cty.NilVal, false
		}
		attrs[name] = v
	}
	return cty.ObjectVal(attrs), true
}

// object returns the object of a kind and its label; nil where self has none.
func (s Self) object(k kind) (object any, label string) {
	switch {
	case k == kindAPI && s.API != nil:
		return s.API, s.API.Label
	case k == kindClient && s.Client != nil:
		return s.Client, s.Client.Label
	case k == kindAuthorization && s.Authorization != nil:
		return s.Authorization, s.Authorization.Label
	case k == kindTrustedIssuer && s.TrustedIssuer != nil:
		return s.TrustedIssuer, s.TrustedIssuer.Label
	case k == kindFederated && s.Federated != nil:
		return s.Federated, s.Federated.Label
	}
	return nil, ""
}

// attr returns an attribute of one of the objects, in the form in which
// expressions see it everywhere: it must agree with loader.attr, which reads syntax where
// this reads a document (TestSelfAsEverywhere). It returns false where self has no such
// object or the object no such attribute.
func (s Self) attr(k kind, name string) (cty.Value, bool) {
	if k == kindChange && s.Change != nil {
		v := s.Change.attr(name)
		return v, v != cty.NilVal
	}
	object, label := s.object(k)
	switch {
	case object == nil:
		return cty.NilVal, false
	case k == kindFederated && name == "address":
		return cty.StringVal(FederatedAddress(s.Client.Label, label)), true
	case k == kindFederated && name == "client":
		return s.whole(kindClient)
	case name == "address":
		return cty.StringVal(kindNames[k] + "." + label), true
	case name == "label":
		return cty.StringVal(label), true
	case (name == "scopes" || name == sensitiveScopes) && k == kindAPI:
		names := make([]string, 0, len(s.API.Scopes))
		for i := range s.API.Scopes {
			if scope := &s.API.Scopes[i]; name == "scopes" || scope.Sensitive {
				names = append(names, scope.Name)
			}
		}
		return stringList(names), true
	}
	spec, ok := schema.BlockOf(object).Attr(name)
	if !ok || !spec.IsStored() || spec.Deferred {
		return cty.NilVal, false
	}
	v := s.attrValue(k, spec, spec.Get(object))
	return v, v != cty.NilVal
}

// attrValue is the value v of an attribute as expressions see it. References become the
// objects that they name, and an authorization has its API's values where it sets none.
func (s Self) attrValue(k kind, spec *schema.Attribute, v any) cty.Value {
	switch {
	// What an authorization or federated block refers to is in self already.
	case (k == kindAuthorization || k == kindFederated) && spec.Type == schema.TypeReference:
		of, _ := kindOf(spec.Of)
		whole, _ := s.whole(of)
		return whole
	case spec.Type == schema.TypeReference:
		return s.apiLabelled(v.(string))
	case spec.Type == schema.TypeReferences:
		return s.apisLabelled(v.([]string))
	case spec.Inherit == schema.InheritAPI && schema.IsZero(v) && s.API != nil:
		api, _ := s.attr(kindAPI, spec.Name)
		return api
	}
	return valueOf(spec, v)
}

// apiLabelled returns the API that an attribute refers to as one value, null for none. It
// is cty.NilVal where Self.APIs lacks it.
func (s Self) apiLabelled(label string) cty.Value {
	if label == "" {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	i, found := slices.BinarySearchFunc(s.APIs, label, func(a schema.API, label string) int { return cmp.Compare(a.Label, label) })
	if !found {
		return cty.NilVal
	}
	v, _ := Self{API: &s.APIs[i]}.whole(kindAPI)
	return v
}

// apisLabelled is apiLabelled for a list.
func (s Self) apisLabelled(labels []string) cty.Value {
	values := make([]cty.Value, len(labels))
	for i, label := range labels {
		if values[i] = s.apiLabelled(label); values[i] == cty.NilVal {
			return cty.NilVal
		}
	}
	return cty.TupleVal(values)
}

// jsonObject decodes a canonical JSON object, "" for an empty one. It returns cty.NilVal
// for text that is none, which a document never holds.
func jsonObject(text string) cty.Value {
	if text == "" {
		return cty.EmptyObjectVal
	}
	ty, err := ctyjson.ImpliedType([]byte(text))
	if err != nil {
		return cty.NilVal
	}
	v, err := ctyjson.Unmarshal([]byte(text), ty)
	if err != nil {
		return cty.NilVal
	}
	return v
}
