package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/writ-auth/writ/config/diag"
)

// A program is the guarded copy of a syntax tree. Nodes that can multiply work or
// size are replaced by ones that count and check. All other nodes are shared with
// the original tree, which is not changed.
type program struct {
	expr     hclsyntax.Expression
	steps    int64     // what one evaluation costs outside of loops
	mistakes diag.List // found while the program was made; it is then not evaluated
}

// compile makes the program of an expression. Two goroutines may do so at once; either
// program is as good.
func (e *Evaluator) compile(expr hclsyntax.Expression) *program {
	c := &guarder{e: e}
	return &program{expr: c.guard(expr), steps: c.steps, mistakes: c.mistakes}
}

// A guarder builds one program. What it reports as a mistake is wrong whatever the
// variables are, so the expression is then not evaluated at all.
type guarder struct {
	e        *Evaluator
	steps    int64 // of the nodes guarded so far
	loops    int   // for and splat expressions around the node
	mistakes diag.List
}

// guard returns a guarded copy of expr, or expr itself if nothing in it needs a
// guard, and adds its cost to c.steps.
func (c *guarder) guard(expr hclsyntax.Expression) hclsyntax.Expression {
	c.steps += nodeSteps(expr)
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return &hclsyntax.ParenthesesExpr{Expression: c.guard(x.Expression), SrcRange: x.SrcRange}
	case *hclsyntax.TemplateWrapExpr:
		return &hclsyntax.TemplateWrapExpr{Wrapped: c.guard(x.Wrapped), SrcRange: x.SrcRange}
	case *hclsyntax.UnaryOpExpr:
		y := *x
		y.Val = &primitiveNode{c.guard(x.Val), c.e, cty.Number}
		return &y
	case *hclsyntax.BinaryOpExpr:
		return c.binary(x)
	case *hclsyntax.ConditionalExpr:
		y := *x
		y.Condition = c.guard(x.Condition)
		y.TrueResult, y.FalseResult = c.guard(x.TrueResult), c.guard(x.FalseResult)
		return &conditionalNode{&y, c.e}
	case *hclsyntax.FunctionCallExpr:
		y := *x
		y.Args = c.all(x.Args)
		for i, arg := range y.Args {
			if c.unifies(x.Name, i) {
				y.Args[i] = &collectionArgument{arg, c.e, c.argumentType(x, i), x.ExpandFinal && i == len(x.Args)-1}
			} else if to := c.parameter(x.Name, i); to == cty.String || to == cty.Number {
				y.Args[i] = &primitiveNode{arg, c.e, to}
			}
		}
		if fn := direct[x.Name]; fn != nil && !x.ExpandFinal && len(x.Args) > 0 {
			return &directCall{&y, fn, c.e}
		}
		return &y
	case *hclsyntax.IndexExpr:
		y := *x
		y.Collection, y.Key = c.guard(x.Collection), &primitiveNode{c.guard(x.Key), c.e, cty.DynamicPseudoType}
		return &y
	case *hclsyntax.RelativeTraversalExpr:
		y := *x
		y.Source = c.guard(x.Source)
		return &y
	case *hclsyntax.TupleConsExpr:
		y := *x
		y.Exprs = c.all(x.Exprs)
		return &y
	case *hclsyntax.ObjectConsExpr:
		return c.object(x)
	case *hclsyntax.ForExpr:
		return c.loop(x)
	case *hclsyntax.SplatExpr:
		return c.splat(x)
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			return x
		}
		return &templateNode{Expression: x, parts: c.all(x.Parts), e: c.e, inLoop: c.loops > 0}
	case *hclsyntax.TemplateJoinExpr:
		return &joinNode{Expression: x, tuple: c.guard(x.Tuple), e: c.e}
	}
	return expr
}

// nodeSteps is the cost of one evaluation of a node without its children, as
// measured. Function calls are charged where they are called.
func nodeSteps(expr hclsyntax.Expression) int64 {
	switch x := expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return 2 + keySteps(x.Traversal)
	case *hclsyntax.RelativeTraversalExpr:
		return 2 + keySteps(x.Traversal)
	case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		return 8
	case *hclsyntax.ConditionalExpr, *hclsyntax.TemplateExpr, *hclsyntax.ObjectConsExpr, *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
		return 6
	case *hclsyntax.LiteralValueExpr:
		return 1
	}
	return 2
}

