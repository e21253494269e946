package source

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// expression makes the expression that a JSON value stands for. Strings are
// templates or, where the language takes a reference, expressions.
func (c *converter) expression(v jsonValue, isExpr bool) hclsyntax.Expression {
	switch token := v.token.(type) {
	case string:
		return c.text(token, v.rng, isExpr)
	case json.Number:
		n, err := cty.ParseNumberVal(token.String())
		if err != nil {
			c.errorf("syntax", "Invalid number", v.rng, "This is not a number.")
		}
		return &hclsyntax.LiteralValueExpr{Val: n, SrcRange: v.rng}
	case bool:
		return &hclsyntax.LiteralValueExpr{Val: cty.BoolVal(token), SrcRange: v.rng}
	case nil:
		return &hclsyntax.LiteralValueExpr{Val: cty.NullVal(cty.DynamicPseudoType), SrcRange: v.rng}
	}
	open := hcl.Range{Filename: c.file.Name, Start: v.rng.Start, End: step(v.rng.Start, 1)}
	if v.isArray() {
		tuple := &hclsyntax.TupleConsExpr{SrcRange: v.rng, OpenRange: open}
		for _, item := range v.items {
			tuple.Exprs = append(tuple.Exprs, c.expression(item, isExpr))
		}
		return tuple
	}
	object := &hclsyntax.ObjectConsExpr{SrcRange: v.rng, OpenRange: open}
	for _, m := range v.members {
		key := &hclsyntax.ObjectConsKeyExpr{Wrapped: c.text(m.key.token.(string), m.key.rng, false), ForceNonLiteral: true}
		object.Items = append(object.Items, hclsyntax.ObjectConsItem{KeyExpr: key, ValueExpr: c.expression(m.value, isExpr)})
	}
	return object
}

// text makes a template, which loses the quotes around a lone interpolation,
// or an expression.
func (c *converter) text(s string, rng hcl.Range, isExpr bool) hclsyntax.Expression {
	s = strings.TrimPrefix(s, string(byteOrderMark)) // of each string, as HCL reads it as a template
	isTemplate := strings.Contains(s, "${") || strings.Contains(s, "%{")
	if !isTemplate && !isExpr {
		return c.plain(s, rng)
	}
	kind := modeTemplate
	if !isTemplate {
		kind = modeFile
	}
	m := measureText(s, kind, c.limits)
	if c.isSpent(m, rng) {
		return c.plain("", rng)
	}
	if m.found != nil {
		d := m.found.diagnostic(c.file.Name, c.file.Bytes)
		d.Range = rng
		c.l = append(c.l, d)
		return c.plain("", rng)
	}
	inside := step(rng.Start, 1)
	parse := hclsyntax.ParseExpression
	if isTemplate {
		parse = hclsyntax.ParseTemplate
	}
	expr, diags := parse([]byte(s), c.file.Name, inside)
	if diags.HasErrors() {
		c.errorf("syntax", "Invalid expression", rng, "This string is not a valid expression or template. %s", diags[0].Detail)
		return c.plain("", rng)
	}
	if w, ok := expr.(*hclsyntax.TemplateWrapExpr); ok {
		return w.Wrapped
	}
	return expr
}

// isSpent adds a template or expression to those before it in the file, which
// native syntax would count together, and reports the first past a limit.
func (c *converter) isSpent(m *measure, rng hcl.Range) bool {
	within := c.tokens <= c.limits.Tokens && c.sequences <= c.limits.Sequences
	c.tokens += m.fileTokens
	c.sequences += m.sequences
	switch {
	case !within:
		return true
	case c.tokens > c.limits.Tokens:
		c.errorf("limit-exceeded", "Too long file", rng, "%s", limitDetail("the templates and expressions of a JSON file have %d words and symbols at most; the rest belongs in another", c.limits.Tokens))
		return true
	case c.sequences > c.limits.Sequences:
		c.errorf("limit-exceeded", "Too many templates", rng, "%s", limitDetail("a file has %d ${ } and %%{ } sequences at most; the rest belongs in another", c.limits.Sequences))
		return true
	}
	return false
}

// measureText is measureInput for a string of its own. In an expression alone
// newlines separate nothing, as if it stood in parentheses.
func measureText(s string, kind modeKind, limits Limits) *measure {
	m := newMeasure([]byte(s), kind, limits)
	if kind == modeFile {
		m.frames[0].open = 'x'
	}
	m.scanAll()
	return m
}

func (c *converter) plain(s string, rng hcl.Range) hclsyntax.Expression {
	if len(s) > c.limits.StringBytes {
		f := tooMuch(0, 0, "Too long string", "a string has %d bytes at most", c.limits.StringBytes)
		d := f.diagnostic(c.file.Name, nil)
		d.Range = rng
		c.l = append(c.l, d)
		s = ""
	}
	return &hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: rng}
}
