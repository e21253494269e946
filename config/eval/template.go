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

// A template is hclsyntax.TemplateExpr for known values, and stops as soon as
// its result is too long.
type template struct {
	hclsyntax.Expression
	parts  []hclsyntax.Expression
	e      *Evaluator
	inLoop bool
}

func (t *template) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
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

// text converts one part. A number is checked before, as writing one out can
// be the work of minutes.
func (t *template) text(v cty.Value, part hclsyntax.Expression) (s, problem string) {
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

func (t *template) mistake(part hclsyntax.Expression, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid template interpolation value", Detail: detail, Subject: part.Range().Ptr()}
}

// joined is hclsyntax.TemplateJoinExpr, the outcome of a %{for} directive.
type joined struct {
	hclsyntax.Expression
	tuple hclsyntax.Expression
	e     *Evaluator
}

func (j *joined) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
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
