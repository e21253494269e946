package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// LockOptions say how CheckLock treats a difference.
type LockOptions struct {
	// Replace lists the addresses, such as "api.orders", whose identifier may
	// change; the old one is retired.
	Replace []string
	// Locked refuses every change of the lockfile.
	Locked bool
	// Name is the lockfile's name for messages; lockfile.DefaultName when empty.
	Name string
	// Prior is the document of the snapshot that is there already, nil when
	// there is none. A snapshot without a lockfile is refused. A name that the
	// snapshot uses and that was edited out of the lockfile is retired.
	Prior *schema.Document
}

// A Rename is an object that changed its label and kept its identifier or
// client id: nothing in tokens changes.
type Rename struct {
	Kind     Kind   // KindAPI or KindClient
	From, To string // labels
}

// CheckLock compares a model with the lockfile (nil when there is none) and
// makes the lockfile that follows, with the renames that it saw. A tree without
// errors and a next lockfile without errors may be applied; otherwise next only
// serves to compare.
//
// For each label of the tree there are these cases, the same for APIs with their
// identifiers and clients with their client ids:
//
//   - recorded with this value: nothing to do
//   - recorded with another: an error, unless the replacement was asked for;
//     then the old value is retired and the new one has to be free
//   - not recorded, the value belongs to a label that is gone: a rename
//   - not recorded, the value is retired under the same label: it returns
//   - not recorded, the value is free: recorded
//
// A value is free when no other label has it or had it before. A record whose
// label is neither in the tree nor renamed is retired, and so is a name that the
// snapshot uses and the lockfile has no record of.
func CheckLock(m *Model, lock *lockfile.File, opts LockOptions) (next *lockfile.File, renames []Rename, diags diag.List) {
	opts.Name = cmp.Or(opts.Name, lockfile.DefaultName)
	if lock == nil && opts.Prior != nil {
		return &lockfile.File{}, nil, diag.List{lockMissing(opts.Name)}
	}
	before := lock
	if before == nil {
		before = &lockfile.File{}
	}
	replace, diags := parseReplacements(m, opts.Replace)

	apis := newNameCheck(KindAPI, apiNames(m), before.APIs, before.RetiredAPIs, replace)
	clients := newNameCheck(KindClient, clientNames(m), before.Clients, before.RetiredClients, replace)
	if opts.Prior != nil {
		inForce := LockFromDocument(opts.Prior)
		apis.inForce, clients.inForce = inForce.APIs, inForce.Clients
	}
	apis.run()
	clients.run()

	next = &lockfile.File{
		APIs: apis.nextLive, RetiredAPIs: apis.nextRetired,
		Clients: clients.nextLive, RetiredClients: clients.nextRetired,
	}
	renames = append(apis.renames, clients.renames...)
	diags = slices.Concat(diags, apis.diags, clients.diags)
	if opts.Locked && !diags.HasErrors() {
		if d, changed := lockOutOfDate(opts.Name, lock == nil, apis.changes, clients.changes); changed {
			diags = append(diags, d)
		}
	}
	return next, renames, diags.Sorted()
}

// LockFromDocument makes the lockfile that a snapshot implies, to recover a lost
// one. Names that were retired earlier are not in it.
func LockFromDocument(doc *schema.Document) *lockfile.File {
	f := &lockfile.File{}
	for i := range doc.APIs {
		f.APIs = append(f.APIs, lockfile.Entry{Label: doc.APIs[i].Label, Value: doc.APIs[i].Identifier})
	}
	for i := range doc.Clients {
		f.Clients = append(f.Clients, lockfile.Entry{Label: doc.Clients[i].Label, Value: doc.Clients[i].ClientID})
	}
	return f
}

// A name is what the lockfile protects of one object in the tree.
type name struct {
	label string
	value string // "" when config refused it; then nothing is said about it
	decl  *config.Decl
}

// apiNames lists the identifiers of the tree.
func apiNames(m *Model) []name {
	names := make([]name, len(m.apis))
	for i, declared := range m.apis {
		names[i] = name{declared.Label, m.Document.APIs[i].Identifier, &declared.Decl}
	}
	return names
}

