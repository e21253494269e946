package compiler

import (
	"cmp"
	"slices"
	"time"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// PlanFormatVersion is the version of a plan as JSON.
const PlanFormatVersion = "1"

// A Prior is what stands before a plan: the snapshot in force and the lockfile.
// The zero Prior is a configuration that was never applied.
type Prior struct {
	Document *schema.Document // of the prior snapshot; nil when there is none
	// PastLifetimes are of the prior snapshot: lifetimes in force no longer.
	PastLifetimes []schema.PastLifetime
	Digest        string         // of the prior snapshot's body; "" when there is none
	Serial        uint64         // of the prior snapshot; 0 when there is none
	Lock          *lockfile.File // nil when there is none
	LockDigest    string         // FileDigest of the lockfile's bytes; "" when there is none

	// What is known of the state that Document was, beside it: the lockfile's
	// records, where a snapshot has those in use alone; and the configuration, whose
	// policies and expectations stand in no document. Either may be nil.
	Records *lockfile.File
	Model   *Model
}

// PlanOptions are what a plan needs to know beside the two documents.
type PlanOptions struct {
	Digest      string         // of the new snapshot's body, snapshot.Digest
	Renames     []Rename       // from CheckLock
	Lock        *lockfile.File // from CheckLock: what will be recorded; nil when that is not known
	LockChanged bool           // CheckLock's lockfile has other bytes than the prior one
	Now         time.Time      // for warnings about keys, see CheckPrior; the zero time gives none
	At          time.Time      // the time of the plan: from it on, access is compared; the zero time is Now
}

// A Plan is everything that applying a configuration would change. It is data:
// views print it, SavedPlan keeps it.
type Plan struct {
	FormatVersion string         `json:"format_version"`
	PriorDigest   string         `json:"prior_digest"` // of the prior snapshot's body; "" when there is none
	Digest        string         `json:"digest"`       // of the new snapshot's body
	At            string         `json:"at,omitempty"` // the time of the plan, RFC 3339: Access is from then on
	Changes       []Change       `json:"changes"`      // widening first, then narrowing, shape, text
	Access        []AccessChange `json:"access"`       // by client, API and subject type
	Summary       Summary        `json:"summary"`
	LockChanged   bool           `json:"lock_changed,omitempty"` // the lockfile will be written
}

// A Summary counts a plan's changes to APIs, clients, authorizations, trusted
// issuers and signing keys. A replacement is one Add and one Destroy. Widen counts
// those of every other address too: "issuer", "policy.NAME", `expect "NAME"`, and
// "lock." with the block of a record of the lockfile.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Rename  int `json:"rename"`
	Widen   int `json:"widen"` // changes whose Effect is EffectWiden
}

// Empty reports whether there is nothing to apply. Without any change the
// snapshot may still have other bytes, such as those of a newer format.
func (p *Plan) Empty() bool {
	return len(p.Changes) == 0 && !p.LockChanged && p.PriorDigest == p.Digest
}

// NewPlan compares what stands with what a configuration declares. It is pure.
// The list is CheckPrior's, and what policies for each change found: its errors forbid
// the plan.
func NewPlan(prior Prior, m *Model, opts PlanOptions) (*Plan, diag.List) {
	list := CheckPrior(m, prior.Document, PriorOptions{Lock: prior.Lock, Now: opts.Now})
	if opts.At.IsZero() {
		opts.At = opts.Now
	}
	c := newComparison(prior, m.Document, opts.Renames, opts.At)
	c.lock = opts.Lock
	c.compareObjects()
	c.compareRecords(prior.Records)
	c.compareGuards(prior.Model, m)
	p := c.plan()
	p.PriorDigest, p.Digest, p.LockChanged = prior.Digest, opts.Digest, opts.LockChanged
	return p, append(list, m.checkChangePolicies(p)...)
}

// RollbackPlan says what serving an older document again widens and narrows. The
// lockfile stays as it is: what the old document holds was recorded when it was
// applied first.
func PlanBetween(prior Prior, old *schema.Document, digest string, at time.Time) *Plan {
	p := compareDocuments(prior, old, nil, at)
	p.PriorDigest, p.Digest = prior.Digest, digest
	return p
}

// compareDocuments is the plan from what stands to a document, as of a time.
// Either document may be nil.
func compareDocuments(prior Prior, next *schema.Document, renames []Rename, at time.Time) *Plan {
	c := newComparison(prior, next, renames, at)
	c.compareObjects()
	return c.plan()
}

