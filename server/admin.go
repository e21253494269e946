package server

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/console"
	"github.com/writ-auth/writ/server/token"
)

// A Rejection is the last snapshot that was not put in force, and why.
type Rejection struct {
	Digest string    `json:"digest,omitempty"` // empty when the file could not be opened
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Status is what /status answers.
type Status struct {
	Ready        bool        `json:"ready"`
	Digest       string      `json:"digest,omitempty"`
	Serial       uint64      `json:"serial,omitempty"`
	Revision     string      `json:"revision,omitempty"`
	Issuer       string      `json:"issuer,omitempty"`
	Environment  string      `json:"environment,omitempty"`
	Since        time.Time   `json:"since,omitzero"`
	Stale        bool        `json:"stale,omitempty"` // past the snapshot's not_after
	Keys         []KeyStatus `json:"keys,omitempty"`
	Problems     []Problem   `json:"problems,omitempty"`
	LastRejected *Rejection  `json:"last_rejected,omitempty"`
}

// A KeyStatus is one key that is published or has been.
type KeyStatus struct {
	KID         string            `json:"kid"`
	Algorithm   schema.SigningAlg `json:"algorithm"`
	State       token.State       `json:"state"`
	ActivatesAt time.Time         `json:"activates_at,omitzero"`
	RetiresAt   time.Time         `json:"retires_at,omitzero"`
}

// maxProblems bounds how many problems /status lists.
const maxProblems = 100

// Admin is the handler of what operators ask: /livez, /readyz, /status and /metrics,
// and with Options.Console the pages below /console/. It answers only requests whose Host and Origin show that no web page of another
// site sent them.
func (s *Server) Admin() http.Handler { return http.HandlerFunc(s.serveAdmin) }

func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if !s.sameSite(r) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	if s.console != nil && console.Holds(r.URL) {
		s.console.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch path := r.URL.EscapedPath(); path {
	case "/livez":
		writeNoStore(w, http.StatusOK, []byte("{\"alive\":true}\n"))
	case "/readyz":
		s.writeReady(w)
	case "/status":
		s.writeStatus(w)
	case "/metrics":
		s.metrics.ServeHTTP(w, r)
	default:
		if s.opts.Profiling && strings.HasPrefix(path, profilePath) {
			s.writeProfile(w, r)
			return
		}
		if path == "/" && s.console != nil {
			http.Redirect(w, r, console.Path, http.StatusSeeOther)
			return
		}
		http.Error(w, "not found: here are /livez, /readyz, /status and /metrics, and with --console /console/", http.StatusNotFound)
	}
}

// Ready reports whether tokens are issued: a snapshot is in force and the
// server is not draining. A rejected snapshot does not change it.
func (s *Server) Ready() bool { return s.active.Load() != nil && !s.draining.Load() }

// Drain makes the server report that it is not ready, while it still answers.
func (s *Server) Drain() { s.draining.Store(true) }

func (s *Server) writeReady(w http.ResponseWriter) {
	if !s.Ready() {
		writeNoStore(w, http.StatusServiceUnavailable, []byte("{\"ready\":false}\n"))
		return
	}
	writeNoStore(w, http.StatusOK, []byte("{\"ready\":true}\n"))
}

func (s *Server) writeStatus(w http.ResponseWriter) {
	body, err := json.MarshalIndent(s.Status(), "", "  ")
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	writeNoStore(w, http.StatusOK, append(body, '\n'))
}

// Status describes the server as it stands.
func (s *Server) Status() Status {
	status := Status{Ready: s.Ready(), LastRejected: s.rejected.Load()}
	a := s.active.Load()
	if a == nil {
		return status
	}
	now := s.opts.Now()
	env, issuer := a.snapshot.Envelope(), a.snapshot.Issuer()
	status.Digest, status.Serial, status.Revision, status.Since = a.digest, a.serial, a.revision, a.since
	status.Issuer, status.Environment = issuer.URL, issuer.Environment
	status.Stale = !env.NotAfter.IsZero() && now.After(env.NotAfter)
	problems := slices.Concat(a.registered.unfetched(), s.keyFaults(a), a.problems)
	status.Problems = problems[:min(len(problems), maxProblems)]
	for _, key := range a.Keys().All(now.Unix()) {
		status.Keys = append(status.Keys, KeyStatus{
			KID: key.KID(), Algorithm: key.Alg(), State: key.State,
			ActivatesAt: unixTime(key.ActivatesAt), RetiresAt: unixTime(key.RetiresAt),
		})
	}
	return status
}

func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// sameSite refuses what a browser was tricked into sending. Rebinding takes a
// name, so an address, localhost or a configured name is proof enough of Host,
// and a unix socket is out of a browser's reach; an Origin must be the Host's own.
func (s *Server) sameSite(r *http.Request) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return true
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	if net.ParseIP(host) == nil && !strings.EqualFold(host, "localhost") && !slices.Contains(s.opts.AdminHosts, host) {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}
