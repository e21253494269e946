package eval

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A forNode replaces hclsyntax.ForExpr for known values. It takes steps for each
// pass, stops at the first pass with an error, where the library would report
// every pass, and makes one context for all passes instead of one for each. Its results
// are those of the library: TestDifferencesFromHCL lists what is not.
type forNode struct {
	hclsyntax.Expression
	x                    *hclsyntax.ForExpr
	coll, key, val, cond hclsyntax.Expression // key and cond may be nil
	steps                int64                // of one pass
	e                    *Evaluator
}

// Value evaluates the collection and then the body for each element. Its errors have the
// library's words.
func (p *forNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	coll, diags := p.coll.Value(ctx)
	if diags.HasErrors() || !coll.IsKnown() {
		return cty.DynamicVal, diags
	}
	if coll.IsNull() {
		return p.mistake("Iteration over null value", "A null value cannot be used as the collection in a 'for' expression.", p.coll)
	}
	if !coll.CanIterateElements() {
		return p.mistake("Iteration over non-iterable value", "A value of type "+coll.Type().FriendlyName()+" cannot be used as the collection in a 'for' expression.", p.coll)
	}
	if coll.Type().IsSetType() {
		p.e.take(weight(coll, p.e.left()), p.coll)
	}
	child := ctx.NewChild()
	child.Variables = make(map[string]cty.Value, 2)
	if p.cond != nil && coll.LengthInt() == 0 {
		if diags := p.condition(child); diags.HasErrors() {
			return cty.DynamicVal, diags
		}
	}
	out := results{group: p.x.Group, object: p.key != nil}
	for it := coll.ElementIterator(); it.Next(); {
		p.e.take(p.steps, p.x)
		key, val := it.Element()
		if p.x.KeyVar != "" {
			child.Variables[p.x.KeyVar] = key
		}
		child.Variables[p.x.ValVar] = val
		if diags := p.pass(child, &out); diags.HasErrors() {
			return cty.DynamicVal, diags
		}
	}
	return out.value(), nil
}

// pass evaluates the body once and adds the result to out.
func (p *forNode) pass(ctx *hcl.EvalContext, out *results) hcl.Diagnostics {
	if p.cond != nil {
		included, diags := p.included(ctx)
		if diags.HasErrors() || !included {
			return diags
		}
	}
	if p.key == nil {
		v, diags := p.val.Value(ctx)
		out.tuple = append(out.tuple, v)
		return diags
	}
	key, diags := p.keyOf(ctx)
	if diags.HasErrors() {
		return diags
	}
	v, diags := p.val.Value(ctx)
	if diags.HasErrors() {
		return diags
	}
	if !out.add(key, v) {
		_, diags = p.mistake("Duplicate object key", "Two items of this 'for' expression have the key \""+key+"\". Make the keys distinct, or write an ellipsis (...) after the value to gather the values of equal keys.", p.key)
	}
	return diags
}

// condition evaluates the if clause of a loop over nothing with unknown
// variables, as the library does before the first pass: an invalid clause is an
// error even when there is no pass.
func (p *forNode) condition(ctx *hcl.EvalContext) hcl.Diagnostics {
	if p.x.KeyVar != "" {
		ctx.Variables[p.x.KeyVar] = cty.DynamicVal
	}
	ctx.Variables[p.x.ValVar] = cty.DynamicVal
	v, diags := p.cond.Value(ctx)
	if diags.HasErrors() {
		return diags
	}
	if _, err := convert.Convert(v, cty.Bool); err != nil || v.IsNull() {
		_, diags = p.mistake("Invalid 'for' condition", "The value of the 'if' clause must be true or false.", p.cond)
	}
	return diags
}

// included reports whether the if clause holds for the current element.
func (p *forNode) included(ctx *hcl.EvalContext) (bool, hcl.Diagnostics) {
	v, diags := p.cond.Value(ctx)
	if diags.HasErrors() {
		return false, diags
	}
	v, err := convert.Convert(v, cty.Bool)
	if err != nil || v.IsNull() || !v.IsKnown() {
		_, diags = p.mistake("Invalid 'for' condition", "The value of the 'if' clause must be true or false.", p.cond)
		return false, diags
	}
	return v.True(), nil
}

