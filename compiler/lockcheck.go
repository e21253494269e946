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
	// there is none. A snapshot without a lockfile is refused; a name that is in
	// force and was edited out of the lockfile is retired.
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
// What the snapshot has in force and the lockfile has no more is retired as well.
//
// A value is free when no other label has it, and none had it and lost it. What
// is recorded and neither in the tree nor renamed is retired.
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

// LockFromDocument makes the lockfile that a snapshot implies: the way back
// when the lockfile was lost. Names retired earlier are not in it.
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

// A name is what the lockfile guards about an object of the tree.
type name struct {
	label string
	value string // "" when config refused it; then nothing is said about it
	decl  *config.Decl
}

func apiNames(m *Model) []name {
	names := make([]name, len(m.apis))
	for i, declared := range m.apis {
		names[i] = name{declared.Label, m.Document.APIs[i].Identifier, &declared.Decl}
	}
	return names
}

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
	inForce []lockfile.Entry          // what the snapshot has in use; nil when it is not known

	renamed     map[string]bool // recorded labels that live on under another
	nextLive    []lockfile.Entry
	nextRetired []lockfile.Entry
	renames     []Rename
	changes     []lockChange
	diags       diag.List
}

// A lockChange is one line of what the lockfile would have to follow.
type lockChange struct {
	text string
	at   hcl.Range // in the tree, or of the lockfile's entry for what is gone
}

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

