package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// A loader is one run of Load. Its work has three parts: index notes every name in the
// tree, decode turns each block into the declared model, and context and reference find
// what a name stands for when an expression that decode evaluates needs it.
//
// Nothing is evaluated in the order of the files. A value is computed when it is first
// asked for and kept as a thunk, and a thunk that needs itself is a cycle. So blocks and
// files may refer to one another in any order. A loader is used by one goroutine.
type loader struct {
	limits   source.Limits
	eval     *eval.Evaluator
	sources  map[string][]byte // by name, for Config.Sources
	problems problems
	intended map[intendedName]bool
	reported map[reportedName]bool
	decoding *object // whose expressions are being evaluated, nil for what is no object's

	kinds     [numKinds]table
	variables names[variable]
	locals    names[local]
	plain     map[string][]*source.Block // issuer, signing_key and policy: nothing refers to them

	memo          map[attrKey]*thunk    // attributes of objects
	wholes        map[any]*thunk        // objects, for_each blocks and kinds as one value
	running       []frame               // the thunks being computed, each needed by the one before it
	objects       int                   // counted so far, see count
	keySets       map[keySetText]string // parsed, in canonical form
	distinct      map[string]bool       // the canonical forms that were counted, see countKeys
	keys          int                   // how many keys those have together
	instancesLost bool                  // a for_each failed: its instances are not known
	defaults      *source.Body          // of the issuer's defaults block, nil without one
}

// A keySetText is a key set as it is written, in one of the ways to write one.
type keySetText struct{ attribute, text string }

// A kind is a type of block that expressions can refer to, or that a policy can be about.
type kind int

// The kinds that expressions can refer to, in the order in which objects are decoded. Any
// order would do, as values are computed when they are needed.
const (
	kindAPI kind = iota
	kindClient
	kindAuthorization
	kindTrustedIssuer
	numKinds
)

// The kinds that nothing refers to and only policies are about.
const (
	kindFederated kind = numKinds + iota // of a client
	kindChange                           // of a plan
	numPolicyKinds
)

// policyKindNames are the values of for_each_of, and what follows "all.".
var policyKindNames = [numPolicyKinds]string{"api", "client", "authorization", "trusted_issuer", "federated", "change"}

// policyKindOf returns the kind that a policy is about.
func policyKindOf(name string) (kind, bool) {
	k := slices.Index(policyKindNames[:], name)
	return kind(max(k, 0)), k >= 0
}

// kindNames are the block types of the kinds, and the first words of references.
var kindNames = [numKinds]string{"api", "client", "authorization", "trusted_issuer"}

// kindOf returns the kind of a block type, false for a type that nothing refers to.
func kindOf(name string) (kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return kind(k), true
		}
	}
	return 0, false
}

// A table holds the blocks of one kind, in the order of the files.
type table struct {
	spec    *schema.Block
	byLabel map[string]*declaredBlock
	order   []*declaredBlock
	unnamed bool     // a block has a label that nothing can refer to, or none: it may be what an unknown reference means
	known   []string // labels, as far as they have been asked for
	names   []string // what expressions may read of an object
	whole   []string // and what they read of it as one value
}

// attributeNames returns what attributeNames(k) returns, from the table of the kind if it
// has one: that is made once, and this is asked for each reference.
func (l *loader) attributeNames(k kind) []string {
	if k < numKinds {
		return l.kinds[k].names
	}
	return attributeNames(k)
}

// labels returns the declared labels, for suggestions, once all are indexed.
func (t *table) labels() []string {
	for _, d := range t.order[len(t.known):] {
		t.known = append(t.known, d.label)
	}
	return t.known
}

// A declaredBlock is one block that expressions can refer to. Without for_each it is one
// object. With for_each it is one for each key, which are known only when the for_each has
// been evaluated: that waits until something needs them.
type declaredBlock struct {
	kind    kind
	label   string
	block   *source.Block
	single  object             // the object without for_each; unused with it
	forEach *source.Attribute  // nil without for_each
	byKey   map[string]*object // the objects with for_each, once expanded
	keys    []string           // of byKey, sorted
	state   thunk              // of the expansion; its value is that of for_each
}

