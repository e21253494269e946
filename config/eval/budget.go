package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A limitError says which limit evaluation exceeded. It passes through the HCL
// library as the error of a function call.
type limitError struct{ summary, detail string }

// Error returns a full sentence, as it may become the detail of a diagnostic.
func (e *limitError) Error() string { return e.detail }

// exceeded makes the error for an exceeded limit. The format says what the limit is,
// without a period.
func exceeded(summary, format string, args ...any) *limitError {
	return &limitError{summary, "This is past a limit: " + fmt.Sprintf(format, args...) + "."}
}

// A limitPanic is a limitError with its place, as the value of a panic. An error
// would let the library's loops run on to their end; the panic leaves them, and
// run recovers it.
type limitPanic struct {
	err *limitError
	at  hcl.Range
}

// diagnostic returns the limit as its reader sees it, at the expression that exceeded it.
func (x limitPanic) diagnostic() diag.Diagnostic {
	return diag.New("limit-exceeded", x.at, x.err.detail).Titled(x.err.summary)
}

// throw panics with a limitPanic at an expression, unless err is nil. Nodes call it and
// functions do not: the library turns a panic of a function into an error of its own.
func throw(err error, at hclsyntax.Expression) {
	if err == nil {
		return
	}
	le, ok := err.(*limitError)
	if !ok {
		le = &limitError{"Limit exceeded", err.Error()}
	}
	panic(limitPanic{le, at.Range()})
}

// take spends steps, or throws if the budget is used up.
func (e *Evaluator) take(steps int64, at hclsyntax.Expression) { throw(e.spend(steps), at) }

// spend adds steps to those used, and returns the error if they exceed the
// budget. Other goroutines share the budget, hence the one atomic addition.
func (e *Evaluator) spend(steps int64) error {
	if steps > 0 && e.steps.Add(steps) > e.limits.Steps {
		return e.outOfSteps()
	}
	return nil
}

// left returns how many steps remain, which is below zero once the budget is exceeded.
// Estimates of a cost stop there: beyond it, only that it is too much counts.
func (e *Evaluator) left() int64 { return e.limits.Steps - e.steps.Load() }

// tooMuchWork marks the diagnostics of a budget that is used up, see IsExhausted.
const tooMuchWork = "Too much work"

// IsExhausted reports whether a diagnostic says that the evaluator's budget is
// used up. Every later expression of that evaluator gets the same diagnostic, so
// one is enough to report.
func IsExhausted(d diag.Diagnostic) bool {
	return d.Code == "limit-exceeded" && d.Summary == tooMuchWork
}

// outOfSteps is the error of a budget that is used up.
func (e *Evaluator) outOfSteps() *limitError {
	return exceeded(tooMuchWork, "all expressions together take %d steps at most. Loop over less, or write the result down", e.limits.Steps)
}

// A weigher walks a value, holds every part of it against the limits and counts
// what it takes.
type weigher struct {
	limits source.Limits
	nodes  int64 // parts; one that several values share is counted for each
	bytes  int64 // of strings
	sets   int64 // steps to build the sets among them
}

// maxParts bounds the parts of a value at all levels together, in collections of
// the largest size. Without it, ten nested levels of a thousand elements would
// each be within their limits.
const maxParts = 10

// value checks v and, recursively, its elements. depth is how many collections
// are around it.
func (w *weigher) value(v cty.Value, depth int) error {
	if w.nodes++; w.nodes > maxParts*int64(w.limits.Collection) {
		return exceeded("Too large value", "a value has %d parts at most, at all levels together", maxParts*int64(w.limits.Collection))
	}
	if err := w.part(v); err != nil {
		return err
	}
	ty := v.Type()
	if v.IsNull() || ty.IsPrimitiveType() || ty.IsCapsuleType() {
		return nil
	}
	if depth++; depth > w.limits.Nesting {
		return exceeded("Too deep nesting", "values nest %d levels deep at most", w.limits.Nesting)
	}
	if ty.IsSetType() {
		w.sets += setSteps(v.AsValueSlice(), w.limits.Steps)
	}
	for it := v.ElementIterator(); it.Next(); {
		key, elem := it.Element()
		if ty.IsMapType() || ty.IsObjectType() {
			if err := w.part(key); err != nil {
				return err
			}
		}
		if err := w.value(elem, depth); err != nil {
			return err
		}
	}
	return nil
}

// part checks a single part without its elements.
func (w *weigher) part(v cty.Value) error {
	if !v.IsKnown() {
		return fmt.Errorf("it depends on something that is not known")
	}
	if v.IsNull() {
		return nil
	}
	if v.Type() == cty.String {
		w.bytes += int64(len(v.AsString()))
	}
	return checkSize(v, w.limits)
}

// checkSize checks the length of a string or a collection, or the magnitude of a
// number, but no elements: it takes no longer for a large value, so every node can afford it.
func checkSize(v cty.Value, limits source.Limits) error {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		return stringSize(len(v.AsString()), limits)
	case ty == cty.Number:
		return magnitude(v, limits)
	case ty.IsPrimitiveType() || ty.IsCapsuleType() || ty == cty.DynamicPseudoType:
		return nil
	}
	return collectionSize(v.LengthInt(), limits)
}

// stringSize refuses a string of more than StringBytes.
func stringSize(n int, limits source.Limits) error {
	if n > limits.StringBytes {
		return exceeded("Too long string", "a string has %d bytes at most, this one has %d", limits.StringBytes, n)
	}
	return nil
}

// collectionSize refuses a collection of more than Collection elements.
func collectionSize(n int, limits source.Limits) error {
	if n > limits.Collection {
		return exceeded("Too large collection", "a collection has %d elements at most, this one has %d", limits.Collection, n)
	}
	return nil
}

// magnitude refuses numbers with more digits before or after the point than the largest
// exponent that a literal may have, 999 by default: to write such a number out can take
// minutes. It looks at the binary exponent alone, which is exact enough and takes no time.
func magnitude(v cty.Value, limits source.Limits) error {
	f := v.AsBigFloat()
	if f.IsInf() {
		return exceeded("Too large number", "numbers are finite")
	}
	decimal := 1
	for range limits.ExponentDigits {
		decimal *= 10
	}
	const bitsPerDigit = 3.33 // binary digits for each decimal one
	if exp := f.MantExp(nil); float64(max(exp, -exp)) > float64(decimal+limits.NumberDigits)*bitsPerDigit {
		return exceeded("Too large number", "the exponent of a number has %d digits at most", limits.ExponentDigits)
	}
	return nil
}