// compareObjects compares the two documents.
//
// First the objects of the two are paired, so that a rename is one object and
// not two. Then each pair is compared attribute by attribute, and each
// difference is judged on its own; an object carries the strongest judgement.
// Who may get which token, and when, is compared apart, over all objects at once.
func (c *comparison) compareObjects() {
	c.compareIssuer()
	c.compareAPIs()
	c.compareClients()
	c.compareAuthorizations()
	c.compareTrustedIssuers()
	c.compareSigningKeys()
}

// plan returns the plan of everything that was found.
func (c *comparison) plan() *Plan {
	sortChanges(c.changes)
	p := &Plan{
		FormatVersion: PlanFormatVersion,
		Changes:       c.changes,
		Access:        c.access(),
		Summary:       summarize(c.changes),
	}
	if !c.at.IsZero() {
		p.At = schema.FormatTime(c.now)
	}
	return p
}

// sortChanges puts the strongest effect first. Within one effect the changes
// stay in the order in which they were found: by kind, then by label.
func sortChanges(changes []Change) {
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Compare(a.Effect.rank(), b.Effect.rank())
	})
}

// summarize counts the changes.
func summarize(changes []Change) Summary {
	var s Summary
	for i := range changes {
		c := &changes[i]
		if c.Effect == EffectWiden {
			s.Widen++
		}
		if !isCounted(c.Address) {
			continue
		}
		switch c.Action {
		case ActionCreate:
			s.Add++
		case ActionUpdate:
			s.Change++
		case ActionDelete:
			s.Destroy++
		case ActionReplace:
			s.Add++
			s.Destroy++
		case ActionRename:
			s.Rename++
		}
	}
	return s
}

// isCounted reports whether an address is of an object that servers know, the
// issuer apart.
func isCounted(address string) bool {
	kind, _, ok := ParseAddress(address)
	return ok && kind != KindIssuer && kind != KindPolicy
}

// An Action is what happens to an object.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionUpdate  Action = "update"
	ActionDelete  Action = "delete"
	ActionReplace Action = "replace" // another identifier or client id under the same label
	ActionRename  Action = "rename"  // another label for the same identifier or client id
)

// An Effect is what a change means to somebody who guards an API.
type Effect string

// The effects, strongest first.
const (
	EffectWiden  Effect = "widen"  // somebody can get or do more than before
	EffectNarrow Effect = "narrow" // somebody can get or do less
	EffectShape  Effect = "shape"  // tokens or answers look different
	EffectText   Effect = "text"   // names, descriptions and guards: no token changes
	EffectNone   Effect = "none"   // a rename
)

// rank orders effects, the strongest first.
func (e Effect) rank() int {
	switch e {
	case EffectWiden:
		return 0
	case EffectNarrow:
		return 1
	case EffectShape:
		return 2
	case EffectText:
		return 3
	}
	return 4
}

// stronger is the one of two effects that an object with both carries.
func stronger(a, b Effect) Effect {
	if b.rank() < a.rank() {
		return b
	}
	return a
}

// A Change is what happens to one object. Before and After never hold the value
// of a credential: of each they say the kind, the label and the window.
type Change struct {
	Address         string            `json:"address"`                    // "api.orders"; of a rename, the new one
	PreviousAddress string            `json:"previous_address,omitempty"` // of a rename
	Action          Action            `json:"action"`
	Effect          Effect            `json:"effect"`         // the strongest effect
	Tier            Tier              `json:"tier,omitempty"` // of EffectWiden: the first tier of its attributes
	BreaksVerifiers bool              `json:"breaks_verifiers,omitempty"`
	Reason          string            `json:"reason"`               // full sentences
	Before          Object            `json:"before"`               // null for ActionCreate
	After           Object            `json:"after"`                // null for ActionDelete
	Attributes      []AttributeChange `json:"attributes,omitempty"` // of ActionUpdate and ActionReplace
}

// An AttributeChange is what happens to one attribute, or to one nested block,
// of an object.
type AttributeChange struct {
	Name   string `json:"name"`            // "token_lifetime"; "scope", "secret" for a nested block
	Label  string `json:"label,omitempty"` // of a nested block
	Action Action `json:"action"`          // ActionCreate, ActionUpdate or ActionDelete
	Effect Effect `json:"effect"`
	Tier   Tier   `json:"tier,omitempty"` // of EffectWiden
	// BreaksVerifiers says that whoever verifies tokens must be changed first.
	BreaksVerifiers bool   `json:"breaks_verifiers,omitempty"`
	Reason          string `json:"reason"`           // full sentences
	Before          any    `json:"before,omitempty"` // a value as in Attribute; nil where it is not set or not shown
	After           any    `json:"after,omitempty"`
}