// clientNames lists the client ids of the tree.
func clientNames(m *Model) []name {
	names := make([]name, len(m.clients))
	for i, declared := range m.clients {
		names[i] = name{declared.Label, m.Document.Clients[i].ClientID, &declared.Decl}
	}
	return names
}

// A nameCheck compares the names of one kind of object with the lockfile's.
type nameCheck struct {
	words   nameWords
	tree    []name
	values  map[string]string         // of the tree, by label
	live    map[string]lockfile.Entry // of the lockfile, by label
	holders map[string]lockfile.Entry // of the lockfile, by value
	retired map[string]lockfile.Entry // of the lockfile, by value; shrinks as names return
	replace map[string]bool           // labels that may change
	inForce []lockfile.Entry          // names that the present snapshot uses; nil when there is none

	renamed     map[string]bool // recorded labels whose object now has another label
	nextLive    []lockfile.Entry
	nextRetired []lockfile.Entry
	renames     []Rename
	changes     []lockChange
	diags       diag.List
}

// A lockChange is one change that the lockfile needs, in words.
type lockChange struct {
	text string
	at   hcl.Range // in the tree, or of the lockfile's entry for what is gone
}

// newNameCheck indexes both sides for one kind of object.
func newNameCheck(kind Kind, tree []name, live, retired []lockfile.Entry, replace map[string]bool) *nameCheck {
	n := &nameCheck{
		words:   wordsFor(kind),
		tree:    tree,
		values:  make(map[string]string, len(tree)),
		live:    make(map[string]lockfile.Entry, len(live)),
		holders: make(map[string]lockfile.Entry, len(live)),
		retired: make(map[string]lockfile.Entry, len(retired)),
		renamed: make(map[string]bool),
		replace: replace,
	}
	for _, t := range tree {
		n.values[t.label] = t.value
	}
	for _, e := range live {
		n.live[e.Label], n.holders[e.Value] = e, e
	}
	for _, e := range retired {
		n.retired[e.Value] = e
	}
	return n
}

// run decides about every label of the tree first, as a rename keeps a record
// that would otherwise be retired.
func (n *nameCheck) run() {
	for _, t := range n.tree {
		n.decide(t)
	}
	for label, e := range n.live {
		if _, there := n.values[label]; !there && !n.renamed[label] {
			n.retire(e)
		}
	}
	for _, e := range n.retired {
		n.nextRetired = append(n.nextRetired, e)
	}
	n.retireEditedOut()
	sortEntries(n.nextLive)
	sortEntries(n.nextRetired)
	slices.SortFunc(n.changes, func(a, b lockChange) int { return cmp.Compare(a.text, b.text) })
}

