package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
)

// checkJSON is checkNative for a file in JSON syntax.
func checkJSON(f *File, limits Limits) diag.List {
	if l := checkBytes(f, limits); l != nil {
		return l
	}
	if found := checkJSONLimits(f.Bytes, limits); found != nil {
		return diag.List{found.diagnostic(f.Name, f.Bytes)}
	}
	return nil
}

// convertJSON converts a checked file in JSON syntax into the body that native
// syntax would have given, by the rules of HCL's JSON specification
// (hashicorp/hcl json/spec.md). A member is a block if the language has a block
// of that name, and otherwise an attribute. A block has one level of object for
// each label, and an array for several of one kind. A member "//" of a body,
// though not among labels, is a comment.
func convertJSON(f *File, opts Options) (body *Body, l diag.List) {
	c := &converter{file: f, limits: opts.Limits, shapes: opts.Shapes}
	defer func() {
		if r := recover(); r != nil {
			body, l = nil, diag.List{parserFailure(f.Name, hcl.InitialPos, r)}
		}
	}()
	r := newJSONReader(f.Name, f.Bytes)
	if bytes.HasPrefix(f.Bytes, byteOrderMark) {
		return nil, diag.List{r.mistake(errors.New("the file begins with a byte order mark (RFC 8259 section 8.1)"))}
	}
	v, err := r.document()
	if err != nil {
		return nil, diag.List{r.mistake(err)}
	}
	return pack(c.body([]jsonValue{v}, nil), f.Name), c.l
}

// A converter turns JSON values into native syntax.
type converter struct {
	file   *File
	limits Limits
	shapes BlockSchema
	l      diag.List

	tokens, sequences int // of the templates and expressions so far
}

// shape returns what a body may hold. Without a BlockSchema every member is an attribute.
func (c *converter) shape(parent []string) Shape {
	if c.shapes == nil {
		return Shape{}
	}
	return c.shapes(parent)
}

func (c *converter) errorf(code, summary string, rng hcl.Range, format string, args ...any) {
	c.l = append(c.l, diag.Newf(code, rng, format, args...).Titled(summary))
}

// body makes one body of the members of all objects. At the top of a file an
// array of objects is allowed too, as in HCL.
func (c *converter) body(objects []jsonValue, parent []string) *hclsyntax.Body {
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	shape := c.shape(parent)
	for _, v := range objects {
		if v.isArray() && parent == nil {
			for _, item := range v.items {
				c.members(body, item, parent, shape)
			}
			continue
		}
		c.members(body, v, parent, shape)
	}
	return body
}

// members adds the members of one object to a body, in their order. A name that the
// language does not know becomes an attribute: package config, which knows what may have
// been meant, reports it.
func (c *converter) members(body *hclsyntax.Body, v jsonValue, parent []string, shape Shape) {
	if !v.isObject() {
		c.errorf("wrong-type", "Not an object", v.rng, "A JSON object is expected here, holding attributes and blocks by name.")
		return
	}
	for _, m := range v.members {
		name := m.key.token.(string)
		if name == "//" {
			continue
		}
		if labels, isBlock := shape.Blocks[name]; isBlock {
			proto := &hclsyntax.Block{Type: name, TypeRange: m.key.rng}
			c.labelledBlocks(body, proto, m.value, append(slices.Clip(parent), name), labels)
			continue
		}
		c.attribute(body, m, name, shape.Expressions[name])
	}
}

// attribute adds an attribute. A second of the same name is reported with the words that
// native syntax has for it; the first one stays.
func (c *converter) attribute(body *hclsyntax.Body, m jsonMember, name string, isExpr bool) {
	a := &hclsyntax.Attribute{Name: name, NameRange: m.key.rng, Expr: c.expression(m.value, isExpr)}
	if first, again := body.Attributes[name]; again {
		c.l = append(c.l, duplicateAttribute(name, first.NameRange, a.NameRange))
		return
	}
	body.Attributes[name] = a
}

// labelledBlocks descends one level of object for each label that is still
// missing. proto holds what the levels above have given: the type and the first
// labels.
func (c *converter) labelledBlocks(body *hclsyntax.Body, proto *hclsyntax.Block, v jsonValue, path []string, labels int) {
	switch {
	case v.token == nil:
	case v.isArray():
		for _, item := range v.items {
			c.labelledBlocks(body, proto, item, path, labels)
		}
	case !v.isObject():
		c.errorf("wrong-type", "Not a block", v.rng, "A %s block is written as an object, several as an array of objects or as an object with their labels.", proto.Type)
	case labels == 0:
		b := *proto
		b.Body = c.body([]jsonValue{v}, path)
		body.Blocks = append(body.Blocks, &b)
	case len(v.members) == 0:
		c.errorf("wrong-type", "Missing block label", v.rng, "A %s block has a label: write an object that has it as a name, or null or [] for no block.", proto.Type)
	default:
		for _, m := range v.members {
			next := *proto
			next.Labels = append(slices.Clip(proto.Labels), m.key.token.(string))
			next.LabelRanges = append(slices.Clip(proto.LabelRanges), m.key.rng)
			c.labelledBlocks(body, &next, m.value, path, labels-1)
		}
	}
}

// step returns the position n ASCII characters further on the same line.
func step(p hcl.Pos, n int) hcl.Pos {
	return hcl.Pos{Line: p.Line, Column: p.Column + n, Byte: p.Byte + n}
}

// expression converts a JSON value into an expression. Strings are templates or,
// for attributes that take references (isExpr), expressions.
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

// text converts a string into a template or an expression. A template that is one
// interpolation has that value itself, which may be no string: "${1}" is 1.
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
	// checkJSONLimits has seen the string as text only. What the parser gets is HCL, and
	// goes through the same check as a file of it.
	m := checkTextLimits(s, kind, c.limits)
	if c.exceedsLimits(m, rng) {
		return c.plain("", rng)
	}
	if m.found != nil {
		c.violates(m.found, rng)
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

// exceedsLimits adds the counts of one template or expression to those before it
// in the file, and reports the first one that exceeds a limit. In native syntax
// the whole file is counted at once.
func (c *converter) exceedsLimits(m *limitChecker, rng hcl.Range) bool {
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

// checkTextLimits is checkLimits for the content of a JSON string. In an
// expression that is a string of its own, newlines separate nothing, as inside
// parentheses.
func checkTextLimits(s string, kind modeKind, limits Limits) *limitChecker {
	m := newLimitChecker([]byte(s), kind, limits)
	if kind == modeFile {
		m.frames[0].open = 'x'
	}
	m.scanAll()
	return m
}

// violates reports a violation inside a string at the whole string: its offsets
// are those of the decoded text.
func (c *converter) violates(v *violation, rng hcl.Range) {
	d := v.diagnostic(c.file.Name, c.file.Bytes)
	d.Range = rng
	c.l = append(c.l, d)
}

// plain converts a string without interpolation.
func (c *converter) plain(s string, rng hcl.Range) hclsyntax.Expression {
	if len(s) > c.limits.StringBytes {
		c.violates(limitViolation(0, 0, "Too long string", "a string has %d bytes at most", c.limits.StringBytes), rng)
		s = ""
	}
	return &hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: rng}
}
