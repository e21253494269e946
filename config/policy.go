package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
)

// CheckPolicy evaluates a policy for one object: the one that self holds of
// the kind in ForEachOf, with its API and client where it is an authorization.
// message is the policy's error_message where it does not hold. A policy that
// Load has found wrong holds for everything.
func (c *Config) CheckPolicy(p *Policy, self Self) (ok bool, message string, diags diag.List) {
	if p.condition == nil || p.errorMessage == nil {
		return true, "", nil
	}
	v, diags := p.condition.value(c.eval, self)
	if diags.HasErrors() {
		return true, "", p.about(self, diags)
	}
	if v.IsNull() || v.Type() != cty.Bool {
		return true, "", p.about(self, diag.List{mistyped("condition must be a bool", v, p.condition.expr.Range())})
	}
	if v.True() {
		return true, "", nil
	}
	m, diags := p.errorMessage.value(c.eval, self)
	if diags.HasErrors() {
		return false, "", p.about(self, diags)
	}
	if m.IsNull() || m.Type() != cty.String {
		return false, "", p.about(self, diag.List{mistyped("error_message must be a string", m, p.errorMessage.expr.Range())})
	}
	return false, m.AsString(), nil
}

// Exhausted reports whether what claims and policies may take is used up. That
// has then been reported, and evaluating more of them gives nothing but the
// same again.
func (c *Config) Exhausted() bool { return c.eval.Exhausted() }

// IsExhausted reports whether a diagnostic says that the budget of evaluation is
// used up. Every evaluation behind the first that says so says it too.
func IsExhausted(d diag.Diagnostic) bool { return eval.IsExhausted(d) }

func mistyped(what string, v cty.Value, at hcl.Range) diag.Diagnostic {
	got := "null"
	if !v.IsNull() {
		got = v.Type().FriendlyName()
	}
	return diag.Diagnostic{Severity: diag.Error, Code: "wrong-type", Summary: summaries["wrong-type"], Detail: what + ", not " + got + ".", Range: at}
}

// about says which object a policy was evaluated for.
func (p *Policy) about(self Self, l diag.List) diag.List {
	k, _ := kindOf(p.ForEachOf)
	address, ok := self.attr(k, "address")
	if !ok {
		return l
	}
	for i := range l {
		l[i].Detail += " self is " + address.AsString() + "."
	}
	return l
}