func (n *nameCheck) run() {
	for _, t := range n.tree {
		n.place(t)
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

func sortEntries(entries []lockfile.Entry) {
	slices.SortFunc(entries, func(a, b lockfile.Entry) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
}

// place decides what becomes of one label of the tree.
func (n *nameCheck) place(t name) {
	recorded, known := n.live[t.label]
	if n.replace[n.address(t.label)] && (!known || t.value == recorded.Value) {
		n.notReplaced(t, known)
	}
	switch {
	case known && (t.value == "" || t.value == recorded.Value):
		n.nextLive = append(n.nextLive, recorded)
	case t.value == "":
	case known && !n.replace[n.address(t.label)]:
		n.immutable(t, recorded)
	default:
		change, free := n.free(t, known)
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

// free reports whether a label that does not have the value yet may have it, and
// as what change: a new record, a return or a rename. Otherwise it says why not.
func (n *nameCheck) free(t name, replaces bool) (change string, free bool) {
	if e, ok := n.retired[t.value]; ok {
		if e.Label != t.label {
			n.takesRetired(t, e)
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
			n.takesReplaced(t, holder)
		}
		return "", false // else a duplicate, or the holder changed without leave: reported there
	}
	if replaces {
		n.takesRemoved(t, holder)
		return "", false
	}
	n.renamed[holder.Label] = true
	n.renames = append(n.renames, Rename{n.words.kind, holder.Label, t.label})
	return "rename " + n.address(holder.Label) + " to " + n.address(t.label), true
}

func (n *nameCheck) retire(e lockfile.Entry) {
	n.nextRetired = append(n.nextRetired, lockfile.Entry{Label: e.Label, Value: e.Value})
	n.changed("retire "+n.address(e.Label), e.Range)
}

// retireEditedOut retires the names in force that nobody will have any more and
// that the lockfile does not know: whoever edited the record of one edited only
// the memory of it, and not the verifiers that rely on it.
func (n *nameCheck) retireEditedOut() {
	used, retired := labelsByValue(n.nextLive), labelsByValue(n.nextRetired)
	for _, e := range n.inForce {
		_, isUsed := used[e.Value]
		if _, isRetired := retired[e.Value]; !isUsed && !isRetired {
			n.retire(e)
		}
	}
}

func (n *nameCheck) changed(text string, at hcl.Range) {
	n.changes = append(n.changes, lockChange{text, at})
}

func (n *nameCheck) address(label string) string { return Address(n.words.kind, label) }

func (n *nameCheck) report(t name, code, detail string, related ...diag.Related) {
	n.diags = append(n.diags, diag.New(code, t.decl.AttrRange(n.words.attribute), detail, related...))
}

func (n *nameCheck) immutable(t name, recorded lockfile.Entry) {
	n.nextLive = append(n.nextLive, recorded)
	w := n.words
	if recorded.ValueRange == (hcl.Range{}) { // made by LockFromDocument
		n.report(t, w.immutable,
			fmt.Sprintf("%s has the %s %q, but the snapshot in force has %q for it, which %s rely on. Put it back and run this again; "+
				"to replace it on purpose, run writ plan --replace %s after that.",
				t.decl.Address, w.noun, t.value, recorded.Value, w.reliers, diag.ShellQuote(t.decl.Address)))
		return
	}
	n.report(t, w.immutable,
		fmt.Sprintf("%s has the %s %q, but it is recorded as %q, which %s rely on. Put it back; to replace it on purpose, "+
			"which retires the old one, run writ plan --replace %s.",
			t.decl.Address, w.noun, t.value, recorded.Value, w.reliers, diag.ShellQuote(t.decl.Address)),
		diag.Related{Message: "recorded here", Range: recorded.ValueRange})
}

// nameWords are the words in which the lock rules speak of one kind of object.
type nameWords struct {
	kind      Kind
	attribute string // the guarded attribute
	noun      string // its name in sentences
	reliers   string // who breaks when it changes
	immutable string // diagnostic codes
	retired   string
	block     string // the lockfile's block of a retired one
}

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

// takesRetired refuses a value that an object had which is gone.
func (n *nameCheck) takesRetired(t name, e lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q belonged to %s, which was removed; whoever still trusts it would now trust %s. Choose another %s. "+
			"To release this one, delete its %s block from the lockfile in a reviewed change.",
			t.value, n.address(e.Label), t.decl.Address, w.noun, w.block),
		diag.Related{Message: "retired here", Range: e.ValueRange})
}

// takesReplaced refuses a value that another object gives up in the same change.
func (n *nameCheck) takesReplaced(t name, holder lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q is recorded for %s, whose replacement retires it; whoever still trusts it would then trust %s. "+
			"Choose another %s.", t.value, n.address(holder.Label), t.decl.Address, w.noun),
		diag.Related{Message: "recorded here", Range: holder.ValueRange})
}

// takesRemoved refuses to replace an object's value by that of an object which
// the same change removes: it would be a removal and a rename in one step.
func (n *nameCheck) takesRemoved(t name, holder lockfile.Entry) {
	w := n.words
	n.report(t, w.retired,
		fmt.Sprintf("%q is recorded for %s, whose removal retires it. Choose another %s. To let %s go on as %s, remove the present %s first, "+
			"then rename in a second change.",
			t.value, n.address(holder.Label), w.noun, n.address(holder.Label), t.decl.Address, t.decl.Address),
		diag.Related{Message: "recorded here", Range: holder.ValueRange})
}

// notReplaced says that --replace did nothing.
func (n *nameCheck) notReplaced(t name, known bool) {
	detail := fmt.Sprintf("--replace names %s, but its %s is still the recorded one: there is nothing to replace.",
		t.decl.Address, n.words.noun)
	if !known {
		detail = fmt.Sprintf("--replace names %s, which is new: there is nothing to replace.", t.decl.Address)
	}
	idle := diag.New("invalid-value", t.decl.AttrRange(n.words.attribute), detail).Titled("Nothing to replace")
	n.diags = append(n.diags, idle.WithSeverity(diag.Warning))
}

// lockMissing explains why writ does not simply begin a new lockfile.
func lockMissing(name string) diag.Diagnostic {
	return diag.Newf("lock-missing", hcl.Range{}, "There is a snapshot but no %s, so nothing guards the identifiers that are in use. "+
		"Restore it (git restore %s). Where it is in no commit, run writ lock with the same flags: that records what the snapshot serves, not what was retired before.", name, name)
}

// lockOutOfDate says what the lockfile would have to follow.
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

// parseReplacements reads the addresses of --replace. One that names nothing is
// an error; one whose value did not change is said to do nothing.
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

// nameAddresses lists the addresses of everything that has a guarded name.
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
