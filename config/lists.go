package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// texts decodes a list or set of strings. The result is nil only when the
// attribute was not written, is null or is wrong. written are the elements
// where each stands there as itself.
func (f *fields) texts(name string) (values []string, written []source.Expr) {
	a, spec := f.attr(name)
	if a == nil {
		return nil, nil
	}
	if values, written, ok := literalStrings(&a.Expr); ok {
		at := func(i int) hcl.Range { return written[i].Range() }
		return f.allowedAll(spec, values, at), written
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
	return f.allowedAll(spec, values, func(int) hcl.Range { return at }), nil
}

// elementRange is where element i was written; the whole list where an
// expression gave it.
func elementRange(written []source.Expr, i int, list hcl.Range) hcl.Range {
	if i < len(written) {
		return written[i].Range()
	}
	return list
}

func literalStrings(expr *source.Expr) (values []string, written []source.Expr, ok bool) {
	if written, ok = expr.Elements(); !ok {
		return nil, nil, false
	}
	values = make([]string, len(written))
	for i := range written {
		if values[i], ok = written[i].Text(); !ok {
			return nil, nil, false
		}
	}
	return values, written, true
}

// allowedAll applies the rules of each element and refuses repetition.
func (f *fields) allowedAll(spec *schema.Attribute, values []string, at func(i int) hcl.Range) []string {
	good := true
	for i, s := range values {
		good = f.allowed(spec, s, at(i)) && good
	}
	if i, j, twice := repeated(values); twice {
		code := "invalid-value"
		if spec.Name == "scopes" {
			code = "duplicate-scope"
		}
		f.problems.related(code, at(j), related("the other", at(i)), "%q stands twice in %s. Leave one of them out.", values[j], spec.Name)
		good = false
	}
	if !good {
		f.bad = true
		return nil
	}
	return values
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
	objects, ranges, ok := f.references(&a.Expr, of, f.scope)
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
		a := f.block.Body.Attribute(name)
		if a == nil {
			continue
		}
		if values, _ := f.texts(name); values != nil && len(values) == 0 {
			spec, _ := f.spec.Attr(name)
			f.errorf("invalid-value", a.Expr.Range(), "%s is empty, so that nothing would be accepted. Write at least one, such as %s, or leave it out for the default.", name, spec.Example)
		}
	}
}
