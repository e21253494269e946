package config

import (
	"cmp"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/writ-auth/writ/schema"
)

// A Self is what self refers to while a policy or a claim is evaluated.
type Self struct {
	API           *schema.API
	Client        *schema.Client
	Authorization *schema.Authorization
	// APIs are those that API and Client may refer to, sorted by label: all of
	// the document's.
	APIs []schema.API
}

// value makes self with as much of it as is read. Where it cannot give one of
// these, missing is its name: a null would be read as "not set".
func (u *selfUse) value(self Self) (v cty.Value, missing string) {
	root := need{}
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
		if root.keys == nil {
			root.keys = map[string]*need{}
		}
		sub := root.keys[path[0]]
		if sub == nil {
			sub = &need{}
			root.keys[path[0]] = sub
		}
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

func (n *need) put(name string, v cty.Value) {
	if n.attrs == nil {
		n.attrs = map[string]cty.Value{}
	}
	n.attrs[name] = v
}

// whole returns one of the objects as one value.
func (s Self) whole(k kind) (cty.Value, bool) {
	attrs := map[string]cty.Value{}
	for _, name := range wholeNames(k) {
		v, ok := s.attr(k, name)
		if !ok {
			return cty.NilVal, false
		}
		attrs[name] = v
	}
	return cty.ObjectVal(attrs), true
}

// attr returns an attribute of one of the objects, in the form in which
// expressions see it everywhere. It returns false where self has no such object
// or the object no such attribute.
func (s Self) attr(k kind, name string) (cty.Value, bool) {
	v := cty.NilVal
	switch {
	case k == kindAPI && s.API != nil:
		v = s.apiAttr(s.API, name)
	case k == kindClient && s.Client != nil:
		v = s.clientAttr(s.Client, name)
	case k == kindAuthorization && s.Authorization != nil:
		v = s.authorizationAttr(s.Authorization, name)
	}
	return v, v != cty.NilVal
}

func (s Self) apiAttr(a *schema.API, name string) cty.Value {
	switch name {
	case "address":
		return cty.StringVal("api." + a.Label)
	case "label":
		return cty.StringVal(a.Label)
	case "name":
		return cty.StringVal(a.Name)
	case "identifier":
		return cty.StringVal(a.Identifier)
	case "token_profile":
		return cty.StringVal(string(a.Profile))
	case "signing_alg":
		return cty.StringVal(string(a.Alg))
	case "signing_secret":
		return textOrNull(string(a.SigningSecret))
	case "token_lifetime":
		return cty.NumberIntVal(a.TokenLifetime)
	case "allow_offline_access":
		return cty.BoolVal(a.AllowOfflineAccess)
	case "include_permissions":
		return cty.BoolVal(a.IncludePermissions)
	case "scope_mode":
		return cty.StringVal(string(a.ScopeMode))
	case "reuse_window":
		return cty.NumberIntVal(a.ReuseWindow)
	case "prevent_destroy":
		return cty.BoolVal(a.PreventDestroy)
	case "distinct_from":
		return s.apisLabelled(a.DistinctFrom)
	case "metadata":
		return stringMap(a.Metadata)
	case "scopes":
		names := make([]string, len(a.Scopes))
		for i, s := range a.Scopes {
			names[i] = s.Name
		}
		return stringList(names)
	}
	return cty.NilVal
}

func (s Self) clientAttr(c *schema.Client, name string) cty.Value {
	switch name {
	case "address":
		return cty.StringVal("client." + c.Label)
	case "label":
		return cty.StringVal(c.Label)
	case "name":
		return cty.StringVal(c.Name)
	case "client_id":
		return cty.StringVal(c.ClientID)
	case "grant_types":
		return stringList(c.GrantTypes)
	case "metadata":
		return stringMap(c.Metadata)
	case "default_api":
		return s.apiLabelled(c.DefaultAPI)
	case "introspects":
		return s.apisLabelled(c.Introspects)
	case "rate_limit":
		if c.RateLimit == 0 {
			return cty.NullVal(cty.Number)
		}
		return cty.NumberFloatVal(c.RateLimit)
	case "revoked_before":
		return timeOrNull(c.RevokedBefore)
	case "require_sender_constrained":
		return cty.BoolVal(c.RequireSenderConstrained)
	case "prevent_destroy":
		return cty.BoolVal(c.PreventDestroy)
	}
	return cty.NilVal
}

func (s Self) authorizationAttr(a *schema.Authorization, name string) cty.Value {
	switch name {
	case "address":
		return cty.StringVal("authorization." + a.Label)
	case "label":
		return cty.StringVal(a.Label)
	case "client":
		v, _ := s.whole(kindClient)
		return v
	case "api":
		v, _ := s.whole(kindAPI)
		return v
	case "scopes":
		return stringList(a.Scopes)
	case "subject_type":
		return cty.StringVal(string(a.SubjectType))
	case "subject_claims":
		return jsonObject(a.SubjectClaims)
	case "copy_claims":
		return stringList(a.CopyClaims)
	case "token_lifetime":
		if a.TokenLifetime == 0 && s.API != nil {
			return cty.NumberIntVal(s.API.TokenLifetime)
		}
		return cty.NumberIntVal(a.TokenLifetime)
	case "expires_at":
		return timeOrNull(a.ExpiresAt)
	}
	return cty.NilVal
}

// apiLabelled returns the API that an attribute refers to.
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

func (s Self) apisLabelled(labels []string) cty.Value {
	values := make([]cty.Value, len(labels))
	for i, label := range labels {
		if values[i] = s.apiLabelled(label); values[i] == cty.NilVal {
			return cty.NilVal
		}
	}
	return cty.TupleVal(values)
}

// jsonObject decodes a canonical JSON object, "" for an empty one.
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

func textOrNull(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

func timeOrNull(unix int64) cty.Value {
	if unix == 0 {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(schema.FormatTime(unix))
}
