package config

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// texts decodes a list or set of strings. The result is nil only if the attribute was not
// written, is null or is wrong; an empty list is not nil, since it replaces the default.
func (f *fields) texts(spec *schema.Attribute) []string {
	a := f.attr(spec)
	if a == nil {
		return nil
	}
	values, written, ok := literalStrings(&a.Expr)
	if ok {
		values = f.allowedAll(spec, values, func(i int) hcl.Range { return written[i].Range() })
	} else {
		v, at, ok := f.value(spec)
		if !ok {
			return nil
		}
		var isStrings bool
		if values, isStrings = stringsOf(v); !isStrings {
			f.wrongType(spec, v, at)
			return nil
		}
		values = f.allowedAll(spec, values, func(int) hcl.Range { return at })
	}
	if spec.NotEmpty && values != nil && len(values) == 0 {
		f.errorf("invalid-value", a.Expr.Range(), "%s is empty, so that nothing would be accepted. Write at least one, such as %s, or leave it out for the default.", spec.Name, spec.Example)
	}
	return values
}

// literalStrings returns the strings of a list that is written out, and where each was
// written: a problem with one can then point at it.
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

// allowedAll applies the rules to each element and refuses repetition. It returns the values,
// or nil after a mistake, so that no half of a list is compared with anything. at returns
// where an element was written, or where the list was.
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

// isWarning reports a code that no diagnostic has, and one whose diagnostics are errors
// alone: an error cannot be acknowledged away.
func (f *fields) isWarning(name string, at hcl.Range) bool {
	code, found := diag.LookUp(name)
	if found && slices.Contains(code.Severities(), diag.Warning) {
		return true
	}
	if found {
		f.errorf("invalid-value", at, "%q is an error and has to be mended: only warnings can be accepted. Leave it out.", name)
		return false
	}
	var warnings []string
	for _, c := range diag.Codes() {
		if slices.Contains(c.Severities(), diag.Warning) {
			warnings = append(warnings, c.Name)
		}
	}
	f.errorf("invalid-value", at, "There is no warning %q.%s", clip(name), cmp.Or(f.problems.didYouMean(name, warnings), ` "writ schema --codes" lists them.`))
	return false
}

// repeated finds the first element that is in the list twice, and returns both indexes. Short
// lists, which most are, are searched without a map: it would be an allocation for each of
// thousands of lists.
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

// refs decodes a list of references, which stands for a set, into the labels of what it
// names: sorted, each once. So the order in which they are written is no change in a plan.
func (f *fields) refs(spec *schema.Attribute) []string {
	a := f.attr(spec)
	if a == nil {
		return nil
	}
	of, _ := kindOf(spec.Of)
	objects, ranges, ok := f.references(&a.Expr, of, f.scope)
	if !ok {
		f.bad = true
	}
	var labels []string
	for i, o := range objects {
		if j := slices.Index(labels, o.label()); j >= 0 {
			f.problems.related("invalid-value", ranges[i], related("the other", ranges[slices.Index(objects, o)]), "%s stands twice in %s. Leave one of them out.", o.address(), spec.Name)
			f.bad = true
			continue
		}
		labels = append(labels, o.label())
	}
	slices.Sort(labels)
	return labels
}
