package compiler

import (
	"encoding/json"

	"github.com/writ-auth/writ/schema"
)

// attributesOf lists what is set of an object of a Document, in the order of the
// language reference, and after it the nested blocks.
func attributesOf(object any) []Attribute {
	block := schema.BlockOf(object)
	if block == nil {
		return nil
	}
	l := rowsOf(block, object, make([]Attribute, 0, len(block.Attributes)+1))
	switch of := object.(type) {
	case *schema.API:
		if len(of.Scopes) > 0 {
			scopes := make([]Object, len(of.Scopes))
			for i := range of.Scopes {
				scopes[i] = scopeObject(&of.Scopes[i])
			}
			l = append(l, Attribute{"scopes", scopes})
		}
	case *schema.Client:
		if credentials := credentialsOf(of); len(credentials) > 0 {
			shown := make([]Object, len(credentials))
			for i := range credentials {
				shown[i] = credentialObject(&credentials[i])
			}
			l = append(l, Attribute{"credentials", shown})
		}
		if of.RefreshToken != nil {
			l = append(l, Attribute{"refresh_token", Object{of.RefreshToken}})
		}
	}
	return l
}

// rowsOf appends the attributes of one block that are set. Hidden ones, with which a client
// authenticates, are left out.
func rowsOf(block *schema.Block, object any, l []Attribute) []Attribute {
	for i := range block.Attributes {
		a := &block.Attributes[i]
		if !a.IsStored() || a.Hidden {
			continue
		}
		if v := planned(a, a.Get(object)); v != nil {
			l = append(l, Attribute{a.Name, v})
		}
	}
	return l
}

// planned is a value as a plan has it, see Attribute; nil where it is not set. An empty
// list that the language requires counts as set.
func planned(a *schema.Attribute, v any) any {
	zero := schema.IsZero(v)
	switch {
	case zero && a.Required && a.Type == schema.TypeStrings:
		return []string{}
	case zero:
		return nil
	case a.ParseKeys != nil:
		return keyIDs(v.(string))
	case a.Type == schema.TypeTime:
		return schema.FormatTime(v.(int64))
	case a.Type == schema.TypeObject:
		return json.RawMessage(v.(string))
	}
	return v
}

// scopeObject is what a plan shows of a scope.
func scopeObject(s *schema.Scope) Object {
	return Object{rowsOf(schema.BlockOf(s), s, []Attribute{{"name", s.Name}})}
}

// credentialObject is what a plan shows of a credential.
func credentialObject(c *schema.Credential) Object {
	return Object{rowsOf(c.Block, c.Of, []Attribute{{"kind", c.Block.Type}, {"label", c.Label}})}
}

// textsOf lists the values of an enumeration as strings.
func textsOf[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}
