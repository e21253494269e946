package server

import (
	"time"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/metrics"
)

// count takes note of a token request.
func (s *Server) count(x *exchange, refusal *Error, took time.Duration) {
	s.metrics.TokenRequest(took)
	api := s.metrics.NoAPI()
	if x.grant.API != (snapshot.API{}) {
		api = x.active.counted[x.grant.API.Index()]
	}
	api.Count(metrics.GrantTypeOf(x.request.GrantType), result(refusal, metrics.Issued))
}

// result is the label value of a refusal, or of the success when there is none.
func result(refusal *Error, success metrics.Result) metrics.Result {
	if refusal == nil {
		return success
	}
	return metrics.ResultOf(string(refusal.Code))
}

// Metrics is what /metrics answers.
func (s *Server) Metrics() *metrics.Metrics { return s.metrics }

// measured describes the server for a scrape.
func (s *Server) measured() metrics.State {
	now := s.opts.Now()
	state := metrics.State{Now: now, Ready: s.Ready()}
	if s.opts.Certificate != nil {
		state.CertificateNotAfter = s.opts.Certificate.NotAfter()
	}
	a := s.active.Load()
	if a == nil {
		return state
	}
	env := a.snapshot.Envelope()
	state.Digest, state.Serial, state.Problems = a.digest, a.serial, len(a.problems)+len(s.keyFaults(a))
	state.Created, state.NotAfter = env.Created, env.NotAfter
	for _, key := range a.Keys().All(now.Unix()) {
		state.Keys = append(state.Keys, metrics.Key{KID: key.KID(), Alg: string(key.Alg()), State: string(key.State)})
	}
	return state
}

// Unreadable reports that the snapshot file could not be read: in the log, in
// /status and in the metrics. What is in force stays.
func (s *Server) Unreadable(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.reject("", err)
}
