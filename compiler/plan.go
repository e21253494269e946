package compiler

import (
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// PlanFormatVersion is the version of a plan as JSON.
const PlanFormatVersion = "1"

// A Prior is what stands before a plan: the snapshot in force and the lockfile.
// The zero Prior is a configuration that was never applied.
type Prior struct {
	Document   *schema.Document // of the prior snapshot; nil when there is none
	Digest     string           // of the prior snapshot's body; "" when there is none
	Serial     uint64           // of the prior snapshot; 0 when there is none
	Lock       *lockfile.File   // nil when there is none
	LockDigest string           // FileDigest of the lockfile's bytes; "" when there is none
}

// PlanOptions are what a plan needs to know beside the two documents.
type PlanOptions struct {
	Digest      string   // of the new snapshot's body, snapshot.Digest
	Renames     []Rename // from CheckLock
	LockChanged bool     // CheckLock's lockfile has other bytes than the prior one
}

// A Plan is everything that applying a configuration would change. It is data:
// views print it, SavedPlan keeps it.
type Plan struct {
	FormatVersion string         `json:"format_version"`
	PriorDigest   string         `json:"prior_digest"` // of the prior snapshot's body; "" when there is none
	Digest        string         `json:"digest"`       // of the new snapshot's body
	Changes       []Change       `json:"changes"`      // widening first, then narrowing, shape, text
	Access        []AccessChange `json:"access"`       // by client, API and subject type
	Summary       Summary        `json:"summary"`
	LockChanged   bool           `json:"lock_changed,omitempty"` // the lockfile will be written
}

// A Summary counts a plan's changes. A replacement is one Add and one Destroy;
// a change of the issuer's settings is not counted.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Rename  int `json:"rename"`
	Widen   int `json:"widen"` // changes whose Effect is EffectWiden
}

// Empty reports whether there is nothing to apply.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 && !p.LockChanged }

// NewPlan compares what stands with what a configuration declares. It is pure.
// The list holds what forbids the plan: prevent-destroy.
func NewPlan(prior Prior, m *Model, opts PlanOptions) (*Plan, diag.List) {
	return &Plan{FormatVersion: PlanFormatVersion, PriorDigest: prior.Digest, Digest: opts.Digest}, nil
}

// RollbackPlan says what serving an older document again widens and narrows. The
// lockfile stays as it is: what the old document holds was recorded when it was
// applied first.
func RollbackPlan(prior Prior, old *schema.Document, digest string) *Plan {
	return &Plan{FormatVersion: PlanFormatVersion, PriorDigest: prior.Digest, Digest: digest}
}
