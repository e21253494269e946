package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// A limitError is a limit that evaluation went past. It crosses the HCL
// library as the error of a function call.
type limitError struct{ summary, detail string }

func (e *limitError) Error() string { return e.detail }

func past(summary, format string, args ...any) *limitError {
	return &limitError{summary, "This is past a limit: " + fmt.Sprintf(format, args...) + "."}
}

// An excess is a limitError with its place. It is thrown through the HCL
// library, whose loops would otherwise run on to their end, and caught in run.
type excess struct {
	err *limitError
	at  hcl.Range
}

func (x excess) diagnostic() diag.Diagnostic {
	return diag.New("limit-exceeded", x.at, x.err.detail).Titled(x.err.summary)
}

func throw(err error, at hclsyntax.Expression) {
	if err == nil {
		return
	}
	le, ok := err.(*limitError)
	if !ok {
		le = &limitError{"Limit exceeded", err.Error()}
	}
	panic(excess{le, at.Range()})
}

// take spends steps or throws.
func (e *Evaluator) take(steps int64, at hclsyntax.Expression) { throw(e.spend(steps), at) }

func (e *Evaluator) spend(steps int64) error {
	if steps > 0 && e.steps.Add(steps) > e.limits.Steps {
		return e.outOfSteps()
	}
	return nil
}

// left returns how many steps remain.
func (e *Evaluator) left() int64 { return e.limits.Steps - e.steps.Load() }

const tooMuchWork = "Too much work"

// IsExhausted reports whether a diagnostic says that the budget of its
// evaluator is used up. Every expression behind that one gives the same.
func IsExhausted(d diag.Diagnostic) bool {
	return d.Code == "limit-exceeded" && d.Summary == tooMuchWork
}

func (e *Evaluator) outOfSteps() *limitError {
	return past(tooMuchWork, "all expressions together take %d steps at most. Loop over less, or write the result down", e.limits.Steps)
}

// A weigher walks a value and holds every part of it against the limits.
type weigher struct {
	limits source.Limits
	nodes  int64 // parts that several values share are counted each time
	bytes  int64
	sets   int64 // steps that the sets among them take
}

// maxParts is how many collections of the largest size a value may amount to.
const maxParts = 10

func (w *weigher) value(v cty.Value, depth int) error {
	if w.nodes++; w.nodes > maxParts*int64(w.limits.Collection) {
		return past("Too large value", "a value has %d parts at most, at all levels together", maxParts*int64(w.limits.Collection))
	}
	if err := w.one(v); err != nil {
		return err
	}
	ty := v.Type()
	if v.IsNull() || ty.IsPrimitiveType() || ty.IsCapsuleType() {
		return nil
	}
	if depth++; depth > w.limits.Nesting {
		return past("Too deep nesting", "values nest %d levels deep at most", w.limits.Nesting)
	}
	if ty.IsSetType() {
		w.sets += setSteps(v.AsValueSlice(), w.limits.Steps)
	}
	for it := v.ElementIterator(); it.Next(); {
		key, elem := it.Element()
		if ty.IsMapType() || ty.IsObjectType() {
			if err := w.one(key); err != nil {
				return err
			}
		}
		if err := w.value(elem, depth); err != nil {
			return err
		}
	}
	return nil
}

// one holds a value against the limits, without what it holds.
func (w *weigher) one(v cty.Value) error {
	if !v.IsKnown() {
		return fmt.Errorf("it depends on something that is not known")
	}
	if v.IsNull() {
		return nil
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		w.bytes += int64(len(v.AsString()))
	}
	return shallow(v, w.limits)
}

// shallow checks the size of a string, the magnitude of a number or the
// length of a collection.
func shallow(v cty.Value, limits source.Limits) error {
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

func stringSize(n int, limits source.Limits) error {
	if n > limits.StringBytes {
		return past("Too long string", "a string has %d bytes at most, this one has %d", limits.StringBytes, n)
	}
	return nil
}

func collectionSize(n int, limits source.Limits) error {
	if n > limits.Collection {
		return past("Too large collection", "a collection has %d elements at most, this one has %d", limits.Collection, n)
	}
	return nil
}

// magnitude refuses numbers with more digits before or behind the point than
// an exponent can say: to write one out can take minutes.
func magnitude(v cty.Value, limits source.Limits) error {
	f := v.AsBigFloat()
	if f.IsInf() {
		return past("Too large number", "numbers are finite")
	}
	decimal := 1
	for range limits.ExponentDigits {
		decimal *= 10
	}
	const bitsPerDigit = 3.33
	if exp := f.MantExp(nil); float64(max(exp, -exp)) > float64(decimal+limits.NumberDigits)*bitsPerDigit {
		return past("Too large number", "the exponent of a number has %d digits at most", limits.ExponentDigits)
	}
	return nil
}
