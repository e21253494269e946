package config

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// A local is one attribute of a locals block.
type local struct {
	attr  *source.Attribute
	thunk thunk
}

// indexLocals notes the attributes of a locals block. All such blocks are one namespace.
func (l *loader) indexLocals(b *source.Block) {
	for i := range b.Body.Attributes {
		a := &b.Body.Attributes[i]
		if err := schema.CheckLabel(a.Name); err != nil {
			l.problems.errorf("invalid-label", a.NameRange(), "%s", sentence(err))
		}
		if other, found := l.locals.byName[a.Name]; found {
			l.problems.related("duplicate-name", a.NameRange(), []diag.Related{{Message: "the other local." + a.Name, Range: other.attr.NameRange()}},
				"local.%s is declared twice. Give one of them another name.", a.Name)
			continue
		}
		l.locals.add(a.Name, &local{attr: a})
	}
	for _, nested := range b.Body.Blocks {
		l.unknownBlock(nested, &b.Body, &schema.Block{Type: b.Type}, "locals")
	}
}

// local returns the value of a local, evaluating it the first time.
func (l *loader) local(v *local) (cty.Value, bool) {
	if v.thunk.state == done {
		return v.thunk.value, true
	}
	defer l.setOwner(nil)()
	return l.force(&v.thunk, "local."+v.attr.Name, v.attr.Expr.Range(), func() (cty.Value, bool) {
		return l.value(&v.attr.Expr, scope{})
	})
}
