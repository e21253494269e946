package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
)

// CheckPolicy evaluates a policy for one object: the one that self holds of
// the kind in ForEachOf, with its API and client where it is an authorization, and with
// its client and trusted issuer where it is a federated block.
// message is the policy's error_message where it does not hold. A policy that
// Load has found wrong holds for everything: Load has reported it, and a configuration with
// errors is not applied. If diags has errors, the condition (then ok is true) or the
// message (then it is false) could not be evaluated.
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

// ReadsAll reports whether the policy reads all objects of some kind.
func (p *Policy) ReadsAll() bool {
	return p.condition != nil && len(p.condition.self.all) > 0 || p.errorMessage != nil && len(p.errorMessage.self.all) > 0
}

// A Demand is what a policy demands of each object, so that a review can hold two
// versions of it side by side. A policy that is weakened is a change of access like any
// other, though no document changes.
type Demand struct {
	Condition    string            // as it is written, on one line
	ErrorMessage string            // the same, without its quotes where it is plain text
	Reads        map[string]string // the condition's variables, locals and files, by name; values as JSON
	tokens       string            // the condition without layout and comments
}

// SameCondition reports whether two conditions differ in layout and comments at
// most. What they read may still be something else.
func (d Demand) SameCondition(other Demand) bool { return d.tokens == other.tokens }

// Demand returns what a policy of this configuration demands.
func (c *Config) Demand(p *Policy) Demand {
	var d Demand
	if p.errorMessage != nil {
		d.ErrorMessage = oneLine(c.text(p.errorMessage.expr.Range()))
		if plain, err := strconv.Unquote(d.ErrorMessage); err == nil && !strings.ContainsAny(plain, "$%") {
			d.ErrorMessage = plain
		}
	}
	if p.condition == nil {
		return d
	}
	at := p.condition.expr.Range()
	d.Condition, d.tokens = oneLine(c.text(at)), tokensOf(c.text(at))
	d.Reads = map[string]string{}
	for _, root := range []string{"var", "local"} { // an object is compared as what it is
		if vars, ok := p.condition.vars[root]; ok {
			for name, v := range vars.AsValueMap() {
				d.Reads[root+"."+name] = exactText(v)
			}
		}
	}
	for i, text := range p.condition.files {
		d.Reads[fmt.Sprintf("file() number %d", i+1)] = exactText(text)
	}
	return d
}

// text is the source text of a range, "" for one outside the sources.
func (c *Config) text(at hcl.Range) string {
	src := c.Sources[at.Filename]
	if at.Start.Byte > at.End.Byte || at.End.Byte > len(src) {
		return ""
	}
	return string(src[at.Start.Byte:at.End.Byte])
}

// lineBreak matches a line break with the indentation around it.
var lineBreak = regexp.MustCompile(`\s*\n\s*`)

// oneLine is an expression for people to read.
func oneLine(text string) string { return lineBreak.ReplaceAllString(text, " ") }

// tokensOf is an expression without its layout and comments, for comparison only. Each token
// is written with its length, so that no two lists of tokens give one text. The expression
// was parsed before, so lexing it fails nowhere.
func tokensOf(text string) string {
	tokens, _ := hclsyntax.LexExpression([]byte(text), "", hcl.InitialPos)
	var b strings.Builder
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenComment {
			fmt.Fprintf(&b, "%d %d %s\n", t.Type, len(t.Bytes), t.Bytes)
		}
	}
	return b.String()
}

// exactText is a value as text that differs for different values: canonical JSON, or cty's
// own form for numbers that JSON cannot carry exactly. Nobody parses it.
func exactText(v cty.Value) string {
	text, err := canonicalJSON(v)
	if err != nil {
		text = v.GoString()
	}
	return text
}

// Exhausted reports whether what claims and policies may take is used up. That
// has then been reported, and evaluating more of them gives nothing but the
// same again.
func (c *Config) Exhausted() bool { return c.eval.Exhausted() }

// IsExhausted reports whether a diagnostic says that the budget of evaluation is
// used up. Every evaluation after the first that says so says it too.
func IsExhausted(d diag.Diagnostic) bool { return eval.IsExhausted(d) }

// mistyped is the diagnostic of a deferred expression that gave another type.
func mistyped(what string, v cty.Value, at hcl.Range) diag.Diagnostic {
	got := "null"
	if !v.IsNull() {
		got = v.Type().FriendlyName()
	}
	return diag.New("wrong-type", at, what+", not "+got+".")
}

// about adds to diagnostics of a policy which object it was evaluated for: their range is
// the policy's, whatever object it was. It changes a copy, because the evaluator hands out
// one list for all evaluations of an expression that it found wrong.
func (p *Policy) about(self Self, l diag.List) diag.List {
	k, _ := policyKindOf(p.ForEachOf)
	address, ok := self.attr(k, "address")
	if !ok {
		return l
	}
	l = slices.Clone(l)
	for i := range l {
		l[i].Detail += " self is " + address.AsString() + "."
	}
	return l
}