// keySteps returns the cost of converting the literal keys of a traversal to text
// or numbers, which happens on every evaluation.
func keySteps(t hcl.Traversal) (steps int64) {
	for _, step := range t {
		if index, ok := step.(hcl.TraverseIndex); ok {
			steps += primitiveSteps(index.Key)
		}
	}
	return steps
}

// all guards each expression.
func (c *guarder) all(exprs []hclsyntax.Expression) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(exprs))
	for i, x := range exprs {
		out[i] = c.guard(x)
	}
	return out
}

// binary guards the operands of an operator. The results of arithmetic are
// checked, since repeated multiplication grows a number without limit.
func (c *guarder) binary(x *hclsyntax.BinaryOpExpr) hclsyntax.Expression {
	y := *x
	y.LHS, y.RHS = c.guard(x.LHS), c.guard(x.RHS)
	if x.Op == hclsyntax.OpEqual || x.Op == hclsyntax.OpNotEqual {
		y.LHS, y.RHS = &comparedNode{y.LHS, c.e}, &comparedNode{y.RHS, c.e}
		return &y
	}
	y.LHS, y.RHS = &primitiveNode{y.LHS, c.e, cty.Number}, &primitiveNode{y.RHS, c.e, cty.Number}
	return &boundedNode{&y, c.e}
}

// object guards the items of an object and reports keys that are written twice:
// HCL would silently take the last.
func (c *guarder) object(x *hclsyntax.ObjectConsExpr) hclsyntax.Expression {
	y := *x
	y.Items = make([]hclsyntax.ObjectConsItem, len(x.Items))
	c.mistakes = append(c.mistakes, repeatedKeys(x)...)
	for i, item := range x.Items {
		y.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: c.key(item.KeyExpr), ValueExpr: c.guard(item.ValueExpr)}
	}
	return &y
}

// repeatedKeys reports keys that are written twice. Computed keys are not compared.
func repeatedKeys(x *hclsyntax.ObjectConsExpr) (l diag.List) {
	if len(x.Items) < 2 {
		return nil
	}
	first := make(map[string]hcl.Range, len(x.Items))
	for _, item := range x.Items {
		key, ok := staticKey(item.KeyExpr)
		if !ok {
			continue
		}
		rng := item.KeyExpr.Range()
		if before, again := first[key]; again {
			l = append(l, repeatedKey(key, rng, before))
			continue
		}
		first[key] = rng
	}
	return l
}

// key guards a key that is computed. A key that is written out needs no guard.
func (c *guarder) key(key hclsyntax.Expression) hclsyntax.Expression {
	k, ok := key.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return c.guard(key)
	}
	if _, static := staticKey(k); static {
		return key
	}
	if _, plain := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); plain {
		return &hclsyntax.ObjectConsKeyExpr{Wrapped: c.guard(k.Wrapped), ForceNonLiteral: k.ForceNonLiteral}
	}
	return &hclsyntax.ObjectConsKeyExpr{Wrapped: &primitiveNode{c.guard(k.Wrapped), c.e, cty.String}, ForceNonLiteral: k.ForceNonLiteral}
}

// loop guards a for expression and adds up what one pass costs.
func (c *guarder) loop(x *hclsyntax.ForExpr) hclsyntax.Expression {
	y := &forNode{Expression: x, x: x, coll: c.guard(x.CollExpr), e: c.e}
	before := c.steps
	c.loops++
	if x.KeyExpr != nil {
		y.key = c.guard(x.KeyExpr)
	}
	y.val = c.guard(x.ValExpr)
	if x.CondExpr != nil {
		y.cond = c.guard(x.CondExpr)
	}
	c.loops--
	y.steps = passSteps + c.steps - before
	return y
}

// passSteps is the cost of a pass beyond the nodes of its body.
const passSteps = 16

