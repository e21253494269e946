package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// direct are functions that look at a small part of what they are given. The
// library's way of calling functions walks all of it several times, which
// would make a lookup in a large map the most expensive of calls.
var direct = map[string]func(args []cty.Value) (cty.Value, error){
	"lookup": lookup,
	"length": length,
}

// countedElements is how many elements of a set are counted in a step: it does not
// know its length.
const countedElements = 3

// A directCall calls such a function without detours. When that fails it goes
// the library's way, which words the mistake.
type directCall struct {
	*hclsyntax.FunctionCallExpr
	fn func(args []cty.Value) (cty.Value, error)
	e  *Evaluator
}

func (x *directCall) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	x.e.take(callSteps, x.FunctionCallExpr)
	args := make([]cty.Value, len(x.Args))
	again := *x.FunctionCallExpr
	again.Args = make([]hclsyntax.Expression, len(x.Args))
	ok := true
	for i, arg := range x.Args {
		v, diags := arg.Value(ctx)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		args[i], ok = v, ok && v.IsKnown() && (i > 1 || !v.IsNull())
		again.Args[i] = &hclsyntax.LiteralValueExpr{Val: v, SrcRange: arg.Range()}
	}
	if ok && len(args) > 1 {
		key, err := convert.Convert(args[1], cty.String)
		args[1], ok = key, err == nil
	}
	if ok && len(args) > 2 && isStructural(args[2]) {
		ok = false // the default may have to be brought to another type
	}
	switch {
	case !ok:
	case args[0].Type() == cty.String:
		x.e.take(int64(len(args[0].AsString()))/characterBytes, x.FunctionCallExpr)
	case args[0].Type().IsSetType():
		x.e.take(int64(args[0].LengthInt())/countedElements, x.FunctionCallExpr)
	}
	if ok {
		if v, err := x.fn(args); err == nil {
			return v, nil
		}
	}
	return again.Value(ctx)
}
