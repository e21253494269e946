package eval

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// list gives the HCL library's diagnostics their codes, each mistake once:
// inside a loop the library repeats them on every pass.
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

func rangeOf(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

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
		return excess{le, out.Range}.diagnostic()
	}
	if p, ok := errors.AsType[function.PanicError](err); ok {
		return panicked(p, call.CalledFunctionName(), out)
	}
	return out
}

// panicked keeps what a function's panic says apart from its stack. An excess
// that was thrown inside try() comes back this way.
func panicked(p function.PanicError, name string, out diag.Diagnostic) diag.Diagnostic {
	if x, ok := p.Value.(excess); ok {
		return x.diagnostic()
	}
	out.Detail = fmt.Sprintf("The function %q cannot work with these arguments: %v.", name, p.Value)
	return out
}

func (e *Evaluator) unknownFunction(name string) string {
	detail := fmt.Sprintf("There is no function named %q.", name)
	if slices.Contains([]string{"timestamp", "plantimestamp", "uuid", "bcrypt", "env", "getenv"}, name) {
		return detail + " A configuration gives the same result everywhere and at any time: no function reads a clock, randomness or the environment. Declare a variable, and set it with --var."
	}
	if best := schema.Suggest(name, Functions()); best != "" {
		return detail + fmt.Sprintf(" Did you mean %q?", best)
	}
	return detail
}

func notHCL(expr hcl.Expression) diag.Diagnostic {
	return diag.New("invalid-expression", expr.Range(), "Only an expression in HCL's syntax can be evaluated.")
}

func repeatedKey(key string, again, first hcl.Range) diag.Diagnostic {
	return diag.New("duplicate-name", again,
		fmt.Sprintf("The key %q is already set on line %d. Each key may be set once: remove one of the two.", key, first.Start.Line),
		diag.Related{Message: "first set here", Range: first}).Titled("Key set twice")
}