// sortEntries sorts by label, then by value, as the file is written.
func sortEntries(entries []lockfile.Entry) {
	slices.SortFunc(entries, func(a, b lockfile.Entry) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
}

// decide decides what the next lockfile records for one label of the tree, by the cases
// that CheckLock lists.
func (n *nameCheck) decide(t name) {
	recorded, known := n.live[t.label]
	if n.replace[n.address(t.label)] && (!known || t.value == recorded.Value) {
		n.reportNotReplaced(t, known)
	}
	switch {
	case known && (t.value == "" || t.value == recorded.Value):
		n.nextLive = append(n.nextLive, recorded)
	case t.value == "":
	case known && !n.replace[n.address(t.label)]:
		n.reportImmutable(t, recorded)
	default:
		change, free := n.mayTake(t, known)
		if !free {
			return
		}
		if known {
			n.retire(recorded)
		}
		n.nextLive = append(n.nextLive, lockfile.Entry{Label: t.label, Value: t.value})
		n.changed(change, t.decl.Range)
	}
}

// mayTake reports whether a label may take a value that it does not have yet, and
// which change that is: a new record, a return or a rename. If not, it reports
// why.
func (n *nameCheck) mayTake(t name, replaces bool) (change string, free bool) {
	if e, ok := n.retired[t.value]; ok {
		if e.Label != t.label {
			n.reportRetiredName(t, e)
			return "", false
		}
		delete(n.retired, t.value)
		return "bring back " + n.address(t.label), true
	}
	holder, held := n.holders[t.value]
	if !held || n.renamed[holder.Label] { // renamed already: the tree has the value twice, which Compile reports
		return "record " + n.address(t.label), true
	}
	if current, there := n.values[holder.Label]; there {
		if current != t.value && n.replace[n.address(holder.Label)] {
			n.reportReplacedName(t, holder)
		}
		return "", false // else Compile reports a duplicate, or immutable reports the holder
	}
	if replaces {
		n.reportRemovedName(t, holder)
		return "", false
	}
	n.renamed[holder.Label] = true
	n.renames = append(n.renames, Rename{n.words.kind, holder.Label, t.label})
	return "rename " + n.address(holder.Label) + " to " + n.address(t.label), true
}

// retire moves a recorded name to the retired ones.
func (n *nameCheck) retire(e lockfile.Entry) {
	n.nextRetired = append(n.nextRetired, lockfile.Entry{Label: e.Label, Value: e.Value})
	n.changed("retire "+n.address(e.Label), e.Range)
}

// retireEditedOut retires names that the snapshot uses, the next lockfile does
// not, and no record mentions. Somebody deleted the record, but verifiers still
// trust the name, so it must not go to another object.
func (n *nameCheck) retireEditedOut() {
	used, retired := labelsByValue(n.nextLive), labelsByValue(n.nextRetired)
	for _, e := range n.inForce {
		_, isUsed := used[e.Value]
		if _, isRetired := retired[e.Value]; !isUsed && !isRetired {
			n.retire(e)
		}
	}
}

// changed notes a change of the lockfile, for a run that forbids any.
func (n *nameCheck) changed(text string, at hcl.Range) {
	n.changes = append(n.changes, lockChange{text, at})
}

func (n *nameCheck) address(label string) string { return Address(n.words.kind, label) }

// report adds a diagnostic about the guarded attribute of an object.
func (n *nameCheck) report(t name, code, detail string, related ...diag.Related) {
	n.diags = append(n.diags, diag.New(code, t.decl.AttrRange(n.words.attribute), detail, related...))
}

// reportImmutable reports a changed name and keeps the recorded one in the next
// lockfile.
func (n *nameCheck) reportImmutable(t name, recorded lockfile.Entry) {
	n.nextLive = append(n.nextLive, recorded)
	w := n.words
	if recorded.ValueRange == (hcl.Range{}) { // made by LockFromDocument
		n.report(t, w.immutable,
			fmt.Sprintf("%s has the %s %q, but the snapshot in force has %q for it, which %s rely on. Put it back and run this again; "+
				"to replace it on purpose, run writ plan --replace %s after that.",
				t.decl.Address, w.noun, t.value, recorded.Value, w.reliers, schema.ShellQuote(t.decl.Address)))
		return
	}
	n.report(t, w.immutable,
		fmt.Sprintf("%s has the %s %q, but it is recorded as %q, which %s rely on. Put it back; to replace it on purpose, "+
			"which retires the old one, run writ plan --replace %s.",
			t.decl.Address, w.noun, t.value, recorded.Value, w.reliers, schema.ShellQuote(t.decl.Address)),
		diag.Related{Message: "recorded here", Range: recorded.ValueRange})
}

// nameWords are the words of the lock rules' diagnostics for one kind of object.
type nameWords struct {
	kind      Kind
	attribute string // the guarded attribute
	noun      string // its name in sentences
	reliers   string // who breaks when it changes
	immutable string // diagnostic codes
	retired   string
	block     string // the lockfile's block of a retired one
}

// wordsFor returns the words for APIs or clients: the rules are the same.
func wordsFor(kind Kind) nameWords {
	if kind == KindAPI {
		return nameWords{
			kind, "identifier", "identifier", "clients and verifiers",
			"immutable-identifier", "retired-identifier", "retired_api",
		}
	}
	return nameWords{
		kind, "client_id", "client id", "the client's deployments",
		"immutable-client-id", "retired-client-id", "retired_client",
	}
}

// reportRetiredName refuses a value that a deleted object had.
func (n *nameCheck) reportRetiredName(t name, e lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q belonged to %s, which was removed; whoever still trusts it would now trust %s. Choose another %s. "+
			"To release this one, delete its %s block from the lockfile in a reviewed change.",
			t.value, n.address(e.Label), t.decl.Address, w.noun, w.block),
		diag.Related{Message: "retired here", Range: e.ValueRange})
}

