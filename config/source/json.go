package source

import (
	"bytes"
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
)

func checkJSON(f *File, limits Limits) diag.List {
	if l := checkBytes(f, limits); l != nil {
		return l
	}
	if found := measureJSON(f.Bytes, limits); found != nil {
		return diag.List{found.diagnostic(f.Name, f.Bytes)}
	}
	return nil
}

// convertJSON reads a file in JSON syntax that was checked into the body that
// native syntax would have given, by the rules of HCL's JSON specification:
// members are attributes or, where the language has a block of that name,
// blocks, with one level of object for each label and an array for several of
// one kind; a member "//" of a body, though not among labels, is a comment.
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

func (c *converter) shape(parent []string) Shape {
	if c.shapes == nil {
		return Shape{}
	}
	return c.shapes(parent)
}

func (c *converter) errorf(code, summary string, rng hcl.Range, format string, args ...any) {
	c.l = append(c.l, diag.Newf(code, rng, format, args...).Titled(summary))
}

// body makes one body of the members of one or more objects.
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
			c.block(body, m, append(slices.Clip(parent), name), labels)
			continue
		}
		c.attribute(body, m, name, shape.Expressions[name])
	}
}

func (c *converter) attribute(body *hclsyntax.Body, m jsonMember, name string, isExpr bool) {
	a := &hclsyntax.Attribute{Name: name, NameRange: m.key.rng, Expr: c.expression(m.value, isExpr)}
	if first, again := body.Attributes[name]; again {
		c.l = append(c.l, duplicateAttribute(name, first.NameRange, a.NameRange))
		return
	}
	body.Attributes[name] = a
}

// block adds the blocks of one member: path is their types from the top, and
// labels how many labels they have.
func (c *converter) block(body *hclsyntax.Body, m jsonMember, path []string, labels int) {
	proto := &hclsyntax.Block{Type: path[len(path)-1], TypeRange: m.key.rng}
	c.labelled(body, proto, m.value, path, labels)
}

func (c *converter) labelled(body *hclsyntax.Body, proto *hclsyntax.Block, v jsonValue, path []string, labels int) {
	switch {
	case v.token == nil:
	case v.isArray():
		for _, item := range v.items {
			c.labelled(body, proto, item, path, labels)
		}
	case !v.isObject():
		c.errorf("wrong-type", "Not a block", v.rng, "A %s block is written as an object, several as an array of objects or as an object with their labels.", proto.Type)
	case labels == 0:
		c.add(body, proto, v, path)
	case len(v.members) == 0:
		c.errorf("wrong-type", "Missing block label", v.rng, "A %s block has a label: write an object that has it as a name, or null or [] for no block.", proto.Type)
	default:
		for _, m := range v.members {
			next := *proto
			next.Labels = append(slices.Clip(proto.Labels), m.key.token.(string))
			next.LabelRanges = append(slices.Clip(proto.LabelRanges), m.key.rng)
			c.labelled(body, &next, m.value, path, labels-1)
		}
	}
}

func (c *converter) add(body *hclsyntax.Body, proto *hclsyntax.Block, v jsonValue, path []string) {
	b := *proto
	b.Body = c.body([]jsonValue{v}, path)
	body.Blocks = append(body.Blocks, &b)
}

// step moves a position by ASCII characters of one line.
func step(p hcl.Pos, n int) hcl.Pos {
	return hcl.Pos{Line: p.Line, Column: p.Column + n, Byte: p.Byte + n}
}
