package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// list converts the HCL library's diagnostics, one for each place: inside a loop
// the library repeats them on every pass.
func (e *Evaluator) list(diags hcl.Diagnostics) diag.List {
	if len(diags) == 0 {
		return nil
	}
	var l diag.List
	seen := make(map[hcl.Range]bool)
	for _, d := range diags {
		at := rangeOf(d)
		if seen[at] {
			continue
		}
		seen[at] = true
		l = append(l, e.diagnostic(d))
	}
	return l
}

// rangeOf is where a diagnostic of the library points, if anywhere.
func rangeOf(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

// diagnostic converts one diagnostic of the library. An exceeded limit, which passed through
// the library as the error of a function, becomes itself again.
func (e *Evaluator) diagnostic(d *hcl.Diagnostic) diag.Diagnostic {
	code := "invalid-expression"
	unknown, isUnknown := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d)
	call, isCall := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
	if isUnknown || isCall {
		code = "invalid-function-call"
	}
	out := diag.FromHCL(hcl.Diagnostics{d}, code)[0]
	if isUnknown {
		out = out.Titled("Unknown function")
		out.Detail = e.unknownFunction(unknown.CalledFunctionNamespace() + unknown.CalledFunctionName())
		return out
	}
	if !isCall {
		missingMember(d, &out)
		return out
	}
	err := call.FunctionCallError()
	if le, ok := errors.AsType[*limitError](err); ok {
		return limitPanic{le, out.Range}.diagnostic()
	}
	if p, ok := errors.AsType[function.PanicError](err); ok {
		return panicDiagnostic(p, call.CalledFunctionName(), out)
	}
	return out
}

// panicDiagnostic is the diagnostic for a panic in a function, without its stack.
// A limitPanic that was thrown inside try() also arrives here.
func panicDiagnostic(p function.PanicError, name string, out diag.Diagnostic) diag.Diagnostic {
	if x, ok := p.Value.(limitPanic); ok {
		return x.diagnostic()
	}
	out.Detail = fmt.Sprintf("The function %q cannot work with these arguments: %v.", name, p.Value)
	return out
}

// unknownFunction explains why there is no such function, or suggests a similar
// name.
func (e *Evaluator) unknownFunction(name string) string {
	detail := fmt.Sprintf("There is no function named %q.", name)
	if slices.Contains([]string{"timestamp", "plantimestamp", "uuid", "bcrypt", "env", "getenv"}, name) {
		return detail + " A configuration gives the same result everywhere and at any time: no function reads a clock, randomness or the environment. Declare a variable, and set it with --var."
	}
	near := nearFunctions(name)
	switch len(near) {
	case 0:
		return detail + " \"writ schema\" lists the functions that there are."
	case 1:
		return detail + fmt.Sprintf(" Did you mean %q?", near[0])
	}
	last := len(near) - 1
	return detail + fmt.Sprintf(" Did you mean \"%s\" or %q?", strings.Join(near[:last], `", "`), near[last])
}

// nearFunctions returns up to four functions that a name may stand for: the one that it is
// a misspelling of, and those whose name contains it or is contained in it, such as
// jsondecode and jsonencode for "json".
func nearFunctions(name string) (near []string) {
	all := Functions()
	if best := schema.Suggest(name, all); best != "" {
		near = append(near, best)
	}
	lower := strings.ToLower(name)
	for _, f := range all {
		short := min(len(lower), len(f))
		contains := short >= 3 && (strings.Contains(f, lower) || strings.Contains(lower, f))
		if contains && !slices.Contains(near, f) && len(near) < 4 {
			near = append(near, f)
		}
	}
	return near
}

// notHCL is about an expression in another syntax than HCL's own, which no guard knows.
func notHCL(expr hcl.Expression) diag.Diagnostic {
	return diag.New("invalid-expression", expr.Range(), "Only an expression in HCL's syntax can be evaluated.")
}

// repeatedKey is about a key of an object that is written twice. It has the words of an
// attribute that is set twice in a block: to an author the two are one mistake.
func repeatedKey(key string, again, first hcl.Range) diag.Diagnostic {
	return diag.New("duplicate-name", again,
		fmt.Sprintf("The key %q is already set on line %d. Each key may be set once: remove one of the two.", key, first.Start.Line),
		diag.Related{Message: "first set here", Range: first}).Titled("Key set twice")
}

// mostMembers is how many names of an object a diagnostic lists. An object with more is
// described by none, since a part of them would look like all.
const mostMembers = 8

// missingMember rewords the library's error about a name that an object does not
// have, with the most similar name or with all of them.
func missingMember(d *hcl.Diagnostic, out *diag.Diagnostic) {
	ref, ok := d.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !ok || d.EvalContext == nil || d.Subject == nil {
		return
	}
	for i := 1; i < len(ref.Traversal); i++ {
		if ref.Traversal[i].SourceRange() != *d.Subject {
			continue
		}
		name, isName := stepName(ref.Traversal[i])
		owner, diags := ref.Traversal[:i].TraverseAbs(d.EvalContext)
		if !isName || diags.HasErrors() {
			return
		}
		if members, ok := membersOf(owner); ok && !slices.Contains(members, name) {
			out.Summary = "Unknown name"
			if _, dotted := ref.Traversal[i].(hcl.TraverseAttr); dotted { // its range begins at the dot
				out.Range.Start.Byte++
				out.Range.Start.Column++
			}
			out.Detail = fmt.Sprintf("%s has no %q.%s", traversalText(ref.Traversal[:i]), name, suggestion(name, members))
		}
		return
	}
}

// stepName returns the name that a step of a traversal reads.
func stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// membersOf returns the names in an object or map, sorted, and false for any
// other value.
func membersOf(v cty.Value) (names []string, ok bool) {
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return nil, false
	}
	for it := v.ElementIterator(); it.Next(); {
		key, _ := it.Element()
		names = append(names, key.AsString())
	}
	return names, true
}

// suggestion says which name may have been meant, or which there are.
func suggestion(name string, members []string) string {
	if sentence := schema.DidYouMean(name, members); sentence != "" {
		return " " + sentence
	}
	switch {
	case len(members) == 0:
		return " It is empty." + orElse
	case len(members) > mostMembers:
		return orElse
	}
	quoted := make([]string, len(members))
	for i, m := range members {
		quoted[i] = fmt.Sprintf("%q", m)
	}
	return " It has " + strings.Join(quoted, ", ") + "." + orElse
}

// orElse is the way out where the name is right and only this object lacks it.
const orElse = " Add it, or write try(..., null) around what reads it."

// traversalText returns a traversal as an author writes it.
func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	b.WriteString(t.RootName())
	for _, step := range t[1:] {
		switch s := step.(type) {
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			if name, ok := stepName(s); ok {
				fmt.Fprintf(&b, "[%q]", name)
			} else {
				fmt.Fprintf(&b, "[%s]", s.Key.AsBigFloat().Text('f', -1))
			}
		}
	}
	return b.String()
}
