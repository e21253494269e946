package config

import (
	"fmt"
	"slices"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// top and topOfTests are what may stand at the top of a file.
var (
	top        = &schema.Block{Blocks: schema.Language}
	topOfTests = &schema.Block{Type: "test file", Blocks: schema.TestLanguage}
)

// An intendedName is an attribute that an author most likely meant by another name.
type intendedName struct {
	block *source.Body
	name  string
}

// strayAttributes reports what stands at the top of a file and is no block. In
// JSON an unknown block looks just like it.
func (l *loader) strayAttributes(f *source.File, spec *schema.Block, where string) {
	if !f.JSON {
		l.unknownAttributes(f.Body, spec, where)
		return
	}
	for i := range f.Body.Attributes {
		l.unknownBlock(f.Body.Attributes[i].Header(), f.Body, spec, where)
	}
}

// unknownBlock reports a block of the body that spec does not take, and returns
// the type that its author most likely meant, or "". The hint is the first of these that
// applies: that it is an attribute here, what another tool's block is called in writ, a
// type that is spelled alike, where the block belongs.
func (l *loader) unknownBlock(b *source.Block, body *source.Body, spec *schema.Block, where string) (meant string) {
	types := make([]string, len(spec.Blocks))
	for i := range spec.Blocks {
		types[i] = spec.Blocks[i].Type
	}
	if a, isAttribute := spec.Attr(b.Type); isAttribute {
		l.noteIntended(body, a.Name)
		l.problems.errorf("unknown-block", b.TypeRange(), "%s is an attribute in %s, not a block. Write it with an equals sign: %s = %s", a.Name, where, a.Name, a.Example)
		return ""
	}
	hint := foreignBlock(b, spec)
	if hint == "" {
		if meant = l.problems.nearest(b.Type, types); meant != "" {
			hint = fmt.Sprintf(" Did you mean %q?", meant)
		} else {
			hint = placeHint(b.Type, types)
		}
	}
	l.problems.errorf("unknown-block", b.TypeRange(), "Blocks of type %q do not stand in %s.%s", b.Type, where, hint)
	return meant
}

// foreignBlock says what to write for a block of another tool, "" for a type that none
// has. In Terraform the first label of a resource says what it is.
func foreignBlock(b *source.Block, spec *schema.Block) string {
	word := b.Type
	if word == "resource" && len(b.Labels) > 0 {
		if sentence, _ := schema.Foreign(spec.Type, b.Labels[0]); sentence != "" {
			word = b.Labels[0]
		}
	}
	sentence, _ := schema.Foreign(spec.Type, word)
	return afterSpace(sentence)
}

// placeHint says where a block of the type belongs; for an unknown type, which blocks
// may stand here. types are those of the place, perhaps none.
func placeHint(typ string, types []string) string {
	for i := range schema.Language {
		if _, nested := schema.Language[i].Block(typ); nested {
			return fmt.Sprintf(" It stands inside %s.", article(schema.Language[i].Type+" block"))
		}
	}
	for i := range schema.TestLanguage {
		if schema.TestLanguage[i].Type == typ {
			return " It stands in a file of its own, named *.test.hcl."
		}
	}
	if _, found := schema.LanguageBlock(typ); found {
		return " It stands in a *.hcl file, outside any other block."
	}
	if len(types) == 0 {
		return ""
	}
	return " It takes " + quoted(types) + "."
}

// attributePlaceHint says where an attribute belongs that was written outside any block.
func attributePlaceHint(name string) string {
	for i := range schema.Language {
		if _, known := schema.Language[i].Attr(name); known {
			return fmt.Sprintf(" It stands inside a block, such as %s.", article(schema.Language[i].Type))
		}
	}
	return " Only blocks stand at the top of a file, such as api, client and authorization."
}

// unknownAttributes reports the attributes of a body that its block does not
// take, in the order of the file. A word of another tool is explained before a spelling is
// guessed: "audience" is what others call an identifier, not a misspelled attribute.
func (l *loader) unknownAttributes(body *source.Body, spec *schema.Block, where string) {
	for _, a := range unknownIn(body, spec) {
		sentence, means := schema.Foreign(spec.Type, a.Name)
		if _, isBlock := spec.Block(a.Name); isBlock && sentence == "" {
			l.problems.errorf("unknown-attribute", a.NameRange(), "%s is a block in %s, not an attribute. Write it without the equals sign.", a.Name, where)
			continue
		}
		hint := afterSpace(sentence)
		if hint == "" {
			if means = l.problems.nearest(a.Name, namesOf(spec)); means != "" {
				hint = fmt.Sprintf(" Did you mean %q?", means)
			}
		}
		if hint == "" && spec == top {
			hint = attributePlaceHint(a.Name)
		}
		l.noteIntended(body, means)
		l.problems.errorf("unknown-attribute", a.NameRange(), "There is no attribute %q in %s.%s", a.Name, where, hint)
	}
}

// namesOf lists what may stand in a block.
func namesOf(spec *schema.Block) (names []string) {
	for i := range spec.Attributes {
		names = append(names, spec.Attributes[i].Name)
	}
	for i := range spec.Blocks {
		names = append(names, spec.Blocks[i].Type)
	}
	return names
}

// unknownIn lists the attributes of a body that its block does not take.
func unknownIn(body *source.Body, spec *schema.Block) []*source.Attribute {
	var out []*source.Attribute
	for i := range body.Attributes {
		a := &body.Attributes[i]
		if _, known := spec.Attr(a.Name); !known && !spec.Open {
			out = append(out, a)
		}
	}
	return out
}

// noteIntended notes the attribute that an author most likely meant by an unknown name.
// The unknown name is reported, so the attribute is not reported as missing too.
func (l *loader) noteIntended(body *source.Body, name string) {
	if name == "" {
		return
	}
	if l.intended == nil {
		l.intended = map[intendedName]bool{}
	}
	l.intended[intendedName{body, name}] = true
}

// isIntended reports whether one of the attributes was meant in the body.
func (l *loader) isIntended(body *source.Body, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return l.intended[intendedName{body, name}] })
}

// afterSpace puts a space before a sentence that follows another; "" stays "".
func afterSpace(sentence string) string {
	if sentence == "" {
		return ""
	}
	return " " + sentence
}
