package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
)

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
