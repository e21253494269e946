package config

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/schema"
)

// objectsOf returns the objects that a block declares: itself, or with for_each
// its instances by key. None when for_each failed.
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

// stepsPerInstance is how many steps of the budget an instance costs beside what it
// evaluates: a for_each of one line can declare as much as a long file.
const stepsPerInstance = 100

// instantiate makes an object for each element of the value. A list is refused: removing
// an element would change the address of every one behind it.
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
		l.problems.errorf("invalid-label", d.forEach.Expr.Range(), "%s", sentence(err))
		return false
	}
	if !l.count(d.forEach.Expr.Range()) {
		return false
	}
	d.byKey[k] = &object{decl: d, key: k, value: value}
	d.keys = append(d.keys, k)
	return true
}
