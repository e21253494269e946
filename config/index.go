package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// index notes every block of the tree under its name, so that expressions can
// be resolved in any order.
func (l *loader) index(files []*source.File) {
	l.plain = map[string][]*source.Block{}
	for k := range l.kinds {
		l.kinds[k].spec, _ = schema.LanguageBlock(kindNames[k])
		l.kinds[k].byLabel = map[string]*declaredBlock{}
		l.kinds[k].names, l.kinds[k].whole = attributeNames(kind(k)), wholeNames(kind(k))
	}
	for _, f := range files {
		l.strayAttributes(f, top, "a configuration file")
		for _, b := range f.Body.Blocks {
			l.indexBlock(f.Body, b)
		}
	}
}

// indexBlock notes one block. A block of a misspelled type is indexed under the type that
// was most likely meant, so that one mistake is reported once.
func (l *loader) indexBlock(file *source.Body, b *source.Block) {
	spec, found := schema.LanguageBlock(b.Type)
	if !found {
		meant := l.unknownBlock(b, file, top, "a configuration file")
		if spec, found = schema.LanguageBlock(meant); !found {
			return
		}
		b = renamed(b, meant)
	}
	named := l.checkLabels(b, spec)
	k, isKind := kindOf(b.Type)
	if isKind && spec.Label != "" && (!named || spec.CheckLabel(b.Labels[0]) != nil) {
		l.kinds[k].unnamed = true
	}
	if !named || !l.count(b.DefRange()) {
		return
	}
	if isKind {
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
	// Attributes inherit from the first defaults block. A second issuer, and a second such
	// block, are errors elsewhere.
	for _, nested := range b.Body.Blocks {
		if b.Type == "issuer" && nested.Type == "defaults" && l.defaults == nil {
			l.defaults = &nested.Body
		}
	}
}

// renamed is a copy of a block under the type that its author meant, so that references
// to it resolve.
func renamed(b *source.Block, typ string) *source.Block {
	out := *b
	out.Type = typ
	return &out
}

// indexObject notes a block that expressions can refer to.
func (l *loader) indexObject(k kind, b *source.Block) {
	t := &l.kinds[k]
	d := &declaredBlock{kind: k, label: b.Labels[0], block: b}
	if _, takes := t.spec.Attr("for_each"); takes {
		d.forEach = b.Body.Attribute("for_each")
	}
	d.single.decl = d
	if other, found := t.byLabel[d.label]; found {
		l.duplicate(d.address(), b, other.block)
		return
	}
	t.byLabel[d.label] = d
	t.order = append(t.order, d)
}

// duplicate reports a block whose address another block has already.
func (l *loader) duplicate(address string, b, other *source.Block) {
	l.problems.related("duplicate-name", b.DefRange(), []diag.Related{{Message: "the other " + address, Range: other.DefRange()}},
		"%s is declared twice. Give one of them another label, or remove it.", address)
}

// count takes one object from the budget of the configuration: a block, an instance or an
// expectation. The first one beyond it is reported, and all beyond it are left out.
func (l *loader) count(at hcl.Range) bool {
	l.objects++
	if l.objects == l.limits.Objects+1 {
		l.problems.errorf("limit-exceeded", at, "The configuration has more than %d objects. Split it.", l.limits.Objects)
	}
	return l.objects <= l.limits.Objects
}

// checkLabels checks a block's labels against the language. It returns false
// when there is nothing to call the block by. A label that is reported as malformed still
// names its block, so that references to it are not reported as well.
func (l *loader) checkLabels(b *source.Block, spec *schema.Block) bool {
	want := 0
	if spec.Label != "" {
		want = 1
	}
	if len(b.Labels) < want {
		l.problems.errorf("invalid-label", b.TypeRange(), "%s block needs a %s in quotes after its type, such as: %s.", schema.UpperFirst(article(b.Type)), spec.Label, firstLine(spec.Example))
		return false
	}
	if len(b.Labels) > want {
		l.problems.errorf("invalid-label", hcl.RangeBetween(b.LabelRange(want), b.LabelRange(len(b.Labels)-1)),
			"%s block takes %s. Leave this out.", schema.UpperFirst(article(b.Type)), [...]string{"no label", "one label"}[want])
		return want > 0
	}
	if want == 0 {
		return true
	}
	if err := spec.CheckLabel(b.Labels[0]); err != nil {
		l.problems.errorf(spec.LabelCode, b.LabelRange(0), "%s", schema.Sentence(err.Error()))
	}
	return true
}

// firstLine cuts the example of a block for a message.
func firstLine(s string) string {
	for i := range s {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}

// objectsOf returns the objects that a block declares: itself, or with for_each
// its instances by key. It returns none when for_each failed, and notes that the
// configuration is then partial.
func (l *loader) objectsOf(d *declaredBlock) []*object {
	if d.forEach == nil {
		return []*object{&d.single}
	}
	if !l.expand(d) {
		l.instancesLost = true
		return nil
	}
	out := make([]*object, len(d.keys))
	for i, key := range d.keys {
		out[i] = d.byKey[key]
	}
	return out
}

// expand evaluates the for_each of a block, once. Each key becomes an object; what for_each
// reads belongs to no instance, so mistakes in it have no owner.
func (l *loader) expand(d *declaredBlock) bool {
	if d.state.state == done {
		return true
	}
	defer l.setOwner(nil)()
	_, ok := l.force(&d.state, "for_each of "+d.address(), d.forEach.Expr.Range(), func() (cty.Value, bool) {
		v, ok := l.value(&d.forEach.Expr, scope{})
		return v, ok && l.instantiate(d, v)
	})
	return ok
}

// stepsPerInstance is how many steps of the budget an instance costs in addition to what it
// evaluates: a for_each of one line can declare as much as a long file. It bounds the
// instances of a configuration at a twentieth of Limits.Objects, at the default limits.
const stepsPerInstance = 100

// instantiate makes an object for each element of the value. A list is refused: removing
// an element would change the address of every one after it, and so what the lockfile
// records of them.
func (l *loader) instantiate(d *declaredBlock, v cty.Value) bool {
	at := d.forEach.Expr.Range()
	ty := v.Type()
	switch {
	case v.IsNull():
		l.problems.errorf("wrong-type", at, "for_each must be a map or a set of strings, not null. Write {} for no instances.")
		return false
	case ty.IsTupleType() || ty.IsListType():
		l.problems.errorf("wrong-type", at, "for_each must be a map or a set of strings, not a list, whose order would become part of the addresses. Write toset(...) around it.")
		return false
	case ty.IsSetType() && ty.ElementType() != cty.String && v.LengthInt() > 0, !ty.IsSetType() && !ty.IsMapType() && !ty.IsObjectType():
		l.problems.errorf("wrong-type", at, "for_each must be a map or a set of strings, not %s.", typeName(ty))
		return false
	}
	n := v.LengthInt()
	if p, ok := l.eval.Spend(int64(n)*stepsPerInstance, at); !ok {
		l.problems.add(p)
		return false
	}
	d.byKey = make(map[string]*object, n)
	good := true
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		good = l.instantiateOne(d, key, value) && good
	}
	slices.Sort(d.keys)
	return good
}

// instantiateOne makes the object of one key, which becomes part of its address.
func (l *loader) instantiateOne(d *declaredBlock, key, value cty.Value) bool {
	if key.IsNull() {
		l.problems.errorf("wrong-type", d.forEach.Expr.Range(), "for_each has a null among its keys. Leave it out.")
		return false
	}
	k := key.AsString()
	if err := schema.CheckInstanceKey(k); err != nil {
		l.problems.errorf("invalid-label", d.forEach.Expr.Range(), "%s", schema.Sentence(err.Error()))
		return false
	}
	if !l.count(d.forEach.Expr.Range()) {
		return false
	}
	d.byKey[k] = &object{decl: d, key: k, value: value}
	d.keys = append(d.keys, k)
	return true
}
