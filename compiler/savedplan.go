package compiler

import (
	"errors"
)

// ErrStale is in the chain of every error that says that the world moved after
// a plan was made. Nothing was written.
var ErrStale = errors.New("the plan is stale")

// A SavedPlan is a plan bound to the three digests that it was made from. It
// holds no secret.
type SavedPlan struct {
	ConfigDigest string   // FileDigest form of config.Config.Digest: "sha256:<hex>"
	LockDigest   string   // Prior.LockDigest
	Replace      []string // the --replace addresses
	Plan         *Plan    // Plan.PriorDigest is the third
}

// Encode is the saved plan as a file.
func (s *SavedPlan) Encode() ([]byte, error) { return nil, nil }

// DecodeSavedPlan reads a saved plan. It refuses every version but its own.
func DecodeSavedPlan(b []byte) (*SavedPlan, error) { return nil, nil }

// Check compares a saved plan with the one that the same inputs give now. The
// error has ErrStale in its chain when an input moved, and says which; any other
// error says that the file is not what writ saved.
func (s *SavedPlan) Check(now *SavedPlan) error { return nil }