// reportReplacedName refuses a value that another object gives up in the same change.
func (n *nameCheck) reportReplacedName(t name, holder lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q is recorded for %s, whose replacement retires it; whoever still trusts it would then trust %s. "+
			"Choose another %s.", t.value, n.address(holder.Label), t.decl.Address, w.noun),
		diag.Related{Message: "recorded here", Range: holder.ValueRange})
}

// reportRemovedName refuses to replace an object's value by that of an object which
// the same change removes. That would be a removal and a rename in one step, and
// a reviewer could not tell which object keeps its tokens.
func (n *nameCheck) reportRemovedName(t name, holder lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q is recorded for %s, whose removal retires it. Choose another %s. To let %s go on as %s, remove the present %s first, "+
			"then rename in a second change.",
			t.value, n.address(holder.Label), w.noun, n.address(holder.Label), t.decl.Address, t.decl.Address),
		diag.Related{Message: "recorded here", Range: holder.ValueRange})
}

// reportNotReplaced warns that --replace had no effect.
func (n *nameCheck) reportNotReplaced(t name, known bool) {
	detail := fmt.Sprintf("--replace names %s, but its %s is still the recorded one: there is nothing to replace.",
		t.decl.Address, n.words.noun)
	if !known {
		detail = fmt.Sprintf("--replace names %s, which is new: there is nothing to replace.", t.decl.Address)
	}
	idle := diag.New("invalid-value", t.decl.AttrRange(n.words.attribute), detail).Titled("Nothing to replace")
	n.diags = append(n.diags, idle.WithSeverity(diag.Warning))
}

// lockMissing explains why writ does not simply begin a new lockfile: it would
// forget which names are retired.
func lockMissing(name string) diag.Diagnostic {
	return diag.Newf("lock-missing", hcl.Range{}, "There is a snapshot but no %s, so nothing guards the identifiers that are in use. "+
		"Restore it (git restore %s). Where it is in no commit, run writ lock with the same flags: that records what the snapshot serves, not what was retired before.", name, name)
}

// lockOutOfDate lists the changes that the lockfile needs, for a run with
// --locked.
func lockOutOfDate(file string, missing bool, apis, clients []lockChange) (d diag.Diagnostic, changed bool) {
	changes := slices.Concat(apis, clients)
	if len(changes) == 0 {
		return d, false
	}
	const shown = 5
	texts := make([]string, 0, shown)
	for _, ch := range changes[:min(len(changes), shown)] {
		texts = append(texts, ch.text)
	}
	what := strings.Join(texts, ", ")
	if more := len(changes) - shown; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	state := file + " is out of date: it would "
	if missing {
		state = file + " does not exist: it would "
	}
	return diag.New("lock-out-of-date", changes[0].at, state+what+". Run writ lock and commit the file."), true
}

// parseReplacements reads the addresses of --replace. An address without an
// object is an error; one whose value did not change is warned about later, by
// notReplaced.
func parseReplacements(m *Model, addresses []string) (map[string]bool, diag.List) {
	replace := make(map[string]bool, len(addresses))
	var diags diag.List
	for _, address := range addresses {
		kind, label, ok := ParseAddress(address)
		_, isAPI := m.apiIndex[label]
		_, isClient := m.clientIndex[label]
		if ok && (kind == KindAPI && isAPI || kind == KindClient && isClient) {
			replace[address] = true
			continue
		}
		detail := fmt.Sprintf("--replace names %q, but the configuration has no such api or client.", address)
		if hint := didYouMean(address, m.nameAddresses()); hint != "" {
			detail += hint
		} else if !ok {
			detail += ` Name one as in --replace api.orders.`
		}
		diags = append(diags, diag.New("unknown-reference", hcl.Range{}, detail).Titled("Nothing to replace"))
	}
	return replace, diags
}

// nameAddresses returns the addresses of all objects whose names the lockfile
// protects.
func (m *Model) nameAddresses() []string {
	addresses := make([]string, 0, len(m.apis)+len(m.clients))
	for _, a := range m.apis {
		addresses = append(addresses, a.Address)
	}
	for _, c := range m.clients {
		addresses = append(addresses, c.Address)
	}
	return addresses
}