// keyOf returns the object key of the current element.
func (p *forNode) keyOf(ctx *hcl.EvalContext) (string, hcl.Diagnostics) {
	v, diags := p.key.Value(ctx)
	if diags.HasErrors() {
		return "", diags
	}
	if v.Type() == cty.Number {
		p.e.takePrimitive(v, p.key)
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() || !v.IsKnown() {
		_, diags = p.mistake("Invalid object key", "The key of a 'for' expression must be a string.", p.key)
		return "", diags
	}
	return v.AsString(), nil
}

// mistake is an error at a part of the expression.
func (p *forNode) mistake(summary, detail string, at hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	return cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at.Range().Ptr()}}
}

// results collects the values of the passes: a tuple, an object, or an object of
// tuples with an ellipsis (group).
type results struct {
	object, group bool
	tuple         []cty.Value
	attrs         map[string]cty.Value
	groups        map[string][]cty.Value
}

// add stores the value of a key. It returns false if the key has one already and
// values are not grouped.
func (r *results) add(key string, v cty.Value) bool {
	if r.group {
		if r.groups == nil {
			r.groups = map[string][]cty.Value{}
		}
		r.groups[key] = append(r.groups[key], v)
		return true
	}
	if r.attrs == nil {
		r.attrs = map[string]cty.Value{}
	}
	if _, taken := r.attrs[key]; taken {
		return false
	}
	r.attrs[key] = v
	return true
}

// value is the result of the whole loop.
func (r *results) value() cty.Value {
	if !r.object {
		return cty.TupleVal(r.tuple)
	}
	if r.group {
		r.attrs = make(map[string]cty.Value, len(r.groups))
		for key, vals := range r.groups {
			r.attrs[key] = cty.TupleVal(vals)
		}
	}
	return cty.ObjectVal(r.attrs)
}

// A templateNode replaces hclsyntax.TemplateExpr for known values, and stops as
// soon as its result is too long.
type templateNode struct {
	hclsyntax.Expression
	parts  []hclsyntax.Expression
	e      *Evaluator
	inLoop bool
}

// Value concatenates the parts. The length is checked after each part, so that no result far
// beyond the limit is ever built.
func (t *templateNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	var b strings.Builder
	var diags hcl.Diagnostics
	known := true
	for _, part := range t.parts {
		v, more := part.Value(ctx)
		diags = append(diags, more...)
		if more.HasErrors() || !v.IsKnown() {
			known = false
			continue
		}
		s, problem := t.text(v, part)
		if problem != "" {
			diags = append(diags, t.mistake(part, problem))
			continue
		}
		b.WriteString(s)
		throw(stringSize(b.Len(), t.e.limits), t.Expression)
	}
	if t.inLoop {
		t.e.take(int64(b.Len()/16), t.Expression)
	}
	if !known || diags.HasErrors() {
		return cty.UnknownVal(cty.String), diags
	}
	return cty.StringVal(b.String()), diags
}

// text converts one part to text, or returns the problem. A number is checked
// first, as writing one out can take minutes.
func (t *templateNode) text(v cty.Value, part hclsyntax.Expression) (s, problem string) {
	if v.IsNull() {
		return "", "The expression result is null. Cannot include a null value in a string template."
	}
	if v.Type() == cty.Number {
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact && (n != 0 || !v.AsBigFloat().Signbit()) {
			return strconv.FormatInt(n, 10), ""
		}
		throw(magnitude(v, t.e.limits), part)
		t.e.take(writingSteps(v), part)
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", fmt.Sprintf("Cannot include the given value in a string template: %s.", err)
	}
	return v.AsString(), ""
}

// mistake is an error at a part of the template.
func (t *templateNode) mistake(part hclsyntax.Expression, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid template interpolation value", Detail: detail, Subject: part.Range().Ptr()}
}

// A joinNode replaces hclsyntax.TemplateJoinExpr, which joins the passes of a
// %{for} directive.
type joinNode struct {
	hclsyntax.Expression
	tuple hclsyntax.Expression
	e     *Evaluator
}

// Value concatenates the elements of the tuple within the limit of a string.
func (j *joinNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := j.tuple.Value(ctx)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || !v.Type().IsTupleType() {
		return cty.UnknownVal(cty.String), diags
	}
	var b strings.Builder
	for it := v.ElementIterator(); it.Next(); {
		_, part := it.Element()
		if part.IsNull() || !part.IsKnown() || part.Type() != cty.String {
			return cty.UnknownVal(cty.String), diags
		}
		b.WriteString(part.AsString())
		throw(stringSize(b.Len(), j.e.limits), j.Expression)
	}
	return cty.StringVal(b.String()), diags
}
