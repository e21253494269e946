package server

import (
	"errors"
	"log/slog"
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/token"
)

// Activate puts a snapshot file in force, whole or not at all. It takes
// ownership of the bytes. After an error the last good snapshot keeps serving,
// and the error is in the log and in /status.
//
// The stages: open (every byte checked), admit (signature, environment,
// serial), build (secrets, keys, documents), one token per key signed and
// verified, then one store of one pointer.
func (s *Server) Activate(file []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guarded(func() error { return s.activate(file) })
}

func (s *Server) activate(file []byte) error {
	snap, err := s.open(file)
	if err != nil {
		return s.reject("", err)
	}
	if err := s.admit(snap); err != nil {
		return s.reject(snap.Digest(), err)
	}
	active, err := s.build(snap)
	if err != nil {
		return s.reject(snap.Digest(), err)
	}
	if err := s.served.record(snap.Envelope().Serial, snap.Digest()); err != nil {
		return s.reject(snap.Digest(), err)
	}
	s.rejected.Store(nil)
	s.accept(active)
	return nil
}

// guarded has a panic be the reason why a snapshot is not put in force: what serves
// now has proved that it can be served.
func (s *Server) guarded(activate func() error) (err error) {
	if defect := Guard(func() { err = activate() }); defect != nil {
		return s.reject("", defect)
	}
	return err
}

// open checks every byte of the file. While another snapshot is serving it
// takes a quarter of a core, because hashing is a loop that the scheduler
// cannot interrupt.
func (s *Server) open(file []byte) (*snapshot.Snapshot, error) {
	if s.active.Load() == nil {
		return snapshot.Open(file)
	}
	last := time.Now()
	return snapshot.OpenPaced(file, func() {
		time.Sleep(pause(time.Since(last)))
		last = time.Now()
	})
}

// longestPause bounds a rest: 64 KiB are hashed in less than a third of it.
const longestPause = 5 * time.Millisecond

// pause is how long to rest after a step of work that took so long. What took
// longer than hashing takes was waiting for a processor, not using one: on a
// busy machine a rest of three times that would put the reload off by seconds.
func pause(worked time.Duration) time.Duration { return min(3*worked, longestPause) }

// Refresh reads the secrets and keys of the snapshot in force anew. It does
// nothing before the first activation.
func (s *Server) Refresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guarded(s.refresh)
}

func (s *Server) refresh() error {
	last := s.active.Load()
	if last == nil {
		return nil
	}
	active, err := s.build(last.snapshot)
	if err != nil {
		return s.reject(last.digest, err)
	}
	if r := s.rejected.Load(); r != nil && r.Digest == last.digest {
		s.rejected.Store(nil) // it was this one's secrets and keys; a refused file stays refused
	}
	s.accept(active)
	return nil
}

func (s *Server) accept(active *Active) {
	active.counted = s.metrics.APIs(active.snapshot.NumAPIs(), func(i int) string { return active.snapshot.API(i).Label() })
	s.active.Store(active)
	if s.rejected.Load() == nil { // else the alert on a refused file must go on
		s.metrics.Reloaded(true, active.since)
	}
	s.remotes.keep(active.registered.remotes())
	known := func(label string) bool { _, ok := active.snapshot.ClientByLabel(label); return ok }
	s.uses.keep(known)
	s.begun.keep(known)
	s.rates.keep(func(label string) bool {
		client, ok := active.snapshot.ClientByLabel(label)
		return ok && client.RateLimit() != 0
	})
	s.log.Info("snapshot activated", "snapshot", active.digest, "serial", active.serial, "revision", active.revision,
		"apis", active.snapshot.NumAPIs(), "clients", active.snapshot.NumClients(), "authorizations", active.snapshot.NumAuthorizations())
	for _, p := range active.problems {
		s.log.Error("not served", "address", p.Address, "reason", p.Reason)
	}
}

// reject remembers and reports why a snapshot was not put in force.
func (s *Server) reject(digest string, err error) error {
	s.metrics.Reloaded(false, s.opts.Now())
	s.rejected.Store(&Rejection{Digest: digest, Reason: err.Error(), At: s.opts.Now().UTC()})
	attrs := []any{"reason", err.Error()}
	if digest != "" {
		attrs = append(attrs, "snapshot", digest)
	}
	if last := s.active.Load(); last != nil {
		attrs = append(attrs, slog.String("serving", last.digest))
	}
	if defect, ok := errors.AsType[*Defect](err); ok {
		attrs = append(attrs, slog.String("stack", string(defect.Stack)))
	}
	s.log.Error("snapshot rejected", attrs...)
	return err
}

// build makes everything that can fail before anything changes.
func (s *Server) build(snap *snapshot.Snapshot) (*Active, error) {
	issuer := snap.Issuer()
	env := snap.Envelope()
	a := &Active{
		snapshot: snap, digest: snap.Digest(), serial: env.Serial, revision: env.Revision,
		style: issuer.ErrorStyle, since: s.opts.Now().UTC(),
	}
	keys, err := s.buildKeys(a)
	if err != nil {
		return nil, err
	}
	if err := s.buildCredentials(a); err != nil {
		return nil, err
	}
	s.buildDecider(a)
	a.issuer = token.NewIssuer(keys, s.gate, s.opts.Rand)
	if a.routes, err = s.buildRoutes(a); err != nil {
		return nil, err
	}
	return a, nil
}

// Error makes a problem the cause of a rejection.
func (p Problem) Error() string { return p.Address + ": " + p.Reason }
