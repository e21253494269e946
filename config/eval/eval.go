// Package eval evaluates HCL expressions within a budget: with an allow-list
// of pure functions, every result sized before it can grow and every piece of
// work counted, because an HCL expression cannot be cancelled once it runs.
//
// Work is counted in steps. A step is about a tenth of a microsecond: one pass
// of a for expression takes sixteen and one to eight for each node of its body, a
// function call takes twelve and what its arguments weigh. Beside that, what the
// library does by itself is counted before it does it: a set compares elements
// of one hash, a conversion looks for a common type, and a number is read from
// text or written out. Expressions outside loops cost next to nothing, as they
// are no larger than the files that hold them.
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
// many goroutines.
type Evaluator struct {
	limits    source.Limits
	files     FileReader
	functions map[string]function.Function
	steps     atomic.Int64
	guarded   sync.Map // hclsyntax.Expression -> *program

	mu   sync.Mutex
	read map[string]readText
}

// New returns an evaluator with a fresh budget. Without files, file() reports
// that there are none.
func New(limits source.Limits, files FileReader) *Evaluator {
	e := &Evaluator{limits: limits.OrDefaults(), files: files, read: map[string]readText{}}
	e.functions = e.table()
	return e
}

// Value evaluates expr. The context holds variables only, which other calls of
// Value made or Admit has let in; it may be nil. When the list has errors the
// value is cty.NilVal, else it is wholly known, though it may be null.
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
		return finish(v, e.list(diags))
	}
	return finish(e.run(syntax, ctx))
}

// finish keeps the promise that errors and a value exclude one another.
func finish(v cty.Value, l diag.List) (cty.Value, diag.List) {
	if l.HasErrors() {
		return cty.NilVal, l
	}
	return v, l
}

// run evaluates what is not plain. It gets a context of its own, as splat
// expressions keep their current element by context.
func (e *Evaluator) run(expr hclsyntax.Expression, ctx *hcl.EvalContext) (v cty.Value, l diag.List) {
	defer func() {
		if r := recover(); r != nil {
			p, ok := r.(excess)
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
	if again {
		e.take(p.steps/32, expr)
	}
	child := ctx.NewChild()
	child.Functions = e.functions
	v, diags := p.expr.Value(child)
	if e.steps.Load() > e.limits.Steps {
		panic(excess{e.outOfSteps(), expr.Range()}) // even where try() has hidden it
	}
	if l := e.list(diags); l.HasErrors() {
		return cty.NilVal, l
	}
	return v, e.Admit(v, expr.Range())
}

// program returns expr in the form that is evaluated, and whether it was
// evaluated before.
func (e *Evaluator) program(expr hclsyntax.Expression) (p *program, again bool) {
	if p, ok := e.guarded.Load(expr); ok {
		return p.(*program), true
	}
	p = e.compile(expr)
	e.guarded.Store(expr, p)
	return p, false
}

// Admit holds a value that no call of Value has made, such as that of a
// variable, against the limits. Values that are not admitted must not get into
// a context.
func (e *Evaluator) Admit(v cty.Value, at hcl.Range) diag.List {
	w := &weigher{limits: e.limits}
	err := w.value(v, 0)
	if err == nil && w.nodes > 64 {
		err = e.spend(int64(w.nodes / 8))
	}
	if err == nil {
		return nil
	}
	return diag.List{listed(err, at)}
}

func listed(err error, at hcl.Range) diag.Diagnostic {
	if le, ok := errors.AsType[*limitError](err); ok {
		return excess{le, at}.diagnostic()
	}
	return diag.New("invalid-expression", at, "The value cannot be used: "+err.Error()+".").Titled("Invalid value")
}

// Spend takes steps from the budget for work that the caller does, such as one
// for each instance of for_each. It returns false, and the diagnostic, when
// the budget is used up.
func (e *Evaluator) Spend(steps int64, at hcl.Range) (diag.Diagnostic, bool) {
	if err := e.spend(steps); err != nil {
		return listed(err, at), false
	}
	return diag.Diagnostic{}, true
}

// Exhausted reports whether the budget is used up, so that nothing more can be
// evaluated.
func (e *Evaluator) Exhausted() bool { return e.left() < 0 }

// FilesRead returns the SHA-256 of every file that file() has read, by name.
func (e *Evaluator) FilesRead() map[string][sha256.Size]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	sums := make(map[string][sha256.Size]byte, len(e.read))
	for name, f := range e.read {
		sums[name] = f.sum
	}
	return sums
}
