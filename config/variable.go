package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// A variable is an input of the configuration. All have their values before anything else
// is evaluated: a variable refers to nothing, and may not.
type variable struct {
	block    *source.Block
	typ      cty.Type           // any, where the block has no type
	defaults *typeexpr.Defaults // of optional attributes inside the type; nil without any
	value    cty.Value
	at       hcl.Range // where the value stands; the block's header for plain text of --var, which has no source
	ok       bool      // false: it has no value, which has been reported
}

// An inputValue is a value from the command line or a variable file.
type inputValue struct {
	value cty.Value
	text  string // of --var: how to read it depends on the variable's type
	raw   bool   // text is set rather than value
	at    hcl.Range
	name  hcl.Range // where a variable file names the variable
	ok    bool
}

// indexVariable adds a variable block to the table of variables.
func (l *loader) indexVariable(b *source.Block) {
	name := b.Labels[0]
	if other, found := l.variables.byName[name]; found {
		l.duplicate("var."+name, b, other.block)
		return
	}
	l.variables.add(name, &variable{block: b})
}

// resolveVariables gives every variable its value: that of --var, else that of the last
// variable file that has one, else its default. It returns the names of those that were to
// be left out, see Options.OnlyDeclared.
func (l *loader) resolveVariables(opts Options) (leftOut []string) {
	values := map[string]inputValue{}
	for _, f := range opts.VarFiles {
		l.readVarFile(f, values)
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Vars)) {
		values[name] = inputValue{text: opts.Vars[name], raw: true, ok: true}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, declared := l.variables.byName[name]; !declared && opts.OnlyDeclared {
			leftOut = append(leftOut, name)
		} else if !declared {
			l.problems.errorf("invalid-variable", values[name].name, "There is no variable %q to give a value to.%s Declare it with a variable block, or leave the value out.",
				name, l.problems.didYouMean(name, l.variables.order))
		}
	}
	spec, _ := schema.LanguageBlock("variable")
	for _, name := range l.variables.order {
		v := l.variables.byName[name]
		f := l.fieldsOf(spec, v.block, "var."+name, nil)
		f.scope.constant = "A variable's block refers to nothing but, in a validation, values. Write the value itself."
		read[string](f, "description")
		v.at = v.block.DefRange()
		g, isGiven := values[name]
		v.ok = l.variableType(v) && l.variableValue(f, v, name, g, isGiven)
	}
	for _, name := range l.variables.order {
		l.validateVariable(spec, l.variables.byName[name], name)
	}
	return leftOut
}

// readVarFile reads the values of a variable file into values, where they replace those of
// earlier files. A file is a body without blocks, and its expressions refer to nothing: a
// value must not depend on the configuration that it configures.
func (l *loader) readVarFile(file VarFile, values map[string]inputValue) {
	file.Bytes = source.UnixLines(file.Bytes)
	l.sources[file.Name] = file.Bytes
	f, problems := source.ParseFile(file.Name, file.Bytes, l.limits)
	l.problems.addParsed(problems)
	if f == nil || f.Body == nil {
		return
	}
	for _, b := range f.Body.Blocks {
		l.problems.errorf("unknown-block", b.TypeRange(), "A variable file holds attributes only. Write: name = value")
	}
	for i := range f.Body.Attributes {
		a := &f.Body.Attributes[i]
		v, ok := l.value(&a.Expr, scope{constant: "A variable file refers to nothing. Write the value itself."})
		values[a.Name] = inputValue{value: v, at: a.Expr.Range(), name: a.NameRange(), ok: ok}
	}
}

// variableType reads the type constraint of a variable; without one, any type fits. It returns
// false for one that is malformed, which has been reported.
func (l *loader) variableType(v *variable) bool {
	v.typ = cty.DynamicPseudoType
	a := v.block.Body.Attribute("type")
	if a == nil {
		return true
	}
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr.Syntax())
	if diags.HasErrors() {
		l.invalidType(diags)
		return false
	}
	v.typ, v.defaults = typ, defaults
	return true
}

// invalidType reports the library's diagnostics, and adds how a type is written.
func (l *loader) invalidType(diags hcl.Diagnostics) {
	list := diag.FromHCL(diags, "invalid-value")
	for i := range list {
		list[i].Summary = "Invalid variable type"
		list[i].Detail += " Write it without quotes: string, number, bool, any, or one made of them, such as list(string), map(string) or object({ name = string })."
	}
	l.problems.addAll(list)
}

// variableValue sets the value of a variable: the one that was given, else its default. A null
// that was given counts as none, so that a caller can leave it to the default. It returns
// false if there is no value, which has been reported.
func (l *loader) variableValue(f *fields, v *variable, name string, g inputValue, isGiven bool) bool {
	fallback, hasDefault := l.variableDefault(f, v)
	if isGiven {
		if g.raw {
			g = l.parseInput(name, g.text, v)
		}
		if !g.ok {
			return false
		}
		if g.at != (hcl.Range{}) {
			v.at = g.at
		}
		value, err := l.fit(v, g.value)
		if p, ok := eval.LimitOf(err, v.at); ok {
			l.problems.add(p)
			return false
		}
		if err != nil {
			l.problems.errorf("invalid-variable", v.at, "The value given for var.%s does not fit its type, %s: %s.", name, typeexpr.TypeString(v.typ), err)
			return false
		}
		if !value.IsNull() {
			var ok bool
			v.value, ok = l.admit(value, v.at) // "1e10000000" is short as text only
			return ok
		}
	}
	if !hasDefault {
		if !f.bad {
			l.problems.errorf("invalid-variable", v.block.DefRange(), "var.%s needs a value. Give one with --var %s=..., or write a default, which null is not.", name, name)
		}
		return false
	}
	v.value = fallback
	v.at, _ = rangeOf(v.block, "default")
	return true
}

