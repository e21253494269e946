package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/schema"
)

// texts decodes a list or set of strings and where each element stands. The
// result is nil only when the attribute was not written, is null or is wrong.
func (f *fields) texts(name string) ([]string, []hcl.Range) {
	if a := f.block.Body.Attributes[name]; a != nil {
		if tuple, ok := a.Expr.(*hclsyntax.TupleConsExpr); ok {
			if values, ranges, ok := literalStrings(tuple); ok {
				spec, _ := f.spec.Attr(name)
				return f.allowedAll(spec, values, ranges)
			}
		}
	}
	v, at, spec, ok := f.value(name)
	if !ok {
		return nil, nil
	}
	values, isStrings := stringsOf(v)
	if !isStrings {
		f.wrongType(spec, v, at)
		return nil, nil
	}
	return f.allowedAll(spec, values, slices.Repeat([]hcl.Range{at}, len(values)))
}

func literalStrings(tuple *hclsyntax.TupleConsExpr) ([]string, []hcl.Range, bool) {
	values := make([]string, len(tuple.Exprs))
	ranges := make([]hcl.Range, len(tuple.Exprs))
	for i, e := range tuple.Exprs {
		v, ok := literal(e)
		if !ok || v.IsNull() || v.Type() != cty.String {
			return nil, nil, false
		}
		values[i], ranges[i] = v.AsString(), e.Range()
	}
	return values, ranges, true
}

// allowedAll applies the rules of each element and refuses repetition.
func (f *fields) allowedAll(spec *schema.Attribute, values []string, ranges []hcl.Range) ([]string, []hcl.Range) {
	good := true
	for i, s := range values {
		good = f.allowed(spec, s, ranges[i]) && good
	}
	if i, j, twice := repeated(values); twice {
		code := "invalid-value"
		if spec.Name == "scopes" {
			code = "duplicate-scope"
		}
		f.problems.related(code, ranges[j], related("the other", ranges[i]), "%q stands twice in %s. Leave one of them out.", values[j], spec.Name)
		good = false
	}
	if !good {
		f.bad = true
		return nil, nil
	}
	return values, ranges
}

// repeated finds the first element that stands twice.
func repeated(values []string) (i, j int, found bool) {
	if len(values) <= 16 {
		for j := range values {
			if i := slices.Index(values[:j], values[j]); i >= 0 {
				return i, j, true
			}
		}
		return 0, 0, false
	}
	first := make(map[string]int, len(values))
	for j, v := range values {
		if i, twice := first[v]; twice {
			return i, j, true
		}
		first[v] = j
	}
	return 0, 0, false
}

// refs decodes a list of references.
func (f *fields) refs(name string) []Ref {
	a, spec := f.attr(name)
	if a == nil {
		return nil
	}
	of, _ := kindOf(spec.Of)
	objects, ranges, ok := f.references(a.Expr, of, f.scope)
	if !ok {
		f.bad = true
	}
	var out []Ref
	for i, o := range objects {
		ref := Ref{Label: o.label(), Range: ranges[i]}
		if j := slices.IndexFunc(out, func(r Ref) bool { return r.Label == ref.Label }); j >= 0 {
			f.problems.related("invalid-value", ref.Range, related("the other", out[j].Range), "%s stands twice in %s. Leave one of them out.", o.address(), name)
			f.bad = true
			continue
		}
		out = append(out, ref)
	}
	return out
}

// notEmpty reports lists that are written and empty where that would mean that
// nothing is ever accepted.
func (f *fields) notEmpty(names ...string) {
	for _, name := range names {
		a := f.block.Body.Attributes[name]
		if a == nil {
			continue
		}
		if values, _ := f.texts(name); values != nil && len(values) == 0 {
			spec, _ := f.spec.Attr(name)
			f.errorf("invalid-value", a.Expr.Range(), "%s is empty, so that nothing would be accepted. Write at least one, such as %s, or leave it out for the default.", name, spec.Example)
		}
	}
}
