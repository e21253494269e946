package config

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/schema"
)

// A Self is what self refers to while a policy or a claim is evaluated.
type Self struct {
	API           *schema.API
	Client        *schema.Client
	Authorization *schema.Authorization
}

// value makes self with as much of it as is read.
func (u *selfUse) value(self Self) cty.Value {
	root := need{}
	for _, path := range u.paths {
		k, nested := u.kindOf(path[0])
		if !nested {
			root.put(path[0], self.attr(u.shape.kind, path[0]))
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
			sub.whole = self.whole(k)
			continue
		}
		sub.put(path[1], self.attr(k, path[1]))
	}
	return root.value()
}

func (n *need) put(name string, v cty.Value) {
	if n.attrs == nil {
		n.attrs = map[string]cty.Value{}
	}
	n.attrs[name] = v
}

func (s Self) whole(k kind) cty.Value {
	if k == kindAPI && s.API == nil || k == kindClient && s.Client == nil || k == kindAuthorization && s.Authorization == nil {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	attrs := map[string]cty.Value{}
	for _, name := range wholeNames(k) {
		attrs[name] = s.attr(k, name)
	}
	return cty.ObjectVal(attrs)
}

// attr returns an attribute of one of the objects, in the form in which
// expressions see it everywhere.
func (s Self) attr(k kind, name string) cty.Value {
	v := cty.NilVal
	switch {
	case k == kindAPI && s.API != nil:
		v = apiAttr(s.API, name)
	case k == kindClient && s.Client != nil:
		v = clientAttr(s.Client, name)
	case k == kindAuthorization && s.Authorization != nil:
		v = s.authorizationAttr(s.Authorization, name)
	}
	if v == cty.NilVal {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return v
}

func apiAttr(a *schema.API, name string) cty.Value {
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

func clientAttr(c *schema.Client, name string) cty.Value {
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
		return s.whole(kindClient)
	case "api":
		return s.whole(kindAPI)
	case "scopes":
		return stringList(a.Scopes)
	case "subject_type":
		return cty.StringVal(string(a.SubjectType))
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
