package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A local is one attribute of a locals block.
type local struct {
	attr  *hclsyntax.Attribute
	thunk thunk
}

func (l *loader) indexLocals(b *hclsyntax.Block) {
	attrs := make([]*hclsyntax.Attribute, 0, len(b.Body.Attributes))
	for _, a := range b.Body.Attributes {
		attrs = append(attrs, a)
	}
	sortByPlace(attrs)
	for _, a := range attrs {
		if err := schema.CheckLabel(a.Name); err != nil {
			l.problems.errorf("invalid-label", a.NameRange, "%s", sentence(err))
		}
		if other, found := l.locals.byName[a.Name]; found {
			l.problems.related("duplicate-name", a.NameRange, []diag.Related{{Message: "the other local." + a.Name, Range: other.attr.NameRange}},
				"local.%s is declared twice. Give one of them another name.", a.Name)
			continue
		}
		l.locals.add(a.Name, &local{attr: a})
	}
	for _, nested := range b.Body.Blocks {
		l.unknownBlock(nested, b.Body, &schema.Block{Type: b.Type}, "locals")
	}
}

// local returns the value of a local, evaluating it the first time.
func (l *loader) local(v *local) (cty.Value, bool) {
	if v.thunk.state == done {
		return v.thunk.value, true
	}
	owner := l.problems.owner
	l.problems.owner = nil
	defer func() { l.problems.owner = owner }()
	return l.force(&v.thunk, "local."+v.attr.Name, v.attr.Expr.Range(), func() (cty.Value, bool) {
		return l.value(v.attr.Expr, scope{})
	})
}

func sortByPlace(attrs []*hclsyntax.Attribute) {
	slices.SortFunc(attrs, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
}