// address is how diagnostics name the block.
func (d *declaredBlock) address() string { return kindNames[d.kind] + "." + d.label }

// An object is a block, or one instance of a block with for_each.
type object struct {
	decl  *declaredBlock
	key   string
	value cty.Value // each.value; NilVal without for_each
}

// isInstance reports whether the object was made by for_each.
func (o *object) isInstance() bool { return o.decl.forEach != nil }

// label is the label of the object: worker["eu"] for an instance.
func (o *object) label() string {
	if o.isInstance() {
		return instanceLabel(o.decl.label, o.key)
	}
	return o.decl.label
}

// address is how diagnostics, plans and the command line name the object.
func (o *object) address() string { return kindNames[o.decl.kind] + "." + o.label() }

// instanceLabel is the label of an instance, in the form in which HCL refers to it.
func instanceLabel(label, key string) string { return fmt.Sprintf("%s[%q]", label, key) }

// attribute is what was written for the object; all instances of a block share it.
func (o *object) attribute(name string) *source.Attribute {
	return o.decl.block.Body.Attribute(name)
}

// names is a namespace whose order is that of the files.
type names[T any] struct {
	byName map[string]*T
	order  []string
}

// add adds a name that is not there yet.
func (n *names[T]) add(name string, v *T) {
	if n.byName == nil {
		n.byName = map[string]*T{}
	}
	n.byName[name] = v
	n.order = append(n.order, name)
}

// A thunk is a value that is computed when it is first needed. The zero value is fresh.
type thunk struct {
	state thunkState
	value cty.Value
}

// A thunkState says how far the value of a thunk is.
type thunkState uint8

const (
	fresh   thunkState = iota
	running            // being computed: forcing it again is a cycle
	done               // value is set
	failed             // reported; who needs it next says nothing more
)

// A frame is a value being computed, for the report of a cycle.
type frame struct {
	thunk *thunk
	name  string
	at    hcl.Range
}

// maxDepth is how many values may wait for one another. The evaluation of a reference
// recurses, so a long enough chain of locals would exhaust the stack, which ends the
// process and cannot be recovered.
const maxDepth = 1000

// force returns the value of a thunk, computing it the first time. It returns false
// when the value could not be computed, which has then been reported. A thunk that is
// forced while it runs is part of a cycle.
func (l *loader) force(t *thunk, name string, at hcl.Range, compute func() (cty.Value, bool)) (cty.Value, bool) {
	switch t.state {
	case done:
		return t.value, true
	case failed:
		return cty.NilVal, false
	case running:
		l.reportCycle(t)
		return cty.NilVal, false
	}
	if len(l.running) >= maxDepth {
		l.problems.errorf("limit-exceeded", at, "References lead through more than %d values to %s. Shorten the chain.", maxDepth, name)
		t.state = failed
		return cty.NilVal, false
	}
	t.state = running
	l.running = append(l.running, frame{t, name, at})
	v, ok := compute()
	l.running = l.running[:len(l.running)-1]
	if t.state = failed; ok {
		t.state, t.value = done, v
	}
	return v, ok
}

// maxCycleNames is how many values of a cycle a message names after the first. A cycle may
// have as many values as maxDepth allows.
const maxCycleNames = 8

// reportCycle reports the values that are being computed from t on, which needs itself. t
// is running, so it is one of the frames.
func (l *loader) reportCycle(t *thunk) {
	i := len(l.running) - 1
	for l.running[i].thunk != t {
		i--
	}
	loop := l.running[i:]
	path := loop[0].name
	var related []diag.Related
	for i, f := range loop[1:] {
		if left := len(loop) - 1 - i; i == maxCycleNames && left > 1 {
			path += fmt.Sprintf(" needs %s, and so on through %d more, the last of which", f.name, left-1)
			break
		}
		path += " needs " + f.name + ", which"
		related = append(related, diag.Related{Message: f.name + " is defined here", Range: f.at})
	}
	path += " needs " + loop[0].name
	if len(loop) == 1 {
		path = loop[0].name + " needs itself"
	}
	l.problems.related("reference-cycle", loop[0].at, related, "Values depend on one another in a circle: %s. Write one of them without the others.", path)
}
