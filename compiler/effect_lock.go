package compiler

import (
	"fmt"
	"strings"

	"github.com/writ-auth/writ/compiler/lockfile"
)

// The lockfile guards each name that ever was in use. A change of the file that
// gives up a name is as good as a change of the configuration: the next one may
// give the name, and the tokens that verifiers accept for it, to somebody else.

// recordAddress is the address of a record of the lockfile, by its block there:
// "lock.retired_api.orders".
func recordAddress(block, label string) string { return recordPrefix + block + "." + label }

// recordPrefix begins the addresses of records, and of no object.
const recordPrefix = "lock."

// ParseRecordAddress takes the address of a record apart.
func ParseRecordAddress(address string) (block, label string, ok bool) {
	record, ok := strings.CutPrefix(address, recordPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(record, ".")
}

// compareRecords compares the lockfile that was with the one that will be.
// Records that come are the work of CheckLock and follow from the objects.
func (c *comparison) compareRecords(before *lockfile.File) {
	if before == nil || c.lock == nil {
		return
	}
	c.compareNames(KindAPI, before.APIs, before.RetiredAPIs, c.lock.APIs, c.lock.RetiredAPIs)
	c.compareNames(KindClient, before.Clients, before.RetiredClients, c.lock.Clients, c.lock.RetiredClients)
}

// compareNames compares the records of one kind of object. A name in use stays in
// use, under whichever label, or is retired under its own; a retired one stays as
// it is, or is in use again under its own label.
func (c *comparison) compareNames(kind Kind, wasLive, wasRetired, live, retired []lockfile.Entry) {
	users, keepers := labelsByValue(live), labelsByValue(retired)
	for _, e := range wasLive {
		if _, used := users[e.Value]; !used && keepers[e.Value] != e.Label {
			c.recordReleased(kind, string(kind), e, "", keepers[e.Value])
		}
	}
	block := wordsFor(kind).block
	for _, e := range wasRetired {
		if user := users[e.Value]; user != e.Label && keepers[e.Value] != e.Label {
			c.recordReleased(kind, block, e, user, keepers[e.Value])
		}
	}
}

// labelsByValue indexes records by the name that they keep.
func labelsByValue(entries []lockfile.Entry) map[string]string {
	labels := make(map[string]string, len(entries))
	for _, e := range entries {
		labels[e.Value] = e.Label
	}
	return labels
}

// recordReleased records that a name is not kept for its object any more. user and
// keeper are the labels that have it now, in use and retired, if any.
func (c *comparison) recordReleased(kind Kind, block string, e lockfile.Entry, user, keeper string) {
	w, owner := wordsFor(kind), Address(kind, e.Label)
	var now string
	switch {
	case user != "":
		now = fmt.Sprintf("%s has it now: whoever still relies on it takes %s for %s", Address(kind, user), Address(kind, user), owner)
	case keeper != "":
		now = fmt.Sprintf("the lockfile keeps it for %s instead, which may take it", Address(kind, keeper))
	default:
		now = fmt.Sprintf("the lockfile has it neither in use nor retired, so that any %s may take it", kind)
	}
	c.changes = append(c.changes, Change{
		Address: recordAddress(block, e.Label), Action: ActionDelete, Effect: EffectWiden, Tier: TierReach,
		Reason: fmt.Sprintf("The %s %q was kept for %s; %s.", w.noun, e.Value, owner, now),
		Before: Object{[]Attribute{{w.attribute, e.Value}}},
	})
}

// retiredClause is the clause about a name that was replaced, empty where the
// lockfile does not retire it for the object.
func (c *comparison) retiredClause(kind Kind, label, value string) string {
	if c.lock == nil {
		return ""
	}
	retired := c.lock.RetiredAPIs
	if kind == KindClient {
		retired = c.lock.RetiredClients
	}
	for _, e := range retired {
		if e.Value == value {
			return ", which is retired"
		}
	}
	return ""
}
