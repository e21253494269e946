package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
)

// A Claim is one custom claim of an authorization's tokens.
type Claim struct {
	Name      string
	JSON      string    // canonical
	Range     hcl.Range // of the value
	NameRange hcl.Range
}

// claims is a claims attribute: an object whose values become JSON. Most read nothing of
// self and so are the same in every token of the object: these are evaluated once, by Load.
type claims struct {
	*deferred
	places map[string]claimPlace // where claims are whose names are literals, by name
	fixed  []Claim               // the claims, if the expression does not read self
	isSet  bool                  // fixed is set, perhaps to no claims
}

// A claimPlace is where a claim was written.
type claimPlace struct{ name, value hcl.Range }

// claims decodes a claims attribute, nil when there is none, or when it is wrong and has
// been reported. An empty object is as good as none.
func (f *fields) claims() *claims {
	a := f.block.Body.Attribute("claims")
	if a == nil {
		return nil
	}
	items, isObject := a.Expr.Syntax().(*hclsyntax.ObjectConsExpr)
	if isObject && len(items.Items) == 0 {
		return nil
	}
	d := f.deferred("claims", claimsSelf)
	if d == nil {
		return nil
	}
	c := &claims{deferred: d, places: map[string]claimPlace{}}
	if isObject {
		for _, item := range items.Items {
			if v, ok := item.ValueExpr.(*hclsyntax.LiteralValueExpr); ok && v.Val.IsNull() {
				continue // takes the claim away
			}
			if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.Type() == cty.String && !key.IsNull() {
				c.places[key.AsString()] = claimPlace{item.KeyExpr.Range(), item.ValueExpr.Range()}
			}
		}
	}
	if len(d.self.paths) == 0 {
		var problems diag.List
		c.fixed, problems = c.evaluate(f.eval, Self{})
		c.isSet = true
		f.problems.addAll(problems)
	}
	return c
}

// WrittenClaims lists the claims whose names are written out, without values:
// what can be said of them where no authorization makes a token of the API. Claims are
// evaluated for an authorization, and without one there is no self.
func (a *API) WrittenClaims() []Claim { return a.claims.written() }

// WrittenClaims lists the claims of a client whose names are written out, see
// API.WrittenClaims.
func (c *Client) WrittenClaims() []Claim { return c.claims.written() }

// written lists the claims whose names are literals, sorted; c may be nil.
func (c *claims) written() (out []Claim) {
	if c == nil {
		return nil
	}
	for name, at := range c.places {
		out = append(out, Claim{Name: name, Range: at.value, NameRange: at.name})
	}
	slices.SortFunc(out, func(a, b Claim) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// evaluate returns the claims of one layer, the API's, the client's or the authorization's own,
// for one authorization. A claim that JSON cannot express is reported at its own place and
// left out. It is safe for concurrent use: authorizations are evaluated in parallel.
func (c *claims) evaluate(e *eval.Evaluator, self Self) ([]Claim, diag.List) {
	if c.isSet {
		return c.fixed, nil
	}
	v, problems := c.value(e, self)
	if problems.HasErrors() {
		return nil, problems
	}
	if v.IsNull() {
		return nil, nil
	}
	if ty := v.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		return nil, diag.List{diag.New("wrong-type", c.expr.Range(), "claims must be an object, not "+typeName(ty)+". Write it like: claims = { \"https://example.com/team\" = \"payments\" }")}
	}
	var evaluated []Claim
	for name, value := range v.AsValueMap() {
		at, ok := c.places[name]
		if !ok {
			at = claimPlace{c.expr.Range(), c.expr.Range()}
		}
		text, err := canonicalJSON(value)
		if err != nil {
			problems = append(problems, diag.New("invalid-claim", at.value, "claim \""+name+"\" "+err.Error()+"."))
			continue
		}
		evaluated = append(evaluated, Claim{Name: name, JSON: text, Range: at.value, NameRange: at.name})
	}
	slices.SortFunc(evaluated, func(a, b Claim) int { return cmp.Compare(a.Name, b.Name) })
	return evaluated, problems.Sorted()
}

// EvalClaims evaluates the custom claims of one authorization: the API's, over
// them the client's, over them its own. A null takes a claim away that a layer below gives.
// They are sorted by name. Any of the three declarations may be nil. self holds all three
// objects of the authorization. After errors, the claims are those that could be evaluated.
func (c *Config) EvalClaims(api *API, client *Client, auth *Authorization, self Self) ([]Claim, diag.List) {
	var layers []*claims
	if api != nil && api.claims != nil {
		layers = append(layers, api.claims)
	}
	if client != nil && client.claims != nil {
		layers = append(layers, client.claims)
	}
	if auth != nil && auth.claims != nil {
		layers = append(layers, auth.claims)
	}
	if len(layers) == 0 {
		return nil, nil
	}
	var problems diag.List
	merged := map[string]Claim{}
	for _, layer := range layers {
		claims, l := layer.evaluate(c.eval, self)
		problems = append(problems, l...)
		for _, claim := range claims {
			merged[claim.Name] = claim
		}
	}
	var out []Claim
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if merged[name].JSON != "null" {
			out = append(out, merged[name])
		}
	}
	return out, problems
}
