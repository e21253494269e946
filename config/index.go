package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// index notes every block of the tree under its name, so that expressions can
// be resolved in any order.
func (l *loader) index(files []*source.File) {
	l.plain = map[string][]*hclsyntax.Block{}
	for k := range l.kinds {
		l.kinds[k].spec, _ = schema.LanguageBlock(kindNames[k])
		l.kinds[k].byLabel = map[string]*declared{}
		l.kinds[k].names, l.kinds[k].whole = attributeNames(kind(k)), wholeNames(kind(k))
	}
	for _, f := range files {
		l.strayAttributes(f, schema.Language, "a configuration file")
		for _, b := range f.Body.Blocks {
			l.indexBlock(b)
		}
	}
}

func (l *loader) indexBlock(b *hclsyntax.Block) {
	spec, found := schema.LanguageBlock(b.Type)
	if !found {
		l.unknownBlock(b, schema.Language, "a configuration file")
		return
	}
	if !l.checkLabels(b, spec) {
		return
	}
	if !l.count(b.DefRange()) {
		return
	}
	if k, ok := kindOf(b.Type); ok {
		l.indexObject(k, b)
		return
	}
	switch b.Type {
	case "variable":
		l.indexVariable(b)
	case "locals":
		l.indexLocals(b)
	default:
		l.plain[b.Type] = append(l.plain[b.Type], b)
	}
	for _, nested := range b.Body.Blocks {
		if b.Type == "issuer" && nested.Type == "defaults" && l.defaults == nil {
			l.defaults = nested.Body
		}
	}
}

func (l *loader) indexObject(k kind, b *hclsyntax.Block) {
	t := &l.kinds[k]
	d := &declared{kind: k, label: b.Labels[0], block: b}
	if _, takes := t.spec.Attr("for_each"); takes {
		d.forEach = b.Body.Attributes["for_each"]
	}
	d.single.decl = d
	if other, found := t.byLabel[d.label]; found {
		l.duplicate(d.address(), b, other.block)
		return
	}
	t.byLabel[d.label] = d
	t.order = append(t.order, d)
}

func (l *loader) duplicate(address string, b, other *hclsyntax.Block) {
	l.problems.related("duplicate-name", b.DefRange(), []diag.Related{{Message: "the other " + address, Range: other.DefRange()}},
		"%s is declared twice. Give one of them another label.", address)
}

// count takes one object from the budget.
func (l *loader) count(at hcl.Range) bool {
	l.objects++
	if l.objects == l.limits.Objects+1 {
		l.problems.errorf("limit-exceeded", at, "The configuration has more than %d objects. Split it.", l.limits.Objects)
	}
	return l.objects <= l.limits.Objects
}

// checkLabels checks a block's labels against the language. It returns false
// when there is nothing to call the block by.
func (l *loader) checkLabels(b *hclsyntax.Block, spec *schema.Block) bool {
	want := 0
	if spec.Label != "" {
		want = 1
	}
	if len(b.Labels) < want {
		l.problems.errorf("invalid-label", b.TypeRange, "A %s block needs a %s in quotes after its type, such as: %s.", b.Type, spec.Label, firstLine(spec.Example))
		return false
	}
	if len(b.Labels) > want {
		l.problems.errorf("invalid-label", hcl.RangeBetween(b.LabelRanges[want], b.LabelRanges[len(b.LabelRanges)-1]),
			"A %s block takes %s. Leave this out.", b.Type, [...]string{"no label", "one label"}[want])
		return want > 0
	}
	if want == 0 {
		return true
	}
	if err := spec.CheckLabel(b.Labels[0]); err != nil {
		l.problems.errorf(spec.LabelCode, b.LabelRanges[0], "%s", sentence(err))
	}
	return true
}

func firstLine(s string) string {
	for i := range s {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}

// strayAttributes reports what stands at the top of a file and is no block. In
// JSON an unknown block looks just like it.
func (l *loader) strayAttributes(f *source.File, known []schema.Block, where string) {
	if !f.JSON {
		l.unknownAttributes(f.Body, &schema.Block{Blocks: known}, where)
		return
	}
	for _, a := range attributesOf(f.Body) {
		l.unknownBlock(&hclsyntax.Block{Type: a.Name, TypeRange: a.NameRange}, known, where)
	}
}

func (l *loader) unknownBlock(b *hclsyntax.Block, known []schema.Block, where string) {
	types := make([]string, len(known))
	for i := range known {
		types[i] = known[i].Type
	}
	hint := l.problems.didYouMean(b.Type, types)
	if hint == "" && len(types) > 0 {
		hint = " It takes " + quoted(types) + "."
	}
	l.problems.errorf("unknown-block", b.TypeRange, "Blocks of type %q do not stand in %s.%s", b.Type, where, hint)
}

// unknownAttributes reports the attributes of a body that its block does not
// take, in the order of the file.
func (l *loader) unknownAttributes(body *hclsyntax.Body, spec *schema.Block, where string) {
	for _, a := range unknownIn(body, spec) {
		if _, isBlock := spec.Block(a.Name); isBlock {
			l.problems.errorf("unknown-attribute", a.NameRange, "%s is a block in %s, not an attribute. Write it without the equals sign.", a.Name, where)
			continue
		}
		var known []string
		for i := range spec.Attributes {
			known = append(known, spec.Attributes[i].Name)
		}
		for i := range spec.Blocks {
			known = append(known, spec.Blocks[i].Type)
		}
		l.problems.errorf("unknown-attribute", a.NameRange, "There is no attribute %q in %s.%s", a.Name, where, l.problems.didYouMean(a.Name, known))
	}
}

func unknownIn(body *hclsyntax.Body, spec *schema.Block) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for name, a := range body.Attributes {
		if _, known := spec.Attr(name); !known && !spec.Open {
			out = append(out, a)
		}
	}
	sortByPlace(out)
	return out
}
