package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/writ-auth/writ/schema"
)

// ErrStale is in the chain of every error which says that a file changed after a plan was
// made. Nothing was written.
var ErrStale = errors.New("the plan is stale")

// ErrOtherPlan says that a saved plan is not what its own inputs give.
var ErrOtherPlan = errors.New("the same files give another plan: it was edited, or saved by another version of writ")

// A SavedPlan is a plan bound to the three digests that it was made from. It
// holds no secret, so it may be kept where a pipeline keeps its artifacts. Apply does
// not write what it says: it makes the plan again from the files and compares. So an
// edited plan can only forbid a change, never cause one.
type SavedPlan struct {
	ConfigDigest string   // config.Config.Digest as "sha256:<hex>"
	LockDigest   string   // Prior.LockDigest
	Replace      []string // the --replace addresses
	Flags        []string // of the command line that made it, for a person to repeat; nothing reads them
	Plan         *Plan    // Plan.PriorDigest is the third
}

// savedPlanKind is the first member of the file, so that no other JSON is taken
// for a plan.
const savedPlanKind = "writ plan"

// A savedPlanFile is the layout of the file.
type savedPlanFile struct {
	Kind          string   `json:"kind"`
	FormatVersion string   `json:"format_version"`
	ConfigDigest  string   `json:"config_digest"`
	LockDigest    string   `json:"lock_digest"`
	PriorDigest   string   `json:"prior_digest"`
	Replace       []string `json:"replace"`
	Flags         []string `json:"flags"`
	Plan          *Plan    `json:"plan"`
}

// Encode is the saved plan as a file. The same plan gives the same bytes.
func (s *SavedPlan) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(savedPlanFile{
		Kind: savedPlanKind, FormatVersion: PlanFormatVersion,
		ConfigDigest: s.ConfigDigest, LockDigest: s.LockDigest, PriorDigest: s.Plan.PriorDigest,
		Replace: append([]string{}, s.Replace...), Flags: append([]string{}, s.Flags...), Plan: s.Plan,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append(b, '\n'), nil
}

// IsSavedPlan reports whether a file is a saved plan of any version.
func IsSavedPlan(b []byte) bool {
	var file struct {
		Kind string `json:"kind"`
	}
	return json.Unmarshal(b, &file) == nil && file.Kind == savedPlanKind
}

// DecodeSavedPlan reads a saved plan. It refuses every version but its own.
func DecodeSavedPlan(b []byte) (*SavedPlan, error) {
	var version struct {
		Kind          string `json:"kind"`
		FormatVersion string `json:"format_version"`
	}
	if err := json.Unmarshal(b, &version); err != nil || version.Kind != savedPlanKind {
		return nil, errors.New("this is not a plan that writ saved")
	}
	if version.FormatVersion != PlanFormatVersion {
		return nil, fmt.Errorf("the plan has format version %q and this writ reads %q", version.FormatVersion, PlanFormatVersion)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	var file savedPlanFile
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("the plan is damaged: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("the plan is damaged: something follows it")
	}
	if file.Plan == nil || !validTime(file.Plan.At) || file.Plan.FormatVersion != PlanFormatVersion || file.Plan.PriorDigest != file.PriorDigest {
		return nil, errors.New("the plan is damaged: its parts do not belong together")
	}
	return &SavedPlan{file.ConfigDigest, file.LockDigest, file.Replace, file.Flags, file.Plan}, nil
}

// validTime reports whether a saved time is written as a plan writes it.
func validTime(at string) bool {
	made, err := time.Parse(time.RFC3339, at)
	return at == "" || err == nil && schema.FormatTime(made.Unix()) == at
}

// Made is the time of the plan. Making the plan again as of that time gives the
// same plan, however long it has been kept.
func (s *SavedPlan) Made() time.Time {
	made, err := time.Parse(time.RFC3339, s.Plan.At)
	if err != nil {
		return time.Time{}
	}
	return made
}

// Check compares a saved plan with the one that the same inputs give now. The
// error has ErrStale in its chain when an input moved, and says which; any other
// error says that the file is not what writ saved.
func (s *SavedPlan) Check(now *SavedPlan) error {
	for _, input := range []struct{ name, then, now string }{
		{"configuration, or a variable given to it,", s.ConfigDigest, now.ConfigDigest},
		{"lockfile", s.LockDigest, now.LockDigest},
		{"snapshot", s.Plan.PriorDigest, now.Plan.PriorDigest},
	} {
		if input.then != input.now {
			return fmt.Errorf("%w: the %s has changed since it was saved", ErrStale, input.name)
		}
	}
	then, err := s.Encode()
	if err != nil {
		return err
	}
	same := *now
	same.Flags = s.Flags // the digests have said that they come to the same
	again, err := same.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(then, again) {
		return ErrOtherPlan
	}
	return nil
}
