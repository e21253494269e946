package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
)

// A deferred expression is evaluated once for each object, which it reads as
// self. Everything else that it refers to is resolved when the configuration
// is loaded, so that a mistake is reported even where no object is concerned.
// It is not changed after that, so many goroutines may evaluate it.
type deferred struct {
	expr  hclsyntax.Expression
	vars  map[string]cty.Value // all that it reads but self
	files []cty.Value          // what its calls of file() give, in the order of the text
	self  *selfUse
}

// A selfShape is what self is: an object of a kind or, in claims, an object of
// each of several kinds by name.
type selfShape struct {
	members map[string]kind
	kind    kind
}

// selfOf is the self of a policy: one object.
func selfOf(k kind) selfShape { return selfShape{kind: k} }

// claimsSelf is the self of claims: the three objects that meet in a token.
var claimsSelf = selfShape{members: map[string]kind{
	"api": kindAPI, "client": kindClient, "authorization": kindAuthorization,
}}

// A selfUse notes which attributes of self an expression reads, so that each evaluation
// converts those alone. It is filled in while the expression's traversals are resolved, and
// only read afterwards.
type selfUse struct {
	shape selfShape
	paths [][]string // {"scopes"}, {"client", "metadata"}; {"client"} is all of it
	all   []kind     // of which all objects are read, each once
}

// noteRead checks one traversal of self and notes what it reads. A name that does not
// exist is reported now, even if no object is ever evaluated.
func (u *selfUse) noteRead(l *loader, t hcl.Traversal) bool {
	if len(t) == 1 {
		l.problems.errorf("unknown-reference", t.SourceRange(), "self by itself is no value. Write what is meant of it, such as self.%s.", u.names(l)[0])
		return false
	}
	first, ok := u.step(l, t, 1, u.names(l))
	if !ok {
		return false
	}
	path := []string{first}
	if sub, nested := u.kindOf(first); nested && len(t) > 2 {
		second, ok := u.step(l, t, 2, l.attributeNames(sub))
		if !ok {
			return false
		}
		path = append(path, second)
	}
	u.paths = append(u.paths, path)
	return true
}

// noteAll checks one traversal of all, which policies read, and notes the kind.
func (u *selfUse) noteAll(l *loader, t hcl.Traversal) bool {
	names := policyKindNames[:]
	if u.shape.kind != kindChange { // only a plan has changes
		names = names[:kindChange]
	}
	if len(t) == 1 {
		l.problems.errorf("unknown-reference", t.SourceRange(), "all by itself is no value. Write all objects of which kind, such as all.%s.", names[0])
		return false
	}
	name, ok := u.step(l, t, 1, names)
	if k, _ := policyKindOf(name); ok && !slices.Contains(u.all, k) {
		u.all = append(u.all, k)
	}
	return ok
}

// names returns what may follow "self.", never nothing.
func (u *selfUse) names(l *loader) []string {
	if u.shape.members != nil {
		return slices.Sorted(maps.Keys(u.shape.members))
	}
	return l.attributeNames(u.shape.kind)
}

// kindOf returns the kind of object that self.name is.
func (u *selfUse) kindOf(name string) (kind, bool) {
	if u.shape.members != nil {
		k, ok := u.shape.members[name]
		return k, ok
	}
	switch {
	case u.shape.kind == kindAuthorization && (name == "client" || name == "api"),
		u.shape.kind == kindFederated && (name == "client" || name == "trusted_issuer"):
		return kindOf(name)
	}
	return 0, false
}

// step returns the name at step i of a traversal of self, if it is one of names.
func (u *selfUse) step(l *loader, t hcl.Traversal, i int, names []string) (string, bool) {
	name, ok := l.step(t, i)
	if ok && slices.Contains(names, name) {
		return name, true
	}
	hint := l.problems.didYouMean(name, names)
	if hint == "" {
		hint = " It has " + quoted(names) + "."
	}
	l.problems.errorf("unknown-reference", l.stepRange(t, i), "There is no %q to read there.%s", name, hint)
	return "", false
}

// deferred prepares an attribute for evaluation with self. It is nil when the
// attribute was not written or when it cannot be prepared, which has then been
// reported.
func (f *fields) deferred(name string, shape selfShape) *deferred {
	spec := f.row(name)
	a := f.attr(spec)
	if a != nil && spec.Required && a.Expr.IsNull() {
		f.missing(spec)
	}
	if a == nil || a.Expr.IsNull() || len(f.problems.broken) > 0 && isBroken(a.Expr.Syntax()) {
		return nil
	}
	d := &deferred{expr: a.Expr.Syntax(), self: &selfUse{shape: shape}}
	s := f.scope
	s.self = d.self
	ctx, ok := f.context(d.expr, s) // fills in d.self
	if ok {
		d.files, ok = f.readFiles(d.expr, s)
	}
	if !ok {
		f.bad = true
		return nil
	}
	d.vars = ctx.Variables
	return d
}

// readFiles reads the files that a deferred expression will read with file(). They are
// read at load time so that Config.Digest covers them, and so their names may depend on
// nothing that is known only later.
func (f *fields) readFiles(expr hclsyntax.Expression, s scope) (files []cty.Value, ok bool) {
	ok = true
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, isCall := n.(*hclsyntax.FunctionCallExpr)
		if !isCall || call.Name != "file" {
			return nil
		}
		for _, t := range call.Variables() {
			if _, isKind := kindOf(t.RootName()); !isKind && !slices.Contains([]string{"var", "local", "each"}, t.RootName()) {
				f.errorf("invalid-expression", call.Range(), "The file that claims and policies read cannot depend on %s. Write its name.", t.RootName())
				ok = false
				return nil
			}
		}
		text, good := f.loader.evaluate(call, s)
		files = append(files, text)
		ok = ok && good
		return nil
	})
	return files, ok
}

// value evaluates a deferred expression for one object. Attributes that self cannot give
// are an error: a null would be taken for "not set".
func (d *deferred) value(e *eval.Evaluator, self Self) (cty.Value, diag.List) {
	if len(d.self.paths) == 0 && len(d.self.all) == 0 {
		return e.Value(d.expr, &hcl.EvalContext{Variables: d.vars})
	}
	vars := make(map[string]cty.Value, len(d.vars)+2)
	maps.Copy(vars, d.vars)
	if len(d.self.paths) > 0 {
		v, missing := d.self.value(self)
		if missing != "" {
			return cty.NilVal, diag.List{diag.New("unknown-reference", d.expr.Range(),
				"self."+missing+" cannot be read here. Name the object that is meant, such as api.orders.")}
		}
		vars["self"] = v
	}
	if len(d.self.all) > 0 {
		kinds := make(map[string]cty.Value, len(d.self.all))
		for _, k := range d.self.all {
			v, diags := self.All.list(k, e, d.expr.Range())
			if diags.HasErrors() {
				return cty.NilVal, diags
			}
			kinds[policyKindNames[k]] = v
		}
		vars["all"] = cty.ObjectVal(kinds)
	}
	return e.Value(d.expr, &hcl.EvalContext{Variables: vars})
}