// splat guards a splat expression, which is a loop over its source.
func (c *guarder) splat(x *hclsyntax.SplatExpr) hclsyntax.Expression {
	before := c.steps
	c.loops++
	each := c.guard(x.Each)
	c.loops--
	return &hclsyntax.SplatExpr{
		Source: c.guard(x.Source), Each: &countedNode{each, c.e, passSteps + c.steps - before}, Item: x.Item,
		SrcRange: x.SrcRange, MarkerRange: x.MarkerRange,
	}
}

// A countedNode takes a fixed number of steps each time it is evaluated.
type countedNode struct {
	hclsyntax.Expression
	e     *Evaluator
	steps int64
}

// Value takes the steps before it evaluates.
func (x *countedNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	x.e.take(x.steps, x.Expression)
	return x.Expression.Value(ctx)
}

// A boundedNode checks the size of its result.
type boundedNode struct {
	hclsyntax.Expression
	e *Evaluator
}

// Value checks the result before it can grow further.
func (x *boundedNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	if !diags.HasErrors() {
		throw(checkSize(v, x.e.limits), x.Expression)
	}
	return v, diags
}

// compareTimes is how often a comparison visits each part, as measured: the library looks
// for marks and for unknown values before it compares.
const compareTimes = 3

// A comparedNode is an operand of == or !=, which visits every part of it. It
// takes the steps for that.
type comparedNode struct {
	hclsyntax.Expression
	e *Evaluator
}

// Value evaluates the operand and takes the steps of the comparison. Only the operand's own
// size counts: the comparison ends where the other one does.
func (x *comparedNode) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := x.Expression.Value(ctx)
	switch {
	case diags.HasErrors():
	case v.Type().IsPrimitiveType():
		if !v.IsNull() && v.Type() == cty.Number && !isSmall(v) {
			x.e.take(writingSteps(v), x.Expression)
		}
	default:
		x.e.take(weight(v, x.e.left())*compareTimes, x.Expression)
	}
	return v, diags
}

// literal evaluates strings, numbers, bools, null, and tuples of these without a
// context: most expressions of a configuration are such. Package source has
// checked their sizes.
func literal(expr hclsyntax.Expression) (cty.Value, bool) {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return x.Val, x.Val.IsKnown()
	case *hclsyntax.TemplateExpr:
		if !x.IsStringLiteral() {
			return cty.NilVal, false
		}
		return literal(x.Parts[0])
	case *hclsyntax.TupleConsExpr:
		return literalTuple(x)
	}
	return cty.NilVal, false
}

// literalTuple is literal for a tuple.
func literalTuple(x *hclsyntax.TupleConsExpr) (cty.Value, bool) {
	vals := make([]cty.Value, len(x.Exprs))
	for i, item := range x.Exprs {
		v, ok := literal(item)
		if !ok {
			return cty.NilVal, false
		}
		vals[i] = v
	}
	return cty.TupleVal(vals), true
}

// staticKey returns the key of an object's item if it is a word or a literal
// string.
func staticKey(key hclsyntax.Expression) (string, bool) {
	if k, ok := key.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return word, true
		}
		key = k.Wrapped
	}
	v, ok := literal(key)
	if !ok || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// direct holds functions that read a small part of their arguments. The library's
// call visits all of every argument several times, which would make a lookup in a
// large map the most expensive call of all.
var direct = map[string]func(args []cty.Value) (cty.Value, error){
	"lookup": lookup,
	"length": length,
}

// countedElements is how many elements of a set are counted in one step. A set
// does not store its length.
const countedElements = 3

// A directCall calls a function of direct without the library. If that fails, it
// repeats the call through the library, which words the error.
type directCall struct {
	*hclsyntax.FunctionCallExpr
	fn func(args []cty.Value) (cty.Value, error)
	e  *Evaluator
}

// Value evaluates the arguments once, also if the call is repeated through the library.
func (x *directCall) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	x.e.take(callSteps, x.FunctionCallExpr)
	args := make([]cty.Value, len(x.Args))
	again := *x.FunctionCallExpr
	again.Args = make([]hclsyntax.Expression, len(x.Args))
	ok := true // the arguments are what fn takes
	for i, arg := range x.Args {
		v, diags := arg.Value(ctx)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		args[i], ok = v, ok && v.IsKnown() && (i > 1 || !v.IsNull()) // a default may be null
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
