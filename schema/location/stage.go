package location

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// A Stage is a snapshot that a share of the fleet serves in place of the newest one, until
// it becomes the newest or is given up. It follows the newest one: its serial is higher, and
// it was planned against it.
type Stage struct {
	Head    Head // without a stage of its own
	Percent int  // of the fleet that is to serve it: MinPercent to MaxPercent
}

// The shares that a Stage may have. A snapshot for all of the fleet is put instead.
const (
	MinPercent = 1
	MaxPercent = 99
)

// A Stager is a location that can hold a snapshot beside the newest one.
type Stager interface {
	Location

	// Stage makes a file the stage of the newest snapshot, if newest and stage are
	// still those of prior; otherwise the error is a *MovedError and the location is as
	// it was. When there is a stage already, the file must be the staged one, and only
	// the share changes. Put ends a stage: with the staged file, or with one that
	// follows it.
	Stage(ctx context.Context, file []byte, prior Head, percent int) (Head, error)
}

// Includes reports whether the instance is in the share. It depends on a hash of snapshot and
// instance: every program computes the same without asking anybody, a share that grows
// keeps the instances that it had, and each snapshot begins with others, so that no instance
// is always the first. The remainder by 100 favours low numbers by less than 2^-57.
func (s *Stage) Includes(instance string) bool {
	sum := sha256.Sum256(fmt.Appendf(nil, "writ stage\n%s\n%s", s.Head.Digest, instance))
	return binary.BigEndian.Uint64(sum[:])%100 < uint64(s.Percent)
}

// For returns the snapshot that an instance is to serve: the staged one or h. highest is the
// highest serial that it ever served. An instance that has served the staged snapshot goes on
// with it, even if it got another name or the share shrank, since it would refuse an older
// one.
func (h Head) For(instance string, highest uint64) Head {
	if h.Staged != nil && (highest >= h.Staged.Head.Serial || h.Staged.Includes(instance)) {
		return h.Staged.Head
	}
	return h
}

// check refuses a stage that does not follow the newest snapshot. It holds for what is read
// from a location too, since anybody may have written that. A nil stage is fine.
func (s *Stage) check(newest Head) error {
	switch {
	case s == nil:
		return nil
	case s.Percent < MinPercent || s.Percent > MaxPercent:
		return fmt.Errorf("its stage is for %d percent, not %d to %d", s.Percent, MinPercent, MaxPercent)
	case s.Head.Staged != nil:
		return errors.New("its stage has a stage of its own")
	case s.Head.Serial <= newest.Serial || s.Head.Previous != newest.Digest:
		return fmt.Errorf("its stage, %s, does not follow %s", s.Head, newest)
	}
	return nil
}

// sameStage reports whether both have the same stage with the same share, or none.
func (h Head) sameStage(other Head) bool {
	if h.Staged == nil || other.Staged == nil {
		return h.Staged == other.Staged
	}
	return h.Staged.Percent == other.Staged.Percent && h.Staged.Head.Same(other.Staged.Head)
}

// checkStage makes the checks that every Stage needs before it writes, those of checkPut
// among them.
func checkStage(l Location, file []byte, now, prior Head, percent int) (*Stage, error) {
	next, err := checkPut(l, file, now, prior)
	if err != nil {
		return nil, err
	}
	s := &Stage{Head: next, Percent: percent}
	if now.IsZero() {
		err = errors.New("there is no snapshot that it could stand beside")
	} else if err = s.check(now); err == nil && now.Staged != nil && !now.Staged.Head.Same(next) {
		err = fmt.Errorf("%s is there already", now.Staged.Head)
	}
	if err != nil {
		return nil, refused(err)
	}
	return s, nil
}