// variableDefault returns the default of a variable, converted to its type, and false if it
// has none or a wrong one, which has been reported. A null counts as none: otherwise every use
// of the variable would have to expect a null.
func (l *loader) variableDefault(f *fields, v *variable) (cty.Value, bool) {
	value, at, ok := f.value(f.row("default"))
	if !ok {
		return cty.NilVal, false
	}
	converted, err := l.fit(v, value)
	if p, ok := eval.LimitOf(err, at); ok {
		f.bad = true
		l.problems.add(p)
		return cty.NilVal, false
	}
	if err != nil {
		f.errorf("wrong-type", at, "The default does not fit the variable's type, %s: %s.", typeexpr.TypeString(v.typ), err)
		return cty.NilVal, false
	}
	return l.admit(converted, at)
}

// fit converts a value to the type of a variable, and fills in the defaults of optional
// attributes. The error is about the type, or that the budget of evaluation is spent.
func (l *loader) fit(v *variable, value cty.Value) (cty.Value, error) {
	if v.defaults != nil && !value.IsNull() {
		// Apply takes no steps from the budget, and it takes for granted that the value
		// fits the type. The conversion beforehand sees to both.
		if _, err := l.eval.Convert(value, v.typ); err != nil {
			return cty.NilVal, err
		}
		value = v.defaults.Apply(value)
	}
	return l.eval.Convert(value, v.typ)
}

// parseInput reads the text of --var: as it stands for a variable that takes
// text or anything, as an HCL expression for every other. So nobody has to put quotes
// inside those of a shell. The text becomes a source of its own, for diagnostics to show.
func (l *loader) parseInput(name, text string, v *variable) inputValue {
	if v.typ.IsPrimitiveType() || v.typ == cty.DynamicPseudoType {
		value, ok := l.admit(cty.StringVal(text), v.block.DefRange())
		return inputValue{value: value, ok: ok}
	}
	pseudo := "--var " + name
	src := []byte("value = " + text + "\n")
	l.sources[pseudo] = src
	f, problems := source.ParseFile(pseudo, src, l.limits)
	l.problems.addParsed(problems)
	if problems.HasErrors() {
		return inputValue{}
	}
	a := f.Body.Attribute("value")
	if len(f.Body.Attributes) != 1 || len(f.Body.Blocks) != 0 || a == nil {
		l.problems.errorf("invalid-variable", v.block.DefRange(), "The value given with --var %s is more than one expression. Give one.", name)
		return inputValue{}
	}
	value, ok := l.value(&a.Expr, scope{constant: "A value given with --var refers to nothing. Write the value itself."})
	return inputValue{value: value, at: a.Expr.Range(), ok: ok}
}

// validateVariable holds the value of a variable to its validation blocks. It runs when all
// variables have their values, as a condition may read other variables. The blocks are
// checked even where there is no value.
func (l *loader) validateVariable(spec *schema.Block, v *variable, name string) {
	f := &fields{loader: l, spec: spec, block: v.block, where: "var." + name}
	f.nested("validation", func(n *fields, _ string) {
		n.attr(n.row("error_message")) // reports that it is missing
		if !v.ok {
			return
		}
		condition, at, ok := n.value(n.row("condition"))
		if ok && condition.Type() != cty.Bool {
			n.wrongType(n.row("condition"), condition, at)
		}
		if n.bad || !ok || condition.True() {
			return
		}
		if message := read[string](n, "error_message"); message != "" {
			l.problems.related("variable-validation", v.at, related("the rule", at), "%s", message)
		}
	})
}

// A local is one attribute of a locals block.
type local struct {
	attr  *source.Attribute
	thunk thunk
}

// indexLocals adds the attributes of a locals block to the table of locals, which all such
// blocks share.
func (l *loader) indexLocals(b *source.Block) {
	for i := range b.Body.Attributes {
		a := &b.Body.Attributes[i]
		if err := schema.CheckLabel(a.Name); err != nil {
			l.problems.errorf("invalid-label", a.NameRange(), "%s", schema.Sentence(err.Error()))
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

// local returns the value of a local, and evaluates it the first time. A mistake in it is
// reported once and belongs to no object, whichever object asked first.
func (l *loader) local(v *local) (cty.Value, bool) {
	if v.thunk.state == done {
		return v.thunk.value, true
	}
	defer l.setOwner(nil)()
	return l.force(&v.thunk, "local."+v.attr.Name, v.attr.Expr.Range(), func() (cty.Value, bool) {
		return l.value(&v.attr.Expr, scope{})
	})
}
