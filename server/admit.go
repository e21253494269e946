package server

import (
	"errors"
	"fmt"

	"github.com/writ-auth/writ/schema/snapshot"
)

// admit decides whether an intact snapshot may be served here at all.
func (s *Server) admit(snap *snapshot.Snapshot) error {
	if err := s.trusted(snap); err != nil {
		return err
	}
	if err := s.rightEnvironment(snap); err != nil {
		return err
	}
	env := snap.Envelope()
	if err := s.served.check(env.Serial, snap.Digest()); err != nil {
		return err
	}
	current := s.active.Load()
	again := current != nil && current.digest == snap.Digest()
	if now := s.opts.Now(); !again && !env.NotAfter.IsZero() && now.After(env.NotAfter) {
		return fmt.Errorf("the snapshot is not to be served after %s", env.NotAfter.UTC().Format("2006-01-02T15:04:05Z"))
	}
	return nil
}

// trusted holds the snapshot's signatures against the trusted keys. The table
// fails closed, in both directions:
//
//	            unsigned   signed by none of them   signed by one of them
//	no keys     served     refused                  -
//	keys        refused    refused                  served
//
// A signed snapshot without a key to check it with is refused, because somebody
// signed it for a reason and a forgotten flag must not undo that.
func (s *Server) trusted(snap *snapshot.Snapshot) error {
	if len(s.opts.Trust) > 0 {
		return snap.VerifySignatures(s.opts.Trust)
	}
	if len(snap.Envelope().Signatures) > 0 {
		return errors.New("the snapshot is signed and this server has no key to check it with")
	}
	return nil
}

// rightEnvironment refuses a snapshot made for another environment. A server
// that was started for none serves any.
func (s *Server) rightEnvironment(snap *snapshot.Snapshot) error {
	want := s.opts.Environment
	if want == "" {
		return nil
	}
	for _, have := range []string{snap.Envelope().Environment, snap.Issuer().Environment} {
		if have != "" && have != want {
			return fmt.Errorf("the snapshot is for environment %q, this server for %q", have, want)
		}
	}
	if snap.Envelope().Environment == "" && snap.Issuer().Environment == "" {
		return fmt.Errorf("the snapshot names no environment, this server is for %q", want)
	}
	return nil
}
