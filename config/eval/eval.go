// Package eval evaluates HCL expressions within a budget. An HCL expression
// cannot be cancelled once it runs, so three things bound it: an allow-list of
// pure functions, a size check on every result before it can grow further, and a
// budget from which every piece of work takes steps before it begins.
//
// A step is about a tenth of a microsecond. One pass of a for expression takes
// sixteen steps, and one to eight for each node of its body. A function call
// takes twelve steps and the weight of its arguments. Work that the library does
// on its own is charged too: a set compares all elements that have the same hash,
// a conversion searches for a common type, and numbers are read from text and
// written out. Expressions outside loops are hardly charged, as they are no
// larger than the files that hold them, and package source bounds those.
//
// The costs in this package were measured, and rounded up. They need not be exact: they
// have to make a budget of Limits.Steps run out within seconds, whatever is evaluated.
// TestCostIsCounted and TestBombs hold them to that.
//
// The package knows no block, no variable and no reference: package config
// builds the context that it evaluates in.
package eval

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A FileReader reads one file inside the configuration's tree, for file().
// Names have forward slashes and are relative to the root: source.Files is one.
type FileReader interface {
	ReadFile(name string) ([]byte, error)
}

// An Evaluator evaluates expressions within one budget. It is safe for use by
// many goroutines. It keeps a program for each expression that it has evaluated, so it
// should live no longer than the configuration that holds them.
type Evaluator struct {
	limits    source.Limits
	files     FileReader // nil: file() has nothing to read
	functions map[string]function.Function
	steps     atomic.Int64 // taken so far
	programs  sync.Map     // hclsyntax.Expression -> *program

	mu   sync.Mutex
	read map[string]readText // by name; guarded by mu
}

// New returns an evaluator with a fresh budget. Zero limits are the defaults.
// Without files, file() reports that no files can be read.
func New(limits source.Limits, files FileReader) *Evaluator {
	e := &Evaluator{limits: limits.OrDefaults(), files: files, read: map[string]readText{}}
	e.functions = e.table()
	return e
}

// Value evaluates expr. The context may be nil. It holds variables only, with
// values that this evaluator has returned or admitted, see Admit. If the list has
// errors, the value is cty.NilVal; otherwise the value is wholly known, though it
// may be null. The list may be shared with later calls: it must not be changed.
func (e *Evaluator) Value(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, diag.List) {
	syntax, ok := expr.(hclsyntax.Expression)
	if !ok {
		return cty.NilVal, diag.List{notHCL(expr)}
	}
	if v, ok := literal(syntax); ok {
		return v, nil
	}
	if t, ok := syntax.(*hclsyntax.ScopeTraversalExpr); ok {
		v, diags := t.Value(ctx)
		return noneOnError(v, e.list(diags))
	}
	return noneOnError(e.run(syntax, ctx))
}

// noneOnError makes the value cty.NilVal if there are errors. The library returns unknown
// values then, which no caller could use.
func noneOnError(v cty.Value, l diag.List) (cty.Value, diag.List) {
	if l.HasErrors() {
		return cty.NilVal, l
	}
	return v, l
}

// run evaluates an expression that is neither a literal nor a plain reference. It
// uses a context of its own, as splat expressions keep their current element by
// context: two goroutines that evaluate one expression would see each other's element. Of
// panics it recovers its own alone; any other is a bug and goes on.
func (e *Evaluator) run(expr hclsyntax.Expression, ctx *hcl.EvalContext) (v cty.Value, l diag.List) {
	defer func() {
		if r := recover(); r != nil {
			p, ok := r.(limitPanic)
			if !ok {
				panic(r)
			}
			v, l = cty.NilVal, diag.List{p.diagnostic()}
		}
	}()
	p, again := e.program(expr)
	if l := p.mistakes; l != nil {
		return cty.NilVal, l
	}
	// The first evaluation is paid for by the size of the file. Those after it cost a part
	// of what a loop would: claims and policies are evaluated once for each object, and the
	// number of objects is bounded elsewhere.
	if again {
		e.take(p.steps/32, expr)
	}
	child := ctx.NewChild()
	child.Functions = e.functions
	v, diags := p.expr.Value(child)
	if e.steps.Load() > e.limits.Steps {
		panic(limitPanic{e.outOfSteps(), expr.Range()}) // try() turns the panic into an ordinary error and may have hidden it
	}
	if l := e.list(diags); l.HasErrors() {
		return cty.NilVal, l
	}
	return v, e.Admit(v, expr.Range())
}

// program returns the guarded form of expr from the cache or makes it, and
// whether it was evaluated before.
func (e *Evaluator) program(expr hclsyntax.Expression) (p *program, again bool) {
	if p, ok := e.programs.Load(expr); ok {
		return p.(*program), true
	}
	p = e.compile(expr)
	e.programs.Store(expr, p)
	return p, false
}

// Admit holds a value from elsewhere, for example of a variable, against the
// limits. Only values that Value returned or Admit accepted may be put into a
// context. A value of up to 64 parts takes no steps, as nearly all are.
func (e *Evaluator) Admit(v cty.Value, at hcl.Range) diag.List {
	w := &weigher{limits: e.limits}
	err := w.value(v, 0)
	if err == nil && w.nodes > 64 {
		err = e.spend(int64(w.nodes / 8))
	}
	if err == nil {
		return nil
	}
	return diag.List{invalidValue(err, at)}
}

// invalidValue is the diagnostic for a value that exceeds a limit or is not
// known.
func invalidValue(err error, at hcl.Range) diag.Diagnostic {
	if le, ok := errors.AsType[*limitError](err); ok {
		return limitPanic{le, at}.diagnostic()
	}
	return diag.New("invalid-expression", at, "The value cannot be used: "+err.Error()+".").Titled("Invalid value")
}

// Spend takes steps from the budget for work of the caller, for example for each
// instance of for_each. If the budget is used up, it returns false and the
// diagnostic.
func (e *Evaluator) Spend(steps int64, at hcl.Range) (diag.Diagnostic, bool) {
	if err := e.spend(steps); err != nil {
		return invalidValue(err, at), false
	}
	return diag.Diagnostic{}, true
}

// Exhausted reports whether the budget is used up, so that nothing more can be
// evaluated.
func (e *Evaluator) Exhausted() bool { return e.left() < 0 }

// FilesRead returns the SHA-256 of every file that file() has read, by name. The
// configuration depends on them.
func (e *Evaluator) FilesRead() map[string][sha256.Size]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	sums := make(map[string][sha256.Size]byte, len(e.read))
	for name, f := range e.read {
		sums[name] = f.sum
	}
	return sums
}
